"""Improvement over time: run and control charts, named rule sets, verdicts and funnels."""

from __future__ import annotations

from joyeval.improvement.aim import Reached, phase_levels, reached
from joyeval.improvement.charts import Charts, chart
from joyeval.improvement.false_alarms import Design, false_alarm_rate, false_alarms
from joyeval.improvement.funnel import Funnel, funnel
from joyeval.improvement.multiverse import Multiverse, multiverse
from joyeval.improvement.outcomes_over_time import outcome_charts
from joyeval.improvement.overview import Overview, overview
from joyeval.improvement.pulses import cohort_charts, cohort_multiverse, team_charts
from joyeval.improvement.rules import RULES, RuleSet
from joyeval.improvement.stable_shift import stable_shift
from joyeval.improvement.verdicts import Verdicts, verdicts
from joyeval.plain import open_to_all

__all__ = [
    "RULES",
    "Charts",
    "Design",
    "Funnel",
    "Multiverse",
    "Overview",
    "Reached",
    "RuleSet",
    "Verdicts",
    "chart",
    "cohort_charts",
    "cohort_multiverse",
    "false_alarm_rate",
    "false_alarms",
    "funnel",
    "multiverse",
    "outcome_charts",
    "overview",
    "phase_levels",
    "reached",
    "stable_shift",
    "team_charts",
    "verdicts",
]

open_to_all(globals(), __all__)
