"""From answers of people to means of teams, with what is needed to judge those means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joyeval.errors import no_column
from joyeval.wave_order import days_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd


def team_means(
    wave: pd.DataFrame, scales: str | Sequence[str], *, team: str = "team", date: str = "date"
) -> pd.DataFrame:
    """Average scores by team and wave, in the form that `link` takes.

    Parameters
    ----------
    wave : DataFrame
        One row per respondent and wave: ``team, wave, date`` and the scored scales.
    scales : str or sequence of str
        Columns to average; a respondent without a score does not count.

    Returns
    -------
    DataFrame
        ``team, wave, period, measure, mean, answers, sd``. `period` is the middle date of the wave over all
        teams (within `cohort` where there is that column), so that a wave falls in one period for all.
    """
    scales = [scales] if isinstance(scales, str) else list(scales)
    absent = [name for name in (team, "wave", date, *scales) if name not in wave]
    if absent:
        raise no_column(absent, wave, "wave")
    occasion = ["cohort", "wave"] if "cohort" in wave else ["wave"]
    dated = wave.assign(period=days_of(wave[date]).groupby([wave[c] for c in occasion]).transform("median"))
    long = dated.melt(id_vars=[team, "wave", "period"], value_vars=scales, var_name="measure", value_name="score")
    grouped = long.dropna(subset=["score"]).groupby([team, "wave", "period", "measure"], sort=False)["score"]
    table = grouped.agg(mean="mean", answers="size", sd="std").reset_index()
    return table.rename(columns={team: "team"})
