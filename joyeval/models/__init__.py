"""Estimators that several nouns share."""

from joyeval.models.evalue import e_value
from joyeval.models.generalised import glm, marginal_effects, ordinal
from joyeval.models.imputation import impute, pool, pool_results
from joyeval.models.meta import meta_analysis, meta_regression
from joyeval.models.mixed_models import Mixed, mixed
from joyeval.models.multiplicity import adjust_family
from joyeval.models.panel import permutation_test, regression, wild_bootstrap
from joyeval.plain import open_to_all

__all__ = [
    "Mixed",
    "adjust_family",
    "e_value",
    "glm",
    "impute",
    "marginal_effects",
    "meta_analysis",
    "meta_regression",
    "mixed",
    "ordinal",
    "permutation_test",
    "pool",
    "pool_results",
    "regression",
    "wild_bootstrap",
]

open_to_all(globals(), __all__)
