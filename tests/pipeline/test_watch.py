"""A watch sees what changes, comes and goes, once it has rested."""

from __future__ import annotations

from pathlib import Path

from joyeval.pipeline import watch
from joyeval.pipeline.watch import changes, sources
from joyeval.study import load_study
from tests.pipeline.test_behaviour import home  # noqa: F401 - a fixture


def test_a_change_counts_when_it_has_rested(tmp_path, monkeypatch):
    file, looks = tmp_path / "a.csv", []

    def meanwhile(seconds):
        """Copy a large file, as it were: it grows for three looks."""
        looks.append(seconds)
        if len(looks) < 4:
            file.write_text("x" * len(looks))

    monkeypatch.setattr(watch.time, "sleep", meanwhile)
    seen = changes(lambda: tmp_path.glob("*.csv"))
    assert next(seen) == (file,)
    assert len(looks) == 4
    assert file.read_text() == "xxx"


def test_what_comes_and_goes_counts_too(tmp_path, monkeypatch):
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    old.write_text("x")
    acts = iter([lambda: old.unlink(), lambda: new.write_text("y")])
    monkeypatch.setattr(watch.time, "sleep", lambda _: next(acts, lambda: None)())
    assert next(changes(lambda: tmp_path.glob("*.csv"))) == (new, old)


def test_a_study_is_made_from_its_file_its_raw_files_and_its_notebooks(home):  # noqa: F811
    (home / "pipelines" / "raw" / "new wave.csv").write_text("x")
    names = {Path(path).name for path in sources(load_study(home / "pipelines" / "small.yml"))}
    assert names == {"small.yml", "teams.csv", "new wave.csv", "01_clean_waves.ipynb", "03_improvement.ipynb"}
