"""Commands for what leaves the workspace: the report over all cohorts, figures for journals, releases."""

from __future__ import annotations

from typing import Annotated

import typer

from joyeval.cli.terminal import DataFolder, Force, NoWait, Progress, StudyFile, print_table, say

Cohort = Annotated[str, typer.Option("--cohort", "-c", help="the cohort")]
Planned = Annotated[str, typer.Option("--cohort", "-c", help="the cohort to plan from; default the last")]
DataSets = Annotated[int, typer.Option(min=10, max=2000, help="simulated data sets of each design")]
Withdraw = Annotated[
    str, typer.Option("--withdraw", metavar="REASON", help="why nobody has what was released before; kept for good")
]
Journal = Annotated[str, typer.Option("--journal", "-j", help="a preset, such as bmj, plos or nature")]


def network(study: StudyFile, data: DataFolder = None, force: Force = False, no_wait: NoWait = False) -> None:
    """Write the report over all cohorts and organisations, from the stored results of the cohorts."""
    from joyeval.pipeline.network import network_report
    from joyeval.study import load_study

    with Progress() as progress:
        options = {"force": force, "wait": not no_wait, "on_step": progress.step, "tell": progress.say}
        files, ran = network_report(load_study(study, data=data), **options)
    if not ran:
        say("the network report is up to date; nothing was run")
    for file in files:
        typer.echo(file)


def figures(
    study: StudyFile, cohort: Cohort, journal: Journal = "bmj", data: DataFolder = None, no_wait: NoWait = False
) -> None:
    """Write the figures of a cohort as a journal takes them, and tables for papers; open the files and check them."""
    from joyeval.figures.journal import preset
    from joyeval.pipeline.artwork import write_artwork
    from joyeval.study import load_study

    folder, checks = write_artwork(load_study(study, data=data), cohort, journal, wait=not no_wait, tell=say)
    asked, failed = preset(journal), checks[~checks["ok"]]
    known = ", ".join(asked.verified)
    say(f"{asked.journal}: read on the journal's page: {known}; look up the rest before you submit ({asked.source})")
    say(f"{checks['file'].nunique()} files were opened again, {checks['what'].nunique()} things checked in each")
    if len(failed):
        rows = failed[["figure", "file", "what", "found", "expected"]].astype(str)
        print_table(["figure", "file", "what", "found", "expected"], rows.to_numpy().tolist())
        say(f"{len(failed)} checks failed")
        raise typer.Exit(1)
    typer.echo(folder)


def design(study: StudyFile, cohort: Planned = "", data: DataFolder = None, datasets: DataSets = 40) -> None:
    """Say what a next cohort could find, as the last one was and with more or fewer teams, people, weeks and waves."""
    from joyeval.pipeline.planning import write_design
    from joyeval.study import load_study

    found, files = write_design(load_study(study, data=data), cohort, datasets=datasets)
    rows = [[row.question, row.design, f"{row.detectable:.2g} {row.unit}"] for row in found.table.itertuples()]
    print_table(["to find with 80 % chance", "design", "at least"], rows)
    say(found.sentence())
    for file in files:
        typer.echo(file)


def release(
    study: StudyFile, cohort: Cohort, data: DataFolder = None, withdraw: Withdraw = "", no_wait: NoWait = False
) -> None:
    """Read everything that may be shared as a stranger would, and pack it; refuse if anything may not leave."""
    from joyeval.pipeline.release import release as pack
    from joyeval.study import load_study

    loaded, waiting = load_study(study, data=data), {"wait": not no_wait, "tell": say}
    archive, names = pack(loaded, cohort, withdraw=withdraw, **waiting)
    say(f"{len(names)} files were looked through and packed")
    typer.echo(archive)


def verify(study: StudyFile, cohort: Cohort, data: DataFolder = None) -> None:
    """Run a cohort again in another place and compare with its run record: equal, or what differs and why."""
    from joyeval.pipeline.verify import verify as compare
    from joyeval.study import load_study

    loaded = load_study(study, data=data)
    with Progress() as progress:
        verdicts = compare(loaded, cohort, on_step=progress.step)
    last = [found for found in verdicts if found.verdict != "equal"]
    if last:
        rows = [[found.step, found.file, found.verdict, found.why] for found in last]
        print_table(["step", "output", "verdict", "where and why"], rows)
    if not all(found.equal for found in verdicts):
        raise typer.Exit(1)
    same = "byte for byte" if not last else f"{len(last)} of them but for the last digits"
    typer.echo(f"cohort {cohort}: equal, all {len(verdicts)} outputs, {same}")
