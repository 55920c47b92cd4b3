"""The order of waves is never read from their names, in no noun; a wrong order turns the sign of every change."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval import coordination, measurement
from joyeval.errors import UsageError
from joyeval.measurement.equity import equity
from joyeval.measurement.scores import score_change
from joyeval.outcomes.sites import beside
from joyeval.wave_order import in_order, wave_order
from tests.coordination.surveys import survey

NAMES = [
    ("pre", "post", "sustain"),
    ("before", "after"),
    ("Baseline", "12 months"),
    ("wave 9", "wave 10"),
    ("6 months", "1 year"),
]
DAYS = ("2023-01-16", "2023-09-04", "2024-05-13")
RISE = 0.6


def dated(table, names):
    return table.assign(date=table["wave"].map(dict(zip(names, pd.to_datetime(list(DAYS)), strict=False))))


def categorical(table, names):
    return table.assign(wave=pd.Categorical(table["wave"], names, ordered=True))


EACH = [*((dated, names) for names in NAMES), (categorical, NAMES[0])]  # the order is found before names are looked at


def rated(names, **more):
    """Ties that rise by 0.6 after the first wave; the rows of later waves stand first."""
    return survey(waves=names, gain=RISE, raters=12, **more).iloc[::-1].reset_index(drop=True)


def scored(names, seed=1):
    """Four items and their mean, people linked over waves, half a point higher in each later wave."""
    rng = np.random.default_rng(seed)
    rows = []
    lasting = rng.normal(0, 0.6, 120)
    for place, wave in enumerate(names):
        items = 3 + RISE * (place > 0) + lasting[:, None] + rng.normal(0, 0.5, (120, 4))
        items = np.clip(np.round(items), 1, 5)
        table = pd.DataFrame(items, columns=["q1", "q2", "q3", "q4"])
        rows.append(table.assign(wave=wave, person=np.arange(120).astype(str), team=np.arange(120) % 12))
    table = pd.concat(rows[::-1], ignore_index=True)
    return table.assign(joy=table[["q1", "q2", "q3", "q4"]].mean(axis=1), role=np.where(table["team"] % 2, "a", "b"))


def test_the_study_comes_before_days_days_before_categories_and_categories_before_numbers():
    table = pd.DataFrame({"wave": ["3", "1", "2"], "date": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01"])})
    assert wave_order(table, ["2", "3", "1"]) == ("2", "3", "1")
    assert wave_order(table) == ("3", "1", "2")
    ordered = categorical(table, ["1", "3", "2"])
    assert wave_order(ordered) == ("3", "1", "2")
    assert wave_order(ordered.drop(columns="date")) == ("1", "3", "2")
    assert wave_order(table.drop(columns="date")) == ("1", "2", "3")


@pytest.mark.parametrize(
    ("labels", "order"),
    [
        (["10", "9"], ("9", "10")),
        ([2024, 2023], (2023, 2024)),
        (["2-end", "1-start"], ("1-start", "2-end")),
        (["only"], ("only",)),
    ],
)
def test_numbers_and_a_single_wave_need_nothing_else(labels, order):
    assert wave_order(pd.DataFrame({"wave": labels})) == order


def test_days_that_do_not_tell_waves_apart_do_not_order_them():
    table = pd.DataFrame({"wave": ["pre", "post"], "date": [pd.Timestamp("2024-01-01")] * 2})
    with pytest.raises(UsageError, match="order of the waves post, pre is not known"):
        wave_order(table)
    with pytest.raises(UsageError, match="not known"):
        wave_order(table.assign(date=[pd.Timestamp("2024-01-01"), pd.NaT]))
    with pytest.raises(UsageError, match="no answers of wave mid; there are post, pre"):
        wave_order(table, ["pre", "mid"])
    assert in_order(table, ["post"]).tolist() == [np.nan, "post"]


@pytest.mark.parametrize(("known", "names"), EACH)
def test_coordination_rises_whatever_its_waves_are_called(known, names):
    ties = known(rated(names), names)
    found = coordination.change(ties, dimensions=False)
    assert found.waves == names
    assert found.terms["estimate"].iloc[0] > 0.4
    assert list(found.levels["wave"].unique()) == list(names)
    assert list(coordination.answer_quality(ties).terms["wave"]) == list(names)
    assert list(coordination.site_means(ties).terms["period"]) == list(names)
    assert coordination.wave_order(ties) == names


@pytest.mark.parametrize("names", [pytest.param(NAMES[0], marks=pytest.mark.slow), NAMES[1]])
def test_the_order_given_is_that_of_every_call_on_ties(names):
    ties = rated(names, skip=0)
    whole = ties.assign(**{name: ties["rc"].round().clip(1, 5) for name in coordination.RC.dimensions})
    assert coordination.change(ties, waves=names, dimensions=False).terms["estimate"].iloc[0] > 0.4
    assert list(coordination.answer_quality(ties, waves=names).terms["wave"]) == list(names)
    moved = coordination.ordinal_change(whole, waves=names[:2]).changes
    assert (moved["estimate"] > 0).any()
    start = coordination.from_start(categorical(ties, names), first_after={"ward": names[1]})
    assert coordination.change(start, dimensions=False).terms["estimate"].iloc[0] > 0.4


@pytest.mark.parametrize(
    "call",
    [
        lambda ties: coordination.change(ties),
        lambda ties: coordination.answer_quality(ties),
        lambda ties: coordination.wave_invariance(ties),
        lambda ties: coordination.ordinal_change(ties),
        lambda ties: coordination.site_means(ties),
        lambda ties: coordination.from_start(ties, first_after={"ward": "post"}),
    ],
    ids=["change", "answers", "invariance", "ordinal", "sites", "starts"],
)
def test_ties_of_waves_without_an_order_are_refused(call):
    with pytest.raises(UsageError, match="order of the waves"):
        call(rated(("pre", "post")))


@pytest.mark.parametrize(("known", "names"), EACH)
def test_scores_rise_whatever_their_waves_are_called(known, names):
    answers = known(scored(names), names)
    found = score_change(answers, {"joy": ("Joy", "higher")})
    assert list(found.means["wave"]) == list(names)
    assert (found.changes["estimate"].dropna() > 0.4).all()
    groups = equity(answers, by=["role"], scales={"joy": "Joy"})
    assert groups.waves == (names[0], names[-1])
    assert (groups.groups["estimate"] > 0.4).all()


@pytest.mark.parametrize(("known", "names"), [(dated, NAMES[1]), (dated, NAMES[2]), (categorical, NAMES[0])])
def test_questionnaires_are_followed_from_the_first_wave_to_the_last(known, names):
    answers, items = known(scored(names), names), {"joy": ["q1", "q2", "q3", "q4"]}
    assert measurement.page(answers, items, person="person").waves == (names[0], names[-1])
    missing = measurement.nonresponse(answers, items)
    assert missing.waves == (names[0], names[-1])
    assert missing.scales["change"].iloc[0] > 0.4
    for person in ("person", None):
        columns = ["q1", "q2", "q3", "q4", "wave", "person", *(["date"] if "date" in answers else [])]
        same = measurement.invariance(answers[columns], "wave", "joy =~ q1 + q2 + q3 + q4", person=person)
        assert list(same.groups) == list(names)
        assert (same.means["estimate"] > 0.4).all()


@pytest.mark.parametrize(
    "call",
    [
        lambda t: score_change(t, {"joy": ("Joy", "higher")}),
        lambda t: equity(t, by=["role"], scales={"joy": "Joy"}),
        lambda t: measurement.page(t, {"joy": ["q1", "q2", "q3", "q4"]}),
        lambda t: measurement.nonresponse(t, {"joy": ["q1", "q2", "q3", "q4"]}),
        lambda t: measurement.invariance(t[["q1", "q2", "q3", "q4"]], t["wave"]),
    ],
    ids=["change", "equity", "page", "nonresponse", "invariance"],
)
def test_answers_of_waves_without_an_order_are_refused(call):
    with pytest.raises(UsageError, match="order of the waves"):
        call(scored(("pre", "post")))


def test_sites_are_followed_in_the_order_of_their_days():
    """Coordination and a score of eight sites rise together; the waves' names sort the other way round."""
    rng = np.random.default_rng(3)
    sites = [f"s{i}" for i in range(8)]
    rise = rng.normal(0.3, 0.4, 8)
    tables = [
        survey(seed=i, waves=("pre", "post"), process=site, gain=rise[i], raters=15) for i, site in enumerate(sites)
    ]
    means = coordination.site_means(categorical(pd.concat(tables, ignore_index=True), ["pre", "post"]))
    days = pd.DataFrame(
        [(s, w, pd.Timestamp(d)) for s in sites for w, d in zip(("pre", "post"), DAYS, strict=False)],
        columns=["process", "wave", "date"],
    )
    scores = days.assign(team=days["process"], period=days["date"], denominator=20.0).assign(
        value=lambda t: 50 + 20 * t["process"].map(dict(zip(sites, rise, strict=True))) * (t["wave"] == "post")
    )
    table = scores[["team", "period", "value", "denominator"]]
    found = beside(means, days, {s: [s] for s in sites}, {"joy": (table, (0, 0))})
    within = found.associations["joy"].tidy().set_index("term")["estimate"]
    assert within.filter(like="within").iloc[0] > 0


def test_days_that_two_readers_would_read_differently_are_refused_not_guessed():
    """5 June and 4 July, read month first, would be 6 May and 7 April: the waves would turn round."""
    rows = pd.DataFrame({"wave": ["pre", "post"], "date": ["05/06/2024", "04/07/2024"]})
    with pytest.raises(UsageError, match="column `date` holds days that are not written year first"):
        wave_order(rows)
    assert wave_order(rows.assign(date=["2024-06-05", "2024-07-04"])) == ("pre", "post")
    assert wave_order(rows.assign(date=pd.to_datetime(rows["date"], dayfirst=True))) == ("pre", "post")
