"""The figure set of a cohort: every figure meets every preset and may be released; the same bytes each time."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest

from joyeval import coordination, disclosure, figures
from joyeval.errors import UsageError
from joyeval.exhibits.cohort import cohort_figures
from joyeval.figures.journal import journals
from joyeval.outcomes.association import Association
from joyeval.outcomes.event_study import EventStudy
from joyeval.outcomes.linkage import Linkage
from joyeval.outcomes.sensitivity import SpecificationCurve
from joyeval.pipeline import artwork, folders
from joyeval.pipeline.recorded import recorded, strange, write_down
from joyeval.store import Store
from tests.conftest import ROOT
from tests.coordination.surveys import survey
from tests.network import programme

ESTIMATE = {"se": 0.1, "df": 10.0, "ci_low": -0.1, "ci_high": 0.3, "p": 0.3, "n": 60}
STRICTEST = "plos"  # 8 pt at least, the least type that fits


def association(role, design):
    terms = [{"term": term, "estimate": at, **ESTIMATE} for term, at in (("within", 0.1), ("between", 0.2))]
    named = {"estimand": "within teams", "y": "Experience (%)", "x": "Good day (%)", "primary": "within"}
    numbers = {"n_teams": 6, "sd_x": 9.0, "permutation_p": 0.2, "detectable": 0.3, "n": 60}
    words = {"improve": "increase", "role": role, "experimental": False, "extra": {}}
    return Association(design=design, terms=pd.DataFrame(terms), **named, **numbers, **words)


def specifications():
    numbers = {"ci_low": -0.1, "ci_high": 0.3, "p": 0.04, "n": 60}
    combinations = [("a", "1"), ("a", "2"), ("b", "1"), ("b", "2")]
    rows = [{"model": m, "lag": lag, "estimate": i / 10, **numbers} for i, (m, lag) in enumerate(combinations)]
    table = pd.DataFrame(rows)
    return SpecificationCurve(estimates=table, choices=("model", "lag"), median=0.15, share_significant=1.0, n=4)


def events():
    terms = pd.DataFrame(
        [{"term": f"t{e}", "event": e, "estimate": 0.2 * (e >= 0), **ESTIMATE} for e in (-3, -2, 0, 1)]
    )
    empty = {"overall": terms[:1], "cohorts": terms[:1], "compared": terms[:1].assign(method="m")}
    pretrend = {"f": 1.0, "df1": 2.0, "df2": 9.0, "p": 0.4}
    said = {"y": "Experience (%)", "method": "m", "permutation_p": np.nan, "n_started": 6, "randomised": False}
    return EventStudy(terms=terms, **empty, pretrend=pretrend, **said, n=6)


def linked():
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"team": np.repeat(list("abcdef"), 10), "period": np.tile(np.arange(10), 6)})
    data = data.assign(**{"Good day (%)": rng.normal(60, 9, 60), "Experience (%)": rng.normal(70, 5, 60)})
    empty = {name: pd.DataFrame({"team": []}) for name in ("flow", "unmatched", "difference")}
    named = {"staff": ("Good day (%)",), "outcomes": ("Experience (%)",), "improve": {}, "unit": "month"}
    return Linkage(data=data, **empty, **named, lag=(1, 3), n=60)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    loaded = programme.study(tmp_path_factory.mktemp("figures"))
    folder = loaded.store("a").folder
    ties = survey(groups="ABC", raters=14, waves=("1", "2"), gain=0.4, linked=0.9)
    Store(folder, folder).save(
        coordination_change=coordination.change(ties),
        coordination_matrix_ward=coordination.matrix(ties, wave="2", process="ward"),
        outcomes_primary=association("primary", "within-between"),
        outcomes_linkage=linked(),
        outcomes_fixed_effects=association("exploratory", "fixed effects"),
        outcomes_specifications=specifications(),
        outcomes_event_study=events(),
    )
    return loaded


@pytest.fixture(scope="module")
def drawn(study):
    return cohort_figures(study, "a", study.store("a"))


def test_the_set_holds_what_the_results_allow(drawn):
    kinds = {figure.name for figure in drawn}
    assert kinds >= {
        "timeline",
        "chart_good_day",
        "teams_good_day",
        "forest_good_day",
        "funnel_good_day",
        "ties_over_waves",
        "tie_change_ward",
        "ties_ward",
        "network_ward",
        "designs",
        "marginal_effect",
        "specifications",
        "event_study",
    }
    assert all(figure.alt and figure.caption and len(figure.data.what) for figure in drawn)


def saved(drawn, folder, journal):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # EPS without transparency, layouts that do not fit
        for number, figure in enumerate(drawn, start=1):
            words = {"alt": figure.alt, "caption": figure.caption, "data": figure.data}
            figures.save(figure.figure, folder / f"fig{number}", journal=journal, **words)
    return figures.check(folder)


def failures(checks):
    return checks[~checks["ok"]][["file", "what", "found", "expected"]].to_dict("records")


def test_a_chart_and_a_network_meet_the_strictest_preset_and_may_be_released(drawn, tmp_path):
    sample = [figure for figure in drawn if figure.name in ("chart_good_day", "network_ward")]
    checks = saved(sample, tmp_path, STRICTEST)
    assert failures(checks) == []
    assert set(checks["what"]) >= {"resolution", "fonts", "type in pt", "thinnest line in pt", "size in mm"}
    assert len(disclosure.check_release(tmp_path)) == 8 * len(sample) + 1


@pytest.mark.slow
@pytest.mark.parametrize("journal", journals())
def test_every_figure_meets_every_preset(drawn, tmp_path, journal):
    assert failures(saved(drawn, tmp_path, journal)) == []


@pytest.mark.parametrize("journal", ["bmj", "nature"])  # the narrowest, and the smallest type
def test_a_sample_meets_the_other_presets(drawn, tmp_path, journal):
    sample = [figure for figure in drawn if figure.name == "tie_change_ward"]
    assert failures(saved(sample, tmp_path, journal)) == []


def test_no_label_leaves_the_page(drawn):
    for figure in drawn:
        page = figure.figure.figure
        page.draw_without_rendering()
        width, height = page.get_size_inches()
        for ax in page.axes:
            for label in (ax.xaxis.label, ax.yaxis.label):
                box = label.get_window_extent().transformed(page.dpi_scale_trans.inverted())
                inside = box.x0 >= -0.02 and box.y0 >= -0.02 and box.x1 <= width + 0.02 and box.y1 <= height + 0.02
                assert inside or not label.get_text(), f"{figure.name}: {label.get_text()}"


def write(study):
    """Write the first figure of a cohort as if it had been run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(artwork, "refuse_stale", lambda *given: None)
        patch.setattr("joyeval.exhibits.cohort.cohort_figures", lambda *given: cohort_figures(*given)[:1])
        return artwork.write_artwork(study, "a", "bmj")[0]


