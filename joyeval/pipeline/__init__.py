"""Running a study: steps, what is stale and why, the strict door to notebooks, the run record."""

from joyeval.pipeline.door import check_parameters, declared_parameters, run_notebook
from joyeval.pipeline.record import State, all_states, folders, states
from joyeval.pipeline.run import Outcome, run
from joyeval.pipeline.steps import Step, read_step, steps_of

__all__ = [
    "Outcome",
    "State",
    "Step",
    "all_states",
    "check_parameters",
    "declared_parameters",
    "folders",
    "read_step",
    "run",
    "run_notebook",
    "states",
    "steps_of",
]
