"""The process that kernels are forked from: it imports, listens, forks, and does nothing else.

It must have one thread only when it forks, so it computes nothing: importing a library does not start its threads,
using it would. Whoever asks for a kernel keeps the connection open for as long as the kernel shall live. The process
ends when nobody has been connected for a while.

It is started by the path of this file, and imports nothing of ours before it has forked into the background: the
package around it imports polars, and with it threads.
"""

from __future__ import annotations

import builtins
import gc
import importlib
import importlib.util
import json
import os
import pkgutil
import selectors
import signal
import socket
import struct
import sys
import time
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LARGEST = 1 << 20  # bytes of a request
NOT_IMPORTED = (  # of our own: what only commands, widgets and nbconvert need
    "joyeval.cli",
    "joyeval.explore",
    "joyeval.report.exporters",
    "joyeval.pipeline.kernels.child",
)


@dataclass
class Kernel:
    """A forked kernel: its process and what is told of it."""

    pid: int
    ended: int  # readable when the process has ended
    asker: socket.socket | None


@dataclass(frozen=True)
class Birth:
    """What a new kernel is told of itself; `environment` is what imports have added to the parent's."""

    request: dict[str, Any]
    streams: tuple[int, ...]
    parent: int
    environment: dict[str, str]


class Parent:
    """Takes requests and forks kernels, one thread throughout."""

    def __init__(self, path: Path, idle: float, started: float, added: dict[str, str]) -> None:
        self.path, self.idle, self.started, self.added = path, idle, started, added
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(path))
        self.listener.listen(64)
        self.watched = selectors.DefaultSelector()
        self.watched.register(self.listener, selectors.EVENT_READ)
        self.open: dict[socket.socket, Kernel | None] = {}
        self.retired = False

    def serve(self) -> Birth | None:
        """Serve until nobody has come for a while; returns in a new kernel with what it is to be."""
        while self.open or not self.retired:
            events = self.watched.select(None if self.open else self.idle)
            if not events and not self.open:
                break
            for key, _ in events:
                if (birth := self._handle(key)) is not None:
                    return birth
        self._retire()
        return None

    def _handle(self, key: selectors.SelectorKey) -> Birth | None:
        if key.data is not None:
            self._ended(key.data)
        elif key.fileobj is self.listener:
            self._accept()
        elif key.fileobj in self.open:
            return self._read(key.fileobj)
        return None

    def _accept(self) -> None:
        asker, _ = self.listener.accept()
        if peer_user(asker) != os.getuid():
            asker.close()
            return
        self.open[asker] = None
        self.watched.register(asker, selectors.EVENT_READ)

    def _read(self, asker: socket.socket) -> Birth | None:
        try:
            message, streams, _, _ = socket.recv_fds(asker, LARGEST, 2)
        except OSError:
            message, streams = b"", []
        if not message:
            self._close(asker)
            return None
        if refusal := self._refusal():
            _tell(asker, refused=refusal)
            for stream in streams:
                os.close(stream)
            self._retire()
            return None
        return self._fork(asker, json.loads(message), tuple(streams))

    def _refusal(self) -> str:
        if (running := threads()) > 1:
            return f"{running} threads run in the process that kernels are forked from"
        return "outdated" if self.retired or outdated(self.started) else ""

    def _fork(self, asker: socket.socket, request: dict[str, Any], streams: tuple[int, ...]) -> Birth | None:
        parent, pid = os.getpid(), os.fork()
        if pid == 0:
            self._forget()
            return Birth(request, streams, parent, self.added)
        for stream in streams:
            os.close(stream)
        kernel = Kernel(pid, os.pidfd_open(pid), asker)
        self.open[asker] = kernel
        self.watched.register(kernel.ended, selectors.EVENT_READ, kernel)
        _tell(asker, pid=pid)
        return None

    def _ended(self, kernel: Kernel) -> None:
        """Tell how a kernel ended. It is reaped when its asker has gone, so that its number stays taken till then."""
        self.watched.unregister(kernel.ended)
        os.close(kernel.ended)
        found = os.waitid(os.P_PID, kernel.pid, os.WEXITED | os.WNOWAIT)
        _end_group(kernel.pid)  # processes of its own that it left behind
        if kernel.asker is None:
            os.waitpid(kernel.pid, 0)
        else:
            kernel.ended = -1
            _tell(kernel.asker, status=found.si_status if found.si_code == os.CLD_EXITED else -found.si_status)

    def _close(self, asker: socket.socket) -> None:
        """Let go of an asker; its kernel ends with it."""
        kernel = self.open.pop(asker)
        self.watched.unregister(asker)
        asker.close()
        if kernel is None:
            return
        kernel.asker = None
        if kernel.ended == -1:
            os.waitpid(kernel.pid, 0)
        else:
            _end_group(kernel.pid)

    def _retire(self) -> None:
        """Take no more requests; the path is removed first, so that it is never a successor's that is removed."""
        if not self.retired:
            self.retired = True
            self.path.unlink(missing_ok=True)
            self.watched.unregister(self.listener)
            self.listener.close()
            for asker in [asker for asker, kernel in self.open.items() if kernel is None]:
                self._close(asker)

    def _forget(self) -> None:
        """Close in a kernel what is the parent's: a connection ends only when nobody holds it."""
        for asker, kernel in self.open.items():
            asker.close()
            if kernel is not None and kernel.ended != -1:
                os.close(kernel.ended)
        self.listener.close()
        self.watched.close()


