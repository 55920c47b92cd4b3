"""What became of outcomes, on the page for who reads one page: a row for a series, one row for those by team."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from joyeval import disclosure
from joyeval.judgement import NOT_JUDGED, VERDICTS, about, key
from joyeval.report.sections.improvement import behind_outcome, outcome_rule
from joyeval.wording import decimals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joyeval.improvement import Charts, Verdicts
    from joyeval.report.messages import Catalogue
    from joyeval.store import Store
    from joyeval.study import Study


def outcome_rows(study: Study, cohort: str, store: Store, say: Catalogue) -> Iterator[tuple[str, str, str]]:
    """Yield question, what was found and how sure that is: of each series of the cohort, then of outcomes by team."""
    by_team, there = {}, store.results()
    for part in study.of_cohort("outcomes", cohort):
        name = f"improvement_{part.measure}"
        if f"{name}_change" not in there:
            continue
        charts, people, seen = store.result(name), behind_outcome(part, store), outcome_rule(study, part)
        of_teams = people.groupby("team")["people"].max()
        change = disclosure.show(store.result(f"{name}_change"), audience=seen, people=of_teams).what
        if len(charts.latest()) > 1:
            by_team[part.title] = change, len(charts.latest())
        elif len(change.teams):
            found, sure = _change(change.teams.iloc[0], part.unit, say)
            last = _last(disclosure.show(charts, audience=seen, people=people).what, say)
            yield say("pulse.question", title=part.title), " ".join([*found, *last, *_gaps(charts.points, say)]), sure
    if told := {title: found for title, found in by_team.items() if found[0].n}:
        yield say("outcomes.question"), *_by_team(told, say)


def _one(title: str, change: Verdicts, every: int, say: Catalogue) -> str:
    told = {"title": title, "list": tallied(totals(change), say)}
    some = change.n < every
    return say("outcomes.one_some", every=every, counted=change.n, **told) if some else say("outcomes.one", **told)


def totals(found: Verdicts) -> dict[str, int]:
    """Return how often there is each verdict, by the name of its column."""
    return {name: int(found.counts[name].sum()) for name in map(key, VERDICTS)}


def tallied(counts: dict[str, int], say: Catalogue) -> str:
    """Name the verdicts that there are, each with its number."""
    return ", ".join(f"{count} {say(f'teams.{name}')}" for name, count in counts.items() if count)


def _change(row: pd.Series, unit: str, say: Catalogue) -> tuple[list[str], str]:
    if row["verdict"] == NOT_JUDGED or pd.isna(row["ci_low"]):
        return [say("pulse.not_known")], say("summary.no_answer_sure")
    places = decimals(row[["change", "ci_low", "ci_high"]])
    levels = {name: say.number(row[name], places) for name in ("before", "after")}
    changes = {name: say.signed(row[name], places) for name in ("change", "ci_low", "ci_high")}
    told = [say(f"outcomes.{row['compared'].replace(' ', '_')}", unit=unit, **levels, **changes)]
    if row["early"] and row["compared"] == "halves" and (row["clear"] or row["signal"]):
        told.append(say("outcomes.early", when=row["step"]))
    return told, say("outcomes.sure_clear" if row["clear"] else "outcomes.sure_unclear", **changes)


def _last(charts: Charts, say: Catalogue) -> list[str]:
    seen = charts.points.dropna(subset="value")
    if seen.empty:
        return []
    day, value = seen[charts.x].iloc[-1], seen["value"].iloc[-1]
    return [say("outcomes.last", value=say.number(value, decimals([value])), month=say.month(pd.Timestamp(day)))]


def _gaps(points: pd.DataFrame, say: Catalogue) -> list[str]:
    """Tell periods without a row, or with a row and no value."""
    absent = int(points["gap"].sum())
    gaps = absent + int(points["value"].isna().sum())
    return [say("outcomes.gaps", gaps=gaps, periods=len(points) + absent)] if gaps else []


def _by_team(found: dict[str, tuple[Verdicts, int]], say: Catalogue) -> tuple[str, str]:
    each = [_one(title, change, every, say) for title, (change, every) in found.items()]
    judged = sum(int(change.counts["judged"].sum()) for change, _ in found.values())
    chance = sum(float(change.counts["expected_clear"].sum()) for change, _ in found.values())
    return "; ".join(each) + ".", say("teams.sure", judged=judged, chance=about(chance))
