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
Steps = Annotated[list[str] | None, typer.Option("--step", "-s", help="only this step (01 to 06); may be repeated")]
Workers = Annotated[int, typer.Option(min=1, max=64, help="cohorts that run at the same time")]
Force = Annotated[bool, typer.Option("--force", help="run even where nothing changed")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="say what would run, run nothing")]
AsJson = Annotated[bool, typer.Option("--json", help="print the result as JSON")]


class Progress:
    """A bar on a terminal, plain lines in a pipe; both on stderr."""

    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self.console = Console(stderr=True, highlight=False)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self.bar = Progress(*columns, console=self.console, disable=not self.console.is_terminal)
        self.task = self.bar.add_task("running", total=total)

    def __enter__(self) -> Progress:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def step(self, outcome: Any) -> None:
        """Count a step that has ended, and say so if it ran."""
        self.bar.advance(self.task)
        if outcome.ran:
            self.console.print(f"cohort {outcome.cohort}: {outcome.step} ({outcome.seconds:.0f} s)")


def print_problems(problems: Any) -> None:
    """Print problems as a table."""
    names = ["file", "row", "column", "found", "expected", "fix"]
    print_table(names, [["" if p.as_row()[n] is None else str(p.as_row()[n]) for n in names] for p in problems])


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