def _tell(asker: socket.socket, **message: Any) -> None:
    with suppress(OSError):  # who has gone away is noticed by the loop
        asker.send(json.dumps(message).encode())


def _end_group(pid: int) -> None:
    for end in (os.killpg, os.kill):  # alone, as long as it has not made its own group yet
        with suppress(ProcessLookupError, PermissionError):
            end(pid, signal.SIGKILL)


def peer_user(connection: socket.socket) -> int:
    """Return the user id of the process at the other end."""
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return struct.unpack("3i", told)[1]


def threads() -> int:
    """Return how many threads this process has."""
    return len(os.listdir("/proc/self/task"))


def outdated(since: float) -> bool:
    """Say whether the file of any imported module was replaced since a moment, or is gone."""
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    try:
        return any(os.stat(file).st_ctime > since for file in files if isinstance(file, str) and os.path.isabs(file))
    except FileNotFoundError:
        return True


class Later(ModuleType):
    """A module that becomes the real one, in place, at the first attribute that it lacks.

    It stands for polars, whose import starts a thread, until a kernel first uses it: our own modules and statsmodels
    import it.
    """

    _lock, _loading = RLock(), False

    def __getattr__(self, name: str) -> Any:
        with Later._lock:
            if type(self) is Later and not Later._loading:
                Later._loading = True
                self.__path__ = self.__spec__.submodule_search_locations
                try:
                    self.__spec__.loader.exec_module(self)
                finally:
                    Later._loading = False
                self.__class__ = ModuleType
                _tell_statsmodels(self)
        return ModuleType.__getattribute__(self, name)


def postpone_polars() -> None:
    """Put the module without content in place of polars, unless that was imported or is not installed."""
    if "polars" in sys.modules or (spec := importlib.util.find_spec("polars")) is None:
        return
    sys.modules["polars"] = None  # as if it were not installed: no table can be one of its own yet
    with suppress(ImportError):
        importlib.import_module("statsmodels.tools.data")
    sys.modules["polars"] = module = Later("polars")
    module.__spec__, module.__file__, module.__loader__ = spec, spec.origin, spec.loader
    module.__package__ = "polars"


def _tell_statsmodels(polars: ModuleType) -> None:
    if told := sys.modules.get("statsmodels.tools.data"):
        told._POLARS_TYPES = (polars.DataFrame, polars.Series)


def preload(names: Iterable[str]) -> None:
    """Import modules, and every module below those that end in a star; what cannot be imported is left out."""
    with _as_a_kernel():
        postpone_polars()
        _import(names)


def _import(names: Iterable[str]) -> None:
    for name in names:
        with suppress(Exception):
            module = importlib.import_module(name.removesuffix(".*"))
            if name.endswith(".*"):
                found = pkgutil.walk_packages(module.__path__, f"{module.__name__}.", onerror=lambda name: None)
                _import(each.name for each in found if not each.name.startswith(NOT_IMPORTED))


@contextmanager
def _as_a_kernel() -> Iterator[None]:
    """Let pandas see a kernel: at import it asks where it writes to, and sets its display by that."""
    builtins.get_ipython = lambda: SimpleNamespace(kernel=True)
    try:
        with open(os.devnull, "w", encoding="UTF-8") as output, redirect_stdout(output):
            yield
    finally:
        del builtins.get_ipython


def _ready(report: int, path: Path, idle: float, names: list[str]) -> Parent | None:
    """Import, and say over `report` that kernels can be had, or why not."""
    started, before = time.time(), set(os.environ)
    preload(names)
    if (running := threads()) > 1:
        os.write(report, f"{running} threads run after the imports".encode())
        return None
    gc.collect()
    gc.freeze()  # what is here is not looked at again by the collector, so that its pages stay shared
    parent = Parent(path, idle, started, {name: os.environ[name] for name in os.environ.keys() - before})
    os.write(report, b"ready")
    os.close(report)
    return parent


def main(path: str, idle: str, *names: str) -> int:
    """Start the process in the background; returns in the one that was called when the other is ready."""
    said, report = os.pipe()
    if os.fork():
        os.close(report)
        found = os.read(said, 4096).decode() or "the imports failed"
        print("" if found == "ready" else found, end="")
        return 0 if found == "ready" else 1
    os.close(said)
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    os.close(nowhere)
    del sys.path[0]  # the folder it was started in
    parent = _ready(report, Path(path), float(idle), list(names))
    birth = parent and parent.serve()
    if birth:
        from joyeval.pipeline.kernels import child

        child.live(birth)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
