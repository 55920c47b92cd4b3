"""Did the scale keep its meaning? Equality of a factor model over groups or waves, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from joyeval.errors import ModelError, UsageError, and_others, no_column
from joyeval.measurement.groups import groups_of
from joyeval.measurement.ladders import ADDS, GroupLadder, Ladder, WaveLadder, common_options
from joyeval.measurement.structure import against_their_factor, model_text
from joyeval.models.estimates import estimate_table
from joyeval.models.structural import (
    MISFITS,
    UNCLEAR,
    OrdinalFitted,
    best,
    equality_tests,
    judge_equality,
    judge_fit,
    parse_model,
    scaled_difference,
)
from joyeval.result import Result
from joyeval.wave_order import in_order

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from joyeval.models.structural import Fitted

CHANCE = 0.05  # p from which what is left of a step that was contradicted is no more than chance
CHANGES = ("delta_chisq", "delta_df", "delta_p", "delta_cfi", "delta_rmsea", "loss_low", "loss_high")
KEPT_EQUAL = 2  # items per factor that partial invariance needs
MEANING = {
    None: "mend the model before scores are compared",
    "configural": "the same items form the same factors, but a point does not mean the same; do not compare means",
    "metric": "differences within a group mean the same, levels do not; compare associations, not means",
    "scalar": "means can be compared",
    "strict": "means and the spread of scores can be compared",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Invariance(Result):
    """Steps of invariance; `n` counts rows (persons, when waves are linked).

    Parameters
    ----------
    scale, group : str
    groups : dict
        Respondents of each group or wave.
    steps : DataFrame
        step, chisq, df, p, cfi, rmsea, srmr, aic, bic, delta_chisq, delta_df, delta_p (against the step before),
        delta_cfi, delta_rmsea, loss_low, loss_high (90 % limits of the CFI that the step costs), outcome (fits,
        does not fit, cannot be told, cannot be tested), released (parameters let go to make it fit: partial
        invariance).
    reached : str or None
        The last step that was not contradicted, nor any step before it.
    doubtful : tuple of str
        Steps up to there of which the data cannot tell whether they cost little.
    means : DataFrame
        term, group, estimate, se, ci_low, ci_high, p, n: latent means against the first group, in its standard
        deviations; empty where scalar invariance was contradicted.
    """

    scale: str
    group: str
    groups: dict[str, int]
    steps: pd.DataFrame
    reached: str | None
    doubtful: tuple[str, ...]
    means: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return `steps`."""
        return self.steps

    def sentence(self) -> str:
        """Say what was reached, and what it allows."""
        if self.reached is None:
            return f"On {self.scale} the model does not fit each {self.group} by itself: {MEANING[None]}."
        row = self.steps[self.steps["step"] == self.reached].iloc[0]
        partial = f"partial {self.reached}" if row["released"] else self.reached
        freed = f" once {row['released']} may differ" if row["released"] else ""
        doubt = ""
        if self.doubtful:
            doubt = f"; {self.n} rows cannot tell {', '.join(self.doubtful)} equality from differences that matter"
        return (
            f"Over {len(self.groups)} {self.group}s {partial} invariance of {self.scale} was not contradicted{freed} "
            f"(CFI {row['cfi']:.3f}, RMSEA {row['rmsea']:.3f}): {MEANING[self.reached]}{doubt}."
        )


