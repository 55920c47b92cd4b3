"""What is shared was read as a stranger would; a second run elsewhere gives the same bytes, or says what differs."""

from __future__ import annotations

import json
import shutil
from zipfile import ZipFile

import pandas as pd
import pytest

from joyeval.disclosure.pdf import pdf_text
from joyeval.errors import DisclosureError, UsageError
from joyeval.figures import style
from joyeval.pipeline import folders, released, run
from joyeval.pipeline.record import Folders
from joyeval.pipeline.recorded import CHANGED, NOBODYS, write_down
from joyeval.pipeline.release import release
from joyeval.pipeline.verify import verify
from joyeval.study import load_study
from tests.pipeline.test_run import CHART, CLEAN, REPORT, STUDY, write_notebook
from tests.shown import report, save

save_table = report.save_table
WORDS = {"alt": "One line rises.", "caption": "Good days by week."}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A small study whose cohort a was run, with a figure and a table."""
    home = tmp_path_factory.mktemp("share")
    for folder in ("pipelines/raw", "notebooks"):
        (home / folder).mkdir(parents=True)
    (home / "pipelines" / "small.yml").write_text(STUDY)
    (home / "pipelines" / "raw" / "teams.csv").write_text("Team\nx\n")
    for cohort in "ab":
        (home / "pipelines" / "raw" / f"{cohort}.csv").write_text("x,3\ny,3\n")
    for name, source in (("01_clean_waves", CLEAN), ("03_improvement", CHART), ("06_report", REPORT)):
        write_notebook(home, name, source)
    study = load_study(home / "pipelines" / "small.yml")
    run(study, cohorts=["a"])
    _add_figure(folders(study, "a").reports, pd.DataFrame({"week": [1, 2], "n": [40, 45]}))
    return study


def _add_figure(reports, data, **words):
    """Make a figure and a table, and write them down as `joyeval figures` does."""
    with style.styled:
        fig, ax = style.new(width_mm=85, height_mm=40)
        ax.plot([1, 2], [40, 45])
    save(fig, reports / "figures" / "bmj" / "fig1", data=data, **WORDS | words)
    save_table(data, reports / "tables" / "table1", caption="Answers by week")
    _write_down(reports)


def _write_down(reports):
    made = [
        name.relative_to(reports).as_posix()
        for place in ("figures/bmj", "tables")
        for name in (reports / place).iterdir()
    ]
    write_down(Folders(reports, reports), made, instead=("figures/bmj/", "tables/"))


@pytest.fixture
def study(made, tmp_path):
    """A workspace of one's own, to spoil."""
    shutil.copytree(made.home, tmp_path / "home")
    return load_study(tmp_path / "home" / "pipelines" / "small.yml")


def test_the_archive_holds_what_may_be_shared_and_says_so(study):
    archive, names = release(study, "a")
    with ZipFile(archive) as packed:
        manifest = json.loads(packed.read("manifest.json"))
        inside = packed.namelist()
    assert {"report.html", "report.pdf", "report.docx", "figures/bmj/fig1.tiff", "tables/table1.docx"} <= set(names)
    assert sorted(inside) == sorted(["manifest.json", *names])
    assert set(manifest["files"]) == set(names)
    assert manifest["disclosure"] == {"audience": "public", "threshold": 11, "nearest": 5, "reason": ""}
    private = (".ipynb", ".parquet", "run.json", "problems.csv")
    assert not [name for name in inside if name.endswith(private)]


def test_the_archive_is_the_same_bytes_again(study):
    first = release(study, "a")[0].read_bytes()
    assert release(study, "a")[0].read_bytes() == first


