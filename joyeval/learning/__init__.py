"""What was tried, what was kept, what spread, what people said.

Examples
--------
>>> from joyeval import learning
>>> import pandas as pd
>>> judged = pd.DataFrame({"answer": [1, 2, 3, 4] * 2, "coder": ["A"] * 4 + ["B"] * 4, "seen": [0, 1, 1, 0] * 2})
>>> learning.agreement(judged, unit="answer", coder="coder", value="seen").n
4
"""

from __future__ import annotations

from joyeval.learning.agreement import CoderAgreement, agreement
from joyeval.learning.cycles import Cycles, cycles
from joyeval.learning.projects import Project, read_project
from joyeval.learning.spread import Spread, adoption_curve, spread
from joyeval.learning.themes import Themes, answers_seen, themes
from joyeval.plain import open_to_all

__all__ = [
    "CoderAgreement",
    "Cycles",
    "Project",
    "Spread",
    "Themes",
    "adoption_curve",
    "agreement",
    "answers_seen",
    "cycles",
    "read_project",
    "spread",
    "themes",
]

open_to_all(globals(), __all__)
