"""Limits of alpha by leaving each response out in turn, in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtrit

if TYPE_CHECKING:
    from joyeval.measurement.groups import Groups


def jackknife_limits(x: np.ndarray, groups: Groups, *, raw: np.ndarray, level: float) -> np.ndarray:
    """Return the limits of raw alpha: t interval on the scale of log(1 - alpha), its standard error by the jackknife.

    Parameters
    ----------
    x : ndarray, shape (n, items)
        Complete responses.
    raw : ndarray, shape (groups,)
        Alpha of each group.

    Returns
    -------
    ndarray, shape (groups, 2)

    References
    ----------
    Maydeu-Olivares, Coffman & Hartmann (2007), Psychol. Methods 12(2), 157-176, doi:10.1037/1082-989X.12.2.157: why the
    error must not suppose normal items. Efron & Stein (1981), Ann. Stat. 9(3), 586-596, doi:10.1214/aos/1176345462.
    """
    codes, sizes, k = groups.codes, groups.sizes, x.shape[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        centred = x - (groups.sums(x) / sizes[:, None])[codes]
        items, total = (centred**2).sum(axis=1), centred.sum(axis=1) ** 2
        lost = (sizes / (sizes - 1))[codes]
        ratio = (groups.sum(items)[codes] - lost * items) / (groups.sum(total)[codes] - lost * total)
        error = np.log(np.clip(1 - k / (k - 1) * (1 - ratio), 1e-15, None))
        apart = error - (groups.sum(error) / sizes)[codes]
        reach = np.sqrt(groups.sum(apart**2) * (sizes - 1) / sizes) * stdtrit(np.maximum(sizes - 1, 1), (1 + level) / 2)
    centre = np.log(np.clip(1 - raw, 1e-15, None))
    return 1 - np.exp(np.stack([centre + reach, centre - reach], axis=1))