def invariance(
    items: pd.DataFrame,
    group: pd.Series | str,
    model: str | Mapping[str, Sequence[str]] | None = None,
    *,
    person: pd.Series | str | None = None,
    scale: str = "the scale",
    estimator: str = "MLR",
    missing: str = "listwise",
    partial: bool = True,
    level: float = 0.95,
) -> Invariance:
    """Test whether a factor model is the same in every group or wave.

    Steps: *configural* (same factors), *metric* (equal loadings), *scalar* (equal intercepts), *strict* (equal residual
    variances). The first is judged as any model (90 % intervals of RMSEA and CFI), the others by the interval of the
    CFI that the equality costs: it *fits* where that is at most 0.010 even at the worst end, *does not fit* where it is
    more even at the best end (at 5 % for all steps together), and otherwise *cannot be told* from so many people. A
    step that does not fit ends the ladder; one that cannot be told does not, and is named. Nothing is ever shown to be
    equal: it is not contradicted.

    Parameters
    ----------
    items : DataFrame, shape (respondents, items)
        Keyed answers.
    group : Series or str
        Group or wave of each row (or the name of a column of `items`); the first, in sorted or categorical order, is
        the one others are compared with. Waves (named ``wave``, or linked by `person`) are in order of time: by a
        column `date` of `items`, an ordered categorical, or numbers.
    model : str or mapping, optional
        As for `factor`.
    person : Series or str, optional
        Linked waves: who answered. Then `group` is the wave, persons are the rows of the model, the residuals of an
        item correlate over waves, and gaps are bridged by full information.
    estimator : {"MLR", "ML", "WLSMV"}
        WLSMV takes the items as ordered options (groups only): then scalar means equal loadings and thresholds, and
        options that some group did not use are merged with their neighbours.
    missing : {"listwise", "fiml"}
    partial : bool
        Where a step does not hold, let go of the parameters with the largest score test, as long as two items per
        factor stay equal.

    Raises
    ------
    UsageError
        Waves without an order; a column that is not there.
    ModelError
        One group; too few respondents in a group; a model that does not fit the data at all.

    References
    ----------
    Vandenberg & Lance (2000) doi:10.1177/109442810031002; Chen (2007) doi:10.1080/10705510701301834; Byrne, Shavelson &
    Muthén (1989) doi:10.1037/0033-2909.105.3.456 (partial); Satorra & Bentler (2001) doi:10.1007/BF02296192
    (difference test).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> items = pd.DataFrame(rng.normal(size=(400, 1)) + rng.normal(size=(400, 4)), columns=["q1", "q2", "q3", "q4"])
    >>> invariance(items, pd.Series([1, 2] * 200, name="wave"), "joy =~ q1 + q2 + q3 + q4").reached
    'strict'
    """
    data, name, who = _assembled(items, group, person)
    what = f"invariance of {scale} over {name}"
    text = model_text(model, items.drop(columns=[c for c in (name, who, "date") if c in items]), what=what)
    if data[name].nunique() < 2:
        raise ModelError(f"{what}: found 1 {name} in {len(data)} rows; needs at least 2 to compare")
    merged: list[str] = []
    if who:
        ladder: Ladder = WaveLadder.of(data, wave=name, person=who, model=text, estimator=estimator, what=what)
    else:
        if estimator == "WLSMV":
            data, merged = common_options(data, [i for i in parse_model(text).observed if i in data], name)
        ladder = GroupLadder(data, name, text, estimator, missing, what)
    rows, last, reached = _climb(ladder, partial)
    sample = last.sample
    return Invariance(
        n=sample.n,
        n_dropped=sample.n_dropped,
        notes=(
            *against_their_factor(data, text, groups_of(data[name], data, default=name)),
            *_notes(ladder, rows, sample.notes, bool(who), name),
            *_merged(merged, name),
        ),
        scale=scale,
        group=name,
        groups={str(key): int(count) for key, count in data[name].value_counts(sort=False).sort_index().items()},
        steps=pd.DataFrame(rows).astype({"step": "str", "outcome": "str", "released": "str"}),
        reached=reached,
        doubtful=tuple(row["step"] for row in rows if row["outcome"] == UNCLEAR),
        means=ladder.means(last, level) if reached in ("scalar", "strict") else _no_means(),
    )


def _assembled(
    items: pd.DataFrame, group: pd.Series | str, person: pd.Series | str | None
) -> tuple[pd.DataFrame, str, str | None]:
    """One table with the items, the group and the person."""
    numbers = items.select_dtypes("number")  # nullable ones too: the models take plain numbers
    columns, names = [items.astype(dict.fromkeys(numbers, float))], []
    for given, default in ((group, "group"), (person, "person")):
        if given is None or isinstance(given, str):
            names.append(given)
            continue
        if not given.index.equals(items.index):
            raise UsageError(f"{default}: the labels have another index than the answers; take both from one table")
        names.append(str(given.name or default))
        if names[-1] not in items:
            columns.append(given.rename(names[-1]))
    data = pd.concat(columns, axis=1)
    absent = [name for name in names if name and name not in data]
    if absent:
        raise no_column(absent, data, "invariance")
    if names[0] == "wave" or names[1]:
        data[names[0]] = in_order(data, wave=names[0])
    if isinstance(data[names[0]].dtype, pd.CategoricalDtype):
        data[names[0]] = data[names[0]].cat.remove_unused_categories()
    return data, names[0], names[1]


def _climb(ladder: Ladder, partial: bool) -> tuple[list[dict], Fitted, str | None]:
    """Take the steps one after the other until one does not fit."""
    rows, released, before, reached = [], [], None, None
    for step in ladder.steps:
        fitted, row = _step(ladder, step, released, before)
        wrong = row["outcome"] == MISFITS and before is not None and partial
        while wrong and (term := _most_different(ladder, fitted, step, released)) is not None:
            released = [*released, term]
            fitted, row = _step(ladder, step, released, before)
            wrong = row["outcome"] == MISFITS or (row["outcome"] == UNCLEAR and row["delta_p"] < CHANCE)
        rows.append(row)
        if row["outcome"] == MISFITS:
            return rows, before or fitted, reached
        before, reached = fitted, step
    return rows, before, reached


