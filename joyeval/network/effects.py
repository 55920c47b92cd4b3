"""One effect per cohort and question, their random-effects mean, and whether later cohorts gained more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from joyeval.coordination import Change
from joyeval.improvement.change import changes
from joyeval.judgement import NOT_CLEAR, verdict
from joyeval.measurement.scores import ScoreChange
from joyeval.models import meta_analysis, meta_regression
from joyeval.models.estimates import estimate_table
from joyeval.models.meta import SITE
from joyeval.outcomes.association import Association, number, signed
from joyeval.result import NoAnswer, Result
from joyeval.wording import listed
from joyeval.words import called

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joyeval.study import Study

ALPHA = 0.05
FAMILY = "experience"  # questions of this kind are a family: their intervals hold together
FEWEST = 3  # cohorts with an effect from which a mean is pooled; of two, the spread is a guess
GOES_WITH_IT = "they go together"
OPEN = "whether they go together cannot be told"
COLUMNS = ["cohort", "title", "order", "estimate", "se", "ci_low", "ci_high", "p", "before", "relative", "n"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison(Result):
    """One question asked of every cohort; `n` counts the cohorts with an answer, `n_dropped` those without.

    Parameters
    ----------
    kind : str
        "good days", "experience", "coordination" or "association".
    question : str
        What was measured, in words.
    unit : str
        Of the effect.
    better : str
        "higher", "lower" or "", where neither way is better.
    cohorts : DataFrame
        ``cohort, title, order, estimate, se, ci_low, ci_high, p, before, relative, n``; `relative` is the share of the
        level before, `order` counts cohorts in the order in which they began, `n` what each effect rests on.
    pooled : Result
        A `Meta`, or a `NoAnswer` that says why effects were not pooled.
    learning : Result
        A `MetaRegression` of the effects on the order of the cohorts, or a `NoAnswer`.
    together : int
        Questions for which the intervals hold together (Bonferroni), as scores are asked in a family; 1 is this alone.
    """

    kind: str
    question: str
    unit: str
    better: str
    cohorts: pd.DataFrame
    pooled: Result
    learning: Result
    together: int = 1

    def tidy(self) -> pd.DataFrame:
        """Return the effects of the cohorts, then their mean."""
        rows = self.cohorts.assign(term=self.cohorts["title"])
        mean = self.pooled.tidy()
        return pd.concat([rows, mean], ignore_index=True) if len(mean) else rows

    def sentence(self) -> str:
        """Say the mean effect with its interval, and what a further cohort may expect."""
        if isinstance(self.pooled, NoAnswer):
            return self.pooled.sentence()
        row, mean = self.pooled.terms.iloc[0], self.pooled
        low, high = (_near(end, row["se"]) for end in (mean.predicted_low, mean.predicted_high))
        what = "mean" if self.kind == "association" else "mean change"
        before = self.cohorts["before"].mean()
        relative = f", {row['estimate'] / before:+.1%} of the level before" if before > 0 else ""
        further = (
            f"In a further cohort it may lie between {number(low)} and {number(high)} (prediction interval)."
            if mean.tau2 > 0
            else "The cohorts differ no more than by chance, so that few of them do not tell how far a further one may."
        )
        return (
            f"{self.question}: over {self.n} cohorts the {what} was {signed(row['estimate'])} {self.unit} "
            f"({self.interval} {number(row['ci_low'])} to {number(row['ci_high'])}){relative}: {self._said()}. "
            f"{further}"
        )

    @property
    def interval(self) -> str:
        """What the interval is called."""
        return "95% CI" if self.together == 1 else f"95% interval for all {self.together} scores together"

    @property
    def verdict(self) -> str:
        """What the interval of the mean says, in the words of `joyeval.judgement`."""
        row = self.pooled.terms.iloc[0]
        return verdict(row["ci_low"], row["ci_high"], good={"higher": 1, "lower": -1}.get(self.better, 0)).item()

    def _said(self) -> str:
        if self.verdict != NOT_CLEAR:
            return self.verdict if self.kind != "association" else GOES_WITH_IT
        return OPEN if self.kind == "association" else "whether it changed is not clear"


def _near(value: float, error: float) -> float:
    """Round to two figures of an error, as the interval beside it is rounded for its readers."""
    if not error > 0:
        return value
    step = 10.0 ** (np.floor(np.log10(error)) - 1)
    return round(value / step) * step


def comparisons(study: Study) -> list[Comparison]:
    """Ask every question that at least two cohorts can answer.

    Estimands: of pulses, the level after the baseline less the level in it, all answers of a cohort together; of
    scores, the last wave less the first, everyone; of coordination, the mean change of ties between workgroups up to
    the end of the programme; of the primary analysis, its own effect. The mean is over cohorts' true effects.
    """
    found = [row for place, cohort in enumerate(_in_order(study)) for row in _effects(study, cohort, place + 1)]
    table = pd.DataFrame(found)
    if table.empty:
        return []
    keys = ["kind", "question", "unit", "better"]
    groups = [(key, rows) for key, rows in table.dropna(subset=["estimate", "se"]).groupby(keys, sort=False)]
    asked = [(dict(zip(keys, key, strict=True)), rows) for key, rows in groups if len(rows) > 1]
    scores = sum(words["kind"] == FAMILY for words, _ in asked)
    return [_compare(study, words, rows, scores if words["kind"] == FAMILY else 1) for words, rows in asked]


def _in_order(study: Study) -> list[Any]:
    return sorted(study.cohorts, key=lambda cohort: (cohort.start, cohort.end))


def _compare(study: Study, words: dict[str, str], rows: pd.DataFrame, together: int) -> Comparison:
    pooled, learning = _pooled(study, words["question"], rows, together), _learning(study, words["question"], rows)
    notes = list(called(pooled.notes, "cohort", instead_of=SITE))
    absent = [c.title for c in study.cohorts if c.cohort not in set(rows["cohort"])]
    if absent:
        notes.append(f"{words['question']}: no answer from {listed(absent)}")
    return Comparison(
        **words,
        cohorts=rows[COLUMNS].reset_index(drop=True),
        pooled=pooled,
        learning=learning,
        together=together,
        n=len(rows),
        n_dropped=len(absent),
        notes=tuple(notes),
    )


def _pooled(study: Study, question: str, rows: pd.DataFrame, together: int) -> Result:
    asked = f"what the mean effect over cohorts is ({question})"
    if not study.pool:
        reason = "the cohorts are groups of different kind, and the study file says that they are not to be pooled"
        return NoAnswer(n=len(rows), question=asked, reason=reason)
    if len(rows) < FEWEST:
        return NoAnswer(n=len(rows), question=asked, reason=f"{len(rows)} cohorts have an effect; needs {FEWEST}")
    effects, level = rows[["estimate", "se"]].to_numpy().T, 1 - ALPHA / together
    found = meta_analysis(*effects, sites=list(rows["title"]), level=level)
    return replace(found, terms=found.terms.assign(p=(found.terms["p"] * together).clip(upper=1)))


def _learning(study: Study, question: str, rows: pd.DataFrame) -> Result:
    asked = f"whether later cohorts gained more ({question})"
    starts = {c.start for c in study.cohorts if c.cohort in set(rows["cohort"])}
    if not study.pool or len(starts) < len(rows):
        return NoAnswer(n=len(rows), question=asked, reason="cohorts did not follow one another")
    if len(rows) < FEWEST + 1:
        return NoAnswer(n=len(rows), question=asked, reason=f"{len(rows)} cohorts have an effect; needs {FEWEST + 1}")
    effect, se, order = (rows[name].to_numpy(dtype=float) for name in ("estimate", "se", "order"))
    return meta_regression(effect, se, order, term="cohort, in order of their start")


def _effects(study: Study, cohort: Any, order: int) -> Iterator[dict[str, Any]]:
    store = study.store(cohort.cohort)
    who = {"cohort": cohort.cohort, "title": cohort.title, "order": order, "before": np.nan, "relative": np.nan}
    makers = {
        "improvement_cohort": _pulses,
        "experience_change": _scores,
        "coordination_change": _coordination,
        "outcomes_primary": _association,
    }
    for name, make in makers.items():
        if name in store.results():
            yield from (who | row for row in make(study, store.result(name), cohort))


def _pulses(study: Study, charts: Any, _: Any) -> Iterator[dict[str, Any]]:
    titles = {part.measure: part for part in study.pulses}
    table, _ = changes(charts)
    for measure, row in zip(charts.latest()["measure"], table.to_dict("records"), strict=True):
        part = titles[measure]
        numbers = {name: row[name] for name in ("se", "ci_low", "ci_high", "p", "before", "relative")}
        words = {"kind": "good days", "question": part.title, "unit": "percentage points"}
        better = {"increase": "higher", "decrease": "lower"}[part.improve]
        answers = int(charts.only(measure=measure).points["n"].sum())
        yield words | numbers | {"better": better, "estimate": row["change"], "n": answers}


def _scores(study: Study, found: Result, _: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(found, ScoreChange):
        return
    rows = found.changes[found.changes["estimator"] == "everyone"]
    for row in rows[rows["wave"] == rows["wave"].iloc[-1]].to_dict("records"):
        title = found.titles[row["scale"]]
        numbers = {name: row[name] for name in ("estimate", "se", "relative", "n", "better")}
        numbers |= {"ci_low": row["ci_low_all"], "ci_high": row["ci_high_all"], "p": row["p_adjusted"]}
        unit = "percentage points" if "%" in title else "points"
        first = found.means[(found.means["scale"] == row["scale"])]["mean"].iloc[0]
        yield {"kind": "experience", "question": title, "unit": unit, "before": first} | numbers


def _coordination(study: Study, found: Result, cohort: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(found, Change):
        return
    rows = found.terms[(found.terms["part"] == "between") & (found.terms["kind"] == "gain")]
    own = rows[~rows["process"].isin([*cohort.comparison, "all"])]
    if own.empty:
        return
    row = _over_processes(own) if len(own) > 1 else own.iloc[-1]
    numbers = {name: float(row[name]) for name in ("estimate", "se", "ci_low", "ci_high", "p")}
    share = row["percent"] / 100
    before = row["estimate"] / share if share else np.nan
    words = {"kind": "coordination", "question": "Ties between workgroups (1 to 5)", "unit": "points"}
    yield words | numbers | {"better": "higher", "relative": share, "before": before, "n": int(row["n"])}


def _over_processes(rows: pd.DataFrame) -> pd.Series:
    """Mean over processes of the programme, whose raters are different people; Satterthwaite's degrees of freedom."""
    variance = rows["se"] ** 2
    total = variance.sum()
    estimate, se = [rows["estimate"].mean()], [np.sqrt(total) / len(rows)]
    df, n = total**2 / (variance**2 / rows["df"]).sum(), int(rows["n"].sum())
    table = estimate_table(["all"], estimate, se, df=df, n=n)
    before = (rows["estimate"] / rows["percent"].where(rows["percent"] != 0)).mean()
    return table.assign(percent=table["estimate"] / before).iloc[0]


def _association(study: Study, found: Result, _: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(found, Association):
        return
    row = found.effect
    numbers = {name: float(row[name]) for name in ("estimate", "se", "ci_low", "ci_high", "p")}
    better = {"increase": "higher", "decrease": "lower"}.get(found.improve, "")
    words = {"kind": "association", "question": f"{found.y} for 1 more in {found.x}", "unit": "in the outcome"}
    yield words | numbers | {"better": better, "n": int(row["n"])}
