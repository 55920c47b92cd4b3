"""Relational coordination: ties, matrix, change over waves, round robin, network, power."""

from joyeval.coordination.change import Change, change
from joyeval.coordination.matrix import BETWEEN, WITHIN_UNVERIFIED, Bands, Matrix, matrix
from joyeval.coordination.power import Power, power
from joyeval.coordination.reading import seen_differently, strengths
from joyeval.coordination.round_robin import RoundRobin, round_robin
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
    "RoundRobin",
    "Survey",
    "change",
    "from_wide",
    "looks_scored",
    "matrix",
    "power",
    "round_robin",
    "score_ties",
    "seen_differently",
    "strengths",
    "ties",
]
