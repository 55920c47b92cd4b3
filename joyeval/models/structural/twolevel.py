"""Structural models of people in teams: one model within teams, one between, by maximum likelihood.

The likelihood of a team of size s splits into that of deviations from its mean (within covariance) and that of sqrt(s)
times its mean (within covariance plus s times between covariance): blocks of the one likelihood that all models share.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError, no_column
from joyeval.models.one_thread import one_thread
from joyeval.models.structural.data import Moments
from joyeval.models.structural.indices import Test, fit_indices, srmr_of
from joyeval.models.structural.layout import Layout, M, build_layout
from joyeval.models.structural.likelihood import Block, Likelihood, Part
from joyeval.models.structural.model import Sem, summarise
from joyeval.models.structural.scoring import Minimum, checked, minimise
from joyeval.models.structural.spec import Model, Term, parse_model
from joyeval.models.structural.start import starting_values

if TYPE_CHECKING:
    from collections.abc import Sequence

LEVELS = ("within", "between")


@dataclass(frozen=True, eq=False)
class TwoLevelSample:
    """Rows in teams; fields as in `joyeval.models.structural.data.Sample`, moments within and between teams.

    `only_within` and `only_between` name variables that vary at one level.
    """

    observed: tuple[str, ...]
    labels: tuple[str, ...]
    blocks: tuple[Block, ...]
    moments: tuple[Moments, ...]
    only_within: tuple[str, ...]
    only_between: tuple[str, ...]
    n: int
    teams: int
    n_dropped: int
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class TwoLevelFitted:
    """A two-level model at its estimates; fields as in `joyeval.models.structural.fit.Fitted`.

    `free` holds the unrestricted covariance matrices within and between teams.
    """

    layout: Layout
    sample: TwoLevelSample
    likelihood: Likelihood
    theta: np.ndarray
    vcov: np.ndarray
    value: float
    test: Test
    baseline: Test
    free: tuple[np.ndarray, np.ndarray]

    def indices(self) -> dict[str, float]:
        """Every fit index."""
        k = self.layout.n_free
        return {
            **fit_indices(self.test, self.baseline, n=self.sample.n, groups=1),
            "srmr": sum(self._srmr(level) for level in (0, 1)),
            "loglik": -self.value / 2,
            "aic": self.value + 2 * k,
            "bic": self.value + k * float(np.log(self.sample.n)),
            "npar": k,
        }

    def _srmr(self, level: int) -> float:
        """Residual correlations of one level, against the unrestricted model; lavaan adds those of both levels up."""
        free = self.free[level]
        here = np.diag(free) > 0
        sd = np.sqrt(np.diag(free)[here])
        away = (free - self.likelihood.implied(self.theta)[level].covariance)[np.ix_(here, here)] / np.outer(sd, sd)
        return srmr_of([away[np.tril_indices(len(sd))]], [1])


@one_thread
def sem_twolevel(
    within: str, between: str, data: pd.DataFrame, *, cluster: str, name: str = "the model", level: float = 0.95
) -> Sem:
    """Fit a model within teams and a model between them.

    Variables in both models are split into a deviation from the team and a latent team mean (so that the error of small
    teams does not bias what happens between); those in one model vary at that level only.

    Parameters
    ----------
    within, between : str
        Statements in the notation of lavaan; intercepts belong to `between`.
    data : DataFrame
        One row per respondent; rows with a gap are left out and counted.
    cluster : str
        Column of the team.

    Returns
    -------
    Sem
        `group` of the estimates is ``within`` or ``between``.

    Raises
    ------
    ModelError
        Fewer teams than variables between, a variable of the between model that differs within a team, no convergence.

    Notes
    -----
    Predictors that are observed are random here, with their means and covariances estimated.

    References
    ----------
    Muthén (1994) doi:10.1177/0049124194022003006; Lüdtke et al. (2008) doi:10.1037/a0012869 (latent team means).

    Examples
    --------
    >>> sem_twolevel("joy ~ hours", "joy ~ hours", wave, cluster="team").value("joy ~ hours", "between")  # doctest:
    +SKIP
    """
    fitted = fit_twolevel(within, between, data, cluster=cluster, name=name)
    text = f"level: within\n{within}\nlevel: between\n{between}"
    return summarise(fitted, model=text, name=name, estimator="ML", missing="listwise", level=level)


@one_thread
def fit_twolevel(within: str, between: str, data: pd.DataFrame, *, cluster: str, name: str) -> TwoLevelFitted:
    """Fit as `sem_twolevel` does and return the working object."""
    models = (parse_model(within), parse_model(between))
    sample = twolevel_sample(data, models[0].observed, models[1].observed, cluster=cluster, what=name)
    layout = _joined(models, sample)
    likelihood = Likelihood(layout, sample.blocks)
    found = checked(minimise(likelihood, starting_values(layout, sample.moments)), layout, what=name, n=sample.n)
    bread = np.linalg.inv(likelihood.derivatives(found.theta, observed=True)[1])
    full, top = saturated_fit(sample, what=name)
    none = _saturated(sample, covariances=False, keep=_predictors(models))
    bare = minimise(Likelihood(none, sample.blocks), starting_values(none, sample.moments))
    df, df_base = len(top.theta) - layout.n_free, len(top.theta) - none.n_free
    return TwoLevelFitted(
        layout=layout,
        sample=sample,
        likelihood=likelihood,
        theta=found.theta,
        vcov=bread,
        value=found.value,
        test=Test(max(found.value - top.value, 0.0) if df else 0.0, df),
        baseline=Test(bare.value - top.value, df_base),
        free=tuple(here.covariance for here in full.implied(top.theta)),
    )


@one_thread
def saturated_fit(sample: TwoLevelSample, *, what: str) -> tuple[Likelihood, Minimum]:
    """Estimate the unrestricted covariance matrices within and between teams."""
    layout = _saturated(sample)
    likelihood = Likelihood(layout, sample.blocks)
    return likelihood, checked(
        minimise(likelihood, starting_values(layout, sample.moments)), layout, what=what, n=sample.n
    )


@one_thread
def twolevel_sample(
    data: pd.DataFrame, within: Sequence[str], between: Sequence[str], *, cluster: str, what: str
) -> TwoLevelSample:
    """Turn rows in teams into one block of deviations and one block of means for each size of team."""
    observed = tuple(dict.fromkeys((*within, *between)))
    absent = [column for column in (*observed, cluster) if column not in data]
    if absent:
        raise no_column(absent, data, what)
    kept = data.dropna(subset=[*observed, cluster])
    codes, teams = pd.factorize(kept[cluster])
    table = kept[list(observed)].to_numpy(dtype=float)
    sizes = np.bincount(codes)
    means = np.stack([np.bincount(codes, column) for column in table.T], axis=1) / sizes[:, None]
    lower = [i for i, variable in enumerate(observed) if variable in within]
    _check(table, means, codes, observed, within, between, what)
    away = (table - means[codes])[:, lower]
    inner = away.T @ away / (len(table) - len(teams))
    first = Block((Part(0, np.array(lower)),), len(table) - len(teams), inner)
    blocks = [first, *(_of_size(means[sizes == size], int(size), observed, within) for size in np.unique(sizes))]
    spread = np.zeros((len(observed),) * 2)
    spread[np.ix_(lower, lower)] = inner
    outer = np.cov(means.T, bias=True).reshape(spread.shape) - spread / sizes.mean()
    outer[np.diag_indices_from(outer)] = np.maximum(
        np.diag(outer), 0.05 * np.diag(np.cov(means.T).reshape(spread.shape))
    )
    grand = table.mean(axis=0)
    dropped = len(data) - len(kept)
    return TwoLevelSample(
        observed=observed,
        labels=LEVELS,
        blocks=tuple(blocks),
        moments=(Moments(grand, spread, len(table)), Moments(grand, outer, len(teams))),
        only_within=tuple(name for name in observed if name not in between),
        only_between=tuple(name for name in observed if name not in within),
        n=len(table),
        teams=len(teams),
        n_dropped=dropped,
        notes=_notes(dropped, len(data), len(teams), sizes),
    )


def _check(
    table: np.ndarray,
    means: np.ndarray,
    codes: np.ndarray,
    observed: Sequence[str],
    within: Sequence[str],
    between: Sequence[str],
    what: str,
) -> None:
    n, teams = len(table), len(means)
    if teams <= len(between) or n - teams <= len(within):
        raise ModelError(
            f"{what}: {n} complete rows in {teams} teams for {len(within)} variables within and {len(between)} "
            f"between; needs "
            "more teams than variables between, and more people than teams"
        )
    moving = [
        name
        for i, name in enumerate(observed)
        if name not in within and np.abs(table[:, i] - means[codes, i]).max() > 1e-9 * (np.abs(table[:, i]).max() + 1)
    ]
    if moving:
        raise ModelError(
            f"{what}: {', '.join(moving)} differs within a team ({n} rows); put it into the within model too"
        )


def _of_size(means: np.ndarray, size: int, observed: Sequence[str], within: Sequence[str]) -> Block:
    """Teams of one size: sqrt(size) times their means, or the value itself of what varies between teams only."""
    scale = np.array([np.sqrt(size) if name in within else 1.0 for name in observed])
    rows = np.arange(len(observed))
    scaled = means * scale
    covariance = np.cov(scaled.T, bias=True).reshape(len(rows), len(rows))
    parts = (Part(0, rows, lift=float(np.sqrt(size))), Part(1, rows, scale))
    return Block(parts, len(means), covariance, scaled.mean(axis=0))


def _joined(models: tuple[Model, Model], sample: TwoLevelSample) -> Layout:
    """Join the layouts of both levels over the same variables; means belong to between, where a variable is there."""
    latent = (*models[0].latent, *models[1].latent)
    if twice := sorted(set(models[0].latent) & set(models[1].latent)):
        raise UsageError(f"found {', '.join(twice)} in both levels; give factors of the levels different names")
    place = {name: i for i, name in enumerate((*sample.observed, *latent))}
    cells, shift = [], 0
    for level, model in enumerate(models):
        own = build_layout(model, means=level == 1)
        names = (*own.observed, *own.latent)
        for cell in own.cells:
            free = cell.free + shift if cell.free >= 0 else -1
            col = place[names[cell.col]] if cell.matrix != M else 0
            cells.append(replace(cell, group=level, row=place[names[cell.row]], col=col, free=free))
        shift += own.n_free
    for name in sample.only_within:
        term = Term(name, "~1", "")
        cells.append(replace(cells[-1], term=term, group=0, matrix=M, row=place[name], col=0, free=shift, label=""))
        shift += 1
    return Layout(sample.observed, latent, 2, tuple(cells), shift, means=True)


def _predictors(models: tuple[Model, Model]) -> tuple[set[str], set[str]]:
    """Observed predictors of each level: what the baseline does not explain either."""
    found = []
    for model in models:
        caused = {t.rhs for t in model.terms if t.op == "=~"} | {t.lhs for t in model.terms if t.op == "~"}
        found.append({t.rhs for t in model.terms if t.op == "~"} & set(model.observed) - caused)
    return found[0], found[1]


def _saturated(
    sample: TwoLevelSample, *, covariances: bool = True, keep: tuple[set[str], set[str]] = (set(), set())
) -> Layout:
    """All variances and means, with all covariances or only those of `keep`."""
    models = []
    for level, absent in enumerate((sample.only_between, sample.only_within)):
        names = [name for name in sample.observed if name not in absent]
        pairs = [(one, two) for i, one in enumerate(names) for two in names[i + 1 :]]
        terms = [Term(one, "~~", two) for one, two in pairs if covariances or {one, two} <= keep[level]]
        models.append(Model("", tuple(terms), (), tuple(names)))
    return _joined((models[0], models[1]), sample)


def _notes(dropped: int, given: int, teams: int, sizes: np.ndarray) -> tuple[str, ...]:
    notes = [f"{dropped} of {given} rows were left out: incomplete, or without a team"] if dropped else []
    if teams < 50:
        notes.append(f"only {teams} teams: estimates between teams are uncertain, and their errors optimistic")
    if (sizes == 1).mean() > 0.2:
        notes.append(f"{int((sizes == 1).sum())} teams have one respondent: they tell little about what is within")
    return tuple(notes)
