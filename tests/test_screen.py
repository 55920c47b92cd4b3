"""Results show themselves to who analyses them, and to nobody else."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import joyeval as je
from joyeval import coordination, figures, improvement, measurement, report
from joyeval.citing import references
from joyeval.disclosure import show
from joyeval.errors import DisclosureError, UsageError
from joyeval.figures.screen import EXACT, MARK, Drawing
from joyeval.improvement import chart
from joyeval.models import meta_analysis
from joyeval.result import NoAnswer, Result
from tests.conftest import ROOT
from tests.coordination.surveys import survey
from tests.measurement.test_equity import waves


def pulses(teams="abcd"):
    rng = np.random.default_rng(3)
    weeks = pd.date_range("2024-01-01", periods=30, freq="W-MON")
    rows = [(team, week, rng.binomial(20, 0.4 + 0.02 * i), 20) for team in teams for i, week in enumerate(weeks)]
    return pd.DataFrame(rows, columns=["team", "week", "good", "answers"])


def charts(teams="abcd"):
    return chart(pulses(teams), x="week", y="good", n="answers", by="team", multiply=100, improve="increase")


def results():
    items = pd.DataFrame(np.random.default_rng(1).integers(1, 6, (80, 4)), columns=list("abcd"))
    people, ties = waves(), survey(waves=("1", "2"), gain=0.5, raters=8)
    return {
        "many charts": charts(),
        "one chart": charts("a"),
        "verdicts": improvement.verdicts(charts()),
        "alpha": measurement.alpha(items),
        "matrix": coordination.matrix(ties, wave="1"),
        "change": coordination.change(ties),
        "meta": meta_analysis([0.1, 0.3, 0.2], [0.1, 0.1, 0.1]),
        "team means": measurement.team_means(people["joy"], people["team"]),
    }


NAMES = ("many charts", "one chart", "verdicts", "alpha", "matrix", "change", "meta", "team means")


@pytest.fixture(scope="module")
def found():
    return results()


@pytest.mark.parametrize("name", NAMES)
def test_a_result_draws_itself_and_is_marked(found, name):
    drawing = found[name].plot()
    assert isinstance(drawing, Drawing)
    assert drawing._repr_png_().startswith(b"\x89PNG")
    assert all(MARK in [text.get_text() for text in page.texts] for page in drawing.pages)
    assert drawing.axes
    assert MARK in repr(drawing)


@pytest.mark.parametrize("name", NAMES)
def test_it_shows_its_sentence_in_place_of_its_tables(found, name):
    result = found[name]
    assert repr(result) == f"<{type(result).__name__}: {result.sentence()}>"
    page = result._repr_html_()
    assert page.count("<tr") <= 11
    assert result.cite().splitlines()[-1].startswith("joyeval ")


def test_drawings_of_exact_numbers_are_refused_for_readers(found, tmp_path):
    drawing = found["one chart"].plot()
    with pytest.raises(DisclosureError, match="may be shown"):
        figures.save(drawing.figure, tmp_path / "fig", alt="A chart.", caption="A chart.")
    with pytest.raises(DisclosureError):
        report.figure(drawing.figure, alt="A chart.", caption="A chart.")
    shown = show(charts("a"), people=200)
    with pytest.raises(DisclosureError, match=r"exact numbers, by `\.plot\(\)`"):
        figures.from_shown(drawing.figure, shown)
    assert not list(tmp_path.iterdir())


def test_axes_go_in_and_come_out(found):
    figure, ax = plt.subplots()
    assert found["meta"].plot(ax=ax, xlabel="Points") is ax
    assert ax.get_xlabel() == "Points"
    assert getattr(figure, EXACT)
    plt.close(figure)


def test_rows_of_one_name_are_told_apart():
    scores = measurement.scores.score_change(waves(), {"joy": ("Joy", "higher")})
    assert len(scores.plot().axes[0].get_yticklabels()) == scores.tidy()["estimate"].notna().sum()


def test_what_has_no_drawing_says_so(found):
    nothing = NoAnswer(n=0, question="whether it changed", reason="one wave")
    with pytest.raises(UsageError, match=r"no drawing of a NoAnswer.*\.sentence\(\)"):
        nothing.plot()


def test_what_people_wrote_is_text_and_no_page():
    @dataclass(frozen=True, kw_only=True, eq=False)
    class Odd(Result):
        def tidy(self):
            return pd.DataFrame({"<b>team</b>": ["<script>alert(1)</script>"] * 12, "joy": 1 / 3})

        def sentence(self):
            return "<img src=x onerror=alert(1)>"

    page = Odd(n=1, notes=("<i>note</i>",))._repr_html_()
    assert "<script" not in page
    assert "<img" not in page
    assert "<i>" not in page
    assert "0.3333" in page
    assert "2 more rows" in page


def test_references_are_told_apart():
    doc = """Do it.

    References
    ----------
    Bland & Altman (1995), BMJ 310, 446. doi:10.1136/bmj.310.6977.446
    Bakdash & Marusich (2017), Front. Psychol. 8, 456. doi:10.3389/fpsyg.2017.00456 (bands).

    Examples
    --------
    >>> 1
    """
    assert references(doc) == [
        "Bland & Altman (1995), BMJ 310, 446. doi:10.1136/bmj.310.6977.446",
        "Bakdash & Marusich (2017), Front. Psychol. 8, 456. doi:10.3389/fpsyg.2017.00456 (bands)",
    ]
    assert references("Do it.") == []


def test_a_study_shows_itself_in_ten_lines():
    study = je.load_study(ROOT / "pipelines" / "enjoying_work.yml")
    told = repr(study)
    assert 5 <= len(told.splitlines()) <= 10
    assert "cohorts: 1, 2, 3, 4, 5" in told
    assert "primary: fft_positive by good_day" in told
    assert len(told) < 1500
    assert study._repr_html_().startswith("<pre>&lt;Study enjoying_work")


def test_the_package_completes_to_what_is_there():
    assert je.network.comparisons
    for name in dir(je):
        assert getattr(je, name) is not None
