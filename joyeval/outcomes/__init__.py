"""Staff experience and service-user outcomes: linkage, and the designs that can bear the question."""

from joyeval.outcomes.analyses import (
    control_analysis,
    corrected_for_reliability,
    linkage_report,
    linkages,
    linked,
    primary_analysis,
    robustness,
    secondary_analyses,
    side_by_side,
)
from joyeval.outcomes.association import Association, detectable_effect, detectable_r
from joyeval.outcomes.correlation import partial_correlation, repeated_correlation
from joyeval.outcomes.counted import within_between_counts
from joyeval.outcomes.counts import read_counts
from joyeval.outcomes.cross_lagged import cross_lagged
from joyeval.outcomes.cross_section import between
from joyeval.outcomes.dose import dose
from joyeval.outcomes.event_study import event_study
from joyeval.outcomes.interrupted import interrupted
from joyeval.outcomes.linkage import Linkage, link
from joyeval.outcomes.mediation import mediation
from joyeval.outcomes.panel import change_on_change, fixed_effects, within_between
from joyeval.outcomes.periods import lagged
from joyeval.outcomes.plan import Plan, explore, primary
from joyeval.outcomes.programme import before_and_after, practices, starts
from joyeval.outcomes.reliability import correct_between, mean_reliability
from joyeval.outcomes.sensitivity import leave_one_out, negative_control, specification_curve, tipping_point
from joyeval.outcomes.sites import BesideCoordination, beside_coordination
from joyeval.outcomes.staff import team_means
from joyeval.plain import open_to_all

__all__ = [
    "Association",
    "BesideCoordination",
    "Linkage",
    "Plan",
    "before_and_after",
    "beside_coordination",
    "between",
    "change_on_change",
    "control_analysis",
    "correct_between",
    "corrected_for_reliability",
    "cross_lagged",
    "detectable_effect",
    "detectable_r",
    "dose",
    "event_study",
    "explore",
    "fixed_effects",
    "interrupted",
    "lagged",
    "leave_one_out",
    "link",
    "linkage_report",
    "linkages",
    "linked",
    "mean_reliability",
    "mediation",
    "negative_control",
    "partial_correlation",
    "practices",
    "primary",
    "primary_analysis",
    "read_counts",
    "repeated_correlation",
    "robustness",
    "secondary_analyses",
    "side_by_side",
    "specification_curve",
    "starts",
    "team_means",
    "tipping_point",
    "within_between",
    "within_between_counts",
]

open_to_all(globals(), __all__)
