"""The command line: parse, call one function, exit with the error's code.

Progress goes to stderr, results (and ``--json``) to stdout.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from joyeval._version import __version__
from joyeval.errors import JoyevalError, ProblemsError, UsageError

app = typer.Typer(
    name="joyeval",
    help="Evaluate joy-in-work programmes: raw survey files in, evaluation reports out.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=True,
)

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="a study file, such as pipelines/enjoying_work.yml")]
DataFolder = Annotated[Path | None, typer.Option("--data", help="folder of the raw files, if not the study file's")]
Cohorts = Annotated[list[str] | None, typer.Option("--cohort", "-c", help="only this cohort; may be repeated")]
Steps = Annotated[list[str] | None, typer.Option("--step", "-s", help="only this step (01 to 06); may be repeated")]
Workers = Annotated[int, typer.Option(min=1, max=64, help="cohorts that run at the same time")]
Force = Annotated[bool, typer.Option("--force", help="run even where nothing changed")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="say what would run, run nothing")]
AsJson = Annotated[bool, typer.Option("--json", help="print the result as JSON")]


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
    """Make the demonstration programme and run it: five cohorts, five reports."""
    from joyeval import synthetic

    _run(synthetic.study_file(Path.cwd()), None, None, None, workers, force=False)


@app.command()
def check(
    study: StudyFile,
    data: DataFolder = None,
    problems: Annotated[Path | None, typer.Option("--problems", help="write the list to this CSV file too")] = None,
    as_json: AsJson = False,
) -> None:
    """List every problem of the study file and its raw data; runs nothing, writes nothing but `--problems`."""
    from joyeval.pipeline.intake import check_study
    from joyeval.pipeline.problems import write_problems
    from joyeval.study import load_study

    found = check_study(load_study(study, data=data), progress=_say)
    if problems:
        write_problems(found, problems)
    if as_json:
        typer.echo(json.dumps([problem.as_row() for problem in found], indent=1))
    elif found:
        _print_problems(found)
    blocking = [problem for problem in found if problem.blocking]
    if blocking:
        raise typer.Exit(1)
    _say(f"{study.name}: nothing stands in the way of a run" + (f" ({len(found)} notes above)" if found else ""))


@app.command()
def run(
    study: StudyFile,
    cohort: Cohorts = None,
    step: Steps = None,
    workers: Workers = 2,
    data: DataFolder = None,
    force: Force = False,
    dry_run: DryRun = False,
) -> None:
    """Run the study: what is up to date is not run again."""
    if dry_run:
        _print_states(study, data, cohort, only_stale=True)
    else:
        _run(study, data, cohort, step, workers, force=force)


@app.command()
def status(study: StudyFile, cohort: Cohorts = None, data: DataFolder = None, as_json: AsJson = False) -> None:
    """Say for every step whether it is up to date, and if not, why."""
    _print_states(study, data, cohort, as_json=as_json)


@app.command(name="map")
def map_columns(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="a survey file as the survey tool exports it")],
    instrument: Annotated[
        list[str] | None, typer.Option("--instrument", "-i", help="it holds this questionnaire; may be repeated")
    ] = None,
    study: Annotated[Path | None, typer.Option("--study", help="study file whose earlier waves show the way")] = None,
    data: DataFolder = None,
    sheet: Annotated[str | None, typer.Option("--sheet", help="sheet of a workbook")] = None,
) -> None:
    """Propose which column of a survey file is which item: YAML to confirm and paste into a study file."""
    from joyeval.study import load_study
    from joyeval.waves.map_text import propose_file

    loaded = load_study(study, data=data) if study else None
    proposal, text = propose_file(file, names=instrument or (), study=loaded, sheet=sheet)
    for line in (*proposal.raw.notices, proposal.sentence()):
        _say(line)
    typer.echo(text, nl=False)


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
        _print_table([heading.replace("_", " ") for heading in shown], table.to_numpy().tolist())


@app.command()
def redcap(
    study: StudyFile,
    data: DataFolder = None,
    force: Annotated[bool, typer.Option("--force", help="fetch again what was fetched before")] = False,
) -> None:
    """Fetch the REDCap projects of a study, once: they are raw files from then on. The token is in the environment."""
    from joyeval.study import load_study
    from joyeval.waves.redcap import fetch, read_token

    loaded = load_study(study, data=data)
    if not loaded.redcap:
        raise UsageError(f"{study.name} names no REDCap project (under `redcap`)")
    for part in loaded.redcap:
        path = loaded.folder / part.file
        _say(f"fetching {part.file} from {part.url}")
        token = read_token(part.token)
        done = fetch(part.url, token, path, forms=part.forms, events=part.events, force=force)
        typer.echo(f"{done.path}\t{done.rows} rows\tsha256 {done.sha256}")


@app.command()
def key(study: StudyFile) -> None:
    """Make the secret key for the pseudonyms of a study; it is kept outside the data."""
    from joyeval.study import load_study
    from joyeval.waves.pseudonyms import make_key

    typer.echo(make_key(load_study(study).study))


@app.command()
def new(folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="a folder that does not exist yet")]) -> None:
    """Make a fresh workspace: a study file to fill in, the notebooks, a place for your files."""
    from joyeval import workspace

    for path in workspace.new(folder):
        typer.echo(path)
    _say(f"Read {folder / 'README.md'} next.")


@app.command()
def lab(browser: Annotated[bool, typer.Option(help="open a browser window")] = True) -> None:
    """Open JupyterLab on the notebook for exploring, on this machine only."""
    from joyeval import workspace

    workspace.lab(Path.cwd(), browser=browser)


@app.command()
def doctor() -> None:
    """Say what this machine has: versions, fonts, the key for pseudonyms."""
    from joyeval.pipeline.doctor import findings

    found = findings()
    _print_table(["what", "found", "verdict"], [[f.what, f.found, f.verdict] for f in found])
    if any(f.verdict.startswith("missing") for f in found):
        raise typer.Exit(1)


def _run(study: Path, data: Path | None, cohort: Any, step: Any, workers: int, *, force: bool) -> None:
    from joyeval.pipeline import record
    from joyeval.pipeline.closing import closing_note
    from joyeval.pipeline.run import run as run_study
    from joyeval.study import load_study

    loaded = load_study(study, data=data)
    chosen = cohort or [c.cohort for c in loaded.cohorts]
    stale = {s.cohort for name in chosen for s in record.states(loaded, name) if s.stale} if not step else set(chosen)
    if not stale and not force:
        _say(f"{loaded.title}: everything is up to date; nothing was run")
    else:
        _refuse_problems(loaded, sorted(stale) or chosen)
        with _Progress(len(chosen) * len(loaded.steps)) as progress:
            run_study(
                loaded, cohorts=cohort or (), steps=step or (), workers=workers, force=force, on_step=progress.step
            )
    for name in chosen:
        for said in closing_note(loaded.store(name)):
            _say(f"cohort {name}, {said}")
        for path in sorted(record.folders(loaded, name).reports.glob("report.*")):
            typer.echo(path)


def _refuse_problems(study: Any, cohorts: list[str]) -> None:
    """`run` refuses what `check` refuses; either way the list of problems lies beside each cohort's report."""
    from joyeval.errors import DataError
    from joyeval.pipeline import record
    from joyeval.pipeline.intake import problems_of
    from joyeval.pipeline.problems import write_problems

    blocking: dict[Any, None] = {}
    for cohort, found in problems_of(study, cohorts, _say).items():
        path = record.folders(study, cohort).problems
        write_problems(found, path)
        blocking |= dict.fromkeys(problem for problem in found if problem.blocking)
        if found:
            _say(f"cohort {cohort}: {len(found)} problems and notes, listed in {path}")
    if blocking:
        raise DataError(blocking)


