"""The command line: parse, call one function, exit with the error's code.

Progress goes to stderr, results (and ``--json``) to stdout.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from joyeval._version import __version__
from joyeval.cli import publish
from joyeval.cli.terminal import (
    AsJson,
    Audience,
    Cohorts,
    Cold,
    DataFolder,
    DryRun,
    Force,
    Insecure,
    NoWait,
    Parameter,
    Progress,
    Scheduler,
    Steps,
    StudyFile,
    Watch,
    Workers,
    print_problems,
    print_table,
    say,
)
from joyeval.errors import JoyevalError, ProblemsError, Stopped, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from joyeval.errors import Problem

app = typer.Typer(
    name="joyeval",
    help="Evaluate joy-in-work programmes: raw survey files in, evaluation reports out.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=True,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"joyeval {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """Evaluate joy-in-work programmes: raw survey files in, evaluation reports out."""


@app.command()
def demo(workers: Workers = 2) -> None:
    """Make the demonstration programme and run it: five cohorts, five reports, and one over all of them."""
    from joyeval import synthetic
    from joyeval.workspace import add_notebooks

    add_notebooks(Path.cwd())
    _run(synthetic.study_file(Path.cwd()), workers=workers)


@app.command()
def check(
    study: StudyFile,
    data: DataFolder = None,
    problems: Annotated[Path | None, typer.Option("--problems", help="write the list to this CSV file too")] = None,
    as_json: AsJson = False,
) -> None:
    """List every problem of the study file and its raw data; runs nothing, writes nothing but `--problems`."""
    from joyeval.intake.tables import check_study
    from joyeval.pipeline.problems import write_problems
    from joyeval.study import load_study

    with _told_as_json(as_json):
        found = check_study(load_study(study, data=data), progress=say)
    if problems:
        write_problems(found, problems, private=False)  # where the user wants it, as the umask says
    if as_json:
        _print_as_json(found)
    elif found:
        print_problems(found)
    blocking = [problem for problem in found if problem.blocking]
    if blocking:
        raise typer.Exit(1)
    say(f"{study.name}: nothing stands in the way of a run" + (f" ({len(found)} notes above)" if found else ""))


@app.command()
def run(
    study: StudyFile,
    cohort: Cohorts = None,
    step: Steps = None,
    parameter: Parameter = None,
    workers: Workers = 2,
    data: DataFolder = None,
    force: Force = False,
    dry_run: DryRun = False,
    no_wait: NoWait = False,
    cold: Cold = False,
    scheduler: Scheduler = None,
    insecure: Insecure = False,
    audience: Audience = None,
    watch: Watch = False,
) -> None:
    """Run the study: what is up to date is not run again."""
    given = dict(pair.partition("=")[::2] for pair in parameter or ())
    if cold:
        os.environ["JOYEVAL_COLD"] = "1"
    if dry_run:
        _print_states(study, data, cohort, given, only_stale=True)
        return
    cluster = (scheduler, insecure) if scheduler else None
    options = {"workers": workers, "force": force, "wait": not no_wait, "audience": audience, "cluster": cluster}
    if watch:
        _watch(study, data, lambda: _run(study, data, cohort, step, given, **options))
    else:
        _run(study, data, cohort, step, given, **options)


@app.command()
def status(study: StudyFile, cohort: Cohorts = None, data: DataFolder = None, as_json: AsJson = False) -> None:
    """Say for every step whether it is up to date, and if not, why."""
    _print_states(study, data, cohort, {}, as_json=as_json)


@app.command(name="map")
def map_columns(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="a survey file as the survey tool exports it")],
    instrument: Annotated[
        list[str] | None, typer.Option("--instrument", "-i", help="it holds this questionnaire; may be repeated")
    ] = None,
    study: Annotated[Path | None, typer.Option("--study", help="study file whose earlier waves show the way")] = None,
    data: DataFolder = None,
    sheet: Annotated[str | None, typer.Option("--sheet", help="sheet of a workbook")] = None,
    as_json: AsJson = False,
) -> None:
    """Propose which column of a survey file is which item: YAML to confirm and paste into a study file."""
    from joyeval.intake.map_text import as_data, propose_file
    from joyeval.study import load_study

    with _told_as_json(as_json):
        loaded = load_study(study, data=data) if study else None
        proposal, text = propose_file(file, names=instrument or (), study=loaded, sheet=sheet)
    for line in (*proposal.raw.notices, proposal.sentence()):
        say(line)
    typer.echo(json.dumps(as_data(proposal, text), indent=1) + "\n" if as_json else text, nl=False)


@app.command()
def instruments(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="explain this one, or a file of your own")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the questionnaires that can be scored, or explain one: items, scores, sources, licence."""
    from joyeval.instruments import explain, listing

    if name:
        typer.echo(explain(name))
    elif as_json:
        typer.echo(listing().to_json(orient="records", indent=1))
    else:
        shown = ["instrument", "scale", "scale_title", "items", "better", "fewest_answered", "wording", "unverified"]
        table = listing()[shown].astype(str)
        print_table([heading.replace("_", " ") for heading in shown], table.to_numpy().tolist())


