"""Kernels that run side by side share the cores; what a user has set stands; this process is left as it is."""

from __future__ import annotations

import os

import nbformat
import pytest

from joyeval.pipeline import folders, run, run_notebook, threads
from joyeval.pipeline.record import read_record
from joyeval.pipeline.threads import VARIABLES, cores, environment, threads_of
from joyeval.study import load_study
from tests.pipeline.test_door import given, notebook
from tests.shapes.small import Shape, build


@pytest.fixture(autouse=True)
def default_environment(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(("content", "share"), [("100000 100000", 1), ("50000 100000", 1), ("max 100000", None)])
def test_a_container_s_share_counts(tmp_path, monkeypatch, content, share):
    (tmp_path / "cpu.max").write_text(content)
    unlimited = cores()
    monkeypatch.setattr(threads, "QUOTA", tmp_path / "cpu.max")
    assert cores() == (share or unlimited)


def test_workers_share_the_cores_and_each_has_one_thread_at_least(monkeypatch):
    monkeypatch.setattr(threads, "cores", lambda: 8)
    assert [threads_of(workers) for workers in (0, 1, 2, 3, 8, 64)] == [8, 8, 4, 2, 1, 1]
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert threads_of(2) == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert threads_of(2) == 4


def test_a_kernel_starts_with_the_threads_it_was_given_and_here_nothing_changes(tmp_path):
    path = notebook(tmp_path, f"import os\nprint([os.environ[name] for name in {VARIABLES}])")
    run_notebook(path, tmp_path / "out.ipynb", given(), threads=3)
    assert nbformat.read(tmp_path / "out.ipynb", as_version=4).cells[-1].outputs[0].text == f"{['3'] * 6}\n"
    assert not set(VARIABLES) & set(os.environ)
    assert environment(2)["PATH"] == os.environ["PATH"]


@pytest.mark.slow
def test_what_is_stored_does_not_depend_on_threads(tmp_path):
    """A study of every kind of data, as a user without any settings runs it: one thread or two, the same bytes."""
    shape = Shape(pulses="weekly", waves=2, outcomes="primary", coordination=2, events="some", teams=12, people=30)
    stored = {}
    for number in (1, 2):
        study = load_study(build(tmp_path / str(number), shape))
        run(study, threads=number)
        places = folders(study, "a").processed, folders(study, "a").reports
        files = [
            (home, p) for home in places for p in home.rglob("*") if p.is_file() and p.suffix not in (".ipynb", "")
        ]
        stored[number] = {p.relative_to(home): p.read_bytes() for home, p in files if p.name != "run.json"}
        assert {s["threads"] for s in read_record(folders(study, "a").record)["steps"].values()} == {number}
    assert len(stored[1]) > 40
    assert [name for name in stored[1] | stored[2] if stored[1].get(name) != stored[2].get(name)] == []
