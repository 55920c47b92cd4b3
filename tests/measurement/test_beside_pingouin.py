"""Reliability, agreement and adjusted p values are those of pingouin, which many readers use."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pingouin
import pytest

from joyeval.measurement import alpha, icc_forms
from joyeval.models.multiplicity import adjust

PLACES = 0.006  # pingouin rounds intervals to two places; of alpha to three


def answers(seed, people=30, items=4):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(rng.normal(size=(people, items)) + rng.normal(size=(people, 1)), columns=list("abcd"[:items]))


@pytest.mark.parametrize("seed", range(4))
def test_alpha_and_its_interval(seed):
    table = answers(seed, people=12 + 20 * seed)
    estimate, interval = pingouin.cronbach_alpha(table)
    ours = alpha(table)
    assert ours.estimate == pytest.approx(estimate, rel=1e-10)
    assert (ours.ci_low, ours.ci_high) == pytest.approx(tuple(interval), abs=6e-4)


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # pingouin's own
@pytest.mark.parametrize("seed", range(4))
def test_six_intraclass_correlations(seed):
    table = answers(seed, people=8 + 10 * seed)
    long = table.rename_axis("target").reset_index().melt(id_vars="target", var_name="rater")
    theirs = pingouin.intraclass_corr(long, targets="target", raters="rater", ratings="value")
    ours = icc_forms(table).tidy()
    assert ours["estimate"].to_numpy() == pytest.approx(theirs["ICC"].to_numpy(), rel=1e-9)
    assert ours["p"].to_numpy() == pytest.approx(theirs["pval"].to_numpy(), rel=1e-6)
    assert ours[["ci_low", "ci_high"]].to_numpy() == pytest.approx(np.vstack(theirs["CI95"]), abs=PLACES)


@pytest.mark.parametrize(("method", "theirs"), [("holm", "holm"), ("bh", "fdr_bh")])
def test_adjusted_p_values(method, theirs):
    p = np.random.default_rng(5).beta(0.3, 2, 20)
    p[3] = p[7]
    assert adjust(p, method) == pytest.approx(pingouin.multicomp(p, method=theirs)[1], rel=1e-12)
