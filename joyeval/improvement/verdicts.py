"""Did teams improve? The verdict of each series, the size of its change, and counts beside what chance would give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import UsageError
from joyeval.improvement.change import changes
from joyeval.improvement.charts import series_word
from joyeval.improvement.false_alarms import false_alarms
from joyeval.improvement.judging import IMPROVE, NO_RESPONSES, TOO_FEW, VERDICTS
from joyeval.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.improvement.charts import Charts

SERIAL = 0.1  # correlation of neighbouring points from which a note warns


@dataclass(frozen=True, kw_only=True, eq=False)
class Verdicts(Result):
    """What became of each series; `n` counts series, `n_dropped` those that cannot be judged.

    Parameters
    ----------
    teams : DataFrame
        One row per series: the `by` columns, verdict, decided_by, compared ("baseline and after", "first and last
        part" or "halves"), before, after, change (shown units: percentage points where shares are shown in per cent),
        se, ci_low, ci_high, p, clear (the interval leaves 0 out), relative, relative_low, relative_high (share of the
        level before), n_before, n_after (points), false_alarm, state, reason.
    counts : DataFrame
        One row per group: the columns of `over`, series, judged, improved, improved_clear (of these, with an interval
        that leaves 0 out), deteriorated, deteriorated_clear, changed, unchanged, cannot_tell, expected_false (signals
        expected if nothing had changed).
    rules : str
        The rule set, in words.
    serial : float
        Correlation of neighbouring points about their level, over all series; intervals allow for it.
    level : float
        Of the intervals.
    """

    teams: pd.DataFrame
    counts: pd.DataFrame
    rules: str
    serial: float
    level: float

    def tidy(self) -> pd.DataFrame:
        """Return the changes as estimates, one row per series."""
        names = {"change": "estimate"}
        table = self.teams.assign(term="after minus before", n=self.teams["n_before"] + self.teams["n_after"])
        return table.rename(columns=names)

    def sentence(self) -> str:
        """Say how many improved, deteriorated and did neither, and how many signals chance alone would give."""
        total = self.counts.select_dtypes("number").sum()
        changed = f" {total['changed']:.0f} changed," if total["changed"] else ""
        return (
            f"Of {self.n} {series_word(self.teams)}, {total['improved']:.0f} improved,{changed} "
            f"{total['deteriorated']:.0f} deteriorated, {total['unchanged']:.0f} did not change and "
            f"{total['cannot_tell']:.0f} cannot be told ({self.rules}); {total['expected_false']:.1f} signals would be "
            "expected if nothing had changed."
        )


def verdicts(charts: Charts, *, over: str | Sequence[str] | None = None, level: float = 0.95) -> Verdicts:
    """Say of every series whether it improved, by how much, and how many such signals chance would give.

    The rule set decides whether there was a change, the levels before and after say which way and how much.
    Estimand: level after minus level before, each level the sum of numerators over the sum of denominators
    (or the mean) of its points. Intervals take points, not answers, as the units and allow for weeks that move slowly
    beside chance: how much and how slowly is averaged over, not taken as known (`improvement.slow_weeks`), and what
    series have in common is learned from all of them together.
    Where a series has parts, the first is compared with the last, and the interval decides.

    Parameters
    ----------
    charts : Charts
        From `chart`.
    over : str or list of str, optional
        Some of the `by` columns, such as the cohort: counts are given for each of their groups.
    level : float
        Of the intervals.

    Returns
    -------
    Verdicts

    References
    ----------
    Harville (1974) doi:10.1093/biomet/61.2.383 (restricted likelihood); Durbin & Koopman (2012)
    doi:10.1093/acprof:oso/9780199641178.001.0001 (state space); Welch (1947) doi:10.1093/biomet/34.1-2.28 (unlike
    sides).
    """
    over = [over] if isinstance(over, str) else list(over or ())
    if strange := [name for name in over if name not in charts.by]:
        raise UsageError(f"over: {', '.join(strange)} is not among the columns of by ({', '.join(charts.by)})")
    change, serial = changes(charts, level=level)
    teams = _teams(charts, change, level)
    return Verdicts(
        n=len(teams),
        n_dropped=int((teams["verdict"] == "cannot tell").sum()),
        notes=(*charts.notes, *_notes(teams, serial)),
        teams=teams,
        counts=_counts(teams, over),
        rules=charts.rule_set.title,
        serial=serial,
        level=level,
    )


def _teams(charts: Charts, change: pd.DataFrame, level: float) -> pd.DataFrame:
    """One row per series: what its chart says or, where it has parts, what the interval between them says."""
    parts = charts.series.assign(series=charts.number(charts.series), rate=false_alarms(charts)["false_alarm"])
    last = parts.drop_duplicates("series", keep="last", ignore_index=True)
    unclear = parts["state"].isin((NO_RESPONSES, TOO_FEW)).groupby(parts["series"]).any().to_numpy()
    split = (change["compared"] == "first and last part").to_numpy()
    between = np.where(unclear, "cannot tell", _by_interval(change, last["improve"]))
    keys = last[list(charts.by)].assign(
        verdict=last["verdict"].where(~split, between),
        decided_by=np.where(split, f"{level:.0%} interval between parts", charts.rule_set.name),
    )
    rate = last["rate"].where(~split, np.where(unclear, np.nan, 1 - level))
    return pd.concat([keys, change], axis=1).assign(false_alarm=rate, state=last["state"], reason=last["reason"])


def _by_interval(change: pd.DataFrame, improve: pd.Series) -> np.ndarray:
    """Judge a change by whether its interval leaves 0 out."""
    good = improve.map(IMPROVE).to_numpy()
    gain = np.sign(change["change"].to_numpy()) * good
    return np.select(
        [change["se"].isna(), ~change["clear"], good == 0, gain > 0],
        ["cannot tell", "unchanged", "changed", "improved"],
        "deteriorated",
    )


def _counts(teams: pd.DataFrame, over: list[str]) -> pd.DataFrame:
    """Count verdicts per group, with the signals expected if nothing had changed."""
    words = (*VERDICTS, "changed")
    flags = pd.DataFrame({word.replace(" ", "_"): (teams["verdict"] == word).astype(int) for word in words})
    table = pd.concat([teams[over], flags], axis=1).assign(
        series=1,
        improved_clear=flags["improved"] * teams["clear"],
        deteriorated_clear=flags["deteriorated"] * teams["clear"],
        judged=1 - flags["cannot_tell"],
        expected_false=teams["false_alarm"].where(teams["verdict"] != "cannot tell", 0.0),
    )
    grouped = table.groupby(over, observed=True, as_index=False).sum() if over else table.sum().to_frame().T
    order = [
        "series",
        "judged",
        "improved",
        "improved_clear",
        "deteriorated",
        "deteriorated_clear",
        "changed",
        "unchanged",
        "cannot_tell",
    ]
    return grouped[[*over, *order, "expected_false"]].astype(dict.fromkeys(order, int)).reset_index(drop=True)


def _notes(teams: pd.DataFrame, serial: float) -> tuple[str, ...]:
    found = [
        "A signal says that a series is unlike chance, not why; series, not people, were tested, each by itself.",
        f"False-alarm rates are for independent points; neighbours here correlate by {serial:.2f}"
        + (": more signals than expected may be false." if serial > SERIAL else "."),
    ]
    if (teams["compared"] == "halves").any():
        found.append("Series without a baseline: the first half of their points is compared with the second.")
    if (teams["compared"] == "first and last part").any():
        found.append("Parts chosen after looking at the data make the interval between them too sure.")
    unknown = int((teams["change"].notna() & teams["se"].isna()).sum())
    if unknown:
        found.append(f"{unknown} changes have no interval: too few points, or no variation, before or after.")
    return tuple(found)
