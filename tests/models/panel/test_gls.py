"""AR(1) regression and Newey-West errors, held against nlme and sandwich in R."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import toeplitz
from statsmodels.regression.linear_model import OLS

from joyeval.errors import ModelError
from joyeval.models.design import build_design
from joyeval.models.estimates import p_value
from joyeval.models.panel.absorption import least_squares
from joyeval.models.panel.gls import gls_ar1, newey_west, whiten
from tests.conftest import golden, reference

OPTIMISED = 1e-5  # both sides search for phi; R stopped at about 1e-7


def series(data: str, formula: str):
    table = pd.read_csv(reference("reference", "golden", "models", "data", data))
    return table, build_design(formula, table)


SIMULATED = ("sim_its.csv", "score ~ month + level + trend_post + sin12 + cos12")
BELTS = ("seatbelts.csv", "np.log(drivers) ~ t + law + C(month)")


@pytest.mark.parametrize(("reml", "key"), [(True, "gls_ar1_reml"), (False, "gls_ar1_ml")])
def test_simulated_series_equals_nlme(reml, key):
    """nlme scales ML errors by n/(n-p) too."""
    table, d = series(*SIMULATED)
    got, want = gls_ar1(d.y, d.X, table["month"].to_numpy(), reml=reml), golden("models", "cases", "its_simits.json")
    want = want["expected"][key]
    plain = np.sqrt(np.diag(got.vcov_plain) * (1 if reml else 60 / 54))
    assert list(got.beta) == pytest.approx(list(want["beta"].values()), rel=OPTIMISED)
    assert list(plain) == pytest.approx(list(want["se"].values()), rel=OPTIMISED)
    assert [got.phi, got.sigma] == pytest.approx([want["phi"], want["sigma"]], rel=OPTIMISED)
    assert got.log_likelihood == pytest.approx(want["logLik"], abs=1e-6)


def test_seat_belts_equal_nlme():
    table, d = series(*BELTS)
    got = gls_ar1(d.y, d.X, table["t"].to_numpy())
    want = golden("models", "cases", "its_seatbelts.json")["expected"]["gls_reml"]
    order = [d.names.index("Intercept"), d.names.index("t"), d.names.index("law")]
    order += [d.names.index(f"C(month)[T.{m}]") for m in range(2, 13)]
    assert list(got.beta[order]) == pytest.approx(list(want["beta"].values()), rel=OPTIMISED)
    assert list(np.sqrt(np.diag(got.vcov_plain))[order]) == pytest.approx(list(want["se"].values()), rel=OPTIMISED)
    assert got.phi == pytest.approx(want["phi"], rel=OPTIMISED)


@pytest.mark.parametrize("lags", [3, 6])
def test_newey_west_equals_sandwich(lags):
    _, d = series(*SIMULATED)
    got = np.sqrt(np.diag(newey_west(least_squares(d.y, d.X, names=d.names), lags=lags)))
    want = golden("models", "cases", "its_simits.json")["expected"]
    plain = list(want[f"newey_west_lag{lags}_noadj"].values())
    assert list(got / np.sqrt(60 / 54)) == pytest.approx(plain, rel=1e-8)
    if lags == 3:
        assert list(got) == pytest.approx(list(want["newey_west_lag3_adj"].values()), rel=1e-8)


def test_newey_west_equals_statsmodels_with_its_default_reach():
    rng = np.random.default_rng(1)
    X = np.column_stack([np.ones(50), np.arange(50)])
    y = rng.normal(size=50).cumsum()
    want = OLS(y, X).fit(cov_type="HAC", cov_kwds={"maxlags": 2, "use_correction": True}).bse  # 0.75 * 50^(1/3) = 2.8
    got = np.sqrt(np.diag(newey_west(least_squares(y, X, names=("one", "t")))))
    assert list(got) == pytest.approx(list(want), rel=1e-9)


@pytest.mark.parametrize("phi", [-0.6, 0.0, 0.4])
def test_whitening_equals_the_inverse_root_of_the_correlation(phi):
    """Rows with gaps: squares and cross-products must be those of V^-1."""
    time = np.array([0, 1, 2, 5, 6, 9])
    columns = np.random.default_rng(2).normal(size=(6, 3))
    V = np.sign(phi) ** np.abs(time[:, None] - time) * np.abs(phi) ** np.abs(time[:, None] - time).astype(float)
    V = V if phi else np.eye(6)
    white, log_det = whiten(columns, np.diff(time).astype(float), phi)
    np.testing.assert_allclose(white.T @ white, columns.T @ np.linalg.solve(V, columns), atol=1e-10)
    assert log_det == pytest.approx(np.linalg.slogdet(V)[1], abs=1e-10)


def test_gaps_stretch_the_correlation():
    """A series with holes is fitted as the likelihood of the points that are there."""
    rng = np.random.default_rng(8)
    time = np.sort(rng.choice(80, 40, replace=False))
    X, y = np.column_stack([np.ones(40), time]), rng.normal(size=80).cumsum()[time]
    got = gls_ar1(y, X, time)
    V = got.sigma**2 * got.phi ** np.abs(time[:, None] - time[None, :])
    inverse = np.linalg.inv(V)
    beta = np.linalg.solve(X.T @ inverse @ X, X.T @ inverse @ y)
    r = y - X @ beta
    restricted = -0.5 * (38 * np.log(2 * np.pi) + np.linalg.slogdet(V)[1] + r @ inverse @ r
                         + np.linalg.slogdet(X.T @ inverse @ X)[1])  # fmt: skip
    assert list(got.beta) == pytest.approx(list(beta), rel=1e-8)
    assert got.log_likelihood == pytest.approx(restricted, abs=1e-8)


def test_the_adjustment_only_adds():
    table, d = series(*SIMULATED)
    got = gls_ar1(d.y, d.X, table["month"].to_numpy())
    assert (got.se > np.sqrt(np.diag(got.vcov_plain))).all()
    assert (got.df < 54).all()


def test_series_that_cannot_answer_are_refused():
    X = np.column_stack([np.ones(4), np.arange(4)])
    with pytest.raises(ModelError, match="4 points for 2 coefficients"):
        gls_ar1(np.arange(4.0), X, np.arange(4))
    with pytest.raises(ModelError, match="must increase"):
        gls_ar1(np.arange(6.0), np.ones((6, 1)), np.array([0, 1, 1, 2, 3, 4]))


@pytest.mark.slow
@pytest.mark.parametrize(("n", "phi"), [(24, 0.0), (24, 0.5), (48, 0.0), (48, 0.5)])
def test_a_level_change_that_is_not_there_is_rarely_found(n, phi):
    """5 % nominal, 1,000 series; Monte Carlo error .007. Plain errors with n - p df reject in 8 to 12 %."""
    rng = np.random.default_rng(n)
    time = np.arange(n)
    after = (time >= n // 2) * 1.0
    X = np.column_stack([np.ones(n), time, after, after * (time - n // 2)])
    root = np.linalg.cholesky(toeplitz(phi ** time.astype(float)))
    fits = [gls_ar1(root @ rng.normal(size=n), X, time) for _ in range(1000)]
    p = np.array([p_value(f.beta, f.se, f.df)[2:] for f in fits])
    assert ((p < 0.05).mean(axis=0) > 0.025).all()
    assert ((p < 0.05).mean(axis=0) < 0.08).all()
