"""A forked process becomes a kernel that cannot be told from one started on its own.

Everything that a fresh interpreter takes from whoever starts it, or decides at import, is set here for each kernel.
"""

from __future__ import annotations

import ctypes
import importlib.util
import multiprocessing.process
import os
import signal
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

from joyeval.pipeline.threads import cores

if TYPE_CHECKING:
    from joyeval.pipeline.kernels.parent import Birth

PR_SET_PDEATHSIG = 1
CAUGHT = (signal.SIGINT, signal.default_int_handler), (signal.SIGPIPE, signal.SIG_IGN), (signal.SIGXFSZ, signal.SIG_IGN)


def live(birth: Birth) -> None:
    """Be the kernel that was asked for, until it is shut down."""
    request = birth.request
    os.setsid()
    _die_with(birth.parent)
    _streams(birth.streams)
    _surroundings(request, birth.environment)
    _arguments(request["argv"])
    _signals()
    _randomness()
    _threads()
    from ipykernel.kernelapp import IPKernelApp

    IPKernelApp.launch_instance(parent_handle=birth.parent)


def _die_with(parent: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)


def _streams(streams: tuple[int, ...]) -> None:
    """Write where the asker writes; there is nothing to read."""
    for number, stream in enumerate(streams, start=1):
        os.dup2(stream, number)
        os.close(stream)
    for name, number in (("stdout", 1), ("stderr", 2)):
        old = getattr(sys, name)
        lines = number == 2 or os.isatty(number)
        coding = {"encoding": old.encoding, "errors": old.errors, "buffering": 1 if lines else -1}
        new = open(number, "w", closefd=False, **coding)  # noqa: SIM115 - it stays open
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)


def _surroundings(request: dict[str, Any], added: dict[str, str]) -> None:
    os.umask(request["umask"])
    os.environ.clear()
    os.environ.update(added | request["env"])
    time.tzset()
    os.chdir(request["cwd"])
    tempfile.tempdir = None
    multiprocessing.process.ORIGINAL_DIR = os.getcwd()
    multiprocessing.current_process().authkey = os.urandom(32)


def _arguments(argv: list[str]) -> None:
    """Set the arguments as `python -m ipykernel_launcher …` has them."""
    module = argv.index("-m") + 1
    launcher = importlib.util.find_spec(argv[module])
    assert launcher is not None, "an ipykernel without its launcher"
    sys.argv = [str(launcher.origin), *argv[module + 1 :]]
    sys.orig_argv = list(argv)


def _signals() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        if signal.getsignal(number) in (signal.SIG_IGN, None) and number not in dict(CAUGHT):
            signal.signal(number, signal.SIG_DFL)
    for number, handler in CAUGHT:
        signal.signal(number, handler)


def _randomness() -> None:
    """Start numpy's shared generator anew; Python's own reseeds itself in a fork."""
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()


def _threads() -> None:
    """Give the numerical libraries, loaded with one thread each, as many as the environment names."""
    openmp = _number("OMP_NUM_THREADS", cores())
    blas = _number("OPENBLAS_NUM_THREADS", openmp)
    if (openmp, blas) != (1, 1):
        from threadpoolctl import threadpool_limits

        threadpool_limits({"openmp": openmp, "blas": blas})


def _number(name: str, otherwise: int) -> int:
    value = os.environ.get(name, "")
    return int(value) if value.isdecimal() and int(value) else otherwise