@app.command()
def redcap(
    study: StudyFile,
    data: DataFolder = None,
    force: Annotated[bool, typer.Option("--force", help="fetch again what was fetched before")] = False,
) -> None:
    """Fetch the REDCap projects of a study, once: they are raw files from then on. The token is in the environment."""
    from joyeval.intake.redcap import fetch, read_token
    from joyeval.study import load_study

    loaded = load_study(study, data=data)
    if not loaded.redcap:
        raise UsageError(f"{study.name} names no REDCap project (under `redcap`)")
    for part in loaded.redcap:
        path = loaded.folder / part.file
        say(f"fetching {part.file} from {part.url}")
        token = read_token(part.token)
        done = fetch(part.url, token, path, forms=part.forms, events=part.events, force=force)
        typer.echo(f"{done.path}\t{done.rows} rows\tsha256 {done.sha256}")


@app.command()
def key(
    study: StudyFile,
    rotate: Annotated[bool, typer.Option("--rotate", help="put a new key in its place: all pseudonyms change")] = False,
    destroy: Annotated[bool, typer.Option("--destroy", help="destroy it: nobody can link answers any more")] = False,
) -> None:
    """Make the secret key for the pseudonyms of a study; it is kept outside the data."""
    from joyeval.intake import keys
    from joyeval.study import load_study

    if rotate and destroy:
        raise UsageError("--rotate makes a new key, --destroy leaves none: choose one of them")
    loaded = load_study(study)
    if not (rotate or destroy):
        typer.echo(keys.make_key(loaded))
        return
    path = keys.rotate_key(loaded) if rotate else keys.destroy_key(loaded)
    say((keys.ROTATED if rotate else keys.DESTROYED).format(path=path, study=f"pipelines/{study.name}"))
    typer.echo(path)


@app.command()
def new(folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="a folder that does not exist yet")]) -> None:
    """Make a fresh workspace: a study file to fill in, the notebooks, a place for your files."""
    from joyeval import workspace

    for path in workspace.new(folder):
        typer.echo(path)
    say(f"Read {folder / 'README.md'} next.")


@app.command()
def lab(browser: Annotated[bool, typer.Option(help="open a browser window")] = True) -> None:
    """Open JupyterLab on the notebook for exploring, on this machine only."""
    from joyeval import workspace

    workspace.lab(Path.cwd(), browser=browser)


@app.command()
def doctor() -> None:
    """Say what this machine has: versions, fonts, keys for pseudonyms; and who else may read this workspace."""
    from joyeval.pipeline.doctor import findings

    found = findings(Path.cwd())
    print_table(["what", "found", "verdict"], [[f.what, f.found, f.verdict] for f in found])
    if any(f.verdict.startswith(("missing", "open")) for f in found):
        raise typer.Exit(1)


def _run(
    study: Path,
    data: Path | None = None,
    cohort: Any = None,
    step: Any = None,
    given: dict[str, str] | None = None,
    *,
    workers: int,
    force: bool = False,
    wait: bool = True,
    cluster: tuple[str, bool] | None = None,
    audience: str | None = None,
) -> None:
    from joyeval.pipeline import record
    from joyeval.pipeline.closing import closing_note
    from joyeval.pipeline.cluster import Cluster
    from joyeval.pipeline.run import graph_of
    from joyeval.pipeline.run import run as run_study
    from joyeval.pipeline.shelf import read_once
    from joyeval.pipeline.steps import NETWORK, TEAM_SHEETS, read_parameters, steps_to
    from joyeval.study import load_study

    loaded = load_study(study, data=data)
    loaded = loaded.read_by(audience) if audience else loaded
    step = steps_to(loaded, TEAM_SHEETS) if audience == "team" and not step else step
    graph = graph_of(loaded, cohort or (), step or ())
    parameters = read_parameters({node.step: None for node in graph}, given or {})
    stale = [s.cohort for s in record.all_states(loaded, cohort or (), parameters) if s.stale or step or force]
    if not stale:
        say(f"{loaded.title}: everything is up to date; nothing was run")
    else:
        with read_once(loaded):
            _refuse_problems(loaded, [name for name in dict.fromkeys(stale) if name != NETWORK])
            with Progress() as progress:
                run_study(
                    loaded,
                    cohorts=cohort or (),
                    steps=step or (),
                    parameters=parameters,
                    workers=workers,
                    force=force,
                    wait=wait,
                    executor=Cluster(cluster[0], insecure=cluster[1]) if cluster else None,
                    on_step=progress.step,
                    tell=progress.say,
                )
    for name in dict.fromkeys(node.cohort for node in graph):
        for said in closing_note(loaded.store(name)) if name in stale and name != NETWORK else ():
            say(f"cohort {name}, {said}")
        home = record.folders(loaded, name).reports
        sheets = any(node.step.makes == "sheets" and node.cohort == name for node in graph)
        for path in [
            *([] if audience == "team" else sorted(home.glob("report.*"))),
            *([home / "team"] if sheets else []),
        ]:
            typer.echo(path)


