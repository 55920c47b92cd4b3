"""Gaussian mixed models: random effects nested or crossed, by REML, with small-sample inference.

What the generalised models share with them (terms, blocks of crossed effects, tables) goes through this door too.
"""

from joyeval.models.linear_mixed.blocks import Cut, Inverse, Partition, invert, partition
from joyeval.models.linear_mixed.fitted import Mixed
from joyeval.models.linear_mixed.gaussian import fit_gaussian
from joyeval.models.linear_mixed.gram import EQUAL, standard_columns
from joyeval.models.linear_mixed.likelihood import lower_factor
from joyeval.models.linear_mixed.lmm import fit
from joyeval.models.linear_mixed.terms import Term, random_terms, ranef_table, slopes_by_group
from joyeval.models.linear_mixed.variances import (
    VARIANCE_COLUMNS,
    cells,
    sd_or_correlation,
    variance_notes,
    wald_interval,
)

__all__ = [
    "EQUAL",
    "VARIANCE_COLUMNS",
    "Cut",
    "Inverse",
    "Mixed",
    "Partition",
    "Term",
    "cells",
    "fit",
    "fit_gaussian",
    "invert",
    "lower_factor",
    "partition",
    "random_terms",
    "ranef_table",
    "sd_or_correlation",
    "slopes_by_group",
    "standard_columns",
    "variance_notes",
    "wald_interval",
]
