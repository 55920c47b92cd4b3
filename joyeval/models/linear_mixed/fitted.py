"""The result that mixed models of all families share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import expit

from joyeval.errors import UsageError
from joyeval.models.design import recode
from joyeval.models.estimates import difference, estimate_table, interval_told, main_row
from joyeval.models.linear_mixed.inference import Inference
from joyeval.result import Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EFFECT = {"identity": "{:+.2f} in {}", "logit": "odds of {1} times {0:.2f}", "log": "the rate of {1} times {0:.2f}"}
FAR_OUT = 16.0  # on the log scale: in words, a ratio of ten million is as good as any larger one
INVERSE_LINKS = {"identity": np.array, "logit": expit, "log": np.exp}


@dataclass(frozen=True, kw_only=True, eq=False)
class Mixed(Result):
    """A fitted mixed model; `n` counts rows.

    Parameters
    ----------
    formula, outcome : str
    family, link : str
    method : str
        "REML", "ML", "Laplace" or "quadrature".
    terms : DataFrame
        Fixed coefficients on the scale of the link: ``term, estimate, se, df, ci_low, ci_high, p, n``.
    vcov : ndarray, shape (p, p)
        Their covariance, as used for `terms`.
    df_method : str
        "Kenward-Roger", "Satterthwaite" or another rule behind `df`.
    variances : DataFrame
        ``group, term, with, estimate, se, ci_low, ci_high, variance, levels``: standard deviations, correlations
        (rows with `with`; `variance` is then the covariance) and the residual standard deviation (`levels` 0).
    ranef : DataFrame
        ``group, level, term, estimate, se, n``: predicted effect of each level (BLUP or conditional mode), its
        standard error given the estimated parameters, and the rows of the level. Levels that are persons are
        personal data.
    groups : dict
        Number of levels of each grouping factor.
    loglik, aic, bic : float
        Restricted likelihood under REML: compare only models with the same fixed part.
    sigma : float
        Residual standard deviation (of a row of weight 1); 1 where the family has none.
    theta : tuple of float
        Relative Cholesky factors, column by column, in the order of `groups`.
    icc : float, optional
        Share of the variance not explained by the fixed part that lies between groups (all factors together).
    r2_marginal, r2_conditional : float, optional
        Variance explained by the fixed part, and by fixed and random parts (Nakagawa & Schielzeth, Johnson).
    dispersion : float, optional
        Of the negative binomial or beta-binomial family.
    ar1 : float, optional
        Correlation of residuals one period apart within a group.
    singular, converged : bool
        Whether some variance lies on its boundary; whether the optimiser reached a flat point.
    df_slopes, df_spread, model_vcov : ndarray, optional
        What the degrees of freedom of further contrasts need (see `joyeval.models.linear_mixed.inference`).
    coding : dict
        How text and transformed columns were coded, for `predict`.
    level : float
        Of the confidence intervals.
    """

    formula: str
    outcome: str
    family: str
    link: str
    method: str
    terms: pd.DataFrame
    vcov: np.ndarray
    df_method: str
    variances: pd.DataFrame
    ranef: pd.DataFrame
    groups: dict[str, int]
    loglik: float
    aic: float
    bic: float
    sigma: float = 1.0
    theta: tuple[float, ...] = ()
    icc: float | None = None
    r2_marginal: float | None = None
    r2_conditional: float | None = None
    dispersion: float | None = None
    ar1: float | None = None
    singular: bool = False
    converged: bool = True
    df_slopes: np.ndarray | None = None
    df_spread: np.ndarray | None = None
    model_vcov: np.ndarray | None = None
    coding: dict
    level: float = 0.95

    def tidy(self) -> pd.DataFrame:
        """Return one row per fixed coefficient."""
        return self.terms

    def sentence(self, term: str | None = None) -> str:
        """Return the effect of `term` (default: the first predictor) in one sentence."""
        row = self.terms.set_index("term").loc[term or main_row(self.terms)["term"]]
        values = row[["estimate", "ci_low", "ci_high"]].to_numpy(dtype=float)
        effect, low, high = values if self.link == "identity" else np.exp(np.clip(values, -FAR_OUT, FAR_OUT))
        sign = "+" if self.link == "identity" else ""
        within = ", ".join(f"{count} levels of {name}" for name, count in self.groups.items())
        return (
            f"{difference(row.name)} went with {EFFECT[self.link].format(effect, self.outcome)} "
            f"({interval_told(low, high, f'{sign}.2f', self.level)}, {self.df_method}; {self.n} rows, {within})."
        )

    def contrast(self, weights: Mapping[str, float], label: str = "contrast") -> pd.DataFrame:
        """Return a weighted sum of coefficients with its own degrees of freedom.

        Parameters
        ----------
        weights : mapping
            Term to weight; terms left out have weight 0.

        Returns
        -------
        DataFrame
            One row: ``term, estimate, se, df, ci_low, ci_high, p, n``.
        """
        row = self._weights(weights)
        se = np.sqrt(row @ self.vcov @ row)
        df = self._inference().df(row) if self.df_slopes is not None else self._least_df(row)
        estimate = row @ self.terms["estimate"].to_numpy()
        return estimate_table([label], [estimate], [se], df=df, n=self.n, level=self.level)

    def test(self, terms: Sequence[str]) -> pd.DataFrame:
        """Test that all of `terms` are 0 together.

        Returns
        -------
        DataFrame
            One row: ``term, statistic`` (F), ``df1, df2, p, n``.
        """
        from scipy.special import fdtrc

        rows = np.array([self._weights({term: 1.0}) for term in terms])
        f, df1, df2 = self._inference().joint(self.terms["estimate"].to_numpy(), rows)
        df2 = df2 if self.df_slopes is not None else self._least_df(rows)
        tested = {"term": ", ".join(terms), "statistic": f, "df1": df1, "df2": df2}
        return pd.DataFrame([{**tested, "p": float(fdtrc(df1, df2, f)), "n": self.n}])

    def predict(self, data: pd.DataFrame, *, random: bool = True) -> pd.Series:
        """Predict the outcome, per unit of exposure where there is one.

        Parameters
        ----------
        data : DataFrame
            The columns of the formula, and of the grouping factors if `random`.
        random : bool
            Add the predicted effects of each row's groups; a level that was not in the data adds nothing.
            False: a group whose random effects are 0.

        Returns
        -------
        Series
            On the scale of the outcome, with the index of `data`.
        """
        X = pd.DataFrame(recode(self.formula, self.coding, data), columns=self.terms["term"], index=data.index)
        eta = X.to_numpy() @ self.terms["estimate"].to_numpy()
        if random:
            eta = eta + sum(self._effect(name, X, data) for name in self.groups)
        return pd.Series(INVERSE_LINKS[self.link](eta), index=data.index, name=self.outcome)

    def _effect(self, group: str, X: pd.DataFrame, data: pd.DataFrame) -> np.ndarray:
        """Sum over the terms of one factor of column x effect of the row's level."""
        table = self.ranef[self.ranef["group"] == group].pivot(index="level", columns="term", values="estimate")
        absent = [term for term in table if term != "Intercept" and term not in X]
        if absent:
            raise UsageError(f"slope {', '.join(absent)} is not in the fixed part; predict with random=False")
        label = data[group.split(":")].astype(str).agg(":".join, axis=1)
        columns = X.reindex(columns=table.columns).assign(**({"Intercept": 1.0} if "Intercept" in table else {}))
        effects = table.reindex(label).fillna(0.0).to_numpy()
        return (columns.to_numpy() * effects).sum(axis=1)

    def _weights(self, weights: Mapping[str, float]) -> np.ndarray:
        names = list(self.terms["term"])
        if unknown := [term for term in weights if term not in names]:
            raise UsageError(f"found no term {', '.join(unknown)}; the model has {', '.join(names)}")
        return np.array([float(weights.get(name, 0.0)) for name in names])

    def _least_df(self, rows: np.ndarray) -> float:
        """Fewest degrees of freedom of the terms that `rows` use."""
        return float(self.terms["df"][np.atleast_2d(rows).any(axis=0)].min())

    def _inference(self) -> Inference:
        empty = np.zeros((0, *self.vcov.shape))
        slopes, spread = (empty, empty[:, :0, 0]) if self.df_slopes is None else (self.df_slopes, self.df_spread)
        model = self.vcov if self.model_vcov is None else self.model_vcov
        return Inference(self.df_method, vcov=self.vcov, model_vcov=model, slopes=slopes, spread=spread)
