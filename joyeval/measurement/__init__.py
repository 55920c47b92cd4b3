"""Can these numbers be trusted? Reliability, agreement, structure, invariance, non-response and change.

Examples
--------
>>> from joyeval import measurement
>>> measurement.alpha(wave[["q1", "q2", "q3"]]).sentence()  # doctest: +SKIP
"""

from __future__ import annotations

from joyeval.measurement.aggregation import Aggregation, aggregation
from joyeval.measurement.agreement import Agreement, rwg
from joyeval.measurement.exploratory import Exploratory, explore
from joyeval.measurement.intraclass import Icc, icc
from joyeval.measurement.invariance import Invariance, invariance
from joyeval.measurement.omega import Omega, omega
from joyeval.measurement.raters import RaterIcc, icc_forms, retest
from joyeval.measurement.reliability import Alpha, alpha
from joyeval.measurement.structure import Factor, factor

__all__ = [
    "Aggregation",
    "Agreement",
    "Alpha",
    "Exploratory",
    "Factor",
    "Icc",
    "Invariance",
    "Omega",
    "RaterIcc",
    "aggregation",
    "alpha",
    "explore",
    "factor",
    "icc",
    "icc_forms",
    "invariance",
    "omega",
    "retest",
    "rwg",
]
