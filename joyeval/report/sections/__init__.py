"""Sections of the report: each takes results or tables and emits blocks; every number comes from a stored result."""

from joyeval.report.sections.checklists import guidelines
from joyeval.report.sections.closing import cost_of_the_gate, limitations, methods
from joyeval.report.sections.coordination import (
    coordination_change,
    coordination_estimators,
    coordination_heading,
    matrix,
    tie_change,
    view,
)
from joyeval.report.sections.coordination_checks import (
    beside,
    comparison,
    coordination_quality,
    networks,
    ordinal_companion,
    pattern,
    scoring,
    silent,
)
from joyeval.report.sections.data import flow, recognised, response, set_aside
from joyeval.report.sections.equity import equity
from joyeval.report.sections.experience import answers_given, components, instruments, reliability, score_change
from joyeval.report.sections.front import title_page
from joyeval.report.sections.improvement import cohort_charts, multiverse, outcome_charts, pulses, team_charts, verdicts
from joyeval.report.sections.measurement import measurement, nonresponse
from joyeval.report.sections.outcomes import (
    checks,
    control,
    effect,
    linkage,
    measures,
    part_of_programme,
    reliable_differences,
    side_by_side,
)
from joyeval.report.sections.people import participants
from joyeval.report.sections.programme import programme
from joyeval.report.sections.summary import interpretation, last_day, summary
from joyeval.report.sections.survey_response import cherries, respondents
from joyeval.report.sections.team_sheet import team_sheets
from joyeval.report.sections.words import answer, estimates

__all__ = [
    "answer",
    "answers_given",
    "beside",
    "checks",
    "cherries",
    "cohort_charts",
    "comparison",
    "components",
    "control",
    "coordination_change",
    "coordination_estimators",
    "coordination_heading",
    "coordination_quality",
    "cost_of_the_gate",
    "effect",
    "equity",
    "estimates",
    "flow",
    "guidelines",
    "instruments",
    "interpretation",
    "last_day",
    "limitations",
    "linkage",
    "matrix",
    "measurement",
    "measures",
    "methods",
    "multiverse",
    "networks",
    "nonresponse",
    "ordinal_companion",
    "outcome_charts",
    "part_of_programme",
    "participants",
    "pattern",
    "programme",
    "pulses",
    "recognised",
    "reliability",
    "reliable_differences",
    "respondents",
    "response",
    "score_change",
    "scoring",
    "set_aside",
    "side_by_side",
    "silent",
    "summary",
    "team_charts",
    "team_sheets",
    "tie_change",
    "title_page",
    "verdicts",
    "view",
]