def _step(ladder: Ladder, step: str, released: list[str], before: Fitted | None) -> tuple[Fitted, dict]:
    fitted = ladder.fit(step, released)
    fit = fitted.indices()
    row = {"step": step} | {key: best(fit, key) for key in ("chisq", "df", "p", "cfi", "rmsea", "srmr")}
    row |= {key: fit.get(key, np.nan) for key in ("aic", "bic")} | dict.fromkeys(CHANGES, np.nan)
    if before is None:
        return fitted, {**row, "outcome": judge_fit(fit), "released": ""}
    old, (chisq, df) = before.indices(), difference(before, fitted)
    asked = len(ladder.steps) - 1
    outcome, low, high = judge_equality(chisq, df, _baseline(fitted), family=asked)
    plain = fitted.test.chisq - before.test.chisq, df, fitted.baseline.chisq - fitted.baseline.df
    if outcome == MISFITS and judge_equality(*plain, family=asked)[0] != MISFITS:
        outcome = UNCLEAR  # in small samples the scaled test rejects too often: both must
    values = (chisq, df, float(chdtrc(df, chisq)) if df else np.nan, row["cfi"] - best(old, "cfi"))
    row |= dict(zip(CHANGES, (*values, row["rmsea"] - best(old, "rmsea"), low, high), strict=True))
    return fitted, {**row, "outcome": outcome, "released": ", ".join(_spoken(term) for term in released)}


def _baseline(fitted: Fitted) -> float:
    """Non-centrality of the model without covariances, in the units of `difference`."""
    if isinstance(fitted, OrdinalFitted):
        return fitted.baseline_scaled.chisq - fitted.baseline_scaled.df
    return fitted.baseline.chisq / fitted.baseline.scale - fitted.baseline.df


def difference(free: Fitted, tied: Fitted) -> tuple[float, int]:
    """Chi-square and df of the constraints that `tied` adds to `free` (scaled after Satorra and Bentler 2001)."""
    df = tied.test.df - free.test.df
    if df <= 0:
        return 0.0, 0
    if isinstance(tied, OrdinalFitted):
        return max(scaled_difference(free, tied).chisq, 0.0), df
    scale = (tied.test.scale * tied.test.df - free.test.scale * free.test.df) / df
    raw = tied.test.chisq - free.test.chisq
    return max(float(raw / scale if scale > 0 else raw), 0.0), df


def _most_different(ladder: Ladder, fitted: Fitted, step: str, released: list[str]) -> str | None:
    """Pick the equality of this step whose loss would help most, while enough items of each factor stay equal."""
    terms = equality_tests(fitted, at_least=0)["term"].map(ladder.plain)
    for term in dict.fromkeys(terms):
        if term in released or not any(op in term for op in ADDS[step]):
            continue
        factor = ladder.factor_of(term)
        freed = {_item(other) for other in {*released, term} if any(op in other for op in ADDS[step])}
        if len(set(ladder.items_of(factor)) - freed) >= KEPT_EQUAL:
            return term
    return None


def _item(term: str) -> str:
    return term.split(" ")[-1] if "=~" in term else term.split(" ")[0]


def _spoken(term: str) -> str:
    """Name a released parameter in words."""
    names = {"=~": "loading", "~~": "residual variance", "~ 1": "intercept", "|": f"threshold {term[-1]}"}
    return f"{next(name for op, name in names.items() if op in term)} of {_item(term)}"


def _no_means() -> pd.DataFrame:
    table = estimate_table([], np.empty(0), np.empty(0), n=0).drop(columns="df")
    table.insert(1, "group", pd.Series([], dtype="str"))
    return table.astype({"term": "str"})


def _notes(ladder: Ladder, rows: list[dict], given: tuple[str, ...], linked: bool, name: str) -> tuple[str, ...]:
    notes = list(given)
    if rows[0]["outcome"] == MISFITS:
        found = f"CFI {rows[0]['cfi']:.3f}, RMSEA {rows[0]['rmsea']:.3f}"
        notes.append(f"the model does not fit before anything is held equal ({found}): mend it first")
    elif rows[0]["outcome"] == UNCLEAR:
        notes.append("whether the model itself fits cannot be told: what is said of differences says less")
    failed = [row["step"] for row in rows if row["outcome"] == MISFITS]
    if failed and failed[0] != ladder.steps[-1]:
        later = ladder.steps[ladder.steps.index(failed[0]) + 1 :]
        notes.append(f"{failed[0]} invariance was contradicted, so {and_others(later)} was not tested")
    if not linked and name.lower() in ("wave", "time", "date", "period"):
        notes.append("waves are treated as different people; give person= when answers are linked")
    return tuple(notes)


def _merged(items: list[str], name: str) -> tuple[str, ...]:
    said = f"options that some {name} did not use were merged with their neighbours in {and_others(items)}"
    return (said,) if items else ()
