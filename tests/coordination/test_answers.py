"""Quality of answers, and their change as ordered categories."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval import measurement, models
from joyeval.coordination import RC, answer_quality, change, ordinal_change, score_ties
from joyeval.coordination.answers import WITHOUT_PAIRS
from joyeval.errors import ModelError, UsageError
from joyeval.result import read_result
from tests.coordination.surveys import survey


def answered(gain=0.0, *, seed=1, raters=12, waves=("1", "2"), groups="ABC"):
    """Whole answers to seven items that share a score and have their own noise."""
    table = survey(seed=seed, gain=gain, raters=raters, waves=waves, groups=groups)
    rng = np.random.default_rng(seed + 100)
    noise = rng.normal(0, 0.6, (len(table), len(RC.dimensions)))
    answers = np.clip(np.round(table["rc"].to_numpy()[:, None] + noise), 1, 5)
    items = pd.DataFrame(answers, columns=list(RC.dimensions), index=table.index)
    return score_ties(table.drop(columns=[*RC.dimensions, "rc", "com", "rel"]).join(items), frequency="scored")


def test_alpha_is_that_of_respondents_means():
    table = answered()
    first = table[(table["wave"] == "1") & (table["workgroup"] != table["target"])]
    known = measurement.alpha(first.groupby("person")[list(RC.dimensions)].mean(), interval="jackknife")
    got = answer_quality(table).terms.set_index("wave").loc["1"]
    assert (got.alpha, got.alpha_low) == (pytest.approx(known.estimate), pytest.approx(known.ci_low))
    assert got.cfi_one <= 1


def test_habits_are_counted_by_hand():
    table = answered()
    table.loc[table.index[:5], list(RC.dimensions)] = 5
    first = table[table["wave"] == "1"]
    items = first[list(RC.dimensions)]
    got = answer_quality(table).terms.set_index("wave").loc["1"]
    assert got.ceiling == pytest.approx((items == 5).to_numpy().mean())
    assert got.same_items == pytest.approx(np.mean([len(set(row)) == 1 for row in items.to_numpy()]))


def test_raters_who_like_everyone_show_as_halo():
    table = answered(groups="ABCD")
    person = table["person"].factorize()[0]
    liking = np.random.default_rng(0).normal(0, 3, person.max() + 1)[person]
    plain, halo = (answer_quality(t).terms["halo"].mean() for t in (table, table.assign(rc=table["rc"] + liking)))
    assert halo > 0.9 > plain


def test_what_cannot_be_fitted_is_noted():
    few = answer_quality(answered(raters=3))
    assert few.terms["cfi_two"].isna().any() == any("two-factor" in note for note in few.notes)
    assert read_result(few.to_json()).sentence() == few.sentence()
    with pytest.raises(UsageError, match="no scored ties of process x"):
        answer_quality(answered(), process="x")


def test_a_model_that_does_not_settle_leaves_a_raters_liking_out_and_says_so(monkeypatch):
    asked, fitted = [], models.ordinal

    def unsettled(formula, rows, *, groups, by):
        asked.append(groups)
        if "pair" in groups:
            raise ModelError("the random effects did not settle")
        return fitted(formula, rows, groups=groups, by=by)

    monkeypatch.setattr(models, "ordinal", unsettled)
    got = ordinal_change(answered(raters=6))
    assert asked == [["rater", "tie", "item", "pair", "occasion"], ["rater", "tie", "item", "occasion"]]
    assert WITHOUT_PAIRS in got.notes
    single = answered(raters=6).assign(person=lambda t: t["person"].astype(str) + t["wave"].astype(str))
    with pytest.raises(ModelError, match="did not settle"):  # nobody is known over waves: no occasion to keep
        ordinal_change(single)


def test_ordered_answers_change_as_much_as_their_mean():
    """The two models differ in scale and weights, so a quarter of the change is allowed between them."""
    table = answered(0.5, raters=20)
    ordered = ordinal_change(table).changes.set_index("term").loc["mean"]
    terms = change(table, dimensions=False).tidy()
    plain = terms[terms["part"] == "between"].iloc[0]
    assert ordered["estimate"] == pytest.approx(plain["estimate"], rel=0.25)
    with pytest.raises(UsageError, match="every one of the waves"):
        ordinal_change(table, waves=("1", "3"))


def test_published_means_of_items_give_the_published_indices():
    """German survey of 705 physicians (doi:10.5281/zenodo.19392497): means of items, blocks and index."""
    means = dict(zip(RC.dimensions, (2.4908, 2.2794, 2.7631, 2.9688, 2.8454, 2.1702, 2.8908), strict=True))
    row = {"wave": "1", "process": "care", "person": "all", "workgroup": "GPs", "target": "hospital"}
    got = score_ties(pd.DataFrame([{**row, **means}]), frequency="scored").iloc[0]
    assert (got.com, got.rel, got.rc) == pytest.approx((2.6255, 2.6355, 2.6298), abs=0.00006)


def test_a_rater_who_is_in_another_mood_in_each_wave_makes_the_change_less_sure():
    """All raters linked, answers that follow the mood of rater and wave: one answer more of a rater tells little."""
    table = survey(seed=4, raters=8, linked=1.0, bias=0.0, skip=0.0)
    rng = np.random.default_rng(4)
    noise, who = rng.normal(0, 0.5, (len(table), len(RC.dimensions))), table.groupby(["person", "wave"]).ngroup()

    def width(mood: float) -> float:
        moved = rng.normal(0, mood, who.max() + 1)[who]
        answers = np.clip(np.round((table["rc"] + moved).to_numpy()[:, None] + noise), 1, 5)
        items = pd.DataFrame(answers, columns=list(RC.dimensions), index=table.index)
        row = ordinal_change(table.drop(columns=list(RC.dimensions)).join(items)).changes.set_index("term").loc["mean"]
        return row["ci_high"] - row["ci_low"]

    assert width(0.6) > 1.5 * width(0.0)
