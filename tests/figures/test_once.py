"""Pictures are made once for the same drawing, and anew for any other; printing leaves the figure as it was."""

from __future__ import annotations

import pandas as pd
import pytest

from joyeval import disclosure
from joyeval.figures import once, style
from joyeval.figures.door import drawing
from joyeval.figures.render import DPI, pictures

TABLE = pd.DataFrame({"team": ["a", "b"], "value": [1.0, 2.0]})


@drawing
def bars(table, title=""):
    _, ax = style.new(width_mm=60, height_mm=40)
    ax.bar(table["team"], table["value"])
    ax.set_title(title)
    return ax


@drawing
def line(table, ax=None):
    ax.plot(table["value"])
    return ax


def shown(table=TABLE):
    return disclosure.nobody(table, "a table of the tests")


@pytest.fixture
def made(monkeypatch):
    """How many pictures were made."""
    numbers, render = [], once.rendered

    def counted(fig, make):
        return render(fig, lambda fig: numbers.append(fig) or make(fig))

    monkeypatch.setattr(once, "rendered", counted)
    return numbers


def test_the_same_drawing_for_two_readers_is_a_picture_once(made):
    with once.kept():
        first, second = pictures(bars(shown())), pictures(bars(shown(TABLE.copy())))
    assert first == second
    assert first is not second
    assert len(made) == 1


@pytest.mark.parametrize(
    "other",
    [
        lambda: bars(shown(TABLE.assign(value=[1.0, 2.1]))),
        lambda: bars(shown(), title="Other"),
        lambda: _retitled(bars(shown())),
        lambda: line(shown(), ax=bars(shown())),
    ],
    ids=["other numbers", "other words", "changed afterwards", "drawn into"],
)
def test_whatever_differs_is_drawn(made, other):
    with once.kept():
        first, second = pictures(bars(shown())), pictures(other())
    assert first["png"] != second["png"]
    assert len(made) == 2


def _retitled(ax):
    ax.set_title("Afterwards")
    return ax


def test_nothing_is_kept_beyond_a_section(made):
    for _ in range(2):
        with once.kept():
            pictures(bars(shown()))
    pictures(bars(shown()))
    assert len(made) == 3


def test_printing_leaves_the_figure_as_it_was():
    fig = bars(shown()).figure
    fig.set_facecolor("yellow")
    before = fig.canvas, fig.dpi, fig.get_facecolor(), fig.get_layout_engine()
    first = pictures(fig)
    assert (fig.canvas, fig.dpi, fig.get_facecolor(), fig.get_layout_engine()) == before
    assert fig.dpi != DPI
    assert pictures(fig) == first
