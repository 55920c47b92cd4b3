"""The strict door through which every notebook is run.

Papermill only warns of an unknown parameter, lets the notebook's defaults win without a tagged cell and
pastes parameter names into code. Here exactly one cell of plain literals declares the parameters, and names
and types are checked before a kernel starts.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from joyeval.errors import JoyevalError, StepError, UsageError
from joyeval.pipeline.threads import environment

if TYPE_CHECKING:
    from pathlib import Path

Parameters = dict[str, str | int | float | bool]
LITERALS = (str, int, float, bool)


def declared_parameters(notebook: Path) -> Parameters:
    """Return the parameters that a notebook declares, with their defaults.

    Raises
    ------
    UsageError
        Not exactly one cell tagged ``parameters``, or one that holds anything but ``name = literal``.
    """
    import nbformat

    cells = nbformat.read(notebook, as_version=4).cells
    tagged = [cell for cell in cells if "parameters" in cell.metadata.get("tags", ())]
    if len(tagged) != 1 or tagged[0].cell_type != "code":
        raise UsageError(f"{notebook.name}: {len(tagged)} code cells are tagged parameters; exactly one must be")
    return dict(_literal(line, notebook.name) for line in ast.parse(tagged[0].source).body)


def _literal(line: ast.stmt, name: str) -> tuple[str, str | int | float | bool]:
    match line:
        case ast.Assign(
            targets=[ast.Name(id=key)], value=ast.Constant(value=str() | int() | float() | bool() as value)
        ):
            return key, value
    raise UsageError(f"{name}: line {line.lineno} of the parameters cell is not a plain `name = literal`")


def check_parameters(notebook: Path, given: Parameters) -> None:
    """Refuse parameters that are unknown, missing or of another type than the declared default."""
    declared = declared_parameters(notebook)
    problems = [f"no parameter {name!r}" for name in given if name not in declared]
    problems += [f"parameter {name!r} is missing" for name in declared if name not in given]
    for name, value in given.items():
        expected = type(declared.get(name, value))
        if type(value) is not expected:
            problems.append(f"{name} is {type(value).__name__}; expected {expected.__name__}")
    if problems:
        raise UsageError(f"{notebook.name}: " + "; ".join(problems) + f"; it declares {', '.join(sorted(declared))}")


def run_notebook(notebook: Path, target: Path, parameters: Parameters, *, threads: int = 1) -> None:
    """Run a notebook with its parameters and keep the executed copy at `target`.

    Parameters
    ----------
    threads : int
        Numerical threads of its kernel.

    Raises
    ------
    UsageError
        The parameters are not those that the notebook declares; no kernel was started.
    StepError
        A cell failed: names notebook and cell. The message of a foreign error stays in `target`,
        because it may quote a person's answer.
    """
    check_parameters(notebook, parameters)
    import papermill
    from jupyter_core.utils import ensure_event_loop

    target.parent.mkdir(parents=True, exist_ok=True)
    loop = ensure_event_loop()  # papermill needs one loop per thread, and does not close it
    quiet = ["--IPKernelApp.log_level=CRITICAL"]  # a cell's error is told below, not by the kernel
    kernel = {"kernel_name": "python3", "language": "python", "extra_arguments": quiet, "cwd": str(notebook.parent)}
    kernel["kernel_manager_class"] = _manager(threads)
    try:
        papermill.execute_notebook(str(notebook), str(target), parameters, progress_bar=False, **kernel)
    except papermill.PapermillExecutionError as error:
        raise StepError(_told(notebook, error)) from None
    finally:
        loop.close()


def _manager(threads: int) -> type:
    from jupyter_client import AsyncKernelManager

    class Manager(AsyncKernelManager):
        """Starts kernels with so many numerical threads; the environment of this process stays as it is."""

        async def start_kernel(self, **options: Any) -> None:
            await super().start_kernel(**options, env=environment(threads))

    return Manager


def _told(notebook: Path, error: Any) -> str:
    place = f"{notebook.name}, cell {error.exec_count}"
    if error.ename in _names(JoyevalError):
        return f"{place}: {error.evalue}"
    return f"{place}: {error.ename}"


def _names(base: type) -> set[str]:
    return {base.__name__}.union(*(_names(child) for child in base.__subclasses__()))
