"""Blocks caught as they are emitted, and notebooks that hold them as papermill stores them."""

from __future__ import annotations

from unittest import mock

from joyeval.study import load_study

STUDY = """\
study: small
title: Small steps
data: raw
programme: {name: Small, aim: More}
cohorts:
  - {cohort: a, title: A, start: 2024-01-01, end: 2024-12-31}
teams: {file: teams.csv, columns: {cohort: C, team: T}}
pulses:
  - {measure: good_day, title: Good day, cohorts: [a], file: a.csv, improve: increase, period: week,
    columns: {team: T, period: P, positive: G, answers: A}}
"""


def one_pulse(folder, more: str = ""):
    """A study of one weekly pulse of one cohort, read from its file; `more` are further lines of it."""
    path = folder / "pipelines" / "small.yml"
    path.parent.mkdir()
    path.write_text(STUDY + more)
    return load_study(path)


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
