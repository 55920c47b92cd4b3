"""Structural equation models and what measurement needs beside them: factors of one scale or of many groups."""

from joyeval.models.structural import efa
from joyeval.models.structural.correlations import polychoric
from joyeval.models.structural.data import Sample, build_sample
from joyeval.models.structural.efa import hierarchical_omega
from joyeval.models.structural.fit import Fitted, estimate
from joyeval.models.structural.hints import equality_tests
from joyeval.models.structural.indices import best
from joyeval.models.structural.judging import FITS, MISFITS, UNCLEAR, UNTESTED, judge_equality, judge_fit
from joyeval.models.structural.layout import build_layout
from joyeval.models.structural.model import Sem, fit_model, sem, summarise
from joyeval.models.structural.ordinal_moments import ordinal_moments
from joyeval.models.structural.ram import Implied
from joyeval.models.structural.single_factor import OneFactor, discrepancy, one_factor, share, share_error
from joyeval.models.structural.spec import NAME, Model, Term, parse_model
from joyeval.models.structural.standard import delta
from joyeval.models.structural.twolevel import fit_twolevel, saturated_fit, sem_twolevel, twolevel_sample
from joyeval.models.structural.wlsmv import OrdinalFitted, scaled_difference

__all__ = [
    "FITS",
    "MISFITS",
    "NAME",
    "UNCLEAR",
    "UNTESTED",
    "Fitted",
    "Implied",
    "Model",
    "OneFactor",
    "OrdinalFitted",
    "Sample",
    "Sem",
    "Term",
    "best",
    "build_layout",
    "build_sample",
    "delta",
    "discrepancy",
    "efa",
    "equality_tests",
    "estimate",
    "fit_model",
    "fit_twolevel",
    "hierarchical_omega",
    "judge_equality",
    "judge_fit",
    "one_factor",
    "ordinal_moments",
    "parse_model",
    "polychoric",
    "saturated_fit",
    "scaled_difference",
    "sem",
    "sem_twolevel",
    "share",
    "share_error",
    "summarise",
    "twolevel_sample",
]
