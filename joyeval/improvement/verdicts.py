"""Did teams improve? The verdict of each series, the size of its change, and counts beside what chance would give."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import UsageError
from joyeval.improvement.change import changes
from joyeval.improvement.charts import series_word
from joyeval.improvement.false_alarms import false_alarms
from joyeval.improvement.judging import CANNOT_TELL, IMPROVE, NO_VARIATION, SIGNAL
from joyeval.judgement import BETTER, CHANGED, NOT_CLEAR, NOT_JUDGED, VERDICTS, WORSE, about, key, tally, verdict
from joyeval.result import Result
from joyeval.words import Note

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
        One row per series: the `by` columns, verdict (see `joyeval.judgement`), compared ("baseline and after", "first
        and last part" or "halves"), before, after, change (shown units: percentage points where shares are shown in
        per cent), se, ci_low, ci_high, p, clear (the interval leaves 0 out), relative, relative_low, relative_high
        (share of the level before), n_before, n_after (points), signal (of the chart, by its rules), false_alarm (how
        often a stable series has one), step (where the level of the series moves most), early (that is in its first
        fifth), state, reason.
    counts : DataFrame
        One row per group: the columns of `over`, series, judged, clearly_better, clearly_worse, clearly_changed,
        not_clear, cannot_be_judged, expected_clear (that many would look clear if nothing had changed), charts (that
        can have a signal), signals, expected_signals (so many charts would have one then).
    rules : str
        The rule set of the signals, in words.
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

    def counting(self, kept: pd.Series, charts: pd.Series) -> Verdicts:
        """Return the same with the verdicts of some series only in its counts, and the signals of some charts."""
        known = {"signal": self.teams["signal"] & charts, "false_alarm": self.teams["false_alarm"].where(charts)}
        counted = self.teams.assign(**known)[kept]
        return replace(
            self,
            n=len(counted),
            n_dropped=int((counted["verdict"] == NOT_JUDGED).sum()),
            counts=count_verdicts(counted, self.over, 1 - self.level),
        )

    @property
    def over(self) -> list[str]:
        """The columns of groups for which verdicts are counted."""
        return list(self.counts.columns[: self.counts.columns.get_loc("series")])

    def sentence(self) -> str:
        """Say how many got clearly better and worse, and how many would look so if nothing had changed."""
        if not self.n:
            return "What became of each is not told: too few people stand behind it."
        if self.n == len(self.teams) == 1:
            return _alone(self.teams.iloc[0], self.level)
        total = self.counts.select_dtypes("number").sum()
        found = tally({word: total[key(word)] for word in VERDICTS})
        chance = about(total["expected_clear"])
        return (
            f"Of {self.n} {series_word(self.teams)}: {found} (by the {self.level:.0%} interval of each change). Had "
            f"none of them changed, about {chance} would still look clear. Charts with a signal: "
            f"{total['signals']:.0f} of {total['charts']:.0f} ({self.rules}); {total['expected_signals']:.1f} if "
            "nothing had changed."
        )


def _alone(row: pd.Series, level: float) -> str:
    """Say what became of one series."""
    if row["verdict"] == NOT_JUDGED:
        return "Whether it changed cannot be judged: too few points before or after."
    numbers = row[["change", "before", "after", "ci_low", "ci_high"]].astype(float)
    places = 0 if (numbers % 1 == 0).all() else 1  # as far as it was rounded for its readers
    change, low, high = (f"{numbers[name]:+,.{places}f}" for name in ("change", "ci_low", "ci_high"))
    before, after = (f"{numbers[name]:,.{places}f}" for name in ("before", "after"))
    stepped = row["compared"] == "halves" and (row["clear"] or row["signal"])
    when = f" It moved most in {row['step']}." if stepped else ""
    return (
        f"{SAID[row['verdict']]}: {change} (from {before} to {after}, {SIDES[row['compared']]}), {level:.0%} interval "
        f"{low} to {high}.{when}"
    )


SAID = {
    BETTER: "The series got clearly better",
    WORSE: "The series got clearly worse",
    CHANGED: "The series clearly changed",
    NOT_CLEAR: "Whether the series changed is not clear",
}
SIDES = {
    "baseline and after": "baseline and since",
    "first and last part": "first part and last",
    "halves": "first half and second, as no baseline is named",
}


def verdicts(charts: Charts, *, over: str | Sequence[str] | None = None, level: float = 0.95) -> Verdicts:
    """Say of every series whether it got clearly better or worse, by how much, and how many would by chance.

    The interval of the change decides the word; signals of the chart stand beside it. Without a baseline or parts
    nothing is better or worse: halves are compared, which clearly changed or not.
    Estimand: level after minus level before, each level the sum of numerators over the sum of denominators
    (or the mean) of its points. Intervals take points, not answers, as the units and allow for weeks that move slowly
    beside chance: how much and how slowly is averaged over, not taken as known (`improvement.slow_weeks`), and what
    series have in common is learned from all of them together.
    Where a series has parts, the first is compared with the last.

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
    teams = _teams(charts, change)
    return Verdicts(
        n=len(teams),
        n_dropped=int((teams["verdict"] == NOT_JUDGED).sum()),
        notes=(*charts.notes, *_notes(teams, serial)),
        teams=teams,
        counts=count_verdicts(teams, over, 1 - level),
        rules=charts.rule_set.title,
        serial=serial,
        level=level,
    )


