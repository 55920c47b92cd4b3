"""Coordination of sites beside their outcomes: joined by the outcome designs, corrected for unreliable means."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval import outcomes
from joyeval.coordination import matrix, site_means
from joyeval.errors import ModelError, UsageError


def sites(count, *, spread=0.3, raters=4, seed=1):
    """Sites whose ties lie higher or lower, and an outcome that rises by 2 per point of what is true of the site."""
    rng = np.random.default_rng(seed)
    true = rng.normal(0, spread, count)
    keys = pd.MultiIndex.from_product([range(count), list("12"), list("AB"), range(raters), list("AB")])
    table = keys.to_frame(index=False, name=["site", "wave", "workgroup", "person", "target"])
    person = table.groupby(["site", "workgroup", "person"]).ngroup()
    liking = rng.normal(0, 0.5, person.max() + 1)[person]
    score = 3.6 + true[table["site"]] + liking + rng.normal(0, 0.4, len(table))
    ties = table.assign(rc=score, person=person.astype(str), process="s" + table["site"].astype(str).str.zfill(2))
    rows = [(f"s{i:02d}", wave, "joy", 2 * true[i] + rng.normal(0, 0.05)) for i in range(count) for wave in (1, 2)]
    return ties.assign(no_contact=False), pd.DataFrame(rows, columns=["team", "period", "measure", "value"])


def test_means_of_sites_are_those_of_their_matrices():
    ties, _ = sites(3)
    got = site_means(ties).terms.set_index(["team", "period"])
    own = matrix(ties, wave="2", process="s01")
    assert got.loc[("s01", "2"), "mean"] == pytest.approx(own.between())
    between = ties[(ties["workgroup"] != ties["target"]) & (ties["process"] == "s01") & (ties["wave"] == "2")]
    assert got.loc[("s01", "2"), "answers"] == between["person"].nunique()


def test_sites_can_be_joined_to_outcomes_and_corrected_for_reliability():
    """Few raters, unreliable means: the slope between sites comes out flatter than 2, and the correction undoes it."""
    ties, outcome = sites(150, spread=0.4, seed=3)
    found = site_means(ties, periods={"1": 1, "2": 2})
    assert 0.6 < found.reliability < 0.9
    linked = outcomes.link(found.terms, outcome, lag="same")
    answer = outcomes.within_between(linked, y="joy", x="rc", time="none")
    terms = outcomes.correct_between(answer, found.reliability).terms.set_index("term")
    corrected = terms.loc["between, corrected"]
    assert terms.loc["between", "estimate"] < 1.75
    assert corrected.estimate == pytest.approx(2, abs=0.2)


def test_a_site_or_period_that_is_not_named_is_refused():
    ties, _ = sites(2)
    with pytest.raises(UsageError, match="no site of the process s01"):
        site_means(ties, sites={"s00": "ward 1"})
    with pytest.raises(UsageError, match="no period of the wave 2"):
        site_means(ties, periods={"1": 1})
    with pytest.raises(ModelError, match="none of"):
        site_means(ties.assign(rc=np.nan))
    assert "not known" in site_means(ties[(ties["process"] == "s00") & (ties["wave"] == "1")]).sentence()
