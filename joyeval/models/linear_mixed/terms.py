"""Random terms: what they are, from the words of a call, and the table of their predicted effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import UsageError
from joyeval.models.design import Design, check_rank

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, eq=False)
class Term:
    """One random term: a grouping factor and the columns whose coefficients vary over its levels.

    Parameters
    ----------
    name : str
    codes : ndarray of int, shape (n,)
        Level of each row, 0 to `n_levels` - 1.
    n_levels : int
    Z : ndarray, shape (n, q), optional
        Columns that vary; left out, the intercept alone.
    columns : tuple of str
        One name per column.
    correlated : bool
        Whether the q coefficients of a level may be correlated.
    """

    name: str
    codes: np.ndarray
    n_levels: int
    Z: np.ndarray | None = None
    columns: tuple[str, ...] = ("Intercept",)
    correlated: bool = True

    @property
    def q(self) -> int:
        """Coefficients per level."""
        return len(self.columns)

    @property
    def entries(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the free entries of the q x q Cholesky factor, column by column."""
        if not self.correlated:
            return np.arange(self.q), np.arange(self.q)
        columns, rows = np.triu_indices(self.q)
        return rows, columns


def slopes_by_group(slopes: object, names: Sequence[str]) -> dict[str, list[str]]:
    """Return the columns with a random slope, per grouping factor, from any form that `mixed` takes."""
    if slopes is None:
        return {}
    if not isinstance(slopes, Mapping):
        if len(names) > 1:
            raise UsageError(f"slopes of which factor? write slopes={{{names[0]!r}: ...}}, one of {', '.join(names)}")
        slopes = {names[0]: slopes}
    if unknown := [name for name in slopes if name not in names]:
        raise UsageError(f"slopes of {', '.join(unknown)}; expected one of the groups {', '.join(names)}")
    return {name: [columns] if isinstance(columns, str) else list(columns) for name, columns in slopes.items()}


def random_terms(design: Design, varying: Mapping[str, list[str]], *, correlated: bool) -> list[Term]:
    """Return one term per grouping factor: a random intercept, and the slopes asked for."""
    return [_term(design, i, varying, correlated=correlated) for i in range(len(design.groups))]


def _term(design: Design, i: int, varying: Mapping[str, list[str]], *, correlated: bool) -> Term:
    group = design.groups[i]
    if not varying.get(group.name):
        return Term(group.name, group.codes, group.n_levels)
    Z, names = design.columns(varying[group.name])
    Z, names = np.column_stack([np.ones(design.n), Z]), ("Intercept", *names)
    check_rank(Z, names, f"{design.formula}, slopes of {group.name}")
    return Term(group.name, group.codes, group.n_levels, Z, names, correlated)


def ranef_table(
    design: Design, terms: Sequence[Term], effects: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> pd.DataFrame:
    """Tabulate predicted effects (levels, q) and their conditional covariances (levels, q, q)."""
    tables = []
    for group, term in zip(design.groups, terms, strict=True):
        estimate, variance = effects[term.name]
        se = np.sqrt(np.maximum(np.einsum("gii->gi", variance), 0))
        tables.append(
            pd.DataFrame(
                {
                    "group": term.name,
                    "level": np.repeat(group.levels.astype(str), term.q),
                    "term": np.tile(term.columns, term.n_levels),
                    "estimate": estimate.ravel(),
                    "se": se.ravel(),
                    "n": np.repeat(np.bincount(term.codes), term.q),
                }
            )
        )
    return pd.concat(tables, ignore_index=True)
