"""Answers that cannot be analysed give a result that says so or words with scale and way out; never a traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from joyeval import measurement as m
from joyeval.errors import JoyevalError, ModelError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from joyeval.result import Result

NAMES = ["q1", "q2", "q3", "q4"]
RNG = np.random.default_rng(0)
GOOD = pd.DataFrame(np.clip(np.round(3 + RNG.normal(size=(40, 1)) + RNG.normal(size=(40, 4))), 1, 5), columns=NAMES)
GAPS = GOOD.mask(np.arange(160).reshape(40, 4) % 23 == 0)
UNUSABLE = {
    "one item": GOOD[["q1"]],
    "no item": GOOD[[]],
    "constant item": GOOD.assign(q2=3.0),
    "all items constant": GOOD * 0 + 3,
    "two respondents": GOOD.head(2),
    "one respondent": GOOD.head(1),
    "nobody": GOOD.head(0),
    "all missing": GOOD * np.nan,
    "one item missing": GOOD.assign(q2=np.nan),
    "strings": GOOD.astype(int).astype(str),
    "objects": GOOD.astype(object),
    "words in one item": GOOD.astype(object).assign(q1=["often"] + [1] * 39),
    "two columns of one name": GOOD.set_axis(["q1", "q2", "q2", "q4"], axis=1),
    "infinite": GOOD.assign(q1=[np.inf] + [1.0] * 39),
    "categories": GOOD.astype(int).astype("category"),
    "dates": GOOD.assign(q1=pd.Timestamp("2024-01-01")),
    "the same item twice": GOOD.assign(q2=GOOD["q1"]),
    "item not reversed": GOOD.assign(q1=6 - GOOD["q1"]),
    "true and false": GOOD > 3,
    "numbers as names": GOOD.set_axis([1, 2, 3, 4], axis=1),
    "twelve rows of noise": pd.DataFrame(RNG.normal(size=(12, 4)), columns=NAMES),
}
REFUSED = ("strings", "objects", "words in one item", "two columns of one name", "categories", "dates")


def team(x: pd.DataFrame) -> pd.Series:
    return pd.Series(np.arange(len(x)) % 5, index=x.index, name="team")


def wave(x: pd.DataFrame) -> pd.Series:
    return pd.Series(np.arange(len(x)) * 2 // max(len(x), 1) + 1, index=x.index, name="wave")


def person(x: pd.DataFrame) -> pd.Series:
    return pd.Series(np.arange(len(x)) % max(len(x) // 2, 1), index=x.index, name="person")


def page(x: pd.DataFrame) -> Result:
    rows = x.assign(team=team(x), wave=wave(x), person=person(x))
    return m.page(rows, {"joy": list(x.columns)}, person="person")


CALLS: dict[str, Callable[[pd.DataFrame], Result]] = {
    "alpha": lambda x: m.alpha(x, scale="joy"),
    "alpha, bootstrap": lambda x: m.alpha(x, scale="joy", interval="bootstrap", draws=20),
    "alpha, pairwise": lambda x: m.alpha(x, scale="joy", missing="pairwise"),
    "alpha, ordinal": lambda x: m.alpha(x.head(15), scale="joy", ordinal=True),
    "omega": lambda x: m.omega(x, scale="joy"),
    "omega, three factors": lambda x: m.omega(x, factors=3, scale="joy", draws=5),
    "icc": lambda x: m.icc(x, team(x)),
    "icc, reml": lambda x: m.icc(x, team(x), method="reml"),
    "rwg": lambda x: m.rwg(x, team(x), scale="joy", permutations=5),
    "factor": lambda x: m.factor(x, scale="joy"),
    "factor, gaps": lambda x: m.factor(x, scale="joy", missing="fiml"),
    "factor, ordered": lambda x: m.factor(x, scale="joy", estimator="WLSMV"),
    "invariance": lambda x: m.invariance(x, wave(x), scale="joy"),
    "invariance, linked": lambda x: m.invariance(x, wave(x), person=person(x), scale="joy"),
    "invariance, ordered": lambda x: m.invariance(x, wave(x), scale="joy", estimator="WLSMV"),
    "explore": lambda x: m.explore(x, scale="joy"),
    "multilevel reliability": lambda x: m.multilevel_reliability(x, team(x), scale="joy"),
    "item gaps": lambda x: m.item_gaps(x, scale="joy", m=2),
    "icc_forms": lambda x: m.icc_forms(x),
    "page": page,
}
WITHOUT_SCALE = ("icc", "icc, reml", "icc_forms", "page")  # name the columns, or the call


@pytest.mark.parametrize("call", list(CALLS))
def test_every_bad_table_gives_a_result_with_notes_or_words(call):
    for name, table in UNUSABLE.items():
        words, got = "", None
        try:
            got = CALLS[call](table)
        except JoyevalError as error:
            words = str(error)
        if got is None:
            assert call in WITHOUT_SCALE or "joy" in words, (name, words)
            continue
        assert name not in REFUSED, name
        assert got.sentence()
        assert type(got).from_json(got.to_json()).sentence() == got.sentence()
        unknown = "estimate" in got.tidy() and got.tidy()["estimate"].isna().all()
        assert got.notes or not unknown, (name, "silently missing")


@pytest.mark.parametrize("call", list(CALLS))
def test_nullable_numbers_are_numbers(call):
    plain = said(call, GAPS)
    for kind in ("Int64", "double[pyarrow]"):
        assert said(call, GAPS.astype(kind)) == plain


def said(call: str, table: pd.DataFrame) -> str:
    """Everything that a call answers, or its words."""
    try:
        return CALLS[call](table).to_json()
    except JoyevalError as error:
        return str(error)


def test_columns_of_one_name_are_named():
    with pytest.raises(UsageError, match="alpha of joy: found several columns named q2"):
        m.alpha(UNUSABLE["two columns of one name"], scale="joy")
    with pytest.raises(UsageError, match=r"factor model of joy: found items named 1, 2, 3, 4; .* rename the columns"):
        m.factor(UNUSABLE["numbers as names"], scale="joy")


TEAMS = {
    "one team": pd.Series(["a"] * 40, name="team"),
    "teams of one": pd.Series(range(40), name="team"),
    "nobody has a team": pd.Series([None] * 40, name="team", dtype=object),
}


@pytest.mark.parametrize("teams", list(TEAMS))
@pytest.mark.parametrize(
    "call",
    [
        lambda group: m.icc(GOOD.mean(axis=1).rename("joy"), group),
        lambda group: m.icc(GOOD.mean(axis=1).rename("joy"), group, method="reml"),
        lambda group: m.multilevel_reliability(GOOD, group, scale="joy"),
        lambda group: m.team_means(GOOD.mean(axis=1), group, scale="joy"),
        lambda group: m.aggregation(GOOD.assign(team=group), {"joy": NAMES}),
    ],
    ids=["icc", "icc, reml", "multilevel reliability", "team means", "aggregation"],
)
def test_teams_that_tell_nothing_are_refused_with_scale_and_n(call, teams):
    with pytest.raises(ModelError, match=r"joy.*\d+"):
        call(TEAMS[teams])


def test_one_team_has_agreement_but_no_reliability():
    """rwg judges a team by itself; a page then says what can and what cannot be told."""
    assert len(m.rwg(GOOD, TEAMS["one team"]).groups) == 1
    got = m.page(GOOD.assign(team="a"), {"joy": NAMES}, by=None)
    assert got.scales["teams"].tolist() == [""]
    assert any("needs at least two teams" in note for note in got.notes)
    assert np.isfinite(got.scales["alpha"].iloc[0])


def test_a_model_that_does_not_converge_names_scale_n_and_way_out():
    """Twelve rows of noise, fifteen times: where there is no maximum, the message says so."""
    rng = np.random.default_rng(12)
    said = []
    for _ in range(15):
        noise = pd.DataFrame(rng.normal(size=(12, 6)), columns=[f"q{i}" for i in range(6)])
        try:
            m.factor(noise, {"a": ["q0", "q1", "q2"], "b": ["q3", "q4", "q5"]}, scale="joy")
        except ModelError as error:
            said.append(str(error))
    assert said
    assert all("factor model of joy" in words and "12 rows" in words for words in said)
    assert any("did not converge" in words and "collect more rows" in words for words in said)
