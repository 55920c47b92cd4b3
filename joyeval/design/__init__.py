"""What the next cohort could find: sizes of change and association, simulated with the estimators of the reports."""

from joyeval.design.conditions import Conditions, conditions_of
from joyeval.design.detectable import Design, all_pulses, association, pulse, simulate, survey, ties, variations

__all__ = [
    "Conditions",
    "Design",
    "all_pulses",
    "association",
    "conditions_of",
    "pulse",
    "simulate",
    "survey",
    "ties",
    "variations",
]
