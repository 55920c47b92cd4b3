"""`show`: the one way from a result, or a table with the people behind it, to what readers may see."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from joyeval.disclosure.charts import protect_charts
from joyeval.disclosure.distributions import protect_shares
from joyeval.disclosure.flows import protect_flow
from joyeval.disclosure.rule import RULES, Rule
from joyeval.disclosure.shown import MASK, Shown
from joyeval.disclosure.statistics import GIVES_AWAY, masked, next_smallest
from joyeval.errors import DisclosureError
from joyeval.result import NoAnswer, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

INTERVAL = 3.92  # standard errors between the ends of a 95 % interval
ESTIMATES = ("estimate", "se", "ci_low", "ci_high", "ci_low_all", "ci_high_all")
FIGURES = 6  # of numbers without an error of their own
OF_TEAMS = ("before", "after", "change", "se", "ci_low", "ci_high")


def show(what: Any, *, audience: str | Rule = "public", people: Any = None, **how: Any) -> Shown:
    """Return what an audience may see of a result or of a table.

    Parameters
    ----------
    what : DataFrame or Result
        Exact.
    audience : str or Rule
        "public", "programme" or "team", with the rule of joyeval, or the rule of a study: see `rule_of`.
    people : str, mapping, Series or int
        Of a table: the column with the people behind every number, or one such column per statistic. Of charts and
        verdicts: people in post of each team, by its name. Of another result: the people that it rests on; ties between
        workgroups and means of teams hold theirs.
    **how
        Of a table: `by`, `within`, `of`, `largest`, `besides`, `percents`, `places`: see `joyeval.disclosure.protect`.

    Returns
    -------
    Shown

    Raises
    ------
    DisclosureError
        People are not named, or readers nobody knows.
    UsageError
        A column that is not there.

    Examples
    --------
    >>> teams = pd.DataFrame({"team": ["A", "B", "C"], "joy": [3.21, 3.96, 4.04], "n": [4, 23, 61]})
    >>> shown = show(teams, people="n")
    >>> shown.what["joy"].tolist(), len(shown.mask)
    ([nan, nan, 4.0], 4)
    """
    rule = audience if isinstance(audience, Rule) else _rule(audience)
    if isinstance(what, Shown):
        return what
    if isinstance(what, NoAnswer):
        return Shown(replace(what, notes=what.notes), rule)
    if isinstance(what, pd.DataFrame):
        return _table(what, rule, people, how)
    for kind, way in _ways().items():
        if isinstance(what, kind):
            return way(what, rule, people)
    if not isinstance(what, Result):
        raise DisclosureError((), f"show: a {type(what).__name__} is neither a table nor a result of joyeval")
    return _result(what, rule, people)


def show_all(found: Mapping[str, Result], *, audience: str | Rule, people: Mapping[str, Any]) -> Shown:
    """Return several results by name as one `Shown`, for words that speak of more than one of them."""
    rule = audience if isinstance(audience, Rule) else _rule(audience)
    return Shown({name: show(one, audience=rule, people=people[name]).what for name, one in found.items()}, rule)


def _rule(audience: str) -> Rule:
    if audience not in RULES:
        raise DisclosureError((), f"no audience {audience!r}; there are {', '.join(RULES)}")
    return RULES[audience]


def _ways() -> dict[type, Callable[[Any, Rule, Any], Shown]]:
    """How results are shown whose people stand in their own tables."""
    from joyeval.coordination import Change, Matrix
    from joyeval.improvement import Charts, Verdicts
    from joyeval.measurement.equity import Equity
    from joyeval.measurement.scores import ScoreChange
    from joyeval.measurement.surveys import Reliability
    from joyeval.measurement.team_means import TeamMeans
    from joyeval.outcomes.sensitivity import LeaveOneOut

    own = {
        LeaveOneOut: _unnamed,
        Charts: _charts,
        Verdicts: _verdicts,
        Matrix: _matrix,
        Change: _change,
        TeamMeans: _team_means,
    }
    return own | {ScoreChange: _by_row, Reliability: _by_row, Equity: _by_row}


def _table(table: pd.DataFrame, rule: Rule, people: Any, how: Mapping[str, Any]) -> Shown:
    if people is None:
        raise DisclosureError(
            (), "show: name in `people` the column with the people behind every number, or one for each statistic"
        )
    if isinstance(people, int | np.integer):
        table, people = table.assign(_people=int(people)), "_people"
    shown, why = masked(table, n=people, rule=rule, **how)
    for end in ("ci_low", "ci_high"):
        if isinstance(places := (how.get("places") or {}).get(end), int) and end in shown:
            shown[end] = _on_its_side(shown[end].astype(float), table[end], places)
    percents = frozenset(how.get("percents") or ()) if rule.ends else frozenset()
    kept = shown.drop(columns="_people", errors="ignore")
    why = why.drop(columns="_people", errors="ignore")
    asked = int(table.reindex(columns=why.columns).notna().to_numpy().sum()) + sum(
        len(table) for name in why if name not in table
    )
    return Shown(kept, rule, _mask(kept, why), asked, percents)


def show_shares(counts: pd.DataFrame, *, audience: str | Rule = "public") -> Shown:
    """Return what an audience may see of how people's answers are spread, one row per group: see `protect_shares`."""
    rule = audience if isinstance(audience, Rule) else _rule(audience)
    shares = protect_shares(counts, rule=rule)
    hidden = shares.isna().all(axis=1) & (counts.sum(axis=1) > 0)
    where = [", ".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in counts.index[hidden]]
    asked, merged = int((counts.sum(axis=1) > 0).sum()), shares.shape[1] < counts.shape[1]
    return Shown(shares, rule, _mask_of(where, "answers", rule.why), asked, merged=merged)