def _watch(study: Path, data: Path | None, again: Callable[[], None]) -> None:
    """Run now, and each time that a file has changed; what stops a run does not stop the watch."""
    from joyeval.pipeline.watch import changes, sources
    from joyeval.study import load_study

    seen: list[Path] = [study]

    def look() -> list[Path]:
        with suppress(JoyevalError):  # a study file in the middle of being changed
            seen[:] = sources(load_study(study, data=data))
        return seen

    looks = changes(look)
    while True:
        try:
            again()
        except Stopped:
            raise
        except JoyevalError as error:
            _tell(error)
        say("watching the study file, its raw files and its notebooks; Ctrl-C ends it")
        say(f"changed: {', '.join(path.name for path in next(looks))}")


@contextmanager
def _told_as_json(wanted: bool) -> Iterator[None]:
    """Print problems that stop a command as the machine that asked for JSON expects them."""
    try:
        yield
    except ProblemsError as error:
        if not wanted:
            raise
        _print_as_json(error.problems)
        raise typer.Exit(error.exit_code) from None


def _print_as_json(problems: Iterable[Problem]) -> None:
    typer.echo(json.dumps([problem.as_row() for problem in problems], indent=1))


def _tell(error: JoyevalError) -> None:
    if isinstance(error, ProblemsError):
        say(f"joyeval: {error.summary}")
        print_problems(error.problems)
    else:
        say(f"joyeval: {error}")


def _refuse_problems(study: Any, cohorts: list[str]) -> None:
    """`run` refuses what `check` refuses; either way the list of problems lies beside each cohort's report."""
    from joyeval.errors import DataError, DisclosureError
    from joyeval.intake.tables import problems_of
    from joyeval.intake.teams import UNKNOWN_SIZE
    from joyeval.pipeline import record
    from joyeval.pipeline.problems import write_problems

    problems = problems_of(study, cohorts, say)
    blocking = dict.fromkeys(problem for found in problems.values() for problem in found if problem.blocking)
    if any(problem.rule == UNKNOWN_SIZE for problem in blocking):
        raise DisclosureError(blocking)
    for cohort, found in problems.items():
        path = record.folders(study, cohort).problems
        write_problems(found, path)
        if found:
            say(f"cohort {cohort}: problems and notes: {len(found)}, listed in {path}")
    if blocking:
        raise DataError(blocking)


def _print_states(
    study: Path,
    data: Path | None,
    cohort: Any,
    given: dict[str, str],
    *,
    as_json: bool = False,
    only_stale: bool = False,
) -> None:
    from joyeval.pipeline import record
    from joyeval.pipeline.steps import read_parameters, steps_of
    from joyeval.study import load_study

    loaded = load_study(study, data=data)
    parameters = read_parameters(steps_of(loaded), given)
    found = [s for s in record.all_states(loaded, cohort or (), parameters) if s.stale or not only_stale]
    if as_json:
        typer.echo(json.dumps([vars(s) for s in found], indent=1))
    elif not found:
        say(f"{loaded.title}: everything is up to date")
    else:
        rows = [[s.cohort, s.step, "to run" if s.stale else "done", s.reason] for s in found]
        print_table(["cohort", "step", "state", "why"], rows)


for _command in (publish.network, publish.figures, publish.design, publish.release, publish.verify):
    app.command()(_command)


def _parameters_joined(arguments: list[str]) -> list[str]:
    """Write `-p NAME VALUE`, as papermill has it, as the one value that an option takes here."""
    joined: list[str] = []
    for word in arguments:
        if joined[-2:-1] and joined[-2] in ("-p", "--parameter") and "=" not in joined[-1]:
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def main() -> None:
    """Run the command line; what a user can mend is told in words, anything else is our bug and keeps its traceback."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill is Ctrl-C
    try:
        app(_parameters_joined(sys.argv[1:]))
    except Stopped as stopped:
        say(f"joyeval: {stopped}")
        os._exit(stopped.exit_code)  # at once, whatever a thread is still writing into its staging folder
    except JoyevalError as error:
        _tell(error)
        sys.exit(error.exit_code)
    except SystemExit as ended:
        if ended.code == Stopped.exit_code:
            say("joyeval: stopped")
        raise
    except OSError as error:  # a full disk, a folder that may not be written, a folder where a file is expected
        say(f"joyeval: {error.strerror or error}" + (f": {error.filename}" if error.filename else ""))
        sys.exit(UsageError.exit_code)
