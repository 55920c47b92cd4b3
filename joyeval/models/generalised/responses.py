"""From the outcome column of a design to a row likelihood: what is refused, and what is assumed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import logit

from joyeval.errors import ModelError, UsageError
from joyeval.models.generalised.families import BetaBinomial, Binomial, NegativeBinomial, Poisson

if TYPE_CHECKING:
    from joyeval.models.design import Design
    from joyeval.models.generalised.families import Family

LINKS = {"binomial": "logit", "betabinomial": "logit", "poisson": "log", "negbin": "log"}
SHOWN_ROWS = 5
EVENTS_EACH = 10  # per coefficient, below which estimates and intervals of a ratio are rough
ROUNDED = 0.05  # a count this far from a whole number came from a rounded proportion


@dataclass(frozen=True, eq=False)
class Response:
    """A row likelihood with what belongs to it.

    `offset` is added to the linear predictor (log exposure), `size` (n,) are denominators or exposures, `level` is the
    linear predictor at the mean of all rows, `aux` are starting values of the family's further parameters.
    """

    family: Family
    offset: np.ndarray | float
    size: np.ndarray
    level: float
    aux: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()

    def start(self, X: np.ndarray) -> np.ndarray:
        """Return parameters at which every row is predicted near the mean of all, ``[beta, aux]``."""
        unit = np.sqrt(np.einsum("ij,ij->j", X, X))
        beta = np.linalg.lstsq(X / unit, np.full(len(X), self.level), rcond=None)[0] / unit
        return np.concatenate((beta, self.aux))


def read_response(design: Design, family: str) -> Response:
    """Read the outcome of `design` as `family`.

    Proportions: ``exposure`` holds denominators of counts in the outcome, or ``weights`` denominators of a
    proportion in the outcome; with neither the outcome is 0 or 1. Counts: ``exposure`` is what they are per.

    Raises
    ------
    ModelError
        Proportions above 1, negative or fractional counts: all of it at once, with the rows.
    UsageError
        Columns that do not go with the family.
    """
    return _proportion(design, family) if LINKS[family] == "logit" else _count(design, family)


def _count(design: Design, family: str) -> Response:
    if design.weights is not None:
        raise UsageError(
            f"{design.formula}: weights do not go with family {family}; give bed-days or people as exposure"
        )
    y, size = design.y, np.ones(design.n) if design.exposure is None else design.exposure
    _refuse(design, {"below 0": y < 0, "not a whole number": y != np.round(y)}, "counts 0, 1, 2, ...")
    offset = 0.0 if design.exposure is None else np.log(size)
    level, notes = float(np.log(y.sum() / size.sum())), _rare(design, y.sum())
    if family == "poisson":
        return Response(Poisson(y), offset, size, level, notes=notes)
    return Response(NegativeBinomial(y), offset, size, level, (1.0,), notes)


def _proportion(design: Design, family: str) -> Response:
    if design.weights is not None and design.exposure is not None:
        raise UsageError(
            f"{design.formula}: give denominators once, as exposure of a count or as weights of a proportion"
        )
    trials = next((column for column in (design.exposure, design.weights) if column is not None), np.ones(design.n))
    counts = design.y if design.weights is None else design.y * design.weights
    _refuse(
        design,
        {
            "below 0": counts < 0,
            "above the denominator (a proportion above 1)": counts > trials * (1 + 1e-9),
            "with a denominator that is not a whole number": trials != np.round(trials),
            "between 0 and 1 without a denominator": (trials == 1) & (counts != np.round(counts)),
        },
        "0 or 1, a count with its denominator as exposure, or a proportion from 0 to 1 with its denominator as weights",
    )
    whole, off = np.round(counts), int((np.abs(counts - np.round(counts)) > ROUNDED).sum())
    notes = (f"{off} of {design.n} proportions times denominator are not whole; they were rounded",) if off else ()
    notes += _rare(design, min(whole.sum(), trials.sum() - whole.sum()))
    level = float(logit(whole.sum() / trials.sum()))
    if family == "binomial":
        return Response(Binomial(whole, trials), 0.0, trials, level, notes=notes)
    if trials.max() == 1:
        raise ModelError(f"{design.formula}: 0/1 outcomes cannot vary more than binomially; use family binomial")
    return Response(BetaBinomial(whole, trials), 0.0, trials, level, (2.0,), notes)


def _rare(design: Design, events: float) -> tuple[str, ...]:
    """Say that events are few for what is asked of them (Peduzzi et al. 1996, doi:10.1016/S0895-4356(96)00236-3)."""
    asked = len(design.names)
    if events >= EVENTS_EACH * asked:
        return ()
    few = f"{events:.0f} events for {asked} coefficients, fewer than {EVENTS_EACH} for each"
    return (f"{few}: estimates lean away from no effect, and intervals are rough",)


def _refuse(design: Design, tests: dict[str, np.ndarray], expected: str) -> None:
    found = [f"{hit.sum()} {what} (rows {_rows(design.kept[hit])})" for what, hit in tests.items() if hit.any()]
    if found:
        raise ModelError(f"{design.formula}: of {design.n} rows, found {'; '.join(found)}; expected {expected}")


def _rows(positions: np.ndarray) -> str:
    """Positions counted from 1, the first few."""
    more = f" and {len(positions) - SHOWN_ROWS} more" if len(positions) > SHOWN_ROWS else ""
    return ", ".join(str(i + 1) for i in positions[:SHOWN_ROWS]) + more
