"""Relational coordination: ties, matrix, change over waves, round robin, network, power."""

from joyeval.coordination.aggregated import MeansChange, change_of_means, matrix_of_means
from joyeval.coordination.answers import AnswerQuality, answer_quality, ordinal_change, wave_invariance
from joyeval.coordination.asked import survey_of_cohort
from joyeval.coordination.change import Change, change
from joyeval.coordination.comparison import Difference, difference_in_differences
from joyeval.coordination.matrix import BETWEEN, NO_BANDS, WITHIN_UNVERIFIED, Bands, Matrix, matrix
from joyeval.coordination.network import Network, Qap, mrqap, network, qap
from joyeval.coordination.power import Power, power
from joyeval.coordination.ratings import wave_order
from joyeval.coordination.reading import seen_differently, strengths
from joyeval.coordination.reproduce import Reproduced, reproduce
from joyeval.coordination.round_robin import RoundRobin, round_robin
from joyeval.coordination.sensitivity import NonResponse, ScoringRules, non_response, scoring_rules
from joyeval.coordination.sites import SiteMeans, site_means
from joyeval.coordination.starts import from_start
from joyeval.coordination.ties import LICENCE, NAMES, RC, Survey, from_wide, looks_scored, score_ties, ties
from joyeval.plain import open_to_all

__all__ = [
    "BETWEEN",
    "LICENCE",
    "NAMES",
    "NO_BANDS",
    "RC",
    "WITHIN_UNVERIFIED",
    "AnswerQuality",
    "Bands",
    "Change",
    "Difference",
    "Matrix",
    "MeansChange",
    "Network",
    "NonResponse",
    "Power",
    "Qap",
    "Reproduced",
    "RoundRobin",
    "ScoringRules",
    "SiteMeans",
    "Survey",
    "answer_quality",
    "change",
    "change_of_means",
    "difference_in_differences",
    "from_start",
    "from_wide",
    "looks_scored",
    "matrix",
    "matrix_of_means",
    "mrqap",
    "network",
    "non_response",
    "ordinal_change",
    "power",
    "qap",
    "reproduce",
    "round_robin",
    "score_ties",
    "scoring_rules",
    "seen_differently",
    "site_means",
    "strengths",
    "survey_of_cohort",
    "ties",
    "wave_invariance",
    "wave_order",
]

open_to_all(globals(), __all__)