def show_counts(counts: Mapping[str, float], *, audience: str | Rule = "public") -> Shown:
    """Return counts of people by name, rounded; those of too few people are left out.

    Examples
    --------
    >>> show_counts({"answered": 8, "invited": 174}).what
    {'invited': 175}
    """
    rule = audience if isinstance(audience, Rule) else _rule(audience)
    kept = {name: int(rule.rounded(count)) for name, count in counts.items() if count >= rule.threshold}
    return Shown(kept, rule, _mask_of([name for name in counts if name not in kept], "people", rule.why), len(counts))


def show_levels(levels: pd.DataFrame, *, audience: str | Rule = "public") -> Shown:
    """Return `positive` and `answers` of teams, rounded; those over few `people` are left out."""
    rule = audience if isinstance(audience, Rule) else _rule(audience)
    people = levels["people"].astype(float)
    few = people < rule.threshold
    few[next_smallest(people, few, rule)] = True
    near = {name: rule.rounded(levels[name]).astype(int) for name in ("positive", "answers")}
    kept = levels.assign(**near)[~few].drop(columns=["people", "value"], errors="ignore").reset_index(drop=True)
    return Shown(kept.assign(positive=kept[["positive", "answers"]].min(axis=1)), rule, asked=len(levels))


def show_flow(flow: pd.DataFrame, *, audience: str | Rule = "public", known: Collection[str] = ("invited",)) -> Shown:
    """Return what an audience may see of people at each step, one row per wave: see `protect_flow`."""
    rule = audience if isinstance(audience, Rule) else _rule(audience)
    shown = protect_flow(flow, known=known, rule=rule)
    rows, columns = np.nonzero((shown.isna() & flow.notna()).to_numpy())
    mask = pd.DataFrame(
        {"where": flow.index.to_numpy()[rows], "what": flow.columns.to_numpy()[columns], "why": rule.why}
    )
    return Shown(shown, rule, mask[list(MASK)], int(flow.notna().to_numpy().sum()))


def _mask(table: pd.DataFrame, why: pd.DataFrame) -> pd.DataFrame:
    """One row for each hidden number: which row of the table, which statistic, why."""
    names = [name for name in table if name not in why]
    rows, columns = np.nonzero((why != "").to_numpy())
    keys = [", ".join(map(str, row)) for row in (table[names] if names else table.index.to_frame()).to_numpy()]
    hidden = {
        "where": np.array(keys, dtype=object)[rows],
        "what": why.columns.to_numpy()[columns],
        "why": why.to_numpy()[rows, columns],
    }
    return pd.DataFrame(hidden, columns=list(MASK))


def _mask_of(where: Any, what: str, why: str) -> pd.DataFrame:
    return pd.DataFrame({"where": np.asarray(where, dtype=object), "what": what, "why": why}, columns=list(MASK))


def _charts(charts: Any, rule: Rule, people: Any) -> Shown:
    shown = protect_charts(charts, people=people, rule=rule)
    there = charts.points["value"].notna()
    names = [*charts.by, charts.x]
    left = shown.points.loc[shown.points["value"].notna(), names].assign(_shown=True)
    marks = charts.points.loc[there, names].merge(left, on=names, how="left")
    drawn = shown.points[names[0]]  # of series that are drawn at all
    gone = marks[marks["_shown"].isna() & marks[names[0]].isin(drawn)]
    where = [", ".join(str(value) for value in row) for row in gone[names].itertuples(index=False)]
    kept = int(there[charts.points[names[0]].isin(drawn)].sum())
    return Shown(shown, rule, _mask_of(where, "point", rule.why), kept)