@pytest.fixture(scope="module")
def written(study):
    folder = write(study)
    return folder, {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
def test_the_command_writes_the_same_bytes_again(written, study):
    folder, first = written
    write(study)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


def test_the_manifest_says_what_each_figure_was_drawn_from(written, study):
    entry = json.loads(written[1]["manifest.json"])["fig1"]
    assert (entry["study"], entry["cohort"], entry["shows"]) == ("small", "a", "timeline")
    assert set(entry["results"]) == set(study.store("a").results())


def test_tables_for_papers_lie_beside_the_report(written):
    tables = written[0].parents[1] / "tables"
    text = (tables / "outcome_models.csv").read_text(encoding="utf-8")
    assert text.splitlines()[0] == "Term,Within-between,Fixed effects"
    assert "0.100 (−0.100 to 0.300)" in text
    assert {path.suffix for path in tables.iterdir()} == {".docx", ".tex", ".csv", ".html"}


def test_each_file_for_papers_is_written_down_and_one_no_longer_made_is_removed(written, study, monkeypatch):
    monkeypatch.setattr("joyeval.pipeline.recorded.steps_of", lambda study: ())  # no notebooks here
    where = folders(study, "a")
    (where.reports / "tables" / "old.csv").write_text("n\n")
    write_down(where, ["tables/old.csv"], instead=())
    write(study)
    made = {path.relative_to(where.reports).as_posix() for path in where.reports.rglob("*") if path.is_file()}
    assert set(recorded(study, "a")) == made - {"run.json"}
    assert "tables/table1.csv" in made or "tables/outcome_models.csv" in made
    assert "tables/old.csv" not in made
    assert not strange(study, "a")


def test_figures_of_a_cohort_that_was_not_run_are_refused(study):
    (study.home / "notebooks").symlink_to(ROOT / "notebooks")
    with pytest.raises(UsageError, match=r"cohort b, 01_clean_waves: it has not been run"):
        artwork.write_artwork(study, "b", "bmj")
