"""What the documentation shows does run: sessions give what they say, other blocks run in order in one namespace."""

from __future__ import annotations

import contextlib
import doctest
import io
import re
from functools import cache

import pytest

from joyeval import load_study
from tests.conftest import ROOT

SESSIONS = sorted(path for path in (ROOT / "docs").glob("*.md") if ">>> " in path.read_text(encoding="utf-8"))
PAGES = sorted(path.name for path in set((ROOT / "docs").glob("*.md")) - set(SESSIONS))
BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)


@cache
def given() -> dict:
    """What pages take as given: the modules of the library, and the pulses of the demonstration."""
    from joyeval import (
        coordination,
        disclosure,
        figures,
        improvement,
        instruments,
        measurement,
        models,
        outcomes,
        waves,
    )
    from joyeval.intake.tables import take_in

    taken = take_in(load_study(ROOT / "pipelines" / "enjoying_work.yml"), "1").tables
    pulse = taken["pulse"].merge(taken["teams"][["team", "cohort"]], on="team")
    parts = (coordination, disclosure, figures, improvement, instruments, measurement, models, outcomes, waves)
    modules = {module.__name__.split(".")[-1]: module for module in parts}
    return modules | taken | {"pulse": pulse[pulse["measure"] == "good_day"]}


@pytest.mark.parametrize("page", PAGES)
def test_examples_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("data", "pipelines"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    names = dict(given())
    blocks = BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))
    for code in blocks:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(code, page, "exec"), names)
    assert blocks or "```" not in page


def test_the_wave_that_the_page_shows_is_read(tmp_path):
    """The YAML of the page on waves stands in a study file as it is."""
    text = (ROOT / "docs" / "waves.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```yaml\n(waves:.*?)^```", text, re.M | re.S)
    (own,) = re.findall(r'"our_own.yml"\).write_text\("""\n(.*?)"""', text, re.S)
    (tmp_path / "instruments").mkdir()
    (tmp_path / "instruments" / "our_own.yml").write_text(own, encoding="utf-8")
    head = (
        "study: page\ntitle: Page\nprogramme: {name: P, aim: A}\ndata: raw\nteams: {file: t.csv, columns: {team: T}}\n"
        'cohorts: [{cohort: "1", title: One, start: 2024-01-01, end: 2024-12-31}]\n'
    )
    (tmp_path / "page.yml").write_text(head + shown, encoding="utf-8")
    wave = load_study(tmp_path / "page.yml").waves[0]
    assert (wave.attention["check"], wave.shortest, wave.set_aside) == ("blue", 60, ("impossible duration",))


@pytest.mark.parametrize("page", SESSIONS, ids=lambda path: path.name)
def test_examples_of_a_page_give_what_it_says(page):
    code = "\n".join(
        re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    )
    test = doctest.DocTestParser().get_doctest(code, {}, page.name, str(page), 0)
    told: list[str] = []
    failed = doctest.DocTestRunner(verbose=False).run(test, out=told.append).failed
    assert not failed, "".join(told)
    assert len(test.examples) > 10
