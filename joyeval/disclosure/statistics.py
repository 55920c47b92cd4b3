"""Tables of statistics: one row per group, each statistic with the count of valid answers behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pandas.api.types import is_integer_dtype, is_numeric_dtype

from joyeval.disclosure.rule import GIVES_AWAY, Rule, may_show, suppressed
from joyeval.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

END = 5  # per cent; nearer to 0 or 100, a percentage would speak of everyone
ENDS = {END: f"{END}% or less", 100 - END: f"{100 - END}% or more"}
FINE = 10  # statistics above this are shown whole: one decimal of a 0 to 100 scale would give an answer away


def protect(
    table: pd.DataFrame,
    *,
    n: str | Mapping[str, str],
    by: Sequence[str] | None = None,
    within: Sequence[str] | None = (),
    of: str | None = None,
    largest: str | None = None,
    besides: ArrayLike | None = None,
    percents: Mapping[str, tuple[str, str]] | None = None,
    places: Mapping[str, int | None] | None = None,
    rule: Rule | None = None,
    words: bool = True,
) -> pd.DataFrame:
    """Return the table as it may be shown.

    A statistic over fewer valid answers than the threshold is suppressed; where the groups suppressed add up to fewer
    than the threshold, the next smallest is suppressed too, since the total would give them away. Counts are rounded
    to the nearest 5, other statistics to one decimal, or to whole numbers where values exceed 10.

    Parameters
    ----------
    table : DataFrame
        One row per group; columns that name the group, statistics, and counts.
    n : str or mapping of str to str
        Column with the number of valid answers behind every statistic, or one such column per statistic.
    by : sequence of str, optional
        Columns that name the group and stay; default all that are not numbers.
    within : sequence of str, optional
        Columns within whose values the rows add up to a whole that readers know; default the whole table. None: the
        rows are not parts of a whole (waves of one team, say).
    of : str, optional
        Column with the valid answers of the whole that each row is part of, where the rest of it is not in the table.
    largest : str, optional
        Column with the valid answers of the largest part of each row, such as one of two teams put together: who
        belongs to it knows its own, so the others must be enough.
    besides : array of bool, optional
        Rows to hide besides, since they would leave a few people over beside what stands elsewhere: see `leaves_few`.
    percents : mapping of str to (str, str), optional
        Columns to fill with the percentage of two counts, worked out from the rounded counts, so only about right.
    places : mapping of str to int, optional
        Decimals of a statistic; None leaves it as it is, for estimates of models.
    words : bool
        False leaves what is suppressed missing and percentages as numbers, for drawing.

    Returns
    -------
    DataFrame
        The same rows; what is suppressed says why: "suppressed (fewer than 11)" or "suppressed (would give away a
        small group)".

    Raises
    ------
    UsageError
        A column that is not there, or a statistic without a count.

    References
    ----------
    Hundepool et al. (2012), Statistical Disclosure Control, Wiley, chapters 4 and 5.

    Examples
    --------
    >>> import pandas as pd
    >>> teams = pd.DataFrame({"team": ["A", "B", "C"], "joy": [3.21, 3.96, 4.04], "n": [4, 23, 61]})
    >>> protect(teams, n="n")["joy"].tolist()
    ['suppressed (fewer than 11)', 'suppressed (would give away a small group)', 4.0]
    >>> pooled = pd.DataFrame({"setting": ["X", "Y"], "joy": [3.21, 3.96], "n": [26, 26], "most": [20, 14]})
    >>> protect(pooled, n="n", by=["setting"], largest="most", within=None)["joy"].tolist()
    ['suppressed (would give away a small group)', 4.0]
    """
    rule = rule or Rule()
    wholes = {"within": within, "of": of, "largest": largest, "besides": besides}
    shown, why = masked(table, n=n, rule=rule, by=by, percents=percents, places=places, **wholes)
    bounded = (percents or ()) if rule.ends else ()
    worded = {name: _worded(shown[name], why[name], bounded=name in bounded, words=words) for name in why}
    return table.assign(**worded)


def masked(
    table: pd.DataFrame,
    *,
    n: str | Mapping[str, str],
    by: Sequence[str] | None = None,
    within: Sequence[str] | None = (),
    of: str | None = None,
    largest: str | None = None,
    besides: ArrayLike | None = None,
    percents: Mapping[str, tuple[str, str]] | None = None,
    places: Mapping[str, int | None] | None = None,
    rule: Rule,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table with rounded numbers, hidden ones missing, and why each is hidden (empty where it is shown)."""
    percents, places = dict(percents or {}), dict(places or {})
    behind = _behind(table, n=n, by=by, percents=percents, known={*(within or ()), *filter(None, (of, largest))})
    wholes = {"within": within, "of": of, "largest": largest, "besides": besides}
    hidden = {count: _hidden(table, count, **wholes, rule=rule) for count in set(behind.values())}
    people = {*behind.values(), *(name for pair in percents.values() for name in pair)}
    people |= {name for name in behind if name in table and is_integer_dtype(table[name]) and name not in places}
    shown, why = {}, {}
    for name, count in behind.items():
        few, giving = hidden[count]
        if name in percents:
            part, whole = (table[column] for column in percents[name])
            values = pd.Series(rule.percent(part, whole), table.index)
            values = within_ends(values, part, whole, rule)
        elif name in people:
            few = few | ~(table[name] >= rule.threshold)
            values = pd.Series(rule.rounded(table[name]), table.index).astype("Int64")
        else:
            values = _decimals(table[name], places.get(name, _usual_places(table[name])))
        shown[name] = values.mask(few | giving)
        why[name] = pd.Series("", table.index).mask(giving, GIVES_AWAY).mask(few, suppressed(rule.threshold))
    return table.assign(**shown), pd.DataFrame(why, index=table.index)


