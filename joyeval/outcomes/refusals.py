"""What panel data must hold before a design is tried: every refusal says how many rows and teams, and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joyeval.errors import ModelError
from joyeval.models.design import refuse_infinite
from joyeval.outcomes.association import quoted
from joyeval.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

FEWEST = 3  # clusters; the errors of two are each other's mirror image, and come out as 0


def refuse(
    frame: pd.DataFrame, *, y: str, x: str, team: str, covariates: Sequence[str], cluster: str, lag: int, noun: str
) -> None:
    """Refuse a table that no panel design can answer from.

    Raises
    ------
    ModelError
        Text instead of numbers, infinite values, no complete row, fewer than 3 clusters.
    """
    used = [y, x, *covariates]
    if text := [name for name in used if frame[name].dtype.kind not in "biuf"]:
        raise ModelError(f"{', '.join(text)}: found text or dates in {len(frame)} rows; expected numbers")
    refuse_infinite(frame, used, f"{quoted(y)} on {quoted(x)}")
    complete = frame.dropna(subset=[*used, team])
    if complete.empty:
        gaps = ", ".join(f"{int(frame[name].isna().sum())} with a gap in {name}" for name in used)
        late = f"; at a lag of {lag} no earlier value is there: take a shorter lag" if lag and len(frame) else ""
        raise ModelError(f"{quoted(y)} on {quoted(x)}: none of {len(frame)} rows is complete ({gaps}){late}")
    if (groups := complete[cluster].nunique()) < FEWEST:
        called = noun if cluster == team else cluster
        few = f"{counted(groups, called)} with complete rows; errors cannot be had from fewer than {FEWEST}"
        raise ModelError(f"{quoted(y)} on {quoted(x)}: {few}: add {called}s, or chart each by itself")


def refuse_still(frame: pd.DataFrame, *, x: str, team: str, period: str, noun: str) -> None:
    """Refuse a staff measure that does not move within teams, or moves in all alike.

    Raises
    ------
    ModelError
    """
    teams = frame[team].nunique()
    if (frame.groupby(team)[x].nunique() < 2).all():
        raise ModelError(
            f"{x} does not vary within any of {teams} {noun}s ({len(frame)} rows), so nothing can be said of change "
            f"within {noun}s; compare {noun}s with each other (between)"
        )
    if (frame.groupby(period)[x].nunique() < 2).all():
        raise ModelError(
            f"{x} is the same in all {teams} {noun}s in every period, so that it cannot be told from common change; "
            "use an interrupted series"
        )