def test_every_place_that_may_not_leave_is_named_and_nothing_is_packed(study):
    reports = folders(study, "a").reports
    archive, _ = release(study, "a")
    _add_figure(reports, pd.DataFrame({"week": [1, 2], "n": [40, 7]}), alt="One line rises; n = 4 in week 2.")
    (reports / "tables" / "more.txt").write_text(f"made in {study.home}")
    _write_down(reports)
    with pytest.raises(DisclosureError) as refused:
        release(study, "a")
    assert refused.value.exit_code == 3
    assert {problem.file for problem in refused.value.problems} == {
        "figures/bmj/fig1.alt.txt",
        "figures/bmj/fig1_source.csv",
        "figures/bmj/manifest.json",
        "tables/more.txt",
        *(f"tables/table1.{kind}" for kind in ("csv", "docx", "html")),
    }
    assert not archive.exists()
    assert not (reports / ".staging" / "release").exists()


def test_only_files_that_a_run_or_figures_made_are_packed(study):
    """A report for the programme or a team sheet under another name, or a word more in a file, stops the release."""
    reports = folders(study, "a").reports
    shutil.copy(reports / "report.pdf", reports / "report.programme.pdf")
    shutil.copy(reports / "report.pdf", reports / "tables" / "sheet.pdf")
    (reports / "figures" / "nature").mkdir()
    shutil.copy(reports / "figures" / "bmj" / "fig1.svg", reports / "figures" / "nature" / "fig1.svg")
    for spoilt in ("tables/table1.tex", "report.html"):
        with (reports / spoilt).open("a") as file:
            file.write("\n<!-- Lapwing Ward -->")
    with pytest.raises(DisclosureError, match="5 files are not as they were made; nothing was packed") as refused:
        release(study, "a")
    assert {problem.file: problem.found for problem in refused.value.problems} == {
        "report.programme.pdf": NOBODYS,
        "tables/sheet.pdf": NOBODYS,
        "figures/nature/fig1.svg": NOBODYS,
        "tables/table1.tex": CHANGED,
        "report.html": CHANGED,
    }
    assert all("joyeval figures small.yml --cohort a" in problem.fix for problem in refused.value.problems)


def test_what_was_made_for_papers_stays_known_after_another_run(study):
    run(study, cohorts=["a"], force=True)
    assert "figures/bmj/fig1.svg" in release(study, "a")[1]


def test_a_pdf_is_read_too(study):
    said = 'from joyeval.disclosure import nobody\nreport.text(nobody("So they said (n = 4).", "words"))'
    write_notebook(study.home, "06_report", f'report.title("Small")\n{said}')
    before = (folders(study, "a").reports / "report.html").read_bytes()
    with pytest.raises(DisclosureError, match="not put into place") as refused:
        run(study, cohorts=["a"])
    assert {problem.file for problem in refused.value.problems} == {"report.html", "report.pdf", "report.docx"}
    assert (folders(study, "a").reports / "report.html").read_bytes() == before


def test_the_words_of_a_pdf_are_read_as_written(study):
    reports = folders(study, "a").reports
    assert "6 good days" in pdf_text(reports / "report.pdf")
    assert "Small" in pdf_text(reports / "report.pdf").splitlines()


def _survey(study, people, **more):
    """Put the answers of people, and what else is given, among the processed tables of cohort a."""
    names = [f"{number:032x}" for number in people]
    wave = pd.DataFrame({"person": names, "team": "x", "role": "nurse", "wave": "1", "joy": 3.0, "joy_answered": 1})
    store = study.store("a", out=folders(study, "a").processed)
    store.save(wave_joy=wave, **more)
    run(study, cohorts=["a"])


def test_a_late_answer_is_not_released_and_the_ledger_stays_at_home(study):
    _survey(study, range(30))
    first = release(study, "a")[0].read_bytes()
    assert release(study, "a")[0].read_bytes() == first  # the same people again
    ledger = released.chain_of(study).path
    before = ledger.read_bytes()
    _survey(study, range(31))
    with pytest.raises(DisclosureError, match=r"groups differ by a few people.*--withdraw REASON") as refused:
        release(study, "a")
    assert refused.value.exit_code == 3
    assert {"everyone cohort a", "role nurse", "team x"} <= {
        problem.found.split(" differs")[0] for problem in refused.value.problems
    }
    assert f"{30:032x}" not in str(refused.value)
    assert ledger.read_bytes() == before
    assert not (folders(study, "a").reports / "release" / "small_a.zip").exists()
    _survey(study, range(41))  # eleven more: nobody can be told apart
    archive, _ = release(study, "a")
    assert f"{1:032x}".encode() not in b"".join(ZipFile(archive).read(name) for name in ZipFile(archive).namelist())


