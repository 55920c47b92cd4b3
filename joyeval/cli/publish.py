"""Commands for what leaves the workspace: the report over all cohorts."""

from __future__ import annotations

import typer

from joyeval.cli.terminal import DataFolder, Force, StudyFile, say


def network(study: StudyFile, data: DataFolder = None, force: Force = False) -> None:
    """Write the report over all cohorts and organisations, from the stored results of the cohorts."""
    from joyeval.pipeline.network import network_report
    from joyeval.study import load_study

    files, ran = network_report(load_study(study, data=data), force=force)
    if not ran:
        say("the network report is up to date; nothing was run")
    for file in files:
        typer.echo(file)
