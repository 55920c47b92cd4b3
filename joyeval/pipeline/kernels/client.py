"""Asking for a warm kernel: the parent process is found, or started under a lock; the kernel looks like a Popen."""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import resource
import signal
import socket
import stat
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from joyeval.pipeline.kernels import parent
from joyeval.pipeline.kernels.parent import LARGEST, peer_user
from joyeval.pipeline.threads import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

IDLE = 10  # seconds that a parent without a connection stays
STARTING = 600  # seconds that the imports may take: on a busy machine minutes, and in each kernel again without them
INLINE = "module://matplotlib_inline.backend_inline"  # what a kernel sets before matplotlib is imported
ONE_THREAD = {  # imports start no threads: of OpenBLAS and OpenMP, and the one with which jemalloc tidies up
    **dict.fromkeys(VARIABLES, "1"),
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
READ_AT_IMPORT = (  # beginnings of the names of variables that a fresh interpreter or a library's import reads
    *("PYTHON", "LC_", "LANG", "HOME", "XDG_", "LD_", "TMPDIR", "VIRTUAL_ENV", "CONDA_PREFIX"),
    *("OMP_", "OPENBLAS_", "MKL_", "BLIS_", "GOTO_", "KMP_", "NUMEXPR_", "NPY_", "NUMPY_"),
    *("MPL", "MATPLOTLIB", "PANDAS_", "POLARS_", "ARROW_", "IPYTHON", "JUPYTER_", "JOYEVAL_"),
)


_keeping = Lock()
_kept: dict[Path, socket.socket] = {}  # a connection to each parent, so that it stays as long as this process


class Unavailable(Exception):  # noqa: N818 - told as a reason, never raised to a user
    """There is no warm kernel to be had here, and why."""


class WarmKernel:
    """A kernel forked elsewhere, with what Jupyter uses of `subprocess.Popen`; it ends when this lets go of it."""

    stdin = stdout = stderr = None

    def __init__(self, connection: socket.socket, pid: int) -> None:
        self.pid, self.returncode, self._connection = pid, None, connection

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""
        return self._ended(socket.MSG_DONTWAIT)

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status when it has ended."""
        if self.returncode is None:
            self._connection.settimeout(timeout)
        return self._ended(0)

    def _ended(self, flags: int) -> int | None:
        if self.returncode is None:
            with suppress(BlockingIOError):
                told = _received(self._connection, flags)
                self.returncode = told.get("status", -signal.SIGKILL)  # its parent died, and it with its parent
                self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Signal the kernel, if it still runs."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


def fork_kernel(command: Sequence[str], env: Mapping[str, str], cwd: str, names: Sequence[str]) -> WarmKernel:
    """Return a running kernel.

    Parameters
    ----------
    command : sequence of str
        What would start it otherwise: interpreter, its options, ``-m ipykernel_launcher`` and arguments.
    env, cwd : mapping, str
        Of the kernel.
    names : sequence of str
        Modules that are imported beforehand.

    Raises
    ------
    Unavailable
        With the reason.
    """
    request = {"argv": list(command), "env": dict(env), "cwd": cwd, "umask": _umask()}
    told: dict[str, Any] = {}
    for _ in range(3):  # a parent may be about to end, or run old code
        connection = connect(command, env, names)
        try:
            socket.send_fds(connection, [json.dumps(request).encode()], [1, 2])
            told = _received(connection, 0)
        except OSError as error:
            told = {"refused": str(error)}
        if "pid" in told:
            _keep(Path(connection.getpeername()))
            return WarmKernel(connection, told["pid"])
        connection.close()
    raise Unavailable(told.get("refused", "the process that kernels are forked from ends at once"))


def _keep(path: Path) -> None:
    """Stay connected to a parent until this process ends: kernels may be minutes apart."""
    with _keeping:
        if path in _kept and not _open_still(_kept[path]):
            _kept.pop(path).close()
        if path not in _kept:
            with suppress(OSError):
                _kept[path] = _opened(path)


def _open_still(connection: socket.socket) -> bool:
    try:
        return bool(connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except BlockingIOError:
        return True
    except OSError:
        return False


def let_go() -> None:
    """Close what `_keep` has opened; parents without kernels end after a while."""
    with _keeping:
        while _kept:
            _kept.popitem()[1].close()


atexit.register(let_go)


def connect(command: Sequence[str], env: Mapping[str, str], names: Sequence[str]) -> socket.socket:
    """Return a connection to the parent process for these imports; it stays as long as somebody is connected."""
    from filelock import FileLock

    interpreter = list(command[: command.index("-m")])
    surroundings = _read_at_import(env)
    path = _folder() / f"{_key(interpreter, surroundings, names)}.sock"
    with suppress(OSError):
        return _opened(path)
    with FileLock(path.with_suffix(".lock")):
        with suppress(OSError):
            return _opened(path)
        path.unlink(missing_ok=True)
        _start(interpreter, env, path, names)
        try:
            return _opened(path)
        except OSError as error:
            raise Unavailable(str(error)) from None


def _opened(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        connection.connect(str(path))
        if peer_user(connection) != os.getuid():
            raise PermissionError(f"{path} is another user's")
    except OSError:
        connection.close()
        raise
    return connection


def _start(interpreter: list[str], env: Mapping[str, str], path: Path, names: Sequence[str]) -> None:
    alone = {**env, "MPLBACKEND": env.get("MPLBACKEND") or INLINE, **ONE_THREAD}
    alone = {name: value for name, value in alone.items() if not name.startswith("JPY_")}
    idle = env.get("JOYEVAL_KERNEL_IDLE", str(IDLE))
    command = [*interpreter, parent.__file__, str(path), idle, *names]
    quiet = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "start_new_session": True}
    try:
        done = subprocess.run(command, cwd="/", env=alone, timeout=STARTING, check=False, **quiet)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(str(error)) from None
    if done.returncode:
        raise Unavailable(done.stdout or done.stderr.strip().rpartition("\n")[2])


def _received(connection: socket.socket, flags: int) -> dict[str, Any]:
    try:
        return json.loads(connection.recv(LARGEST, flags) or b"{}")
    except ConnectionError:
        return {}


def _folder() -> Path:
    """Return the folder of the sockets, which nobody else may enter."""
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    folder = Path(base) / f"joyeval-{os.getuid()}"
    if len(str(folder)) > 70:  # a socket's path has 107 bytes at most
        folder = Path("/tmp") / folder.name
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise Unavailable(f"{folder} is not a folder that only its owner may enter")
    return folder


def _key(interpreter: list[str], surroundings: dict[str, str], names: Sequence[str]) -> str:
    """Return the name of the one parent for all kernels alike in what cannot be set after the imports."""
    alike = [interpreter, sorted(surroundings.items()), list(names), os.getuid(), list(_limits())]
    return hashlib.sha256(json.dumps(alike).encode()).hexdigest()[:16]


def _read_at_import(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(READ_AT_IMPORT) and name not in VARIABLES}


def _limits() -> Iterator[Any]:
    """Yield what a fork inherits and cannot change: limits, cores, control group (of a job), namespaces."""
    yield [resource.getrlimit(getattr(resource, name)) for name in sorted(dir(resource)) if name.startswith("RLIMIT_")]
    yield [sorted(os.sched_getaffinity(0)), os.nice(0)]
    yield Path("/proc/self/cgroup").read_text()
    yield [os.readlink(f"/proc/self/ns/{name}") for name in ("pid", "mnt", "net", "user")]


def _umask() -> int:
    """Read, not set, which would change it for other threads."""
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("Umask:")).split()[1], 8)
