"""What a survey could find: precision, power and the least detectable change, by simulation of the same model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import stdtr

from joyeval.coordination.mean_change import detectable
from joyeval.coordination.rater_model import COMPONENTS, TieMeans, panel, tie_means
from joyeval.errors import ModelError, UsageError
from joyeval.result import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Assumed: a tie score with a standard deviation of 0.79, 56 % of it between raters, raters correlated 0.6 over waves.
VARIANCES = {"rater": 0.21, "rater x wave": 0.14, "rater x target": 0.09, "residual": 0.18}
BAND = 0.5  # width of the moderate band, in points


@dataclass(frozen=True)
class Survey:
    """A survey to be simulated.

    Parameters
    ----------
    groups : int
        Workgroups, each rating all, itself too.
    raters : int
        Members of each workgroup.
    waves : int
    response : float
        Share of members who answer, each wave anew.
    linkage : float
        Share of members at one wave who are still there, and recognised, at the next.
    """

    groups: int
    raters: int
    waves: int = 2
    response: float = 1.0
    linkage: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Power(Result):
    """Power of a survey; `n` counts simulated data sets, `n_dropped` those that could not be analysed.

    Parameters
    ----------
    table : DataFrame
        change, power (share of data sets whose test finds it), se (simulation error of that share).
    precision : float
        Mean standard error of the mean change between groups.
    detectable : float
        Change found with 80 % chance.
    false_alarms : float
        Share of tests at 5 % that find a change where there is none.
    tie_precision, tie_detectable : float
        The same for the change of a single tie.
    survey : dict
        What was simulated, variances too.
    """

    table: pd.DataFrame
    precision: float
    detectable: float
    false_alarms: float
    tie_precision: float
    tie_detectable: float
    survey: dict[str, float]

    def tidy(self) -> pd.DataFrame:
        """Return the power of each change."""
        return self.table

    def sentence(self) -> str:
        """Return the least detectable change of the mean and of one tie."""
        s = self.survey
        return (
            f"With {s['groups']} workgroups of {s['raters']}, {s['response']:.0%} answering in each of {s['waves']} "
            f"waves and {s['linkage']:.0%} recognised again, a mean change of {self.detectable:.2f} points is found "
            f"with 80% chance; for a single tie it would have to be {self.tie_detectable:.2f} points."
        )


def power(
    *,
    groups: int,
    raters: int,
    waves: int = 2,
    response: float = 1.0,
    linkage: float = 0.0,
    changes: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4),
    variances: Mapping[str, float] | None = None,
    datasets: int = 1000,
    seed: int = 1,
) -> Power:
    """Simulate a survey many times and analyse each as `change` does, last wave against the first.

    Parameters
    ----------
    groups, raters, waves, response, linkage
        See `Survey`.
    changes : tuple of float
        True changes of all ties, in points.
    variances : mapping, optional
        rater, rater x wave, rater x target, residual; `Change.variances` of an earlier survey has them.
    datasets : int
    seed : int

    Raises
    ------
    UsageError
        A share outside 0 to 1, fewer than 2 groups, raters or waves, or a variance that is not named so.
    ModelError
        No simulated survey had enough answers to be analysed.

    Examples
    --------
    >>> power(groups=7, raters=10, datasets=200).sentence()  # doctest: +SKIP
    """
    survey = Survey(groups, raters, waves, response, linkage)
    given = VARIANCES | dict(variances or {})
    _check(survey, given)
    found = list(_analyses(survey, given, datasets=datasets, seed=seed))
    if not found:
        raise ModelError(
            f"power: none of {datasets} simulated surveys of {groups} workgroups of {raters}, {response:.0%} of them "
            "answering, had ties that were rated in the first and in the last wave; more raters are needed"
        )
    estimate, se, df, tie_se, tie_df = np.array(found).T
    shares = [_found(estimate + size, se, df) for size in changes]
    error = [np.sqrt(share * (1 - share) / len(se)) for share in shares]
    single = float(detectable(tie_se, tie_df).mean())
    return Power(
        n=len(se),
        n_dropped=datasets - len(se),
        notes=_notes(single, datasets - len(se)),
        table=pd.DataFrame({"change": changes, "power": shares, "se": error}),
        precision=float(se.mean()),
        detectable=float(detectable(se, df).mean()),
        false_alarms=_found(estimate, se, df),
        tie_precision=float(tie_se.mean()),
        tie_detectable=single,
        survey={**vars(survey), **given},
    )


def _analyses(
    survey: Survey, variances: Mapping[str, float], *, datasets: int, seed: int
) -> Iterator[tuple[float, ...]]:
    """Draw data sets without change and analyse each; a change of all ties would shift the estimate and nothing else.

    Those that cannot be analysed, because a wave or the workgroups have too few answers, are left out.
    """
    rng = np.random.default_rng(seed)
    for _ in range(datasets):
        try:
            yield _analyse(survey, *_draw(survey, variances, rng))
        except ModelError:
            continue


def _draw(survey: Survey, variances: Mapping[str, float], rng: np.random.Generator) -> tuple[TieMeans, np.ndarray]:
    """Draw the ratings of one survey in which nothing changes, and fit them; with the workgroup of each block."""
    G, W, seats = survey.groups, survey.waves, survey.groups * survey.raters
    sd = [np.sqrt(variances[name]) for name in COMPONENTS]
    moved = rng.random((seats, W)) >= survey.linkage
    moved[:, 0] = True
    person = np.cumsum(moved).reshape(seats, W) - 1
    n = person[-1, -1] + 1
    y = sd[0] * rng.standard_normal(n)[person][:, None, :] + sd[1] * rng.standard_normal((seats, 1, W))
    y = y + sd[2] * rng.standard_normal((n, G))[person].transpose(0, 2, 1) + sd[3] * rng.standard_normal((seats, G, W))
    seat, target, wave = np.nonzero(np.broadcast_to((rng.random((seats, W)) < survey.response)[:, None], y.shape))
    if len(np.unique(wave)) < W:
        raise ModelError("a wave without answers")
    rater = np.unique(person[seat, wave], return_inverse=True)[1]
    groups, block = np.unique(seat // survey.raters, return_inverse=True)
    return tie_means(panel(y[seat, target, wave], rater=rater, block=block, target=target, wave=wave)), groups


def _analyse(survey: Survey, fit: TieMeans, groups: np.ndarray) -> tuple[float, ...]:
    """Estimate, standard error and df of the mean change between groups; mean standard error and df of one tie."""
    W, blocks = survey.waves, np.arange(len(fit.mean))
    target = np.arange(survey.groups)
    cells = np.zeros(fit.mean.shape)
    seen = (fit.raters[:, target * W] > 0) & (fit.raters[:, target * W + W - 1] > 0)
    seen &= groups[:, None] != target
    if not seen.any():
        raise ModelError("no tie between workgroups was rated in the first and in the last wave")
    row, at = np.nonzero(seen)
    cells[row, at * W + W - 1], cells[row, at * W] = 1 / seen.sum(), -1 / seen.sum()
    whole = fit.contrasts(cells, blocks, np.zeros(len(blocks), dtype=int), alike=False)
    single = np.zeros((len(row), cells.shape[1]))
    single[np.arange(len(row)), at * W + W - 1], single[np.arange(len(row)), at * W] = 1, -1
    _, se, df = fit.contrasts(single, row, np.arange(len(row)), alike=False, pooled=True)
    return (*(float(part[0]) for part in whole), float(se.mean()), float(df.mean()))


def _found(estimate: np.ndarray, se: np.ndarray, df: np.ndarray) -> float:
    return float((2 * stdtr(df, -np.abs(estimate / se)) < 0.05).mean())


def _notes(single: float, lost: int) -> tuple[str, ...]:
    notes = ["variances are assumed, unless taken from an earlier survey: power is no better known than they are"]
    if lost:
        notes.append(f"{lost} simulated surveys had too few answers to be analysed, as a real one then would")
    if single > BAND:
        notes.append(
            f"a single tie must change by {single:.2f} points, more than the width of the moderate band ({BAND}): "
            "claims about single ties will be out of reach"
        )
    return tuple(notes)


def _check(survey: Survey, variances: Mapping[str, float]) -> None:
    if min(survey.groups, survey.raters, survey.waves) < 2:
        raise UsageError("power: needs at least 2 groups, 2 raters each and 2 waves")
    if not (0 < survey.response <= 1 and 0 <= survey.linkage <= 1):
        raise UsageError("power: response and linkage are shares from 0 to 1, and somebody must answer")
    if unknown := sorted(set(variances) - set(COMPONENTS)):
        raise UsageError(f"power: variance of {', '.join(unknown)}; expected {', '.join(COMPONENTS)}")
