"""How many factors, and which items go together: exploratory factor analysis with parallel analysis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError, and_others
from joyeval.measurement.groups import items_of
from joyeval.measurement.keying import against
from joyeval.models.structural import efa
from joyeval.result import ESTIMATE_COLUMNS, Result

SALIENT = 0.30  # loading below which an item does not belong to a factor


@dataclass(frozen=True, kw_only=True, eq=False)
class Exploratory(Result):
    """An exploratory factor analysis; `n` counts complete responses.

    Parameters
    ----------
    scale, method, rotation : str
    factors, suggested, suggested_common : int
        Extracted, and suggested by parallel analysis of principal components and of common factors (which rather
        suggests too many).
    eigenvalues : DataFrame
        number, eigenvalue, by_chance (95th percentile for uncorrelated items), kept: of principal components; common,
        common_by_chance: of common factors.
    loadings : DataFrame
        item, F1 ... Fm, uniqueness.
    correlations : DataFrame
        factor, F1 ... Fm.
    kmo : float
        Sampling adequacy; below 0.6 the items have too little in common.
    bartlett, fit : dict
        chisq, df, p: that no items correlate; that the factors are enough (maximum likelihood only).
    """

    scale: str
    method: str
    rotation: str
    factors: int
    suggested: int
    suggested_common: int
    eigenvalues: pd.DataFrame
    loadings: pd.DataFrame
    correlations: pd.DataFrame
    kmo: float
    bartlett: dict[str, float]
    fit: dict[str, float]

    def tidy(self) -> pd.DataFrame:
        """Return one row per factor and item, in the columns of an estimate."""
        columns = [column for column in self.loadings if column not in ("item", "uniqueness")]
        long = self.loadings.melt(id_vars="item", value_vars=columns, var_name="factor", value_name="estimate")
        long["term"] = long["factor"] + " =~ " + long["item"]
        return long.assign(se=np.nan, ci_low=np.nan, ci_high=np.nan, p=np.nan, n=self.n)[list(ESTIMATE_COLUMNS)]

    def sentence(self) -> str:
        """Say how many factors the items have, and why."""
        first = self.eigenvalues.iloc[: self.suggested + 1]
        values = ", ".join(f"{value:.2f}" for value in first["eigenvalue"])
        chance = ", ".join(f"{value:.2f}" for value in first["by_chance"])
        factors = f"{self.suggested} factor{'' if self.suggested == 1 else 's'}"
        return (
            f"Parallel analysis of {self.scale} suggests {factors} by principal components (eigenvalues {values} "
            f"against {chance} by chance) and {self.suggested_common} by common factors ({self.n} complete responses)."
        )


def explore(
    items: pd.DataFrame,
    factors: int | None = None,
    *,
    scale: str = "the scale",
    method: str = "minres",
    rotation: str = "oblimin",
    seed: int = 1,
) -> Exploratory:
    """Explore the factors of a questionnaire.

    Parameters
    ----------
    items : DataFrame, shape (respondents, items)
        Answers; rows with a gap are left out and counted.
    factors : int, optional
        By default what parallel analysis suggests (at least 1).
    method : {"minres", "ml"}
    rotation : {"oblimin", "varimax", "none"}

    Raises
    ------
    ModelError
        Fewer than 3 items, too few complete responses, a constant or redundant item.

    References
    ----------
    Horn (1965) doi:10.1007/BF02289447; Fabrigar et al. (1999) doi:10.1037/1082-989X.4.3.272.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> joy, calm = rng.normal(size=(2, 200, 1))
    >>> answers = np.hstack([joy + rng.normal(size=(200, 3)), calm + rng.normal(size=(200, 3))])
    >>> explore(pd.DataFrame(answers, columns=["q1", "q2", "q3", "q4", "q5", "q6"])).suggested
    2
    """
    if rotation not in ("oblimin", "varimax", "none"):
        raise UsageError(f"rotation: found {rotation!r}; expected 'oblimin', 'varimax' or 'none'")
    answers = items_of(items, what=f"factor analysis of {scale}").rename(columns=str)
    r, n = _correlations_of(answers.dropna(), scale)
    p = len(r)
    values = np.linalg.eigvalsh(r)[::-1]
    chance, common_chance = efa.random_eigenvalues(n, p, seed=seed)
    suggested = _above(values, chance)
    m = factors or max(suggested, 1)
    try:
        found = efa.extract(r, m, method=method)
    except ModelError as error:
        raise ModelError(f"{scale}: {error} ({n} complete responses)") from None
    common = efa.common_eigenvalues(r)
    suggested_common = _above(common, common_chance)
    loadings, phi = _rotated(found.loadings, rotation if m > 1 else "none")
    order = np.argsort(-(loadings**2).sum(axis=0), kind="stable")
    names = [f"F{i + 1}" for i in range(m)]
    table = pd.DataFrame(loadings[:, order], columns=names)
    table.insert(0, "item", pd.Series(list(answers), dtype="str"))
    return Exploratory(
        n=n,
        n_dropped=len(answers) - n,
        notes=(
            *(against(answers) if m == 1 else ()),
            *_notes(table[names], found.uniqueness, list(answers), m, suggested),
        ),
        scale=scale,
        method=method,
        rotation=rotation if m > 1 else "none",
        factors=m,
        suggested=suggested,
        suggested_common=suggested_common,
        eigenvalues=_eigenvalues(values, chance, suggested).assign(common=common, common_by_chance=common_chance),
        loadings=table.assign(uniqueness=found.uniqueness),
        correlations=_factor_table(phi[np.ix_(order, order)], names),
        kmo=float(efa.sampling_adequacy(r)[0]),
        bartlett=dict(zip(("chisq", "df", "p"), efa.bartlett(r, n), strict=True)),
        fit=dict(zip(("chisq", "df", "p"), efa.likelihood_test(found, n), strict=True)) if method == "ml" else {},
    )


def _above(values: np.ndarray, chance: np.ndarray) -> int:
    """How many eigenvalues exceed chance, before the first that does not."""
    return int(np.argmax(np.append(values <= chance, True)))


def _correlations_of(complete: pd.DataFrame, scale: str) -> tuple[np.ndarray, int]:
    n, p = complete.shape
    x = complete.to_numpy()
    constant = [name for name, column in zip(complete, x.T, strict=True) if n and np.ptp(column) == 0]
    if p < 3 or n <= p or constant:
        said = f"; {and_others(constant)} does not vary" if constant else ""
        raise ModelError(
            f"factor analysis of {scale}: {n} complete responses to {p} items{said}; needs 3 items that vary and more "
            "responses than items"
        )
    return np.corrcoef(x.T), n


def _rotated(loadings: np.ndarray, rotation: str) -> tuple[np.ndarray, np.ndarray]:
    if rotation == "oblimin":
        return efa.oblimin(loadings)
    turned = efa.varimax(loadings) if rotation == "varimax" else loadings
    return turned * np.where(turned.sum(axis=0) < 0, -1, 1), np.eye(loadings.shape[1])


def _eigenvalues(values: np.ndarray, chance: np.ndarray, suggested: int) -> pd.DataFrame:
    number = np.arange(1, len(values) + 1)
    return pd.DataFrame({"number": number, "eigenvalue": values, "by_chance": chance, "kept": number <= suggested})


def _factor_table(phi: np.ndarray, names: list[str]) -> pd.DataFrame:
    table = pd.DataFrame(phi, columns=names)
    table.insert(0, "factor", pd.Series(names, dtype="str"))
    return table


def _notes(loadings: pd.DataFrame, uniqueness: np.ndarray, items: list[str], m: int, suggested: int) -> tuple[str, ...]:
    notes = []
    p = len(items)
    if (p - m) ** 2 - p - m < 0:
        notes.append(f"{m} factors of {p} items have more parameters than there are correlations: not determined")
    if suggested == 0:
        notes.append("no eigenvalue exceeds chance: the items have nothing in common")
    heywood = [item for item, value in zip(items, uniqueness, strict=True) if value <= efa.LEAST_UNIQUE * 1.01]
    if heywood:
        notes.append(f"no variance of its own left in {and_others(heywood)} (Heywood case): extract fewer factors")
    weak = [item for item, strong in zip(items, (loadings.abs() >= SALIENT).any(axis=1), strict=True) if not strong]
    if weak:
        notes.append(f"no loading of {SALIENT:.2f} on any factor: {and_others(weak)}")
    return tuple(notes)
