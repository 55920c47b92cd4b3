"""Warm kernels: Jupyter kernels forked from a process that has the imports done already.

A notebook of ours spends two to three seconds on imports before its first number. Here one process per user and
environment does them once (`parent`), and every kernel is a copy of it, made clean (`child`). To Jupyter this is a
kernel provisioner (`provisioner`), so papermill, nbclient and JupyterLab are as they are; any kernel that cannot be
warm starts the ordinary way.
"""

from joyeval.pipeline.kernels.provisioner import COLD, NAME, WarmKernelManager, WarmProvisioner, for_jupyter, manager

__all__ = ["COLD", "NAME", "WarmKernelManager", "WarmProvisioner", "for_jupyter", "manager"]
