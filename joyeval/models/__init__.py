"""Estimators that several nouns share."""

from joyeval.models.glm import glm
from joyeval.models.marginal import marginal_effects
from joyeval.models.mixed import Mixed, mixed
from joyeval.models.ordinal import ordinal
from joyeval.models.permutation import permutation_test
from joyeval.models.regression import regression
from joyeval.models.wild import wild_bootstrap

__all__ = ["Mixed", "glm", "marginal_effects", "mixed", "ordinal", "permutation_test", "regression", "wild_bootstrap"]
