"""Estimators that several nouns share."""

from joyeval.models.evalue import e_value
from joyeval.models.glm import glm
from joyeval.models.imputation import impute, pool, pool_results
from joyeval.models.marginal import marginal_effects
from joyeval.models.meta import meta_analysis, meta_regression
from joyeval.models.mixed import Mixed, mixed
from joyeval.models.multiplicity import adjust_family
from joyeval.models.ordinal import ordinal
from joyeval.models.permutation import permutation_test
from joyeval.models.regression import regression
from joyeval.models.wild import wild_bootstrap

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