def _print_states(
    study: Path, data: Path | None, cohort: Any, *, as_json: bool = False, only_stale: bool = False
) -> None:
    from joyeval.pipeline import record
    from joyeval.study import load_study

    loaded = load_study(study, data=data)
    chosen = cohort or [c.cohort for c in loaded.cohorts]
    found = [s for name in chosen for s in record.states(loaded, name) if s.stale or not only_stale]
    if as_json:
        typer.echo(json.dumps([vars(s) for s in found], indent=1))
    elif not found:
        _say(f"{loaded.title}: everything is up to date")
    else:
        rows = [[s.cohort, s.step, "to run" if s.stale else "done", s.reason] for s in found]
        _print_table(["cohort", "step", "state", "why"], rows)


class _Progress:
    """A bar on a terminal, plain lines in a pipe; both on stderr."""

    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self.console = Console(stderr=True, highlight=False)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self.bar = Progress(*columns, console=self.console, disable=not self.console.is_terminal)
        self.task = self.bar.add_task("running", total=total)

    def __enter__(self) -> _Progress:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def step(self, outcome: Any) -> None:
        """Count a step that has ended, and say so if it ran."""
        self.bar.advance(self.task)
        if outcome.ran:
            self.console.print(f"cohort {outcome.cohort}: {outcome.step} ({outcome.seconds:.0f} s)")


def _print_problems(problems: Any) -> None:
    names = ["file", "row", "column", "found", "expected", "fix"]
    _print_table(names, [["" if p.as_row()[n] is None else str(p.as_row()[n]) for n in names] for p in problems])


def _print_table(headings: list[str], rows: list[list[str]]) -> None:
    """Print a table on a terminal, tab-separated text into a pipe."""
    if not sys.stdout.isatty():
        for row in [headings, *rows]:
            typer.echo("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*headings, show_lines=len(headings) > 4)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def _say(text: str) -> None:
    typer.echo(text, err=True)


def main() -> None:
    """Run the command line; a `JoyevalError` is told in words, anything else is our bug and keeps its traceback."""
    try:
        app()
    except ProblemsError as error:
        _say(f"joyeval: {error.summary}")
        _print_problems(error.problems)
        sys.exit(error.exit_code)
    except (JoyevalError, UsageError) as error:
        _say(f"joyeval: {error}")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
