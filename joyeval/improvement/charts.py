"""Run and control charts of many series in one call."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np

from joyeval.errors import UsageError
from joyeval.improvement import judging, tables
from joyeval.improvement.analysis import analyse
from joyeval.improvement.baselines import Plan, plan
from joyeval.improvement.intake import Rows, per_series, read
from joyeval.improvement.limits import KINDS, Centre
from joyeval.improvement.periods import rhythm
from joyeval.improvement.rules import RuleSet, named
from joyeval.improvement.sheet import Sheet
from joyeval.result import Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, eq=False)
class Charts(Result):
    """Charts of one kind by one rule set; `n` counts plotted points, `n_dropped` missing and excluded ones.

    Parameters
    ----------
    points : DataFrame
        One row per point: the `by` columns, x, y, n, value, centre, lower, upper, lower_95, upper_95, target, part,
        baseline, excluded, beyond, shift, trend, two_of_three, direction (1 up, -1 down, 0 none), gap (periods
        without a row just before), participation (n over opportunities).
    series : DataFrame
        One row per part of a series: the `by` columns, part, frozen (has a baseline), n (points not excluded),
        n_missing, n_absent (periods without a row), n_useful, longest_run, longest_run_max, crossings, crossings_min,
        runs_signal, improve, rhythm, state, reason, variation, assurance,
        signal ("signal", "no signal" or "cannot tell": by the rules, of points after the baseline).
    marks : DataFrame
        Baselines, rebases and exclusions: the `by` columns, x, kind, reason.
    kind : str
        Key of the kind of chart.
    rules : dict
        The rule set, field by field.
    by : tuple of str
        Columns that name a series.
    x, y : str
        Columns of the data.
    multiply : float
        What values were multiplied by.
    """

    points: pd.DataFrame
    series: pd.DataFrame
    marks: pd.DataFrame
    kind: str
    rules: dict[str, Any]
    by: tuple[str, ...]
    x: str
    y: str
    multiply: float = 1.0

    @property
    def rule_set(self) -> RuleSet:
        """The rule set that judged these charts."""
        return RuleSet(**self.rules)

    def number(self, table: pd.DataFrame) -> np.ndarray:
        """Return the number of the series of each row of `points` or `series`, from 0 in order."""
        first = ~table.duplicated(list(self.by)).to_numpy() if self.by else np.arange(len(table)) == 0
        return np.cumsum(first) - 1

    def sheet(self) -> Sheet:
        """Return the points as flat arrays in the units of the data, each series whole whatever its parts."""
        points = self.points
        n = np.ones(len(points)) if KINDS[self.kind].derived else points["n"].fillna(1).to_numpy(copy=True)
        value = points["value"].to_numpy() / self.multiply
        number = self.number(points)
        return Sheet(
            stretch=number,
            stretches=int(number[-1]) + 1,
            value=value,
            y=value * n,
            n=n,
            kept=~points["excluded"].to_numpy(),
            baseline=points["baseline"].to_numpy(),
        )

    def latest(self) -> pd.DataFrame:
        """Return the last part of every series: one row each."""
        number = self.number(self.series)
        last = np.append(number[1:] != number[:-1], True)[: len(number)]
        return self.series[last].reset_index(drop=True)

    def only(self, **series: Any) -> Charts:
        """Return the charts of some series, such as ``only(team="Ward 7")``.

        Raises
        ------
        UsageError
            A column that is not among `by`, or no such series.
        """
        if strange := [name for name in series if name not in self.by]:
            raise UsageError(f"{', '.join(strange)}: not among the columns of by ({', '.join(self.by)})")
        tables = {name: _where(getattr(self, name), series) for name in ("points", "series", "marks")}
        if tables["series"].empty:
            raise UsageError(f"no series with {', '.join(f'{name} = {value}' for name, value in series.items())}")
        return self._with(tables)

    def legible(self, share: float = 0.25) -> Charts:
        """Return the charts of the series that have a value at this share of their points, or more."""
        number = self.number(self.points)
        return self.keep(self.points["value"].notna().groupby(number).mean().to_numpy() >= share)

    def with_signal(self) -> Charts:
        """Return the charts of the series that have a signal."""
        return self.keep((self.latest()["signal"] == judging.SIGNAL).to_numpy())

    def furthest(self, most: int) -> Charts:
        """Return the charts of the series whose level changed most, either way; in the order in which they stand."""
        from joyeval.improvement.change import changes

        size = changes(self)[0]["change"].abs().rank(ascending=False, method="first")
        return self.keep((size <= most).to_numpy())

    def keep(self, kept: np.ndarray) -> Charts:
        """Return the charts of the series for which `kept` is true, in their order."""
        number = self.number(self.points)
        rows = {"points": kept[number], "series": kept[self.number(self.series)]}
        tables = {name: getattr(self, name)[wanted].reset_index(drop=True) for name, wanted in rows.items()}
        return self._with(tables)

    def _with(self, tables: dict[str, pd.DataFrame]) -> Charts:
        points = tables["points"]
        plotted = int((points["value"].notna() & ~points["excluded"]).sum())
        return replace(self, n=plotted, n_dropped=len(points) - plotted, **tables)

    def caption(self) -> str:
        """Return what stands below a chart: its kind, its rules, and how often they flag a stable series."""
        from joyeval.improvement.false_alarms import false_alarms

        rates = 100 * false_alarms(self)["false_alarm"].dropna()
        low, high = (f"{rate:.0f}" for rate in (rates.min(), rates.max())) if len(rates) else ("", "")
        often = f"{low} %" if low == high else f"{low} to {high} %"
        alarms = f" Of stable series as long as these, {often} would show a signal." if low else ""
        title, rules = KINDS[self.kind].title, self.rule_set
        return f"{title[0].upper()}{title[1:]}. Rules: {rules.title} ({rules.name}).{alarms}"

    def tidy(self) -> pd.DataFrame:
        """Return the points, one row each."""
        return self.points

    def sentence(self) -> str:
        """Say how many series have a signal, by which rules."""
        last = self.latest()
        counts = last["signal"].value_counts()
        what = f"{KINDS[self.kind].title}, {self.rule_set.title}"
        if len(last) == 1:
            return f"The chart {_FOUND[last['signal'].iloc[0]]} ({what})."
        found = ", ".join(f"{counts[said]} {words}" for said, words in _COUNTED.items() if said in counts)
        return f"Of {len(last)} {series_word(last)}: {found} ({what})."


_FOUND = {
    judging.SIGNAL: "has a signal",
    judging.NO_SIGNAL: "has no signal",
    judging.CANNOT_TELL: "has too few points for its rules",
}
_COUNTED = {
    judging.SIGNAL: "with a signal",
    judging.NO_SIGNAL: "without one",
    judging.CANNOT_TELL: "with too few points for the rules",
}


def series_word(table: pd.DataFrame) -> str:
    """Return what the rows of a table are: teams, where each is another team, else series."""
    return "teams" if "team" in table and table["team"].is_unique else "series"


def _where(table: pd.DataFrame, series: dict[str, Any]) -> pd.DataFrame:
    for name, value in series.items():
        table = table[table[name] == value]
    return table.reset_index(drop=True)


def chart(
    data: pd.DataFrame,
    *,
    x: str,
    y: str,
    n: str | None = None,
    by: str | list[str] | None = None,
    kind: str | None = None,
    rules: str | RuleSet = "anhoej",
    freeze: Any = None,
    part: Any = None,
    exclude: Any = None,
    target: float | str | pd.DataFrame | None = None,
    improve: str | pd.DataFrame = "increase",
    centre: float | str | pd.DataFrame | None = None,
    screen: bool | str | None = None,
    multiply: float = 1,
    aggregate: str | None = None,
    opportunities: str | None = None,
) -> Charts:
    """Chart every series of a table and judge it by a named rule set.

    Parameters
    ----------
    data : DataFrame
        One row per point of a series. A missing week is a row with a missing value: it is left blank, and no moving
        range spans it. A week without a row is counted and told, but its neighbours count as neighbours.
    x : str
        Dates (datetime or ISO text), whole numbers in order of time, or names (then the order means nothing).
    y, n : str
        Numerator and denominator; without `n`, y is the value. A point with n of 0 has no responses, and no value.
    by : str or list of str, optional
        Columns that name a series.
    kind : str, optional
        run, i, mr, ms, p, p', u, u', c, g, t, xbar, s or i'; by default p' where there is an `n`, else run.
    rules : str or RuleSet
        See `joyeval.improvement.rules`.
    freeze, part, exclude : optional
        Last point of the baseline; last point of each part but the last; points left out. A date, a position
        counted from 1, a list, or a table with the `by` columns when series differ (see `baselines.plan`).
    target : float, str or DataFrame, optional
        In shown units: a number, a column (a trajectory), or a table of the `by` columns and `target`.
    improve : str or DataFrame
        "increase", "decrease" or "neutral", or a table of the `by` columns and `improve`.
    centre : float, str or DataFrame, optional
        A given centre line in shown units (a number, or a table of the `by` columns and `centre`), or "mean" or
        "median".
    screen : bool or "median", optional
        How large moving ranges are met (see `RuleSet`); by default as the rule set says.
    multiply : float
        Factor from data to shown units, such as 100 for per cent; never applied to what is given in shown units.
    aggregate : {"sum", "mean"}, optional
        What to do with several rows of one point, such as the teams of a cohort; otherwise they are an error.
    opportunities : str, optional
        Column of answers that could have been given; shown as participation.

    Returns
    -------
    Charts

    Raises
    ------
    UsageError
        An unknown kind, rule set, column or direction.
    DataError
        Values that cannot be, duplicates, a baseline, rebase or exclusion outside the data.

    References
    ----------
    Anhøj & Olesen (2014) doi:10.1371/journal.pone.0113825; Laney (2002) doi:10.1081/QEN-120006708.

    Examples
    --------
    >>> weeks = pd.date_range("2024-01-01", periods=24, freq="7D")
    >>> pulse = pd.DataFrame({"week": weeks, "good": [5, 6] * 6 + [9, 8] * 6, "answers": 10})
    >>> charts = chart(pulse, x="week", y="good", n="answers", freeze=12)
    >>> charts.series["signal"].tolist()
    ['signal']
    """
    kind = _kind(kind, n)
    rule_set = named(rules) if screen is None else replace(named(rules), screen=screen)
    by = (by,) if isinstance(by, str) else tuple(by or ())
    if multiply <= 0:
        raise UsageError(f"multiply is {multiply}; expected a number above 0, such as 100 for per cent")
    columns = {"y": y, "n": n, "opportunities": opportunities, "target": target if isinstance(target, str) else None}
    rows = read(data, x=x, columns=columns, by=by, kind=KINDS[kind], aggregate=aggregate)
    marked = plan(rows, x, freeze=freeze, part=part, exclude=exclude)
    sheet = _sheet(rows, marked)
    owner = rows.series[marked.start]
    aims, words = _aims(rows, target), _directions(rows, improve)
    good = np.array([judging.IMPROVE[word] for word in words])
    lines_given = _centre(rows, owner, centre, multiply)
    found = analyse(sheet, kind, rule_set, centre=lines_given, frozen=marked.frozen, good=good[owner], target=aims,
                    multiply=multiply)  # fmt: skip
    time = rhythm(rows.place, rows.start)
    counted = n is not None or KINDS[kind].subgroups
    points = tables.points(rows, marked, time, found, x=x, target=aims, counted=counted)
    series = tables.series(rows, marked, time, sheet, found, improve=words)
    return Charts(
        n=int(sheet.plotted.sum()),
        n_dropped=int((~sheet.plotted).sum()),
        notes=(
            *(
                note
                for name, given in (("target", aims), ("centre", lines_given.given * multiply))
                for note in tables.wrong_unit(
                    name, given, points["value"].to_numpy(), share=KINDS[kind].share, multiply=multiply
                )
            ),
            *tables.notes(rows, time, series, share=KINDS[kind].share),
        ),
        points=points,
        series=series,
        marks=marked.marks,
        kind=kind,
        rules=asdict(rule_set),
        by=by,
        x=x,
        y=y,
        multiply=float(multiply),
    )


def _kind(kind: str | None, n: str | None) -> str:
    if kind is None:
        return "p'" if n else "run"
    if kind not in KINDS:
        near = get_close_matches(str(kind), KINDS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"no kind of chart {kind!r}; there are {', '.join(KINDS)}{hint}")
    return kind


def _directions(rows: Rows, improve: str | pd.DataFrame) -> np.ndarray:
    """Return increase, decrease or neutral per series."""
    words = per_series(rows, improve, "improve")
    if strange := sorted({str(word) for word in words} - set(judging.IMPROVE)):
        raise UsageError(f"improve is {', '.join(strange)}; expected increase, decrease or neutral for every series")
    return words


def _centre(rows: Rows, owner: np.ndarray, centre: float | str | pd.DataFrame | None, multiply: float) -> Centre:
    if isinstance(centre, str):
        if centre not in ("mean", "median"):
            raise UsageError(f"centre is {centre!r}; expected a number, a table, 'mean' or 'median'")
        return Centre(given=np.full(len(owner), np.nan), method=centre)
    given = per_series(rows, np.nan if centre is None else centre, "centre").astype(float)
    return Centre(given=given[owner] / multiply)


def _aims(rows: Rows, target: float | str | pd.DataFrame | None) -> np.ndarray:
    """Return the target per row: of its column, of its series, or the one for all."""
    if isinstance(target, str):
        return rows.target
    return per_series(rows, np.nan if target is None else target, "target").astype(float)[rows.series]


def _sheet(rows: Rows, marked: Plan) -> Sheet:
    """Leave y and n missing wherever one is, or nobody answered."""
    blank = np.isnan(rows.y) | np.isnan(rows.n) | (rows.n == 0)
    y, n = np.where(blank, np.nan, rows.y), np.where(blank, np.nan, rows.n)
    return Sheet(
        stretch=marked.stretch,
        stretches=int(marked.stretch[-1]) + 1,
        value=y / n,
        y=y,
        n=n,
        kept=~marked.excluded,
        baseline=marked.baseline,
        spread=rows.spread,
        in_time=rows.in_time,
    )
