"""Can these numbers be trusted? Reliability, agreement, structure, invariance, non-response and change.

Examples
--------
>>> from joyeval import measurement
>>> import pandas as pd
>>> answers = pd.DataFrame({"q1": [1, 2, 3, 4, 5], "q2": [2, 2, 3, 5, 4], "q3": [1, 3, 3, 4, 5]})
>>> measurement.alpha(answers, scale="joy").sentence()
"Cronbach's alpha of joy was 0.95 (95% CI 0.75 to 0.99; 5 respondents)."
"""

from __future__ import annotations

from joyeval.measurement.aggregation import Aggregation, aggregation
from joyeval.measurement.agreement import Agreement, rwg
from joyeval.measurement.equity import Equity, equity
from joyeval.measurement.exploratory import Exploratory, explore
from joyeval.measurement.intraclass import Icc, icc
from joyeval.measurement.invariance import Invariance, invariance
from joyeval.measurement.item_gaps import ItemGaps, item_gaps
from joyeval.measurement.multilevel import MultilevelReliability, multilevel_reliability
from joyeval.measurement.nonresponse import NonResponse, nonresponse
from joyeval.measurement.omega import Omega, omega
from joyeval.measurement.page import Page, page
from joyeval.measurement.raters import RaterIcc, icc_forms, retest
from joyeval.measurement.reliability import Alpha, alpha
from joyeval.measurement.reliable_change import ReliableChange, reliable_change
from joyeval.measurement.response import Response, response
from joyeval.measurement.scores import ScoreChange, score_change
from joyeval.measurement.structure import Factor, factor
from joyeval.measurement.team_means import TeamMeans, team_means
from joyeval.measurement.tipping import TippingPoint, tipping_point
from joyeval.measurement.turnover import Turnover, turnover
from joyeval.measurement.weighting import WeightedMean, Weights, rake, weighted_mean
from joyeval.plain import open_to_all

__all__ = [
    "Aggregation",
    "Agreement",
    "Alpha",
    "Equity",
    "Exploratory",
    "Factor",
    "Icc",
    "Invariance",
    "ItemGaps",
    "MultilevelReliability",
    "NonResponse",
    "Omega",
    "Page",
    "RaterIcc",
    "ReliableChange",
    "Response",
    "ScoreChange",
    "TeamMeans",
    "TippingPoint",
    "Turnover",
    "WeightedMean",
    "Weights",
    "aggregation",
    "alpha",
    "equity",
    "explore",
    "factor",
    "icc",
    "icc_forms",
    "invariance",
    "item_gaps",
    "multilevel_reliability",
    "nonresponse",
    "omega",
    "page",
    "rake",
    "reliable_change",
    "response",
    "retest",
    "rwg",
    "score_change",
    "team_means",
    "tipping_point",
    "turnover",
    "weighted_mean",
]

open_to_all(globals(), __all__)
