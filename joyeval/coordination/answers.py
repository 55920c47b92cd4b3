"""The answers themselves: quality of each wave, and the change on their own ordered scale."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.coordination.rater_model import panel, tie_means
from joyeval.coordination.ratings import KEYS, RATER, joined, wave_order
from joyeval.coordination.ties import RC, Survey
from joyeval.errors import ModelError, UsageError
from joyeval.models.design import refuse_infinite
from joyeval.result import Result
from joyeval.wording import span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.measurement import Invariance
    from joyeval.models.generalised import Ordinal

FEWEST_ITEMS, FEWEST_PERSONS = 2, 3  # that alpha needs
FACTOR_ITEMS = 4  # that a factor model can be tested with
WITHOUT_PAIRS = "with a rater's own liking of each group the model did not settle; it is left out of it"
MOSTLY = 0.5  # share of whole answers from which averages among them are left out
MANY = 0.2  # share of straight-lined or ceiling answers from which a reader must know


@dataclass(frozen=True, kw_only=True, eq=False)
class AnswerQuality(Result):
    """How well the items measured in each wave; `n` counts respondent-target rows with a score.

    Parameters
    ----------
    terms : DataFrame
        wave, n (respondents), alpha, alpha_low, alpha_high (of respondents' means over the other groups), alpha_target
        (of ratings of one group, mean over groups: alpha of all rows would mix raters and groups), cfi_one,
        cfi_two, rmsea_one, rmsea_two (one factor, and communication apart from relationship; missing where the model
        could not be fitted, and a note says why), halo (share of the spread within ties that lies between raters),
        same_items (share of rows with one answer to all items), same_targets (share of respondents who rate all others
        alike), ceiling (share of answers at the top), no_contact (share of rows).
    """

    terms: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return one row per wave."""
        return self.terms

    def sentence(self) -> str:
        """Return the range of alpha and of halo."""
        alpha, halo = self.terms["alpha"], self.terms["halo"]
        told = []
        if alpha.notna().any():
            told.append(f"alpha was {span(alpha.min(), alpha.max(), '.2f')}")
        if halo.notna().any():
            told.append(f"who answered made up {span(halo.min(), halo.max(), '.0%')} of the spread within ties")
        return f"Over {len(self.terms)} waves {'; '.join(told) or 'too few answered to judge how'}."


def answer_quality(
    ties: pd.DataFrame, *, process: str | None = None, waves: Sequence[str] | None = None, survey: Survey = RC
) -> AnswerQuality:
    """Describe reliability, structure and habits of answering, wave by wave.

    Parameters
    ----------
    ties : DataFrame
        As `joyeval.coordination.ties` makes it, with the dimensions.
    waves : sequence of str, optional
        Which, in order of time; see `change`.
    survey : Survey
        What was asked, where it is not relational coordination.

    Raises
    ------
    UsageError
        No scored ties, no such wave, or waves without an order.

    References
    ----------
    Valentine, Nembhard & Edmondson (2015), Med. Care 53(4), e16-e30, doi:10.1097/MLR.0b013e31827feef6.
    """
    chosen = ties if process is None else ties[ties["process"] == process]
    refuse_infinite(chosen, ["rc", *survey.dimensions], "ties")
    scored = chosen.dropna(subset=["rc", *KEYS])
    if scored.empty:
        raise UsageError(f"no scored ties{f' of process {process}' if process else ''}")
    rows, notes = [], []
    for wave in wave_order(scored, waves):
        part = scored[scored["wave"].astype(str) == wave]
        found, failed = _structure(part, wave, survey)
        asked = chosen[chosen["wave"].astype(str) == wave]
        rows.append({"wave": wave, **_reliability(part, survey), **found, **_habits(part, asked, survey)})
        notes += failed
    table = pd.DataFrame(rows)
    return AnswerQuality(
        n=len(scored), n_dropped=len(chosen) - len(scored), notes=(*notes, *_notes(table)), terms=table
    )


def _persons(part: pd.DataFrame, survey: Survey, *by: str) -> pd.DataFrame:
    """Return respondents' mean answer to each item over the other groups."""
    others = part[part["workgroup"] != part["target"]]
    return others.groupby([*by, "process", "workgroup", "person"])[list(survey.dimensions)].mean().dropna()


def _reliability(part: pd.DataFrame, survey: Survey) -> dict[str, float]:
    from joyeval import measurement

    persons = _persons(part, survey)
    if len(survey.dimensions) < FEWEST_ITEMS or len(persons) < FEWEST_PERSONS:
        return {"n": len(persons), **dict.fromkeys(("alpha", "alpha_low", "alpha_high", "alpha_target"), np.nan)}
    found = measurement.alpha(persons, scale=survey.names["rc"], interval="jackknife")
    others = part[part["workgroup"] != part["target"]]
    by_target = [rows[list(survey.dimensions)].dropna() for _, rows in others.groupby(["process", "target"])]
    alphas = [measurement.alpha(rows).estimate for rows in by_target if len(rows) >= FEWEST_PERSONS]
    return {
        "alpha_target": float(np.mean(alphas)) if alphas else np.nan,
        "n": found.n,
        "alpha": found.estimate,
        "alpha_low": found.ci_low,
        "alpha_high": found.ci_high,
    }


def _structure(part: pd.DataFrame, wave: str, survey: Survey) -> tuple[dict[str, float], list[str]]:
    from joyeval import measurement
    from joyeval.models.structural import best

    found, failed = {f"{index}_{name}": np.nan for name in ("one", "two") for index in ("cfi", "rmsea")}, []
    if len(survey.dimensions) < FACTOR_ITEMS:
        return found, [f"fewer than {FACTOR_ITEMS} items: how many factors they measure cannot be asked"]
    models = {"one": None} | ({"two": survey.blocks} if len(survey.blocks) > 1 else {})
    for name, model in models.items():
        try:
            fit = measurement.factor(_persons(part, survey), model, scale=survey.names["rc"]).sem.fit
            found |= {f"{index}_{name}": best(fit, index) for index in ("cfi", "rmsea")}
        except ModelError as error:
            failed.append(f"wave {wave}, {name}-factor model: {error}")
    return found, failed


def _habits(part: pd.DataFrame, asked: pd.DataFrame, survey: Survey) -> dict[str, float]:
    items = part[list(survey.dimensions)]
    several = items.notna().sum(axis=1) >= max(survey.fewest, FEWEST_ITEMS)
    others = part[part["workgroup"] != part["target"]]
    per_person = others.groupby(["process", "workgroup", "person"])["rc"].agg(["nunique", "size"])
    rating = per_person[per_person["size"] > 1]
    return {
        "halo": _halo(part),
        "same_items": float((items[several].min(axis=1) == items[several].max(axis=1)).mean()),
        "same_targets": float((rating["nunique"] == 1).mean()) if len(rating) else np.nan,
        "ceiling": float((items == survey.high).sum().sum() / items.notna().sum().sum()),
        "no_contact": float(asked["no_contact"].mean()),
    }


def _halo(part: pd.DataFrame) -> float:
    """Share of the variance within ties that lies between raters, from the model of raters of one wave."""
    codes = {
        "rater": part.groupby(["process", "workgroup", "person"]).ngroup(),
        "block": part.groupby(["process", "workgroup"]).ngroup(),
        "target": part.groupby("target").ngroup(),
    }
    wave = np.zeros(len(part), dtype=int)
    if (part.groupby(["process", "workgroup", "person"]).size() < 2).all():
        return np.nan
    found = tie_means(panel(part["rc"].to_numpy(dtype=float), **{k: v.to_numpy() for k, v in codes.items()}, wave=wave))
    return float(found.variances[:-1].sum() / found.variances.sum())


def _notes(table: pd.DataFrame) -> list[str]:
    told = {
        "same_items": "rows have one answer to all items",
        "same_targets": "respondents rate all other groups alike",
        "ceiling": "answers are at the top of the scale, which leaves less room for a rise",
    }
    return [
        f"wave {row['wave']}: {row[name]:.0%} of {words}"
        for name, words in told.items()
        for _, row in table[table[name] > MANY].iterrows()
    ]


def wave_invariance(
    ties: pd.DataFrame, *, process: str | None = None, waves: Sequence[str] | None = None, survey: Survey = RC
) -> Invariance:
    """Test whether the items measured the same in every wave, over respondents' means of each item.

    One factor, or the two blocks of relational coordination. Where raters were recognised over waves, their answers
    belong together; else waves are taken as different people.

    Raises
    ------
    ModelError
        Fewer than four items, one wave, or too few respondents in a wave.
    """
    from joyeval import measurement

    if len(survey.dimensions) < FACTOR_ITEMS:
        raise ModelError(f"the survey has fewer than {FACTOR_ITEMS} items")
    chosen = (ties if process is None else ties[ties["process"] == process]).dropna(subset=["rc", *KEYS])
    order = wave_order(chosen, waves)
    rows = _persons(chosen.assign(wave=chosen["wave"].astype(str)), survey, "wave").reset_index()
    rows = rows.assign(wave=pd.Categorical(rows["wave"], order, ordered=True)).dropna(subset=["wave"])
    rater = joined(rows, *RATER)
    linked = {"person": rater} if rater.duplicated().any() else {}
    items = rows[list(survey.dimensions)]
    return measurement.invariance(items, rows["wave"], survey.blocks or None, scale=survey.names["rc"], **linked)


def ordinal_change(
    ties: pd.DataFrame, *, process: str | None = None, waves: Sequence[str] | None = None, survey: Survey = RC
) -> Ordinal:
    """Estimate the change of the answers on their own ordered scale: the companion of `change`.

    A cumulative-logit model of every answer between groups, with rater, tie, item, rater x target and, where raters
    were recognised over waves, rater x wave random; `changes` of the result are averages over them, in points and as
    chances of high answers. The frequency item is among them as scored. A note says so where rater x target had to be
    left out, because the model did not settle with it.

    Parameters
    ----------
    ties : DataFrame
        As `joyeval.coordination.ties` makes it, with the dimensions.
    waves : sequence of str, optional
        Which, in order of time; the first is what the others are compared with.
    survey : Survey
        What was asked, where it is not relational coordination.

    Raises
    ------
    UsageError
        No such process or wave.
    ModelError
        Answers are averages (of people, or of merged workgroups), which have no order of their own.
    """
    from joyeval.models import ordinal

    chosen = ties if process is None else ties[ties["process"] == process]
    order = [str(wave) for wave in waves] if waves is not None else list(wave_order(chosen))
    if len(order) < 2:
        raise ModelError(f"change of answers: {len(order)} wave; a change needs two")
    refuse_infinite(chosen, survey.dimensions, "ties")
    between = chosen[(chosen["workgroup"] != chosen["target"]) & chosen["wave"].astype(str).isin(order)]
    if between.empty or set(order) - set(between["wave"].astype(str)):
        raise UsageError(f"no ties between groups of process {process} in every one of the waves {', '.join(order)}")
    keys = ["process", "workgroup", "target", "person", "wave"]
    long = between.melt(id_vars=keys, value_vars=list(survey.dimensions), var_name="item", value_name="answer")
    long = long.dropna(subset=["answer", *KEYS])
    whole = long["answer"] == long["answer"].round()
    if whole.mean() < MOSTLY:
        raise ModelError(f"{int((~whole).sum())} of {len(long)} answers are averages, which are not ordered answers")
    long = long[whole]
    rater = joined(long, *RATER)
    rows = long.assign(
        wave=pd.Categorical(long["wave"].astype(str), order),
        rater=rater,
        tie=joined(long, "process", "workgroup", "target"),
        pair=joined(long, *RATER, "target"),
        occasion=joined(long, *RATER, "wave"),
    )
    several = {"item": len(survey.dimensions) > 1, "occasion": rows["occasion"].nunique() > rows["rater"].nunique()}
    groups = [name for name in ("rater", "tie", "item", "pair", "occasion") if several.get(name, True)]
    try:
        return ordinal("answer ~ wave", rows, groups=groups, by="wave")
    except ModelError:
        if "occasion" not in groups:
            raise
    found = ordinal("answer ~ wave", rows, groups=[name for name in groups if name != "pair"], by="wave")
    return replace(found, notes=(*found.notes, WITHOUT_PAIRS))