def test_what_was_withdrawn_is_told_in_the_manifest(study):
    _survey(study, range(30))
    release(study, "a")
    _survey(study, range(31))
    archive, _ = release(study, "a", withdraw="sent to nobody")
    with ZipFile(archive) as packed:
        told = json.loads(packed.read("manifest.json"))["withdrawn"]
    assert [one["why"] for one in told] == ["sent to nobody"]


def test_small_groups_are_entered_nowhere(study):
    _survey(study, range(9))
    release(study, "a")
    assert not released.chain_of(study).path.exists()  # nothing was shown


def test_raters_of_a_workgroup_are_watched_too(study):
    def ties(people):
        named = [f"{n:032x}" for n in people]
        return pd.DataFrame(
            {"process": "p", "wave": "1", "workgroup": "w", "target": "v", "person": named, "rc": 3.0, "answered": 7}
        )

    _survey(study, range(30), ties=ties(range(14)))
    release(study, "a")
    _survey(study, range(30), ties=ties(range(15)))
    with pytest.raises(DisclosureError) as refused:
        release(study, "a")
    assert {(p.column, p.found.split(" differs")[0]) for p in refused.value.problems} >= {("p", "workgroup w")}


def test_a_stale_cohort_is_not_released(study):
    (study.folder / "a.csv").write_text("x,4\n")
    with pytest.raises(UsageError, match=r"01_clean_waves: its input a.csv changed"):
        release(study, "a")


def test_figures_of_an_earlier_run_are_not_released(study):
    manifest = folders(study, "a").reports / "figures" / "bmj" / "manifest.json"
    entries = json.loads(manifest.read_text())
    entries["fig1"]["results"] = {"improvement_charts": "0" * 64}
    manifest.write_text(json.dumps(entries))
    _write_down(manifest.parents[2])
    with pytest.raises(UsageError, match=r"earlier results; `joyeval figures small.yml --cohort a --journal bmj`"):
        release(study, "a")


def test_a_second_run_elsewhere_is_equal(study):
    before = sorted(path for path in study.home.rglob("*") if path.is_file())
    verdicts = verify(study, "a")
    assert {found.verdict for found in verdicts} == {"equal"}
    assert {"report.html", "report.pdf", "report.docx", "pulse.parquet"} <= {found.file for found in verdicts}
    assert sorted(path for path in study.home.rglob("*") if path.is_file()) == before


def test_what_differs_is_named_with_the_reason(study):
    (study.folder / "a.csv").write_text("x,9\ny,3\n")
    folders(study, "a").reports.joinpath("report.docx").write_bytes(b"spoilt")
    other = {found.file: found.why for found in verify(study, "a") if not found.equal}
    assert other["pulse.parquet"] == "column n, row 1: other inputs"
    assert other["report.docx"] == "it was changed after the run"
    assert "flow.parquet" in other


def test_files_that_were_added_or_changed_are_named_when_a_run_is_verified(study):
    reports = folders(study, "a").reports
    shutil.copy(reports / "report.pdf", reports / "report.programme.pdf")
    (reports / "tables" / "table1.csv").write_text("week,n\n")
    other = {found.file: found.why for found in verify(study, "a") if not found.equal}
    assert other == {"report.programme.pdf": NOBODYS, "tables/table1.csv": CHANGED}


def test_a_cohort_that_was_never_run_cannot_be_verified(study):
    with pytest.raises(UsageError, match="never run"):
        verify(study, "b")
