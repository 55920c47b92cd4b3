"""The strict door through which every notebook is run.

Papermill only warns of an unknown parameter, lets the notebook's defaults win without a tagged cell and
pastes parameter names into code. Here exactly one cell of plain literals declares the parameters, and names
and types are checked before a kernel starts. What is not given keeps its default.
"""

from __future__ import annotations

import ast
import json
from contextlib import suppress
from threading import get_ident
from typing import TYPE_CHECKING, Any

from joyeval.errors import JoyevalError, StepError, UsageError
from joyeval.light_imports import skip_iri_grammar
from joyeval.pipeline.threads import environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Literal = str | int | float | bool
Parameters = dict[str, Literal]
STANDARD = (
    "study",
    "data",
    "cohort",
    "out",
    "audiences",
)  # parameters that a run sets itself, where a notebook declares them
WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
_running: set[Any] = set()  # managers of the kernels that this process has started


def read_notebook(notebook: Path) -> dict[str, Any]:
    """Read a notebook as it lies on disk.

    Raises
    ------
    UsageError
        It is not there, or is no notebook in the format that JupyterLab writes.
    """
    try:
        content = json.loads(notebook.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{notebook} is not there; the notebooks of `joyeval new` are all in place") from None
    except (ValueError, OSError):
        content = None
    if not isinstance(content, dict) or content.get("nbformat") != 4 or "cells" not in content:
        raise UsageError(f"{notebook} is no notebook that JupyterLab opens; save it there again")
    return content


def declared_parameters(notebook: Path) -> Parameters:
    """Return the parameters that a notebook declares, with their defaults.

    Raises
    ------
    UsageError
        Not exactly one cell tagged ``parameters``, or one that holds anything but ``name = literal``.
    """
    cells = read_notebook(notebook)["cells"]
    tagged = [cell for cell in cells if "parameters" in cell.get("metadata", {}).get("tags", ())]
    if len(tagged) != 1 or tagged[0]["cell_type"] != "code":
        raise UsageError(f"{notebook.name}: {len(tagged)} code cells are tagged parameters; exactly one must be")
    try:
        lines = ast.parse("".join(tagged[0]["source"])).body
    except SyntaxError as error:
        raise UsageError(f"{notebook.name}: line {error.lineno} of the parameters cell is not Python") from None
    return dict(_literal(line, notebook.name) for line in lines)


def _literal(line: ast.stmt, name: str) -> tuple[str, Literal]:
    match line:
        case ast.Assign(targets=[ast.Name(id=key)], value=value):
            with suppress(ValueError, TypeError):  # not a literal
                if type(literal := ast.literal_eval(value)) in WORDS:
                    return key, literal
    raise UsageError(f"{name}: line {line.lineno} of the parameters cell is not a plain `name = literal`")


def misfits(
    given: Mapping[str, Any], declared: Parameters, decided_by: Mapping[str, str] | None = None
) -> Iterator[tuple[str, str]]:
    """Yield found and expected of every given parameter that is unknown or of another type than the default.

    Parameters
    ----------
    decided_by : mapping, optional
        Parameter to the key of the study file that decides it in its place.
    """
    known = ", ".join(sorted(declared)) or "none"
    for name, value in given.items():
        if name not in declared:
            yield f"no parameter {name!r}", f"one that the notebook declares: {known}"
        elif name in (decided_by or {}):
            yield f"the parameter {name!r}", f"the choice made once, under `{decided_by[name]}` of the study file"
        elif type(value) is not type(declared[name]) and (type(declared[name]), type(value)) != (float, int):
            yield f"{name} is {WORDS.get(type(value), 'a list')}", f"{WORDS[type(declared[name])]}"


def check_parameters(notebook: Path, given: Parameters) -> None:
    """Refuse parameters that are unknown or of another type than the declared default."""
    declared = declared_parameters(notebook)
    problems = [f"{found}; expected {expected}" for found, expected in misfits(given, declared)]
    if problems:
        raise UsageError(f"{notebook.name}: {'; '.join(problems)}; it declares {', '.join(sorted(declared))}")


def from_text(text: str, default: Literal) -> Literal:
    """Read a parameter written on the command line as the type of its default; text that does not fit stays text."""
    with suppress(ValueError, KeyError):
        if isinstance(default, bool):
            return {"true": True, "false": False}[text.lower()]
        if isinstance(default, (int, float)):
            return type(default)(text)
    return text


def run_notebook(notebook: Path, target: Path, parameters: Parameters, *, threads: int = 1) -> None:
    """Run a notebook with its parameters and keep the executed copy at `target`.

    Parameters
    ----------
    threads : int
        Numerical threads of its kernel.

    Raises
    ------
    UsageError
        The notebook does not declare the parameters; no kernel was started.
    StepError
        A cell failed, or its kernel died: names notebook and cell. The message of a foreign error stays in `target`,
        because it may quote a person's answer.
    """
    check_parameters(notebook, parameters)
    skip_iri_grammar()
    import papermill
    from jupyter_core.utils import ensure_event_loop
    from nbclient.exceptions import DeadKernelError

    target.parent.mkdir(parents=True, exist_ok=True)
    loop = ensure_event_loop()  # papermill needs one loop per thread, and does not close it
    quiet = ["--IPKernelApp.log_level=CRITICAL"]  # a cell's error is told below, not by the kernel
    kernel = {"kernel_name": "python3", "language": "python", "extra_arguments": quiet}
    kernel |= {"kernel_manager_class": _manager(threads, notebook.parent), "start_timeout": STARTING}
    kernel |= {"iopub_timeout": STARTING}  # what a cell shows may come late on a busy machine, as its kernel may
    try:
        papermill.execute_notebook(str(notebook), str(target), parameters, progress_bar=False, **kernel)
    except papermill.PapermillExecutionError as error:
        raise StepError(_told(notebook, error)) from None
    except DeadKernelError:
        raise StepError(f"{notebook.name}, {_last_cell(target)}: its Python process died, {REMEDY}") from None
    except RuntimeError as error:  # as Jupyter has it of a kernel that never was there
        raise StepError(f"{notebook.name}, before its first cell: {error}, {REMEDY}") from None
    finally:
        loop.close()


STARTING = 600  # seconds that a kernel may take to be there: on a busy machine its imports take minutes
REMEDY = (
    "most often because memory ran out. Close other programs, run fewer at the same time (`--workers 1`), or use a "
    "machine with more memory"
)


def stop_kernels(of: int | None = None) -> None:
    """End every kernel that this process, or one thread of it, has started; the runs that wait for them fail."""
    import asyncio  # dear, and not needed to say what is stale

    for manager in [m for m in list(_running) if of in (None, m.thread)]:
        with suppress(Exception):  # one that has just ended by itself
            asyncio.run(manager.provisioner.kill())


def _manager(threads: int, folder: Path) -> type:
    from joyeval.pipeline.kernels import manager

    class Manager(manager()):
        """Starts kernels in a folder, with so many numerical threads; this process, which many share, stays as it is.

        Papermill's own `cwd` moves the whole process: runs side by side then leave it in a notebook's folder.
        """

        async def start_kernel(self, **options: Any) -> None:
            self.thread = get_ident()
            _running.add(self)
            await super().start_kernel(**{**options, "env": environment(threads), "cwd": str(folder.absolute())})

        async def cleanup_resources(self, restart: bool = False) -> None:
            _running.discard(self)
            await super().cleanup_resources(restart=restart)

    return Manager


def _last_cell(executed: Path) -> str:
    """Say which cell was begun last."""
    with suppress(UsageError):
        code = [cell for cell in read_notebook(executed)["cells"] if cell["cell_type"] == "code"]
        begun = [k for k, c in enumerate(code, start=1) if c["metadata"].get("papermill", {}).get("start_time")]
        return f"cell {begun[-1]}" if begun else "before its first cell"
    return "before its first cell"


def _told(notebook: Path, error: Any) -> str:
    place = f"{notebook.name}, cell {error.exec_count}"
    if error.ename in _names(JoyevalError) or error.ename in MACHINE:
        return f"{place}: {error.evalue}"
    return f"{place}: {error.ename}"


MACHINE = {"OSError", "PermissionError", "FileNotFoundError", "IsADirectoryError"}  # tell a path, and no answer


def _names(base: type) -> set[str]:
    return {base.__name__}.union(*(_names(child) for child in base.__subclasses__()))
