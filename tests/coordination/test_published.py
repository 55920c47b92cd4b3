"""Values that were published, as facts: reliability of items from their moments, and intraclass correlations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval import measurement
from joyeval.coordination import BETWEEN, RC

GERMAN_SD = (1.3144, 0.9384, 1.1613, 0.8977, 0.9858, 0.7866, 1.0033)  # doi:10.5281/zenodo.19392497, n 705
GERMAN_INDEX_SD, GERMAN_ALPHA = 0.7315, 0.839151


def with_covariance(covariance, n=705, seed=1):
    """Rows whose sample covariance is exactly the one given."""
    x = np.random.default_rng(seed).normal(size=(n, len(covariance)))
    x = (x - x.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    return pd.DataFrame(x @ np.linalg.cholesky(covariance).T)


def test_alpha_of_the_published_standard_deviations():
    """Alpha rests on the spread of items and of their mean alone; these have four digits, so alpha has three."""
    sd = np.array(GERMAN_SD)
    shared = (49 * GERMAN_INDEX_SD**2 - (sd**2).sum()) / (np.outer(sd, sd).sum() - (sd**2).sum())
    items = with_covariance(np.outer(sd, sd) * (shared + (1 - shared) * np.eye(7)))
    assert items.mean(axis=1).std() == pytest.approx(GERMAN_INDEX_SD)
    assert measurement.alpha(items.set_axis(list(RC.dimensions), axis=1)).estimate == pytest.approx(
        GERMAN_ALPHA, abs=2e-4
    )


@pytest.mark.parametrize(
    ("within", "between", "icc1", "icc2"),
    [(1.4412, 10.9893, 0.2013, 0.8689), (0.9902, 11.9737, 0.2968, 0.9173), (0.6401, 2.3405, 0.0918, 0.7265)],
)
def test_intraclass_correlations_of_published_mean_squares(within, between, icc1, icc2):
    """BMC Health Serv Res 2011;11:251, table 3: ICC(2) to the digit; ICC(1) there for groups of 26.28, here of 26."""
    groups, size = 12, 26
    spread = np.linspace(-1, 1, groups)
    means = spread / spread.std(ddof=1) * np.sqrt(between / size)
    inside = np.linspace(-1, 1, size)
    inside = inside / np.sqrt((inside**2).sum()) * np.sqrt(within * (size - 1))
    values = (means[:, None] + inside).ravel()
    got = measurement.icc(pd.Series(values), pd.Series(np.repeat(np.arange(groups), size))).tidy()
    found = got.set_index("term")["estimate"] if "term" in got else got
    assert found["ICC(2)"] == pytest.approx(icc2, abs=6e-5)
    assert found["ICC(1)"] == pytest.approx(icc1, abs=0.003)


def test_both_edges_of_the_bands_are_moderate():
    assert (BETWEEN.weak_below, BETWEEN.strong_above) == (3.5, 4.0)
    assert "zenodo.19392497" in BETWEEN.source
