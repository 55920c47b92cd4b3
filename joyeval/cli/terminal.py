"""What commands share: their arguments, and how they say what they found.

Progress goes to stderr, results to stdout.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="a study file, such as pipelines/enjoying_work.yml")]
DataFolder = Annotated[Path | None, typer.Option("--data", help="folder of the raw files, if not the study file's")]
Cohorts = Annotated[list[str] | None, typer.Option("--cohort", "-c", help="only this cohort; may be repeated")]
Steps = Annotated[list[str] | None, typer.Option("--step", "-s", help="only this step, such as 03; may be repeated")]
Workers = Annotated[int, typer.Option(min=1, max=64, help="steps that run at the same time")]
Force = Annotated[bool, typer.Option("--force", help="run even where nothing changed")]
Parameter = Annotated[
    list[str] | None,
    typer.Option("--parameter", "-p", metavar="NAME VALUE", help="a parameter of the notebooks; may be repeated"),
]
Cold = Annotated[bool, typer.Option("--cold", help="start every kernel on its own, without shared imports")]
Scheduler = Annotated[
    str | None, typer.Option("--scheduler", metavar="ADDRESS", help="run the steps on a Dask cluster: tls://host:8786")
]
Insecure = Annotated[bool, typer.Option("--insecure", help="take a scheduler on another machine without encryption")]
Watch = Annotated[bool, typer.Option("--watch", help="go on, and run again when a file changes")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="stop at once where another command is at work")]
Audience = Annotated[str | None, typer.Option("--audience", help="only for these readers: public, programme or team")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="say what would run, run nothing")]
AsJson = Annotated[bool, typer.Option("--json", help="print the result as JSON")]


class Progress:
    """A bar on a terminal, plain lines in a pipe; both on stderr."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
        columns = (
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
        )
        self.bar = Progress(*columns, console=self.console, disable=not self.console.is_terminal)
        self.task = self.bar.add_task("", total=1.0)
        self.at_work: dict[str, None] = {}

    def __enter__(self) -> Progress:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def step(self, outcome: Any) -> None:
        """Say which steps are at work, what has ended, how much is done and how long the rest may take."""
        called = outcome.step if outcome.cohort == "network" else f"cohort {outcome.cohort}: {outcome.step}"
        if outcome.state == "begun":
            self.at_work[called] = None
        else:
            self.at_work.pop(called, None)
        self.bar.update(
            self.task, completed=outcome.share, description=f"{left(outcome.left)}{'; '.join(self.at_work)}"
        )
        done = f"{outcome.share:.0%} done, {left(outcome.left)}".rstrip(", ")
        match outcome.state:
            case "ran":
                self.say(f"{called} ({outcome.seconds:.0f} s); {done}")
            case "failed" | "held back":
                self.say(f"{called} {outcome.state}: {outcome.reason}")

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self.console.print(text, markup=False)


def left(seconds: float) -> str:
    """Say how long something will take, as roughly as it is known.

    Examples
    --------
    >>> left(400), left(50)
    ('about 7 min left', 'less than 1 min left')
    """
    if seconds < 1:
        return ""
    return f"about {seconds / 60:.0f} min left" if seconds >= 60 else "less than 1 min left"


def print_problems(problems: Any) -> None:
    """Print problems as a table: those that stop a run first, those of one file together."""
    names = ["file", "row", "column", "found", "expected", "fix"]
    files = list(dict.fromkeys(problem.file for problem in problems))
    ordered = sorted(problems, key=lambda problem: (not problem.blocking, files.index(problem.file)))
    print_table(names, [["" if p.as_row()[n] is None else str(p.as_row()[n]) for n in names] for p in ordered])


def print_table(headings: list[str], rows: list[list[str]]) -> None:
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


def say(text: str) -> None:
    """Print a line of progress."""
    typer.echo(text, err=True)
