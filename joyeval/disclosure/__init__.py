"""What may leave the row-level data: the one place that decides what is shown.

Readers have names: each audience has one rule (`rule_of`), a threshold on people and a rounding. A threshold alone does
not protect anyone: what is hidden can be worked out from totals, from decimals, and from a second report. So `protect`
also hides what would give a hidden value away and rounds what it shows, `protect_counts` does the same for a table with
totals, `publish` compares with what was published before, and `check_release` reads the finished files as a stranger
would.
"""

from __future__ import annotations

from joyeval.disclosure.charts import protect_charts
from joyeval.disclosure.distributions import protect_shares
from joyeval.disclosure.flows import protect_flow
from joyeval.disclosure.margins import protect_counts
from joyeval.disclosure.own import show_own
from joyeval.disclosure.people import behind_teams, in_post, known_in_post, people_of
from joyeval.disclosure.prose import inexact
from joyeval.disclosure.release import check_release
from joyeval.disclosure.rule import (
    FACILITATOR,
    GIVES_AWAY,
    RULES,
    THRESHOLD,
    Rule,
    may_show,
    read_for,
    reader,
    readers,
    reading,
    rule_of,
    suppressed,
)
from joyeval.disclosure.show import (
    coarse,
    coarse_table,
    show,
    show_all,
    show_counts,
    show_flow,
    show_levels,
    show_shares,
)
from joyeval.disclosure.shown import Shown, nobody, opened
from joyeval.disclosure.statistics import protect, share_in_words
from joyeval.disclosure.ties import protect_change, protect_matrix
from joyeval.disclosure.together import TEAMS_BY, leaves_few, teams_leave_few
from joyeval.disclosure.words import Said, know, spoken

__all__ = [
    "FACILITATOR",
    "GIVES_AWAY",
    "RULES",
    "TEAMS_BY",
    "THRESHOLD",
    "Rule",
    "Said",
    "Shown",
    "behind_teams",
    "check_release",
    "coarse",
    "coarse_table",
    "in_post",
    "inexact",
    "know",
    "known_in_post",
    "leaves_few",
    "may_show",
    "nobody",
    "opened",
    "people_of",
    "protect",
    "protect_change",
    "protect_charts",
    "protect_counts",
    "protect_flow",
    "protect_matrix",
    "protect_shares",
    "read_for",
    "reader",
    "readers",
    "reading",
    "rule_of",
    "share_in_words",
    "show",
    "show_all",
    "show_counts",
    "show_flow",
    "show_levels",
    "show_own",
    "show_shares",
    "spoken",
    "suppressed",
    "teams_leave_few",
]
