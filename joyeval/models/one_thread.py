"""Algebra on small matrices, kept on one thread: starting threads for it costs more than the sums themselves.

A model of a few dozen coefficients makes thousands of small products and solutions. OpenBLAS shares each among all
cores, and where several processes do so at once they wait for each other: on two busy cores three times the processor
time, and ten times the wall time, of one thread. Results differ in the last digits with the number of threads, too.
"""

from __future__ import annotations

from functools import cache, wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from threadpoolctl import ThreadpoolController

P = ParamSpec("P")
R = TypeVar("R")


def one_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function use one thread of the linear algebra libraries while it runs; afterwards all is as before.

    Examples
    --------
    >>> import numpy as np
    >>> @one_thread
    ... def solved(a, b):
    ...     return np.linalg.solve(a, b)
    >>> solved(np.eye(2), np.ones(2))
    array([1., 1.])
    """

    @wraps(function)
    def alone(*args: P.args, **kwargs: P.kwargs) -> R:
        with _libraries().limit(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return alone


@cache
def _libraries() -> ThreadpoolController:
    import scipy.linalg  # noqa: F401 - it brings a library of its own, which must be there to be found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
