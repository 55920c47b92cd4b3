"""Ties between workgroups as they may be shown: a tie that few people rated is hidden, and what would give it away.

All ties that one workgroup rates rest on the same people, so the ties that add up to something known are those that a
workgroup is rated on. Means of a row or a column are taken again over the ties shown.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from joyeval.coordination.matrix import group_means
from joyeval.disclosure.rule import Rule, may_show, suppressed
from joyeval.disclosure.statistics import protect

if TYPE_CHECKING:
    from joyeval.coordination import Change, Matrix

TIE = ["workgroup", "target"]
ESTIMATES = ["shrunken", "shrunken_se", "p_weak", "p_moderate", "p_strong"]
OF_TIE = ["estimate", "se", "df", "ci_low", "ci_high", "p", "q", "p_up", "detectable"]
OF_TIE += ["shrunken", "shrunken_se", "shrunken_low", "shrunken_high", "n_first", "n_second"]


def protect_matrix(matrix: Matrix, *, rule: Rule | None = None) -> Matrix:
    """Return a matrix of ties as it may be shown; what is hidden is missing.

    Parameters
    ----------
    matrix : Matrix
    rule : Rule
        Of the study for the public; `FACILITATOR` for a meeting with the groups themselves.

    Returns
    -------
    Matrix
        `cells` with means rounded and thin ties missing; `groups` over the ties shown, `pairs` with both ties shown,
        `rated` and `index` missing where they would give hidden ties away; a note that says how many ties are hidden.
    """
    rule = rule or Rule()
    hidden = hidden_ties(matrix.cells, "n", rule=rule)
    named = [*TIE, "within"]
    exact = dict.fromkeys(ESTIMATES)
    cells = protect(matrix.cells, n="n", by=named, within=None, places=exact, rule=rule, words=False)
    statistics = [name for name in cells if name not in named]
    cells[statistics] = cells[statistics].astype(float).mask(hidden)
    shown = pd.MultiIndex.from_frame(matrix.cells.loc[~hidden, TIE])
    there = pd.MultiIndex.from_frame(matrix.pairs[TIE]).isin(shown)
    back = pd.MultiIndex.from_frame(matrix.pairs[TIE[::-1]]).isin(shown)
    kept = matrix.index.assign(mean=float("nan")) if _gives_away(matrix.cells, hidden, rule) else matrix.index
    return replace(
        matrix,
        cells=cells,
        groups=group_means(matrix.cells[~hidden]),
        rated=_rated(matrix.rated, matrix.cells, hidden, rule=rule),
        pairs=matrix.pairs[there & back].reset_index(drop=True),
        index=kept,
        reciprocity=matrix.reciprocity if not hidden.any() else float("nan"),
        notes=(*matrix.notes, *_note(int(hidden.sum()), len(hidden), rule)),
    )


def protect_change(change: Change, *, rule: Rule | None = None) -> Change:
    """Return a change over waves as it may be shown; what is hidden is missing.

    A tie is hidden in a change if it is hidden at either wave, since the change and one wave give the other away.
    """
    rule = rule or Rule()
    ties = change.ties
    family = ties["process"] + "|" + ties["term"]
    parts = [hidden_ties(part, n, rule=rule) for n in ("n_first", "n_second") for _, part in ties.groupby(family)]
    hidden = pd.concat(parts).groupby(level=0).any().reindex(ties.index)
    shown = {name: ties[name].astype(float).mask(hidden) for name in OF_TIE}
    return replace(
        change,
        rated=_rated(change.rated, ties, hidden, rule=rule),
        terms=_enough(change.terms, rule),
        levels=_enough(change.levels, rule),
        ties=ties.assign(**shown),
        estimators=_enough(change.estimators, rule),
        respondents=_enough(change.respondents, rule),
        dimensions=_enough(change.dimensions, rule),
        turnover=_turnover(change.turnover, rule),
        notes=(*change.notes, *_note(int(hidden.sum()), len(hidden), rule)),
    )


def hidden_ties(cells: pd.DataFrame, n: str, *, rule: Rule) -> pd.Series:
    """Whether each tie is to be hidden: too few raters, or needed so that hidden ones cannot be worked out.

    The ties that a workgroup is rated on by others are one family, ratings of the own group another.
    """
    counts = cells[TIE].assign(family=_family(cells), n=cells[n])
    known = protect(counts, n="n", by=[*TIE, "family"], within=["family"], rule=rule, words=False)
    return known["n"].isna()


def _family(cells: pd.DataFrame) -> pd.Series:
    return cells["target"].where(~cells["within"], "\0own group")


def _gives_away(cells: pd.DataFrame, hidden: pd.Series, rule: Rule) -> bool:
    """Whether the mean of all ties speaks of too few people once the ties shown are taken off."""
    unseen = cells.loc[hidden, "n"].groupby(_family(cells)[hidden]).sum()
    return bool((unseen < rule.threshold).any())


def _rated(table: pd.DataFrame, cells: pd.DataFrame, hidden: pd.Series, *, rule: Rule) -> pd.DataFrame:
    """How groups are rated by all others: missing over too few raters, or where too few stand behind hidden ties."""
    by = [name for name in ("process", "term", "target") if name in cells]
    counts = [name for name in ("n", "n_first", "n_second") if name in table]
    unseen = cells[hidden & ~cells["within"]].groupby(by)[counts].sum().reset_index()
    behind = table[by].merge(unseen, on=by, how="left")[counts].set_index(table.index)
    few = ((table[counts] < rule.threshold) | (behind < rule.threshold)).any(axis=1)
    numbers = [name for name in table.select_dtypes("number") if name not in counts]
    rounded = {name: rule.rounded(table[name]) for name in counts}
    return table.assign(**rounded, **{name: table[name].mask(few) for name in numbers})


def _enough(table: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Rows over too few people lose their statistics; counts of people are rounded."""
    if table.empty:
        return table
    numbers = [name for name in table.select_dtypes("number") if name != "ties"]
    near = pd.Series(rule.rounded(table["n"]), table.index)
    rounded = table.assign(n=near.astype(int) if near.notna().all() else near)
    return rounded.assign(**{name: rounded[name].where(may_show(table["n"], rule=rule)) for name in numbers})


def _turnover(table: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Round counts, and take the share recognised from rounded ones; hide a count too small and what rests on it."""
    if table.empty:
        return table
    shown = table.copy()
    for who in ("stayers", "leavers", "joiners"):
        few = ~may_show(table[who], rule=rule)
        shown[who] = pd.Series(rule.rounded(table[who]), table.index).mask(few)
        touched = [name for name in table if name.startswith(f"{who}_")]
        shown[touched] = shown[touched].mask(few)
    return shown.assign(linkage=shown["stayers"] / (shown["stayers"] + shown["joiners"]))


def _note(hidden: int, total: int, rule: Rule) -> tuple[str, ...]:
    return (f"{hidden} of {total} ties are not shown: {suppressed(rule.threshold)}",) if hidden else ()
