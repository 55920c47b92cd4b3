"""All cohorts of a study together: effects side by side and pooled, teams, organisations, practices.

Built from the stored results of the cohorts; nothing of a cohort is worked out again, except its sums by month.
"""

from joyeval.network.courses import Courses, courses, last_levels
from joyeval.network.effects import Comparison, comparisons
from joyeval.network.practices import Practices, practices
from joyeval.network.teams import TeamTotals, cohort_verdicts, organisations, team_totals

__all__ = [
    "Comparison",
    "Courses",
    "Practices",
    "TeamTotals",
    "cohort_verdicts",
    "comparisons",
    "courses",
    "last_levels",
    "organisations",
    "practices",
    "team_totals",
]