def _verdicts(found: Any, rule: Rule, people: Any) -> Shown:
    """Verdicts are counts of teams; levels and changes of a team go by its people, and whole numbers are shown.

    Charts with a signal are counted among the teams that are named: members of the others know their own.
    """
    teams = found.teams
    if people is None:
        raise DisclosureError((), "show: people in post of each team are not known; name them in `people`")
    one = not isinstance(people, pd.Series)
    if one and len(teams) > 1 and "team" in teams:
        raise DisclosureError((), "show: verdicts of teams need the people in post of each; name them in `people`")
    behind = pd.Series(float(people), teams.index) if one else teams["team"].map(people).astype(float).fillna(0)
    table = teams[[*_keys(teams), *OF_TEAMS]].assign(people=behind)
    measured = [name for name in _keys(teams) if name not in ("team", "verdict")]
    places = dict.fromkeys(OF_TEAMS, 1 if (one and behind.min() >= rule.fine) or rule.nearest == 1 else 0)
    how = {"by": _keys(teams), "within": None if one else measured, "places": places}
    shown, why = masked(table, n=dict.fromkeys(OF_TEAMS, "people"), rule=rule, **how)
    for end in ("ci_low", "ci_high"):
        shown[end] = _on_its_side(shown[end].astype(float), teams[end], places[end])
    relative = (shown["change"] / shown["before"]).where(shown["before"] > 0).round(2)
    rows = teams.assign(**{name: shown[name].astype(float) for name in OF_TEAMS}, relative=relative)
    rows = rows.assign(**{name: np.nan for name in ("p", "relative_low", "relative_high") if name in rows})
    few, counted = why["change"] != "", pd.Series(True, teams.index)
    for _, part in teams.groupby(measured, observed=True) if measured else [("", teams)]:
        few[_unlike(part["verdict"], few[part.index], behind[part.index])] = True
        counted[part.index] = ~few[part.index] | (not _nearly_alike(part["verdict"], few[part.index]))
    why.loc[few & (why["change"] == "")] = GIVES_AWAY
    mask = _mask(table[_keys(teams)], why[list(OF_TEAMS[:3])])
    shown = found.counting(counted, ~few) if few.any() else found
    return Shown(replace(shown, teams=rows[~few].reset_index(drop=True)), rule, mask, 3 * len(teams))


def _on_its_side(shown: pd.Series, exact: pd.Series, places: int) -> pd.Series:
    """Return rounded ends of intervals of which none has come to lie on 0: the word of the verdict rests on that."""
    return shown.mask((shown == 0) & (exact != 0), np.sign(exact) * 10.0**-places)


def _unlike(verdicts: pd.Series, few: pd.Series, people: pd.Series) -> pd.Index:
    """Return a team to leave out besides: verdicts of all are counted, so that those not named are not to be alike."""
    hidden = verdicts[few].unique()
    others = people[~few & ~verdicts.isin(hidden)]
    return others.nsmallest(1).index if len(hidden) == 1 else others.index[:0]


def _nearly_alike(verdicts: pd.Series, few: pd.Series) -> bool:
    """Whether a count of all teams would tell those that are not named: all have the verdict of all that are, but one.

    With one that has another they are not counted either: that they are not then does not tell that all are alike.
    """
    named = verdicts[~few].unique()
    if not len(named):
        return len(verdicts.unique()) == 1
    return len(named) == 1 and (verdicts[few] != named[0]).sum() <= 1


def _keys(teams: pd.DataFrame) -> list[str]:
    return list(teams.columns[: teams.columns.get_loc("verdict") + 1])


def _unnamed(found: Result, rule: Rule, people: Any) -> Shown:
    """Of the estimate without one team, not which, by name or by place: what changes without it is its own."""
    unnamed = found.estimates.assign(left_out=f"one {found.noun}")
    by_size = unnamed.sort_values("estimate", kind="stable", ignore_index=True)
    return _result(replace(found, estimates=by_size), rule, people)


ROWS_OF = {  # tables of results whose rows rest on people of their own, and the columns that count them
    "ScoreChange": {"means": ["n"], "changes": ["n"]},
    "Reliability": {"table": ["n"]},
    "Equity": {"groups": ["n_first", "n_last"], "tests": ["n"]},
}


def _by_row(result: Result, rule: Rule, people: Any) -> Shown:
    """Results of surveys: rows over too few people are left out."""
    kept, asked, left = {}, 0, 0
    for name, counts in ROWS_OF[type(result).__name__].items():
        table = getattr(result, name)
        behind = result.people().to_frame() if name == "changes" else table[counts].fillna(0)
        enough = (behind >= rule.threshold).all(axis=1)
        near = {count: rule.rounded(table[count]).astype(int) for count in counts if table[count].notna().all()}
        kept[name] = table.assign(**near)[enough].reset_index(drop=True)
        asked, left = asked + len(table), left + int((~enough).sum())
    return Shown(coarse(replace(result, **kept)), rule, _mask_of([""] * left, "row", rule.why), asked)


