"""The analyses that a study file names: its staff measure and its outcome linked over its window, then asked."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError
from joyeval.models.multiplicity import adjust
from joyeval.outcomes.association import Association
from joyeval.outcomes.codes import clean_codes
from joyeval.outcomes.correlation import repeated_correlation
from joyeval.outcomes.cross_lagged import cross_lagged
from joyeval.outcomes.cross_section import between
from joyeval.outcomes.linkage import ENOUGH, Linkage, link
from joyeval.outcomes.panel import change_on_change, fixed_effects, within_between
from joyeval.outcomes.plan import Plan, primary
from joyeval.outcomes.reliability import correct_between, mean_reliability
from joyeval.outcomes.sensitivity import beside_control, leave_one_out, specification_curve, tipping_point
from joyeval.outcomes.staff import team_means
from joyeval.result import NoAnswer, answered

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from joyeval.result import Result
    from joyeval.store import Store
    from joyeval.study import Analysis, Study


PEOPLE = "how reliable averages are was judged from how people of one team differ"
CHANGING = "what changed over time counts as chance in the averages, so the correction is rather too large"
REFUSED = "the primary question has no answer here"
UNNAMED = NoAnswer(n=0, question="what the primary question was", reason="the study file names none")
STEP = 10  # percentage points of a pulse that effects are told for
MONTHS_OF = {"quarter": 3, "year": 12}  # periods of an outcome that are longer than a month


def linked(
    study: Study, cohort: str, store: Store, analysis: Analysis, *, window: tuple[int, int] | None = None
) -> Linkage:
    """Link the staff measure of an analysis to its outcome over its window, or another one.

    Shares are taken in per cent on both sides, so that estimates read in percentage points per percentage point.

    Raises
    ------
    UsageError
        The staff measure is neither a pulse nor a scale of the cohort's waves.
    ModelError
        The cohort has no data for it.
    """
    outcome = next(part for part in study.outcomes if part.measure == analysis.outcome)
    staff, better = staff_table(study, cohort, store, analysis.staff)
    table = store.table("outcomes").query("measure == @outcome.measure")
    if table.empty or staff.empty:
        side = outcome.title if table.empty else analysis.staff
        raise ModelError(f"this cohort has no data for: {side}")
    scale = 100 if outcome.kind == "proportion" else 1
    x, y = labels(study, analysis)
    table = table.assign(value=scale * table["value"], measure=y)
    improve = {y: outcome.improve} | ({x: better} if better else {})
    lag = window or analysis.window
    needed = ceil(ENOUGH * (lag[1] - lag[0] + 1) / MONTHS_OF.get(outcome.period, 1))
    linkage = link(
        staff.assign(measure=x), table, lag=lag, unit="month", at_least=needed, improve=improve,
        noun=study.teams.called,
    )  # fmt: skip
    names = store.table("teams")["team"]
    return linkage.named(dict(zip(clean_codes(names), names, strict=True)))


def ask(study: Study, question: str, design: Callable[..., Result], *args: Any) -> Result:
    """Answer or say why not; caveats and reasons call teams what the study calls them."""
    result = answered(question, design, *args)
    words = {"notes": tuple(map(study.teams.in_words, result.notes))}
    if isinstance(result, NoAnswer):
        words["reason"] = study.teams.in_words(result.reason)
    return replace(result, **words)


def labels(study: Study, analysis: Analysis) -> tuple[str, str]:
    """Return staff measure and outcome in the words of the study file, with their units."""
    titles = {part.measure: f"{part.title} ({part.unit or '%'})" for part in study.pulses}
    outcome = next(part for part in study.outcomes if part.measure == analysis.outcome)
    unit = outcome.unit if outcome.unit.lower() not in outcome.title.lower() else ""
    return titles.get(analysis.staff, analysis.staff), outcome.title + (f" ({unit})" if unit else "")


def staff_table(study: Study, cohort: str, store: Store, measure: str) -> tuple[pd.DataFrame, str]:
    """Return a staff measure per team and period, and which way is better where the study file says so.

    A pulse goes before a scale of the same name.

    Returns
    -------
    DataFrame
        team, period, measure, mean (per cent of positive answers for a pulse, points for a scale), answers.
    str
        "increase" or "decrease"; empty where it is not known.
    """
    for part in study.of_cohort("pulses", cohort):
        if part.measure == measure:
            pulse = store.table("pulse").query("measure == @measure")
            if pulse["answers"].isna().all():  # published means
                return pulse[["team", "period", "measure", "mean"]].assign(answers=1), part.improve
            pulse = pulse[pulse["answers"] > 0]
            share = 100 * pulse["positive"] / pulse["answers"]
            return pulse[["team", "period", "measure", "answers"]].assign(mean=share), part.improve
    for name in store.tables():
        if name.startswith("wave_"):
            wave = store.table(name)
            if measure in wave:
                return team_means(wave, measure), ""
    raise UsageError(f"no staff measure {measure!r} in cohort {cohort}: neither a pulse nor a scale of its waves")


def primary_analysis(study: Study, cohort: str, store: Store) -> Result:
    """Run the one analysis that the study file names beforehand; say why where the data cannot answer."""
    if study.primary is None:
        return UNNAMED
    return ask(study, _question(study, study.primary), _primary, study, cohort, store)


def _primary(study: Study, cohort: str, store: Store) -> Association:
    x, y = labels(study, study.primary)
    plan = Plan(y=y, x=x, named=f"the study file {study.path.name}")
    found = primary(_comparable(study, cohort, store, study.primary), plan)
    return replace(found, smallest=smallest(study, study.primary))


def secondary_analyses(study: Study, cohort: str, store: Store) -> list[Result]:
    """Run the other analyses that the study file names, each over its own window."""
    return [
        ask(study, _question(study, named), _secondary, study, cohort, store, named)
        for named in study.of_cohort("secondary", cohort)
    ]


def _secondary(study: Study, cohort: str, store: Store, named: Analysis) -> Association:
    """Compare within and between teams, or between alone where no team has outcomes of two periods."""
    x, y = labels(study, named)
    linkage = linked(study, cohort, store, named)
    design = within_between if _periods(linkage) > 1 else between
    return replace(design(linkage, y=y, x=x, role="secondary"), smallest=smallest(study, named))


def smallest(study: Study, named: Analysis) -> float:
    """Return the smallest effect that matters, per 1 unit of the staff measure; missing where none is named."""
    return np.nan if named.smallest_effect is None else named.smallest_effect / step_of(study, named)


def step_of(study: Study, named: Analysis) -> int:
    """Return how much more of a staff measure effects are told for: 10 percentage points, or 1 point of a score."""
    return STEP if named.staff in {part.measure for part in study.pulses} else 1


def control_analysis(study: Study, cohort: str, store: Store) -> Result:
    """Ask the primary question of an outcome that staff experience cannot move: what it moves with is confounded."""
    control = study.negative_control
    if control is None or (control.cohorts is not None and cohort not in control.cohorts):
        reason = "the study file names none for this cohort"
        return NoAnswer(n=0, question="whether an outcome that experience cannot move stays still", reason=reason)
    window = control.window or study.primary.window
    named = study.primary.model_copy(update={"outcome": control.outcome, "window": window})
    return ask(study, _question(study, named), _control, study, cohort, store, named)


def _control(study: Study, cohort: str, store: Store, named: Analysis) -> Result:
    main, control = (_comparable(study, cohort, store, one) for one in (study.primary, named))
    answers, sds = [], []
    for one, linkage in ((study.primary, main), (named, control)):
        x, y = labels(study, one)
        answers.append(within_between(linkage, y=y, x=x, role="secondary"))
        sds.append(linkage.data[y].std())
    return beside_control(*answers, *sds)


def corrected_for_reliability(study: Study, cohort: str, store: Store, primary: Result) -> Result:
    """Correct the difference between teams of the primary analysis for chance in their averages.

    Team means of a scale rest on the answers of people, those of a pulse on its periods, weighted by answers.
    """
    if study.primary is None:
        return UNNAMED
    x, _ = labels(study, study.primary)
    if not isinstance(primary, Association):
        return NoAnswer(n=0, question=f"how reliable averages of “{x}” are", reason=REFUSED)
    question = f"how teams differ once chance in their averages of “{x}” is allowed for"
    return ask(study, study.teams.in_words(question), _corrected, study, cohort, store, primary)


def _corrected(study: Study, cohort: str, store: Store, primary: Association) -> Result:
    measure = study.primary.staff
    pulses = {part.measure for part in study.of_cohort("pulses", cohort)}
    waves = [name for name in store.tables() if name.startswith("wave_") and measure in store.table(name)]
    if measure not in pulses and waves:
        known, basis = mean_reliability(store.table(waves[0]), measure), PEOPLE
    else:
        rows = linked(study, cohort, store, study.primary).data.dropna(subset=[primary.x, primary.y])
        answers = f"{primary.x}_answers"
        if (rows[answers] <= 1).all():
            raise ModelError(f"“{primary.x}” is published without the number of answers behind it")
        known, basis = mean_reliability(rows, primary.x, weights=answers), CHANGING
    found = correct_between(primary, known)
    return replace(found, notes=(basis, *(note for note in found.notes if note not in primary.notes)))


def linkage_report(study: Study, cohort: str, store: Store) -> Result:
    """Return what of the primary analysis could be linked, and what not."""
    if study.primary is None:
        return UNNAMED
    return ask(study, _question(study, study.primary), linked, study, cohort, store, study.primary)


def linkages(study: Study, cohort: str, store: Store) -> list[Result]:
    """Return the same for every analysis that the study file names, the primary one first."""
    others = study.of_cohort("secondary", cohort)
    named = [study.primary, *others] if study.primary else list(others)
    return [ask(study, _question(study, one), linked, study, cohort, store, one) for one in named]


def robustness(study: Study, cohort: str, store: Store) -> dict[str, Result]:
    """Ask the primary question by other designs, against the order of time, and without each team in turn.

    Returns
    -------
    dict
        ``outcomes_fixed_effects``, ``outcomes_change`` (not for yearly measures), ``outcomes_between`` (each team
        once), ``outcomes_reverse`` (outcomes before the staff answers), ``outcomes_leave_one_out``,
        ``outcomes_direction`` (which comes first), ``outcomes_repeated`` (repeated-measures correlation),
        ``outcomes_curve`` (other defensible specifications) and ``outcomes_tipping`` (missing outcomes); what cannot
        be run says why.
    """
    named = study.primary
    if named is None:
        return {}
    asked = {
        "outcomes_fixed_effects": (fixed_effects, named.window),
        "outcomes_change": (change_on_change, named.window),
        "outcomes_between": (between, named.window),
        "outcomes_reverse": (within_between, (-named.window[1], -named.window[0])),
        "outcomes_leave_one_out": (_leave_one_out, named.window),
        "outcomes_direction": (_direction, named.window),
        "outcomes_repeated": (repeated_correlation, named.window),
        "outcomes_curve": (specification_curve, named.window),
        "outcomes_tipping": (tipping_point, named.window),
    }
    if any(part.measure == named.staff and part.period in ("quarter", "year") for part in study.pulses):
        del asked["outcomes_change"]  # months next to each other are what it compares
    question = _question(study, named)
    x, y = labels(study, named)
    questions = {
        "outcomes_tipping": f"what missing outcomes would have to be to change the answer {question}",
        "outcomes_direction": f"which of “{x}” and “{y}” comes first",
        "outcomes_leave_one_out": f"what one {study.teams.called} fewer would change",
        "outcomes_curve": "what other specifications would have said",
        "outcomes_repeated": f"how “{x}” and “{y}” go together over time",
    }
    return {
        key: ask(study, questions.get(key, question), _by_design, study, cohort, store, design, window)
        for key, (design, window) in asked.items()
    }


def _by_design(
    study: Study, cohort: str, store: Store, design: Callable[..., Result], window: tuple[int, int]
) -> Result:
    x, y = labels(study, study.primary)
    return design(_comparable(study, cohort, store, study.primary, window=window), y=y, x=x)


def _leave_one_out(linkage: Linkage, *, y: str, x: str) -> Result:
    joined = replace(linkage, data=linkage.data.dropna(subset=[y]))
    return leave_one_out(partial(within_between, y=y, x=x, draws=0), joined)


def _direction(linkage: Linkage, *, y: str, x: str) -> Result:
    return cross_lagged(replace(linkage, data=linkage.data.dropna(subset=[y])), y=y, x=x)


def _comparable(study: Study, cohort: str, store: Store, named: Analysis, **window: tuple[int, int]) -> Linkage:
    """Return the linkage if teams have outcomes in more than one period: otherwise nothing changes within them."""
    linkage = linked(study, cohort, store, named, **window)
    if _periods(linkage) < 2:
        teams = linkage.data.dropna(subset=list(linkage.outcomes))["team"].nunique()
        raise ModelError(f"each of {teams} {linkage.noun}s has an outcome for one period only")
    return linkage


def _periods(linkage: Linkage) -> int:
    """Count the periods of the team that has most with an outcome."""
    joined = linkage.data.dropna(subset=list(linkage.outcomes))
    return int(joined.groupby("team")["period"].nunique().max())


def _question(study: Study, named: Analysis) -> str:
    x, y = labels(study, named)
    first, last = named.window
    return f"whether “{x}” goes with “{y}” {first} to {last} months later"


def side_by_side(answers: Sequence[Result]) -> pd.DataFrame:
    """Return the estimates of several analyses in one table, with Holm's correction over their main terms.

    Returns
    -------
    DataFrame
        staff, outcome, comparison (within or between teams), estimate, ci_low, ci_high, p, p_adjusted, n, n_teams.
    """
    found = [answer for answer in answers if not isinstance(answer, NoAnswer)]
    rows = [
        answer.terms[answer.terms["term"].isin(["within", "between"])].assign(
            staff=answer.x, outcome=answer.y, n_teams=answer.n_teams
        )
        for answer in found
    ]
    if not rows:
        return pd.DataFrame()
    table = pd.concat(rows, ignore_index=True).rename(columns={"term": "comparison"})
    main = table["comparison"].to_numpy() == np.repeat([a.primary for a in found], [len(r) for r in rows])
    table.loc[main, "p_adjusted"] = adjust(table.loc[main, "p"].to_numpy(), "holm")
    names = ["staff", "outcome", "comparison", "estimate", "ci_low", "ci_high", "p", "p_adjusted", "n", "n_teams"]
    return table[names]
