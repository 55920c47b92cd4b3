"""Running a study: steps, what is stale and why, the strict door to notebooks, the run record."""

from joyeval.pipeline.door import check_parameters, declared_parameters, run_notebook
from joyeval.pipeline.record import State, folders, states
from joyeval.pipeline.run import Outcome, run
from joyeval.pipeline.steps import STEPS, Step

__all__ = [
    "STEPS",
    "Outcome",
    "State",
    "Step",
    "check_parameters",
    "declared_parameters",
    "folders",
    "run",
    "run_notebook",
    "states",
]
