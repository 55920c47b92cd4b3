"""Relational coordination: ties, matrix, change over waves, round robin, network, power."""

from joyeval.coordination.change import Change, change
from joyeval.coordination.matrix import BETWEEN, WITHIN_UNVERIFIED, Bands, Matrix, matrix
from joyeval.coordination.power import Power, power
from joyeval.coordination.reading import seen_differently, strengths
from joyeval.coordination.ties import LICENCE, NAMES, RC, Survey, from_wide, looks_scored, score_ties, ties

__all__ = [
    "BETWEEN",
    "LICENCE",
    "NAMES",
    "RC",
    "WITHIN_UNVERIFIED",
    "Bands",
    "Change",
    "Matrix",
    "Power",
    "Survey",
    "change",
    "from_wide",
    "looks_scored",
    "matrix",
    "power",
    "score_ties",
    "seen_differently",
    "strengths",
    "ties",
]
