"""What a stranger can work out of drawings and tables: the attacks that the gate is held against."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from joyeval.disclosure.drawings import Drawing

LARGEST = 40  # answers of a team in a week, as a stranger would suppose
NEAR = 2e-6  # of a share, to which a coordinate is printed


def solved(drawing: Drawing, names=()) -> pd.DataFrame:
    """Points of small multiples or of one chart: the panel they stand in, periods from its left edge, value."""
    titles = [(x, y, word) for word, x, y in drawing.words if word in set(names)]
    rows = [(*_panel(x, y, titles), value) for x, y, value in drawing.points()]
    found = pd.DataFrame(rows, columns=["panel", "along", "value"]).sort_values(["panel", "along"], ignore_index=True)
    steps = found.groupby("panel")["along"].diff()
    return found.assign(period=(found["along"] / steps[steps > 0.5].min()).round())[["panel", "period", "value"]]


def _panel(x: float, y: float, titles: list) -> tuple[str, float]:
    """Which title stands above a mark, and how far right of it the mark is."""
    above = [(round(height - y), x - left, word) for left, height, word in titles if left <= x + 1 and height > y]
    return min(above)[2:0:-1] if above else ("", x)


def claims(values) -> set[Fraction]:
    """Shares that values in per cent give away exactly: positive answers of so many."""
    shares = [(value / 100, Fraction(value / 100).limit_denominator(LARGEST)) for value in values if value == value]
    return {share for value, share in shares if abs(value - float(share)) < NEAR and share.denominator > 1}


def candidates(percent: float, near: float) -> int:
    """How many pairs of positive and all answers fit a percentage beside their number to the nearest 5."""
    return sum(
        1
        for n in range(1, LARGEST + 1)
        if round(n / 5) * 5 == near
        for k in range(n + 1)
        if abs(100 * k / n - percent) < 0.05
    )


def possible(shown: float, n: int, rule) -> tuple[int, int]:
    """Least and most positive answers of n that would be shown like this; all of them, if nothing is shown."""
    told = rule.percent(np.arange(n + 1), np.full(n + 1, n))
    fits = np.flatnonzero(np.abs(told - shown) < 1e-6) if np.isfinite(shown) else np.arange(n + 1)
    return int(fits[0]), int(fits[-1])


def fewest_left(size: pd.Series, known, named) -> float:
    """Fewest people, above none, that are left of sums and differences of known sets of teams, named teams taken off.

    `size` holds the people of each team, `known` sets of teams whose sums stand somewhere, the whole among them.
    """
    unnamed, people = ~size.index.isin(list(named)), [np.inf]
    member = np.array([size.index.isin(list(one)) for one in known]).astype(int)
    for signs in product((-1, 0, 1), repeat=len(known)):
        people.append(size[(np.array(signs) @ member != 0) & unnamed].sum() or np.inf)
    return min(people)


def rest(whole: pd.Series, parts: pd.DataFrame, rule) -> tuple[float, float]:
    """Least and most positive answers of all that is hidden, for who even knows how many answered in every team.

    `whole` and every part hold `shown` (per cent; missing if hidden), `answers` and, where a reader has a sheet that
    says so exactly, `known` positive answers.
    """
    low, high = possible(whole["shown"], int(whole["answers"]), rule)
    for part in parts[parts["shown"].notna() | parts["known"].notna()].itertuples():
        least, most = (part.known,) * 2 if np.isfinite(part.known) else possible(part.shown, int(part.answers), rule)
        low, high = low - most, high - least
    left = parts[parts["shown"].isna() & parts["known"].isna()]["answers"].sum()
    return max(low, 0), min(high, left)