def _teams(charts: Charts, change: pd.DataFrame) -> pd.DataFrame:
    """One row per series: what the interval of its change says, and whether its chart has a signal."""
    parts = charts.series.assign(series=charts.number(charts.series), stable=1 - false_alarms(charts)["false_alarm"])
    every = parts.groupby("series")
    last = parts.drop_duplicates("series", keep="last", ignore_index=True)
    unclear = parts["signal"].eq(CANNOT_TELL).groupby(parts["series"]).any().to_numpy()
    known = {name: change[name].where(~unclear) for name in ("ci_low", "ci_high")}
    good = last["improve"].map(IMPROVE).where(change["compared"] != "halves", 0)
    word = verdict(known["ci_low"], known["ci_high"], good=good)
    word[~unclear & (last["state"] == NO_VARIATION)] = NOT_CLEAR
    return pd.concat([last[list(charts.by)].assign(verdict=word), change], axis=1).assign(
        clear=np.isin(word, (BETTER, WORSE, CHANGED)),
        signal=parts["signal"].eq(SIGNAL).groupby(parts["series"]).any().to_numpy(),
        false_alarm=(1 - every["stable"].prod(min_count=1)).to_numpy(),
        state=last["state"],
        reason=last["reason"],
    )


def count_verdicts(teams: pd.DataFrame, over: list[str], chance: float) -> pd.DataFrame:
    """Count verdicts per group, with those that would look clear, and the signals, if nothing had changed."""
    flags = pd.DataFrame({key(word): (teams["verdict"] == word).astype(int) for word in VERDICTS})
    judged = 1 - flags[key(NOT_JUDGED)]
    table = pd.concat([teams[over], flags], axis=1).assign(
        series=1,
        judged=judged,
        expected_clear=chance * judged,
        charts=teams["false_alarm"].notna().astype(int),
        signals=teams["signal"].astype(int),
        expected_signals=teams["false_alarm"].fillna(0.0),
    )
    grouped = table.groupby(over, observed=True, sort=False, as_index=False).sum() if over else table.sum().to_frame().T
    whole = dict.fromkeys(["series", "judged", *map(key, VERDICTS), "charts", "signals"], int)
    order = ["series", "judged", *map(key, VERDICTS), "expected_clear", "charts", "signals", "expected_signals"]
    return grouped[[*over, *order]].astype(whole).reset_index(drop=True)


def _notes(teams: pd.DataFrame, serial: float) -> tuple[Note, ...]:
    rates = "false_alarm_rates_high" if serial > SERIAL else "false_alarm_rates"
    found = [Note("improvement.not_why"), Note(f"improvement.{rates}", serial=serial)]
    halves = teams["compared"] == "halves"
    if halves.any():
        found.append(Note("improvement.halves"))
    if early := int(((teams["clear"] | teams["signal"]) & teams["early"] & halves).sum()):
        found.append(Note("improvement.early", series=early))
    if (teams["compared"] == "first and last part").any():
        found.append(Note("improvement.parts"))
    if unknown := int((teams["change"].notna() & teams["se"].isna()).sum()):
        found.append(Note("improvement.no_interval", changes=unknown))
    return tuple(found)
