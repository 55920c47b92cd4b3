"""Generalised linear and ordinal models, with and without random effects."""

from joyeval.models.generalised.cumulative import Ordinal, ordinal
from joyeval.models.generalised.glmm import fit_glmm
from joyeval.models.generalised.marginal import MarginalEffects, marginal_effects
from joyeval.models.generalised.one_level import Glm, glm

__all__ = [
    "Glm",
    "MarginalEffects",
    "Ordinal",
    "fit_glmm",
    "glm",
    "marginal_effects",
    "ordinal",
]
