"""The style: figures keep their printed size, leave matplotlib as it was, and print any text."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import font_manager

from joyeval.figures import style
from joyeval.figures.render import LONGEST_SVG, pictures
from joyeval.figures.text import clean, label, shorten


def test_a_figure_has_the_printed_size():
    fig, _ = style.new(width_mm=85, height_mm=60)
    assert tuple(fig.get_size_inches() * 25.4) == pytest.approx((85, 60))


def test_matplotlib_is_left_as_it_was():
    before = dict(mpl.rcParams)
    style.new()
    assert dict(mpl.rcParams) == before


def test_the_style_holds_within_a_block_again_and_again():
    before = dict(mpl.rcParams)
    for _ in range(2):
        with style.styled, style.styled:
            assert mpl.rcParams["font.size"] == 8
    assert dict(mpl.rcParams) == before


def test_text_is_set_in_the_font_that_is_shipped():
    assert Path(str(font_manager.findfont(style.FONT))) in style.FONT_FILES
    assert len(style.FONT_FILES) == 4


def test_styled_functions_draw_in_our_type_size():
    fig, ax = style.new()
    ax.set_xlabel("Week")
    fig.draw_without_rendering()
    assert {text.get_size() for text in (ax.xaxis.label, *ax.get_xticklabels())} == {8}


def test_left_over_panels_are_empty():
    fig, axes = style.panels(5, columns=3)
    assert len(axes) == 5
    assert [ax.axison for ax in fig.axes] == [True] * 5 + [False]


def test_series_differ_in_more_than_colour():
    assert len({look["color"] for look in style.LOOKS}) == len(style.LOOKS)
    assert len({look["marker"] for look in style.LOOKS}) == len(style.LOOKS)


def drawing(text="Good days"):
    fig, ax = style.new(height_mm=40)
    ax.plot([1, 2], [2, 1], label=label(text))
    ax.set_title(label(text))
    ax.legend()
    return fig


def test_pictures_are_the_same_bytes_each_time():
    assert pictures(drawing()) == pictures(drawing())


@pytest.mark.parametrize(
    "text", ["$x$", r"\includegraphics{x}", "{" * 50, "_hidden", "</script>", "a\x00\x1b[31m", "\ud800"]
)
def test_hostile_text_is_drawn_not_read(text):
    svg = pictures(drawing(text))["svg"]
    assert "<script" not in svg


def test_a_legend_keeps_an_entry_that_begins_with_an_underscore():
    assert len(drawing("_team").axes[0].get_legend().get_texts()) == 1


def test_a_drawing_of_very_many_marks_is_kept_as_pixels():
    fig, ax = style.new(height_mm=40)
    for start in range(400):
        ax.plot(range(start, start + 60), marker="o")
    svg = pictures(fig)["svg"]
    assert "data:image/png" in svg
    assert len(svg) < LONGEST_SVG


@given(st.text(st.characters(codec=None)))
def test_clean_text_is_one_printable_line_that_encodes(text):
    got = clean(text)
    assert got == clean(got)
    assert "\n" not in got
    got.encode("utf-8")


@given(st.text(), st.integers(1, 20))
def test_shortened_text_fits(text, width):
    assert len(shorten(text, width=width)) <= width + 1


def test_clean_keeps_other_scripts_and_drops_what_turns_direction():
    assert clean("Zoë  żółć 日本 \u202egpj") == "Zoë żółć 日本 gpj"
