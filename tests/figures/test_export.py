"""Saved figures are what the journal asked for, say what they show, and are the same bytes each time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from joyeval.errors import UsageError
from joyeval.figures import export, style
from joyeval.figures.checks import distances
from joyeval.figures.journal import Preset, preset
from tests.shown import figures

JOURNALS = ("bmj", "elsevier", "implementation-science", "jama", "nature", "plos", "wiley-lhs")
WORDS = {"alt": "Two lines rise.", "caption": "Joy by wave."}


@style.styled
def drawing(*, width_mm=85, text_pt=8.0, **line):
    fig, ax = style.new(width_mm=width_mm, height_mm=40)
    for look in style.LOOKS[:3]:
        ax.plot([1, 2, 3], np.arange(3), **look | line)
    ax.set_xlabel("Wave")
    ax.text(1, 1, "a note", fontsize=text_pt)
    return fig


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    data = pd.DataFrame({"team": ["=1+1", "A"], "mean": [-1.5, 2.0]})
    figures.save(drawing(), folder / "fig1", data=data, **WORDS)
    return folder


@pytest.fixture
def saved(first, tmp_path):
    """A folder with one saved figure, to read or to spoil."""
    return Path(shutil.copytree(first, tmp_path / "saved"))


def failed(folder):
    checks = figures.check(folder)
    return set(checks[~checks["ok"]]["what"])


def test_there_is_a_preset_for_every_journal_named():
    assert figures.journals() == JOURNALS


@pytest.mark.parametrize("journal", JOURNALS)
def test_a_preset_says_where_it_comes_from_and_what_was_read_there(journal):
    asked = preset(journal)
    assert asked.source.startswith("https://")
    assert set(asked.verified) <= set(Preset.__dataclass_fields__)
    assert asked.text_pt[0] < asked.text_pt[1]


@pytest.mark.parametrize(
    "journal", [j if j in ("bmj", "plos") else pytest.param(j, marks=pytest.mark.slow) for j in JOURNALS]
)
def test_a_figure_meets_every_preset(journal, tmp_path):
    figures.save(drawing(), tmp_path / "fig1", journal=journal, **WORDS)
    assert failed(tmp_path) == set()


@pytest.mark.parametrize(
    ("journal", "drawn", "printed"),
    [
        ("bmj", 170, 185),
        ("bmj", 85, 90),
        ("nature", 170, 183),
        ("plos", 170, 170),
        ("plos", 250, 190.5),
        ("jama", 85, 127),
    ],
)
def test_the_nearest_width_is_taken(journal, drawn, printed):
    assert preset(journal).size(drawn, 100) == pytest.approx((printed, 100 * printed / drawn))


def test_a_tall_figure_is_held_to_the_page():
    assert preset("nature").size(89, 400) == (89, 170)


def test_source_data_hold_the_figures_a_reader_can_use(tmp_path):
    """17 digits of an estimate say nothing, and give answers away."""
    data = pd.DataFrame({"estimate": [1 / 3, 12345.6789, 2.0, float("nan")], "n": [12345, 20, 30, 40]})
    figures.save(drawing(), tmp_path / "fig1", data=data, **WORDS)
    told = (tmp_path / "fig1_source.csv").read_text()
    assert told == "estimate,n\n0.3333,12345\n12350.0,20\n2.0,30\n,40\n"


def test_every_file_is_written_and_recorded(saved):
    endings = {".tiff", ".pdf", ".eps", ".svg", ".png", "_source.csv", ".alt.txt", ".caption.txt"}
    assert {file.name.removeprefix("fig1") for file in saved.iterdir()} == endings | {"manifest.json"}
    assert (saved / "fig1_source.csv").read_text() == "team,mean\n'=1+1,-1.5\nA,2.0\n"
    assert (saved / "fig1.alt.txt").read_text() == "Two lines rise.\n"
    entry = json.loads((saved / "manifest.json").read_text())["fig1"]
    assert set(entry["files"]) == {f"fig1{ending}" for ending in endings}
    assert entry["journal"] == "bmj"


def test_a_rerun_gives_the_same_bytes(saved, tmp_path):
    data = pd.DataFrame({"team": ["=1+1", "A"], "mean": [-1.5, 2.0]})
    files = figures.save(drawing(), tmp_path / "again" / "fig1", data=data, **WORDS)
    assert [file.read_bytes() for file in files] == [(saved / file.name).read_bytes() for file in files]
    assert (tmp_path / "again" / "manifest.json").read_bytes() == (saved / "manifest.json").read_bytes()


def test_saving_leaves_the_figure_as_it_was(tmp_path):
    fig = drawing(text_pt=5)
    before = [(text.get_text(), text.get_size()) for text in fig.axes[0].texts], tuple(fig.get_size_inches())
    figures.save(fig, tmp_path / "fig1", journal="plos", **WORDS)
    assert ([(text.get_text(), text.get_size()) for text in fig.axes[0].texts], tuple(fig.get_size_inches())) == before


def test_type_is_set_as_large_as_the_journal_wants(tmp_path):
    figures.save(drawing(text_pt=4), tmp_path / "fig1", journal="plos", **WORDS)
    checks = figures.check(tmp_path)
    assert checks.loc[checks["what"] == "type in pt", "found"].tolist() == [[8.0]]


@pytest.mark.parametrize("words", [{"alt": " ", "caption": "x"}, {"alt": "x", "caption": ""}])
def test_a_figure_without_words_is_refused(words, tmp_path):
    with pytest.raises(UsageError, match="alt text and a caption"):
        figures.save(drawing(), tmp_path / "fig1", **words)
    assert not list(tmp_path.iterdir())


def test_an_unknown_journal_is_refused():
    with pytest.raises(UsageError, match="lancet"):
        preset("lancet")


def test_the_check_finds_a_file_that_was_changed_or_lost(saved):
    (saved / "fig1.alt.txt").write_text("other")
    (saved / "fig1.eps").unlink()
    checks = figures.check(saved)
    assert checks[~checks["ok"]]["found"].tolist() == ["changed since", "missing"]


def test_the_check_finds_a_picture_of_the_wrong_kind(saved):
    with Image.open(saved / "fig1.tiff") as picture:
        picture.convert("RGBA").resize((900, 100)).save(saved / "fig1.tiff", dpi=(72, 72))
    assert failed(saved) == {"file", "resolution", "size in mm", "colour and compression"}


def test_a_thin_line_is_drawn_as_the_journal_asks_and_the_check_finds_one_that_is_not(tmp_path, monkeypatch):
    figures.save(drawing(linewidth=0.2), tmp_path / "fig1", **WORDS)
    assert failed(tmp_path) == set()
    monkeypatch.setattr(export, "_at_least", lambda was, _: was)
    figures.save(drawing(linewidth=0.2), tmp_path / "fig1", **WORDS)
    assert failed(tmp_path) == {"thinnest line in pt"}


def test_the_check_finds_colours_that_some_confuse(tmp_path):
    with style.styled:
        fig, ax = style.new()
        for color in ("#1f77b4", "#9467bd", "#2ca02c", "#d62728"):
            ax.plot([1, 2], color=color)
    figures.save(fig, tmp_path / "fig1", **WORDS)
    assert failed(tmp_path) == {"colours apart with protanopia", "colours apart with deuteranopia"}


def test_what_the_check_reads_in_a_pdf_is_what_a_pdf_library_reads(saved):
    pikepdf = pytest.importorskip("pikepdf", reason="an independent reader")
    pdf = pikepdf.open(saved / "fig1.pdf")
    page = pdf.pages[0]
    assert [float(side) / 72 * 25.4 for side in page.MediaBox[2:]] == pytest.approx([90, 40 * 90 / 85], abs=0.01)
    fonts = [font.DescendantFonts[0] for font in page.Resources.Font.values()]
    assert {str(font.Subtype) for font in fonts} == {"/CIDFontType2"}
    assert all("/FontFile2" in font.FontDescriptor for font in fonts)
    ops = list(pikepdf.parse_content_stream(page))
    assert {float(op.operands[1]) for op in ops if str(op.operator) == "Tf"} == {8.0}


def test_our_palette_is_told_apart_with_every_kind_of_sight():
    assert min(distances([look["color"] for look in style.LOOKS]).values()) > 16


def test_the_distance_of_black_and_white_is_a_hundred():
    assert distances(["#000000", "#ffffff"])["full colour vision"] == pytest.approx(100, abs=0.01)


def test_the_check_needs_a_manifest(tmp_path):
    with pytest.raises(UsageError, match="manifest"):
        figures.check(tmp_path)
