"""Did the scale keep its meaning? Equality of a factor model over groups or waves, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from joyeval.errors import ModelError, UsageError
from joyeval.measurement.groups import and_others, groups_of
from joyeval.measurement.ladders import ADDS, GroupLadder, Ladder, WaveLadder, common_options
from joyeval.measurement.structure import against_their_factor, model_text
from joyeval.models.estimates import estimate_table
from joyeval.models.structural import OrdinalFitted, best, equality_tests, parse_model, scaled_difference
from joyeval.result import Result
from joyeval.wave_order import in_order

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from joyeval.models.structural import Fitted

LOSS_CFI, GAIN_RMSEA = 0.010, 0.015  # change in fit that a step may cost (Chen 2007)
CHANCE = 0.05  # p of a step below which the change in fit is more than chance
KEPT_EQUAL = 2  # items per factor that partial invariance needs
MEANING = {
    None: "not even the same items measure the same factors; do not compare scores",
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
        delta_cfi, delta_rmsea, holds, released (parameters let go to make it hold, so partial invariance).
    reached : str or None
        The last step that held.
    means : DataFrame
        term, group, estimate, se, ci_low, ci_high, p, n: latent means against the first group, in its standard
        deviations; empty unless scalar invariance held.
    """

    scale: str
    group: str
    groups: dict[str, int]
    steps: pd.DataFrame
    reached: str | None
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
        return (
            f"Over {len(self.groups)} {self.group}s {self.scale} reached {partial} invariance{freed} (CFI "
            f"{row['cfi']:.3f}, "
            f"RMSEA {row['rmsea']:.3f}): {MEANING[self.reached]}."
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
    variances). A step fails when it costs more than 0.010 of CFI or 0.015 of RMSEA (the latter where the model before
    could misfit at all, as three items of one factor cannot) and its chi-square test says that this is more than chance
    (p < 0.05): in small samples fit moves that much by chance (without the test, 3 in 10 scales of 120 people in two
    waves failed a step when nothing had changed), in large ones the test rejects differences too small to matter.

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
        steps=pd.DataFrame(rows).astype({"step": "str", "released": "str"}),
        reached=reached,
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
        raise UsageError(f"invariance: found no column {', '.join(absent)}; the table has {', '.join(map(str, data))}")
    if names[0] == "wave" or names[1]:
        data[names[0]] = in_order(data, wave=names[0])
    if isinstance(data[names[0]].dtype, pd.CategoricalDtype):
        data[names[0]] = data[names[0]].cat.remove_unused_categories()
    return data, names[0], names[1]


def _climb(ladder: Ladder, partial: bool) -> tuple[list[dict], Fitted, str | None]:
    """Take the steps one after the other until one does not hold."""
    rows, released, before, reached = [], [], None, None
    for step in ladder.steps:
        fitted, row = _step(ladder, step, released, before)
        while not row["holds"] and before is not None and partial:
            term = _most_different(ladder, fitted, step, released)
            if term is None:
                break
            released = [*released, term]
            fitted, row = _step(ladder, step, released, before)
        rows.append(row)
        if not row["holds"]:
            return rows, before or fitted, reached
        before, reached = fitted, step
    return rows, before, reached


def _step(ladder: Ladder, step: str, released: list[str], before: Fitted | None) -> tuple[Fitted, dict]:
    fitted = ladder.fit(step, released)
    fit = fitted.indices()
    cfi, rmsea = (best(fit, key) for key in ("cfi", "rmsea"))
    row = {"step": step, **{key: best(fit, key) for key in ("chisq", "df", "p", "srmr")}, "cfi": cfi, "rmsea": rmsea}
    row |= {key: fit.get(key, np.nan) for key in ("aic", "bic")}
    if before is None:
        change = dict.fromkeys(("delta_chisq", "delta_df", "delta_p", "delta_cfi", "delta_rmsea"), np.nan)
        return fitted, {**row, **change, "holds": bool(cfi >= 0.90), "released": ""}
    old = before.indices()
    chisq, df = difference(before, fitted)
    loss, gain = cfi - best(old, "cfi"), rmsea - best(old, "rmsea")
    change = {"delta_chisq": chisq, "delta_df": df, "delta_p": float(chdtrc(df, chisq)) if df else np.nan}
    saturated = before.test.df == 0  # then its RMSEA is 0 whatever the data: only CFI can be compared
    costs = loss < -LOSS_CFI or (gain > GAIN_RMSEA and not saturated)
    holds = not (costs and change["delta_p"] < CHANCE)
    return fitted, {
        **row,
        **change,
        "delta_cfi": loss,
        "delta_rmsea": gain,
        "holds": holds,
        "released": ", ".join(_spoken(term) for term in released),
    }


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
    if not rows[0]["holds"]:
        notes.append(f"the model fits poorly before anything is held equal (CFI {rows[0]['cfi']:.3f}): mend it first")
    elif rows[0]["cfi"] < 0.95 or rows[0]["rmsea"] > 0.08:
        notes.append("the model itself fits only moderately: differences between steps say less")
    by_chance = [row["step"] for row in rows if row["holds"] and row["delta_cfi"] < -LOSS_CFI]
    if by_chance:
        notes.append(f"CFI fell by more than {LOSS_CFI} at {and_others(by_chance)}, but no more than chance would do")
    failed = [row["step"] for row in rows if not row["holds"]]
    if failed and failed[0] != ladder.steps[-1]:
        later = ladder.steps[ladder.steps.index(failed[0]) + 1 :]
        notes.append(f"{failed[0]} invariance did not hold, so {and_others(later)} was not tested")
    if not linked and name.lower() in ("wave", "time", "date", "period"):
        notes.append("waves are treated as different people; give person= when answers are linked")
    return tuple(notes)


def _merged(items: list[str], name: str) -> tuple[str, ...]:
    said = f"options that some {name} did not use were merged with their neighbours in {and_others(items)}"
    return (said,) if items else ()
