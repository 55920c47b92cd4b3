"""Coordination of sites beside the scores of their teams: what joins, what may be said, what is shown."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval import coordination, disclosure
from joyeval.errors import ModelError
from joyeval.outcomes import detectable_r
from joyeval.outcomes.sites import beside, sites_needed
from joyeval.report import sections
from joyeval.result import NoAnswer, read_result
from tests.coordination.test_sites import sites as drawn
from tests.report.samples import emitted

DAYS = {"1": "2024-03-10", "2": "2024-09-10"}
TITLE = "Good day at work (%)"


def programme(count, *, answers=40, raters=4, spread=0.4, seed=3):
    """Sites of two teams each; good days rise by 20 points per point of what is true of the site's coordination."""
    ties, outcome = drawn(count, spread=spread, seed=seed, raters=raters)
    means = coordination.site_means(ties)
    names = sorted(ties["process"].unique())
    days = pd.DataFrame([(name, wave, pd.Timestamp(day)) for name in names for wave, day in DAYS.items()])
    days.columns = ["process", "wave", "date"]
    teams = {name: (f"{name} east", f"{name} west") for name in names}
    rows = [
        (team, pd.Timestamp(DAYS[str(row.period)]) + pd.DateOffset(months=1), 50 + 10 * row.value, answers)
        for row in outcome.itertuples()
        for team in teams[row.team]
    ]
    good = pd.DataFrame(rows, columns=["team", "period", "value", "denominator"])
    return means, days, teams, {TITLE: (good, (-2, 2))}


def test_sites_stand_beside_the_mean_of_their_teams_weighted_by_answers():
    means, days, teams, measures = programme(2)
    good, window = measures[TITLE]
    good.loc[good["team"] == "s00 east", ["value", "denominator"]] = [80.0, 60]
    good.loc[good["team"] == "s00 west", ["value", "denominator"]] = [50.0, 20]
    table = beside(means, days, teams, {TITLE: (good, window)}).table.set_index(["site", "wave"])
    assert table.loc[("s00", "1"), "value"] == pytest.approx((80 * 60 + 50 * 20) / 80)
    assert table.loc[("s00", "1"), ["answers", "fewest"]].tolist() == [80, 20]
    own = means.terms.set_index(["team", "period"])
    assert table.loc[("s01", "2"), "rc"] == own.loc[("s01", "2"), "mean"]


def test_the_association_between_sites_is_corrected_for_unreliable_means():
    """20 points per point is true, few raters flatten it; over 120 sets of 40 sites the corrected mean was 20.3."""
    found = beside(*programme(150))
    terms = found.associations[TITLE].terms.set_index("term")
    assert terms.loc["between", "estimate"] < 17.5
    corrected = terms.loc["between, corrected"]
    assert corrected["estimate"] == pytest.approx(20, abs=2)
    assert "taken as known" in found.notes[-1]
    back = read_result(found.to_json())
    assert back.sentence() == found.sentence()
    pd.testing.assert_frame_equal(back.associations[TITLE].terms, found.associations[TITLE].terms)


def test_two_sites_are_shown_and_nothing_is_claimed():
    found = beside(*programme(2))
    assert found.associations == {}
    with disclosure.reading(disclosure.FACILITATOR):
        text, _ = emitted(lambda: sections.beside(found))
    assert "cannot be said from so few" in str(text)
    assert f"about {sites_needed()} sites are needed" in str(text)
    assert detectable_r(sites_needed()) <= 0.5 < detectable_r(sites_needed() - 1)


def test_what_rests_on_few_raters_or_few_answers_of_one_team_is_hidden():
    """Eight raters a site, and a team of six answers beside one of forty: the rest of the site would tell on them."""
    means, days, teams, measures = programme(2)
    measures[TITLE][0].loc[lambda rows: rows["team"] == "s01 west", "denominator"] = 6
    found = beside(means, days, teams, measures)
    (_, few) = emitted(lambda: sections.beside(found))
    assert "Not shown" in str(few)  # more than half of it is hidden
    with disclosure.reading(disclosure.Rule(threshold=8, reason="agreed")):
        (_, close) = emitted(lambda: sections.beside(found))
    assert {row[1]: row[5] == "–" for row in close.rows} == {"s00": False, "s01": True}


def test_what_does_not_join_is_refused():
    means, days, teams, measures = programme(2)
    with pytest.raises(ModelError, match="around the time of the ratings"):
        beside(means, days.assign(date=days["date"] + pd.DateOffset(years=3)), teams, measures)


def test_means_too_unreliable_for_a_claim_are_said_to_be():
    found = beside(*programme(12, spread=0.01))
    assert isinstance(found.associations[TITLE], NoAnswer)
    assert np.isfinite(found.reliability)
