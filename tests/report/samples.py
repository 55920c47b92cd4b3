"""Blocks caught as they are emitted, and notebooks that hold them as papermill stores them."""

from __future__ import annotations

from unittest import mock


def emitted(call) -> list:
    """The blocks that a call emits."""
    with mock.patch("IPython.display.display") as display:
        call()
    return [args.args[0] for args in display.call_args_list]


def notebook(*parts) -> dict:
    """An executed notebook: a text is a Markdown cell, a block is the output of a code cell."""
    return {"cells": [_cell(part) for part in parts], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def _cell(part) -> dict:
    if isinstance(part, str):
        return {"cell_type": "markdown", "source": part, "metadata": {}, "id": f"c{abs(hash(part)) % 10**8}"}
    output = {"output_type": "display_data", "data": part._repr_mimebundle_(), "metadata": {}}
    return {
        "cell_type": "code",
        "source": "",
        "metadata": {},
        "outputs": [output],
        "execution_count": 1,
        "id": f"c{abs(hash(part)) % 10**8}",
    }
