"""Figures of relational coordination show what the results hold: asked of the axes."""

from __future__ import annotations

import pytest

from joyeval import disclosure
from joyeval.coordination import change, matrix
from joyeval.errors import UsageError
from joyeval.figures import coordination as drawn
from joyeval.figures.render import pictures
from tests.coordination.surveys import survey
from tests.shown import figures


@pytest.fixture(scope="module")
def changed():
    return change(survey(groups="ABCD", raters=13, waves=("1", "2", "3"), gain=0.5, linked=0.9))


@pytest.fixture(scope="module")
def ties():
    table = survey(groups="ABCD", raters=13, skip=0.0)
    return matrix(table[(table["workgroup"] != "A") | (table["person"] < "p3")], wave="1")


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_heat_map_prints_every_tie_where_it_belongs(ties):
    ax = figures.heat_map(ties)
    cell = ties.cells.query("workgroup == 'B' and target == 'D'").iloc[0]
    there = [t.get_text() for t in ax.texts if (t.get_position()[0], round(t.get_position()[1])) == (3, 1)]
    assert there[0] == f"{cell['mean']:.1f}"
    assert [tick.get_text() for tick in ax.get_yticklabels()] == [*"ABCD", "all others"]
    assert ax.get_ylabel() == "rates"


def test_hidden_ties_are_hatched_and_without_a_number(ties):
    shown = disclosure.protect_matrix(ties)
    ax = figures.heat_map(shown)
    hatched = [patch for patch in ax.patches if patch.get_hatch()]
    assert len(hatched) == shown.cells["mean"].isna().sum() > 0
    assert len(texts(ax)) == 2 * (shown.cells["mean"].notna().sum() + shown.rated["mean"].notna().sum())


def test_own_groups_are_framed(ties):
    framed = [patch for patch in figures.heat_map(ties).patches if patch.get_linewidth() == 1.0]
    assert len(framed) == 4


def test_change_map_marks_false_discovery_rates_and_prints_minus_signs(changed):
    ax = figures.change_map(changed)
    ties = changed.ties.query("kind == 'gain'")
    assert sum(text.endswith("*") for text in texts(ax)) == (ties["q"] < 0.05).sum()
    assert not any("-" in text for text in texts(ax))


def test_last_contrast_of_a_kind_is_drawn(changed):
    assert set(drawn.chosen_ties(changed, process=None, kind="sustain")["term"]) == {"3 - 1"}


def test_network_has_an_arrow_per_tie_shown_wider_where_stronger(ties):
    shown = disclosure.protect_matrix(ties)
    arrows, dotted = [], []
    for arrow in figures.network_map(shown).patches:
        (arrows if arrow.get_linestyle() in ("-", "solid") else dotted).append(arrow)
    between = shown.cells[~shown.cells["within"]].dropna(subset=["shrunken"])
    assert len(arrows) == len(between) > 0
    assert len(dotted) == 12 - len(between) > 0
    widths = [arrow.get_linewidth() for arrow in arrows]
    assert between["shrunken"].to_numpy()[widths.index(max(widths))] == between["shrunken"].max()


def test_waves_and_dimensions_have_a_point_for_each_estimate(changed):
    ax = figures.ties_over_waves(changed)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1", "2", "3"]
    ax = figures.dimension_changes(changed, process="ward")
    assert len(ax.get_yticklabels()) == 9
    assert "mutual respect" in [tick.get_text() for tick in ax.get_yticklabels()]


@pytest.mark.parametrize("groups", ["AB", "ABCDEFGHIJKL"])
def test_small_and_large_surveys_can_be_drawn_and_saved(groups):
    got = matrix(survey(groups=groups, raters=2, waves=("1",)), wave="1")
    for ax in (figures.heat_map(got), figures.network_map(got)):
        assert pictures(ax)["svg"]


def test_alt_texts_say_what_is_drawn(ties, changed):
    shown = disclosure.protect_matrix(ties)
    hidden = int(shown.cells["mean"].isna().sum())
    assert f"{hidden} ties hatched" in figures.heat_map_alt(shown)
    assert "can be shown" in figures.heat_map_alt(disclosure.protect_matrix(ties, rule=disclosure.Rule(threshold=50)))
    assert "12 shown" not in figures.change_map_alt(changed)
    assert "16 shown" in figures.change_map_alt(changed)
    assert "4 workgroups" in figures.network_map_alt(shown)
    assert "at 3" in figures.ties_over_waves_alt(changed)


def test_a_process_must_be_named_and_have_been_compared(changed):
    with pytest.raises(UsageError, match="no tie of theatre"):
        figures.change_map(changed, process="theatre")
