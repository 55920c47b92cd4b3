"""Score tests: how much the fit would gain if one fixed parameter were free, or one equality let go."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from joyeval.models.one_thread import one_thread
from joyeval.models.structural.layout import Cell, make_cell
from joyeval.models.structural.spec import Term

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.models.structural.fit import Fitted

SAID = 3.84  # a gain worth a hint: the 5 % point of chi-square with 1 degree of freedom


@one_thread
def modification_indices(fitted: Fitted, *, at_least: float = SAID) -> pd.DataFrame:
    """Tell the expected gain of each loading and residual covariance that the model leaves out.

    Returns
    -------
    DataFrame
        ``term, group, mi, epc`` (expected value of the parameter), largest gain first.

    References
    ----------
    Sörbom (1989) doi:10.1007/BF02294623.
    """
    return _tested(fitted, _left_out(fitted), at_least)


@one_thread
def equality_tests(fitted: Fitted, *, at_least: float = SAID) -> pd.DataFrame:
    """Tell the expected gain of letting one parameter of one group out of its equality over groups.

    Returns
    -------
    DataFrame
        ``term, group, mi, epc`` (expected difference from the common value), largest gain first.
    """
    shared = pd.Series([cell.free for cell in fitted.layout.cells if cell.free >= 0]).value_counts()
    tied = [replace(cell, free=-1) for cell in fitted.layout.cells if cell.free >= 0 and shared[cell.free] > 1]
    return _tested(fitted, tied, at_least)


def _left_out(fitted: Fitted) -> list[Cell]:
    layout = fitted.layout
    place = {name: i for i, name in enumerate((*layout.observed, *layout.latent))}
    there = {frozenset((c.term.lhs, c.term.rhs)) for c in layout.cells if c.term.op in ("~~", "=~")}
    measured = {c.term.rhs for c in layout.cells if c.term.op == "=~" and c.term.rhs in layout.observed}
    items = [name for name in layout.observed if name in measured]
    terms = [Term(factor, "=~", item) for factor in layout.latent for item in items]
    terms += [Term(one, "~~", two) for i, one in enumerate(items) for two in items[i + 1 :]]
    wanted = [term for term in terms if frozenset((term.lhs, term.rhs)) not in there]
    return [make_cell(term, group, place, -1, 0.0, "") for group in range(layout.groups) for term in wanted]


def _tested(fitted: Fitted, candidates: Sequence[Cell], at_least: float) -> pd.DataFrame:
    k = fitted.layout.n_free
    discrepancy = fitted.likelihood.with_extra(candidates)
    gradient, information = discrepancy.derivatives(fitted.theta)
    spread = discrepancy.score_covariance(fitted.theta)
    across = np.linalg.solve(information[:k, :k], information[:k, k:])
    left = np.diag(information)[k:] - np.einsum("ij,ij->j", information[:k, k:], across)
    variance = np.diag(spread)[k:] - 2 * np.einsum("ij,ij->j", spread[:k, k:], across)
    variance += np.einsum("ij,ik,kj->j", across, spread[:k, :k], across)
    usable = left > 1e-8 * np.maximum(np.diag(information)[k:], 1e-300)
    left, variance = np.where(usable, left, 1.0), np.where(usable, variance, 1.0)
    table = pd.DataFrame(
        {
            "term": pd.Series([cell.term.name for cell in candidates], dtype="str"),
            "group": pd.Series([fitted.sample.labels[cell.group] for cell in candidates], dtype="str"),
            "mi": np.where(usable, gradient[k:] ** 2 / variance, 0.0),
            "epc": np.where(usable, -gradient[k:] / left, 0.0),
        }
    )
    table["p"] = chdtrc(1, table["mi"])
    shown = table[table["mi"] >= at_least].sort_values("mi", ascending=False, kind="stable")
    return shown.reset_index(drop=True)
