"""Did a person change by more than measurement error? How many did, and in which direction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from joyeval.errors import ModelError, UsageError
from joyeval.measurement.turnover import both_waves
from joyeval.result import ESTIMATE_COLUMNS, Result

TERMS = ("improved", "unchanged", "deteriorated")


@dataclass(frozen=True, kw_only=True, eq=False)
class ReliableChange(Result):
    """Shares of persons who changed reliably; `n` counts persons in both waves.

    Parameters
    ----------
    threshold : float
        Smallest change of one person beyond measurement error, in points.
    reliability, sd : float
        Behind the threshold.
    estimates : DataFrame
        term (improved, unchanged, deteriorated), estimate (share), se, ci_low, ci_high (Wilson), p, n; then count.
    """

    threshold: float
    reliability: float
    sd: float
    estimates: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return `estimates`."""
        return self.estimates

    def sentence(self) -> str:
        """Say how many changed, both ways."""
        rows = self.estimates.set_index("term")
        up, down = rows.loc["improved"], rows.loc["deteriorated"]
        return (
            f"Of {self.n} people who answered both waves, {up['count']:.0f} ({up['estimate']:.0%}) improved and "
            f"{down['count']:.0f} ({down['estimate']:.0%}) deteriorated by more than measurement error "
            f"({self.threshold:.2f} points)."
        )


def reliable_change(
    before: pd.Series,
    after: pd.Series,
    *,
    reliability: float,
    sd: float | None = None,
    better: str = "higher",
    level: float = 0.95,
) -> ReliableChange:
    """Count the persons who changed by more than measurement error.

    A person changed reliably when the difference exceeds 1.96 x sd x sqrt(2 (1 - reliability)). Where nobody truly
    changes, 5 % pass it: 2.5 % each way.

    Parameters
    ----------
    before, after : Series
        Scores indexed by person.
    reliability : float
        Of one score: alpha or omega, or better the test-retest correlation of people who did not change. Below 0 it is
        read as 0.
    sd : float, optional
        Standard deviation of the score; by default that of the first wave.
    better : {"higher", "lower"}

    Raises
    ------
    ModelError
        Fewer than 3 persons in both waves, or no variation.

    References
    ----------
    Jacobson & Truax (1991) doi:10.1037/0022-006X.59.1.12.

    Examples
    --------
    >>> before, after = pd.Series([3.0, 4, 5, 2]), pd.Series([5.0, 4, 5, 1.5])
    >>> reliable_change(before, after, reliability=0.9).tidy()["count"].tolist()
    [1, 3, 0]
    """
    if not reliability < 1:
        raise UsageError(f"reliability: found {reliability}; expected a number below 1")
    reliability = max(reliability, 0.0)  # a negative one says no more than that the items do not go together
    if better not in ("higher", "lower"):
        raise UsageError(f"better: found {better!r}; expected 'higher' or 'lower'")
    people = both_waves(before, after)
    linked = people.dropna()
    spread = float(before.std()) if sd is None else float(sd)
    n = len(linked)
    if n < 3 or not spread > 0:
        found = "none" if n == 0 else "fewer than three" if n < 3 else "three or more"
        raise ModelError(
            f"reliable change: {found} of {len(people)} persons answered both waves, sd of the score {spread:.2f}; "
            "needs three persons and scores that differ. Link more persons"
        )
    z = float(ndtri((1 + level) / 2))
    threshold = z * spread * float(np.sqrt(2 * (1 - reliability)))
    change = (linked["after"] - linked["before"]).to_numpy() * (1 if better == "higher" else -1)
    counts = [int((change > threshold).sum()), 0, int((change < -threshold).sum())]
    counts[1] = n - counts[0] - counts[2]
    return ReliableChange(
        n=n,
        n_dropped=before.index.union(after.index).size - n,
        notes=_notes(reliability, n, len(people)),
        threshold=threshold,
        reliability=reliability,
        sd=spread,
        estimates=_shares(np.array(counts), n, z),
    )


def _shares(counts: np.ndarray, n: int, z: float) -> pd.DataFrame:
    share = counts / n
    centre = (counts + z**2 / 2) / (n + z**2)
    reach = z * np.sqrt(n * share * (1 - share) + z**2 / 4) / (n + z**2)
    columns = {"term": list(TERMS), "estimate": share, "se": np.sqrt(share * (1 - share) / n)}
    table = pd.DataFrame({**columns, "ci_low": centre - reach, "ci_high": centre + reach, "p": np.nan, "n": n})
    return table[list(ESTIMATE_COLUMNS)].assign(count=counts).astype({"term": "str"})


def _notes(reliability: float, n: int, people: int) -> tuple[str, ...]:
    notes = ["low scores tend to rise and high scores to fall by themselves (regression to the mean)"]
    if reliability < 0.7:
        notes.append(
            f"a reliability of {reliability:.2f} is low: only large changes of a person can be told from error"
        )
    if n < 0.5 * people:
        notes.append("fewer than half of the persons answered both waves")
    return tuple(notes)