def share_in_words(part: float, whole: float, rule: Rule) -> str:
    """Say what share of people are meant, in whole per cent of counts as they are shown; never that all are, or none.

    Examples
    --------
    >>> share_in_words(40, 60, Rule()), share_in_words(200, 200, Rule())
    ('67%', '95% or more')
    """
    parts, wholes = pd.Series([part]), pd.Series([whole])
    share = within_ends((100 * parts / wholes).clip(upper=100).round(), parts, wholes, rule)[0]
    return ENDS.get(share, f"{share:g}%") if rule.ends else f"{share:g}%"


def within_ends(values: pd.Series, part: pd.Series, whole: pd.Series, rule: Rule) -> pd.Series:
    """Keep percentages off 0 and 100 by as much as rounding is off; "95 or more" only where it holds for sure."""
    if not rule.ends:
        return values
    top, base = (pd.Series(rule.rounded(count), count.index).astype(float) for count in (part, whole))
    off, near = (50 * rule.nearest / base).clip(lower=END + 1).round(), (rule.nearest - 1) / 2
    nearly_all = (top - near) / (base + near) >= 1 - END / 100
    hardly_any = (top + near) / (base - near) <= END / 100
    return values.clip(off, 100 - off).mask(nearly_all, 100 - END).mask(hardly_any, END)


def _behind(
    table: pd.DataFrame,
    *,
    n: str | Mapping[str, str],
    by: Sequence[str] | None,
    percents: Mapping[str, tuple[str, str]],
    known: set[str],
) -> dict[str, str]:
    """Each statistic with the column that counts its valid answers; a count goes with itself."""
    keys = set(table.select_dtypes(exclude="number").columns if by is None else by) | known
    statistics = [name for name in table if name not in keys and name not in percents]
    behind = dict(n) if isinstance(n, Mapping) else dict.fromkeys(statistics, n)
    for name, (positive, answers) in percents.items():
        people = n if isinstance(n, str) else answers
        behind = {positive: people, name: people} | behind
    behind |= {count: count for count in dict.fromkeys(behind.values())}
    unknown = sorted({*behind, *behind.values(), *known, *keys} - {*table, *percents})
    uncounted = sorted(set(statistics) - set(behind))
    if unknown or uncounted:
        raise UsageError(
            f"protect: no column {unknown} in the table; no count given for {uncounted}. "
            "Name in `n` the count behind every statistic, or name the columns that identify the group in `by`."
        )
    texts = [
        name for name in dict.fromkeys([*behind.values(), *percents]) if name in table and not _counts(table[name])
    ]
    if texts:
        raise UsageError(
            f"protect: {texts} hold text where counts of people are expected; turn them into numbers first"
        )
    return behind


def _counts(column: pd.Series) -> bool:
    return is_numeric_dtype(column) or bool(column.isna().all())


def _hidden(
    table: pd.DataFrame,
    count: str,
    *,
    within: Sequence[str] | None,
    of: str | None,
    largest: str | None,
    besides: ArrayLike | None,
    rule: Rule,
) -> tuple[pd.Series, pd.Series]:
    """Rows with too few answers, and rows that would give those away."""
    answers = table[count].fillna(0).astype(float)
    few = ~may_show(answers, rule=rule)
    giving = ~may_show(answers, of=table[of], rule=rule) if of else few.copy()
    giving |= False if besides is None else np.asarray(besides, dtype=bool)
    if largest:  # dominance: the others of a group, for who belongs to its largest part
        others = answers - table[largest].fillna(0)
        giving |= (others > 0) & ~may_show(others, rule=rule)
    if within is not None:
        parts = [table[name] for name in within] or np.zeros(len(table))
        for _, part in answers.groupby(parts, dropna=False):
            giving |= giving.index.isin(next_smallest(part, giving[part.index], rule))
    return few, giving


def next_smallest(answers: pd.Series, hidden: pd.Series, rule: Rule) -> pd.Index:
    """Return rows to hide besides, smallest first, until all that is hidden would make one group large enough."""
    so_far = answers[hidden].sum()
    shown = answers[~hidden].sort_values(kind="stable")
    before = so_far + shown.cumsum().shift(fill_value=0)
    return shown.index[(so_far > 0) & (before < rule.threshold)]


def _usual_places(values: pd.Series) -> int:
    return 0 if values.abs().max() > FINE else 1


def _decimals(values: pd.Series, places: int | None) -> pd.Series:
    return values if places is None else values.round(places)


def _worded(values: pd.Series, why: pd.Series, *, bounded: bool, words: bool) -> pd.Series:
    if not words:
        return values.astype(float)
    if bounded:
        whole = values.map(lambda value: value if pd.isna(value) else f"{value:g}").astype(object)
        values = whole.where(~values.isin(ENDS), values.map(ENDS)).map(_as_number)
    return values if not why.any() else values.astype(object).where(why == "", why)


def _as_number(text: object) -> object:
    return int(text) if isinstance(text, str) and text.isdecimal() else text
