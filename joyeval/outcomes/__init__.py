"""Staff experience and service-user outcomes: linkage, and the designs that can bear the question."""

from joyeval.outcomes.counts import read_counts
from joyeval.outcomes.linkage import Linkage, link
from joyeval.outcomes.periods import lagged
from joyeval.outcomes.staff import team_means

__all__ = ["Linkage", "lagged", "link", "read_counts", "team_means"]
