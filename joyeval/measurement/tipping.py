"""How far those who did not answer would have to differ for a change to vanish."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from joyeval.errors import ModelError
from joyeval.measurement.turnover import both_waves, error_of, influence, team_codes
from joyeval.models.estimates import estimate_table, quantile
from joyeval.result import Result


@dataclass(frozen=True, kw_only=True, eq=False)
class TippingPoint(Result):
    """How far those who did not answer would have to differ; `n` counts persons who answered either wave.

    Parameters
    ----------
    rates : tuple of float
        Response in the two waves.
    sd : float
        Standard deviation of the scores in the second wave.
    estimates : DataFrame
        term, estimate, se, ci_low, ci_high, p, n. ``change`` among respondents; ``tipping`` difference of
        non-respondents from respondents in the second wave, in points, at which the change would be 0;
        ``tipping_interval`` at which its interval would reach 0; ``tipping_sd`` the former in standard deviations.
    scenarios : DataFrame
        difference (in standard deviations), change, ci_low, ci_high.
    """

    rates: tuple[float, float]
    sd: float
    estimates: pd.DataFrame
    scenarios: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return `estimates`."""
        return self.estimates

    def sentence(self) -> str:
        """Say what it would take."""
        rows = self.estimates.set_index("term")["estimate"]
        if self.rates[1] == 1:
            return f"Everybody answered the second wave: the change of {rows['change']:+.2f} cannot tip."
        if rows["change"] == 0:
            return "Nothing changed among those who answered, so there is nothing to tip."
        word = "below" if rows["tipping"] < 0 else "above"
        sds = f" ({abs(rows['tipping_sd']):.1f} standard deviations)" if self.sd > 0 else ""
        return (
            f"The change of {rows['change']:+.2f} would vanish if those who did not answer the second wave "
            f"({1 - self.rates[1]:.0%}) lay {abs(rows['tipping']):.2f} points{sds} {word} those who did."
        )


def tipping_point(
    before: pd.Series, after: pd.Series, *, invited: tuple[int, int], team: pd.Series | None = None
) -> TippingPoint:
    """Ask how far non-respondents of the second wave would have to differ for a change to vanish.

    Non-respondents of the first wave are taken to be like its respondents; what counts is the difference between waves
    in how unlike they are.

    Parameters
    ----------
    before, after : Series
        Scores indexed by person.
    invited : tuple of int
        People invited to the two waves.
    team : Series, optional
        Team by person, for the errors.

    Raises
    ------
    ModelError
        More answers than invitations, or fewer than 3 persons in either wave.
    """
    people = both_waves(before, after)
    counts = people.notna().sum().to_numpy()
    if (counts > invited).any() or (counts < 3).any():
        raise ModelError(
            f"tipping point: {counts[0]} and {counts[1]} answers of {invited[0]} and {invited[1]}; needs 3 or more"
        )
    change, pull = _change(people)
    codes = team_codes(people, team)
    clusters, se = int(codes.max()) + 1, error_of(pull, codes)
    reach = float(quantile(0.975, np.array(clusters - 1.0))) * se
    rates = (float(counts[0] / invited[0]), float(counts[1] / invited[1]))
    silent, sd = 1 - rates[1], float(people["after"].std())
    with np.errstate(divide="ignore", invalid="ignore"):
        tip = -change / np.float64(silent)
        edge = -(change - np.sign(change) * reach) / np.float64(silent)
    clear = abs(change) > reach
    values = [change, tip, edge if clear else 0.0, tip / sd if sd > 0 else np.nan]
    errors = [se, np.nan, np.nan, np.nan]
    names = ["change", "tipping", "tipping_interval", "tipping_sd"]
    table = estimate_table(names, np.array(values), np.array(errors), n=len(people), df=clusters - 1.0).drop(
        columns="df"
    )
    grid = np.array([-1, -0.5, -0.2, 0, 0.2, 0.5, 1])
    moved = change + silent * grid * sd
    scenarios = pd.DataFrame({"difference": grid, "change": moved, "ci_low": moved - reach, "ci_high": moved + reach})
    return TippingPoint(
        n=len(people),
        n_dropped=before.index.union(after.index).size - len(people),
        notes=() if clear else ("the interval of the change contains 0 already among those who answered",),
        rates=rates,
        sd=sd,
        estimates=table.astype({"term": "str"}),
        scenarios=scenarios,
    )


def _change(people: pd.DataFrame) -> tuple[float, np.ndarray]:
    here, x = people.notna().to_numpy(), people.fillna(0.0).to_numpy()
    (first, pull_first), (second, pull_second) = (influence(x[:, wave], here[:, wave]) for wave in (0, 1))
    return second - first, pull_second - pull_first
