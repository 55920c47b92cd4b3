"""Improvement over time: run and control charts, named rule sets, verdicts and funnels."""

from __future__ import annotations

from joyeval.improvement.charts import Charts, chart
from joyeval.improvement.funnel import Funnel, funnel
from joyeval.improvement.rules import RULES, RuleSet

__all__ = ["RULES", "Charts", "Funnel", "RuleSet", "chart", "funnel"]
