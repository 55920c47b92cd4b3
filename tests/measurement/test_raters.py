"""The six forms equal R psych and the paper; a retest gives the error of one person's score."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.errors import ModelError
from joyeval.measurement import icc_forms, retest
from tests.conftest import golden, reference

PAPER = pd.DataFrame([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])


def test_six_forms_equal_the_paper():
    """Shrout & Fleiss (1979), table 4, prints two decimals."""
    assert icc_forms(PAPER).tidy()["estimate"].round(2).tolist() == [0.17, 0.29, 0.71, 0.44, 0.62, 0.91]


def test_six_forms_and_limits_equal_psych():
    known = pd.DataFrame(golden("models", "cases", "icc_shrout_fleiss.json")["expected"]["table"])
    ratings = pd.read_csv(reference("reference", "golden", "models", "data", "shrout_fleiss.csv"))
    got = icc_forms(ratings).tidy()[["estimate", "ci_low", "ci_high", "p"]].to_numpy()
    assert got == pytest.approx(known[["ICC", "lower bound", "upper bound", "p"]].to_numpy(), rel=1e-9)


def test_retest_gives_the_error_of_a_difference():
    """sd of the differences / sqrt(2), by hand; the t test of the change from scipy."""
    from scipy.stats import ttest_rel

    rng = np.random.default_rng(1)
    true = rng.normal(3, 1, 200)
    first, second = (pd.Series(true + rng.normal(0, 0.5, 200)) for _ in range(2))
    rows = retest(first, second).tidy().set_index("term")
    sem = (second - first).std() / np.sqrt(2)
    assert rows.loc["sem", "estimate"] == pytest.approx(sem)
    assert rows.loc["mdc", "estimate"] == pytest.approx(2.771808 * sem, rel=1e-6)
    known = ttest_rel(second, first)
    interval = known.confidence_interval()
    got = rows.loc["mean_change", ["p", "ci_low", "ci_high"]].tolist()
    assert got == pytest.approx([known.pvalue, interval.low, interval.high])
    assert rows.loc["sem", "ci_low"] < 0.5 < rows.loc["sem", "ci_high"]


def test_retest_links_persons_by_index():
    first = pd.Series([1.0, 2, 3, 4], index=list("abcd"))
    second = pd.Series([4.0, 3, 2, 9], index=list("dcbz"))
    got = retest(first, second)
    assert (got.n, got.n_dropped) == (3, 2)
    assert got.tidy().set_index("term").loc["ICC(2,1)", "estimate"] == pytest.approx(1)


@pytest.mark.parametrize(
    "ratings", [PAPER.head(2), PAPER[[0]], PAPER * 0], ids=["two targets", "one rater", "all ratings equal"]
)
def test_data_that_cannot_answer_are_refused(ratings):
    with pytest.raises(ModelError, match=r"icc_forms: \d of \d targets have all \d ratings"):
        icc_forms(ratings)


def test_few_targets_are_noted():
    assert icc_forms(PAPER).notes == ("only 6 complete targets: the intervals are wide",)