def _matrix(matrix: Any, rule: Rule, people: Any) -> Shown:
    from joyeval.disclosure.ties import protect_matrix

    shown = protect_matrix(matrix, rule=rule)
    hidden = shown.cells["mean"].isna() & matrix.cells["mean"].notna()
    where = shown.cells.loc[hidden, "workgroup"] + " → " + shown.cells.loc[hidden, "target"]
    return Shown(shown, rule, _mask_of(where, "tie", rule.why), int(matrix.cells["mean"].notna().sum()))


def _change(change: Any, rule: Rule, people: Any) -> Shown:
    from joyeval.disclosure.ties import protect_change

    shown = protect_change(change, rule=rule)
    hidden = shown.ties["estimate"].isna() & change.ties["estimate"].notna()
    where = shown.ties.loc[hidden, "workgroup"] + " → " + shown.ties.loc[hidden, "target"]
    return Shown(coarse(shown), rule, _mask_of(where, "tie", rule.why), int(change.ties["estimate"].notna().sum()))


def _team_means(means: Any, rule: Rule, people: Any) -> Shown:
    """Means of teams by the people who answered; those of few people are left out."""
    numbers = ["n", "observed", "estimate", "ci_low", "ci_high"]
    kept, why = masked(means.teams[[means.group, *numbers]], n="n", by=[means.group], rule=rule)
    rows = means.teams.assign(**{name: kept[name].astype(float) for name in numbers})[kept["n"].notna()]
    rows = rows.assign(n=rows["n"].astype(int), se=np.nan, reliability=rows["reliability"].round(1))
    mask = _mask(kept, why[["observed"]])
    of_all = {name: float(f"{getattr(means, name):.2g}") for name in ("mean", "between", "within")}
    shown = replace(means.showing(rows), n=int(rule.rounded(means.n)), **of_all)
    return Shown(shown, rule, mask, len(means.teams))


def _result(result: Result, rule: Rule, people: Any) -> Shown:
    """Estimates of models: to the precision of their error where the people suffice, else not at all."""
    if people is None:
        name = type(result).__name__
        raise DisclosureError((), f"show: say in `people` how many people stand behind this {name}")
    if int(people) < rule.threshold:
        why = f"the answer would rest on fewer than {rule.threshold} people"
        hidden = NoAnswer(n=0, question="what may be shown here", reason=why)
        return Shown(hidden, rule, _mask_of(["the whole"], "result", rule.why), 1)
    return Shown(coarse(result), rule, asked=1)


def coarse(result: Result) -> Result:
    """Return a result whose estimates have the precision of their error, other numbers six figures."""
    return replace(result, **{part.name: _coarse(getattr(result, part.name)) for part in fields(result) if part.init})


def _coarse(value: Any) -> Any:
    match value:
        case Result():
            return coarse(value)
        case pd.DataFrame():
            return coarse_table(value)
        case bool() | int() | str() | None:
            return value
        case float() | np.floating():
            return _figures(value)
        case dict():
            return {name: _coarse(item) for name, item in value.items()}
        case tuple():
            return tuple(_coarse(item) for item in value)
        case _:
            return value


def coarse_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose estimates have the precision of their error, other numbers six figures."""
    error = _error(table)
    rounded = {}
    for name in table.select_dtypes("float"):
        if error is not None and name in ESTIMATES:
            rounded[name] = _to(table[name], error, keep_side=name.startswith("ci_"))
        else:
            rounded[name] = table[name].map(_figures).astype(float)
    return table.assign(**rounded)


def _error(table: pd.DataFrame) -> pd.Series | None:
    if "se" in table and table["se"].notna().any():
        return table["se"].astype(float)
    if {"ci_low", "ci_high"} <= set(table):
        return (table["ci_high"] - table["ci_low"]).astype(float) / INTERVAL
    return None


def _to(values: pd.Series, error: pd.Series, *, keep_side: bool = False) -> pd.Series:
    """Round each value to two figures of its error; without one, to six of its own; ends of intervals never to 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        step = 10.0 ** (np.floor(np.log10(error.where(error > 0))) - 1)
    near = (values / step).round() * step
    if keep_side:
        near = near.mask((near == 0) & (values != 0), np.sign(values) * step)
    return near.where(step.notna(), values.map(_figures).astype(float)).round(12)


def _figures(value: float) -> float:
    return value if pd.isna(value) or np.isinf(value) else float(f"{value:.{FIGURES}g}")
