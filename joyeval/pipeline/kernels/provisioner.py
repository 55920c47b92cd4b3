"""The warm kernels as Jupyter knows them: a kernel provisioner, and a kernel manager that asks for it."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner
from traitlets import List, Unicode

NAME = "joyeval-warm"
COLD = "JOYEVAL_COLD"  # set: every kernel starts the ordinary way
LAUNCHER = ["-m", "ipykernel_launcher"]
PRELOAD = (  # the packages of the analyses, and all our own modules
    *("ipykernel.kernelapp", "ipykernel.displayhook", "ipykernel.iostream"),
    *("pandas", "scipy.stats", "scipy.optimize", "scipy.sparse.linalg", "scipy.special", "scipy.cluster.hierarchy"),
    *("statsmodels.api", "statsmodels.formula.api", "matplotlib.pyplot", "seaborn", "pingouin", "formulaic"),
    *("pyarrow.parquet", "pyarrow.compute", "joyeval.*"),
)
SINCE = "pidfd_open"  # Linux 5.3 and Python 3.9; elsewhere kernels are cold
_told: set[str] = set()
_log = logging.getLogger("joyeval")


class WarmProvisioner(LocalProvisioner):
    """Forks a kernel where that is possible, and starts it the ordinary way where it is not."""

    preload = List(Unicode(), list(PRELOAD), config=True, help="Modules imported before kernels are forked.")

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Launch a kernel with a command."""
        from joyeval.pipeline.kernels.client import Unavailable, fork_kernel

        asked = self._scrub_kwargs(kwargs)
        if os.environ.get(COLD) or _told or not _can_be_warm(cmd, asked):
            return await super().launch_kernel(cmd, **kwargs)
        env = {**(asked["env"] or os.environ), "JPY_PARENT_PID": str(os.getpid())}
        cwd = os.path.abspath(asked.get("cwd") or os.getcwd())
        try:
            self.process = await asyncio.to_thread(fork_kernel, cmd, env, cwd, self.preload)
        except Unavailable as reason:
            _say_once(str(reason))
            return await super().launch_kernel(cmd, **kwargs)
        self.pid = self.pgid = self.process.pid
        self.cwd = cwd
        return self.connection_info

    async def wait(self) -> int | None:
        """Wait for the end of the kernel, looking more often than every 0.1 s."""
        while self.process is not None and self.process.poll() is None:
            await asyncio.sleep(0.005)
        return await super().wait()


class WarmKernelManager(AsyncKernelManager):
    """Starts kernels by the warm provisioner unless the kernel names another."""

    @property
    def kernel_spec(self) -> Any:
        """The kernel specification, with the provisioner named."""
        spec = super().kernel_spec
        if spec is not None:
            spec.metadata.setdefault("kernel_provisioner", {"provisioner_name": NAME})
            register()
        return spec


def manager() -> type[AsyncKernelManager]:
    """Return the kernel manager for a notebook: of warm kernels, unless the user wants none (``--cold``)."""
    return AsyncKernelManager if os.environ.get(COLD) else WarmKernelManager


def for_jupyter() -> dict[str, str]:
    """Return what the environment of JupyterLab or papermill needs so that their kernels are warm."""
    known = entry_points(group=KernelProvisionerFactory.GROUP_NAME, name=NAME)
    return {KernelProvisionerFactory.default_provisioner_name_env: NAME} if known and not os.environ.get(COLD) else {}


def register() -> None:
    """Make the provisioner known to Jupyter in this process, where the installed package does not name it."""
    here = EntryPoint(NAME, f"{__name__}:WarmProvisioner", KernelProvisionerFactory.GROUP_NAME)
    KernelProvisionerFactory.provisioners.setdefault(NAME, here)


def _can_be_warm(cmd: list[str], asked: dict[str, Any]) -> bool:
    """Say whether this is an ipykernel of this interpreter, started without anything out of the ordinary."""
    ordinary = {name for name, value in asked.items() if value is not None} <= {"env", "cwd"}
    module = cmd.index("-m") if "-m" in cmd else 0
    return hasattr(os, SINCE) and ordinary and cmd[0] == sys.executable and cmd[module : module + 2] == LAUNCHER


def _say_once(reason: str) -> None:
    if reason not in _told:
        _told.add(reason)
        _log.warning("kernels start the ordinary way, which is slower: %s", reason)
