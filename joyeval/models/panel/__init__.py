"""Teams over time: least squares with absorbed effects, errors for few clusters, staggered starts, single series."""

from joyeval.models.panel import did
from joyeval.models.panel.absorption import LeastSquares, least_squares
from joyeval.models.panel.gls import gls_ar1, newey_west
from joyeval.models.panel.linear import Regression, regression, small_sample_notes
from joyeval.models.panel.permutation import Permutation, assignments, calendar, permutation_test
from joyeval.models.panel.robust import LEVERAGE_POWER, cluster_robust
from joyeval.models.panel.wild import WildBootstrap, wild_bootstrap

__all__ = [
    "LEVERAGE_POWER",
    "LeastSquares",
    "Permutation",
    "Regression",
    "WildBootstrap",
    "assignments",
    "calendar",
    "cluster_robust",
    "did",
    "gls_ar1",
    "least_squares",
    "newey_west",
    "permutation_test",
    "regression",
    "small_sample_notes",
    "wild_bootstrap",
]
