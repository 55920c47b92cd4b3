"""A team's own sheet: its own points by its rule, nothing of another team, one page, the same bytes each time."""

from __future__ import annotations

import json
from unittest import mock

import pandas as pd
import pikepdf
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from joyeval.disclosure import RULES, show_own
from joyeval.disclosure.embedded import embedded
from joyeval.errors import DisclosureError
from joyeval.report import sections, write_sheets
from joyeval.report.writers import file_names
from joyeval.store import Store
from joyeval.study import load_study
from tests.report.samples import one_pulse

WEEKS = pd.date_range("2024-01-22", periods=24, freq="W-MON")  # a block of four weeks begins there


def counts(answers, positive=None, **more):
    rows = pd.DataFrame({"period": WEEKS[: len(answers)], "answers": answers})
    rows["positive"] = [n // 2 for n in answers] if positive is None else positive
    return rows.assign(opportunities=7.0, **more)


def points(shown):
    return shown.what["positive"].notna().tolist()


def test_a_point_needs_three_answers_and_five_that_are_all_alike():
    rows = counts([2, 3, 4, 4, 5, 6], [1, 1, 0, 4, 5, 0])
    shown = show_own(rows, staff=7)
    assert points(shown) == [False, True, False, False, True, True]
    assert (shown.asked, len(shown.mask), shown.audience) == (6, 3, "team")
    assert shown.what["answers"].isna().tolist() == [True, False, True, True, False, False]


@pytest.mark.parametrize("staff", [3, float("nan")])
def test_a_team_of_three_or_of_nobody_knows_how_many_is_shown_nothing(staff):
    assert not any(points(show_own(counts([6, 6]), staff=staff)))


def test_thin_weeks_are_put_together_in_fours_and_the_last_four_wait_until_they_are_over():
    whole = show_own(counts([2] * 12), staff=7).what
    assert whole["answers"].isna().tolist() == [True] * 4 + [False] * 2  # of the first four nothing was known before
    assert whole["answers"].tolist()[4:] == [8, 8]
    assert whole["period"].diff().iloc[-1] == pd.Timedelta(days=28)
    for weeks in (9, 10, 11):  # the block of a week that is not over would show it, less the block of the week before
        assert show_own(counts([2] * weeks), staff=7).what["answers"].tolist()[4:] == [8]
    assert len(show_own(counts([5] * 12), staff=7).what) == 12


@given(st.lists(st.sampled_from([0, 2, 5]), min_size=10, max_size=24), st.integers(2, 12))
@example([5, 5, 5, 2, 2, 2, 2, 2], 4)
def test_a_later_sheet_shows_what_an_earlier_one_showed_as_it_was(answers, weeks):
    """Else a thin week would be the difference of four weeks and the other three, which a sheet before had shown."""
    first, then = (
        {(row.period, row.answers, row.positive) for row in show_own(counts(some), staff=7).what.dropna().itertuples()}
        for some in (answers[:weeks], answers)
    )
    assert first <= then


@pytest.fixture
def made(tmp_path):
    """The executed notebook of two teams of seven, one of three and a large one, and its sheets."""
    study = one_pulse(tmp_path, "disclosure: {audiences: [public, team]}\n")
    store = Store(tmp_path / "a", tmp_path / "a")
    teams = pd.DataFrame({"team": ["Ward 7", "Ward 12", "Three", "Ward-7"], "headcount": [7.0, 40, 3, 7]})
    pulse = [
        counts([5 + n % 3] * 24, [1 + n + (w > 11) for w in range(24)], team=team)
        for n, team in enumerate(teams["team"])
    ]
    events = [("2024-03-05", "Ward 7", "Quiet room"), ("2024-04-05", "Ward 12", "Fewer meetings")]
    events = pd.DataFrame(events, columns=["date", "scope_id", "label"]).assign(scope="team", kind="change idea")
    store.save(
        teams=teams,
        pulse=pd.concat(pulse, ignore_index=True).assign(measure="good_day"),
        events=events.assign(date=pd.to_datetime(events["date"])),
    )
    outputs = []

    def caught(block, metadata):
        outputs.append({"output_type": "display_data", "data": block._repr_mimebundle_(), "metadata": metadata})

    with mock.patch("IPython.display.display", caught):
        sections.team_sheets(study, "a", store)
    cell = {"cell_type": "code", "id": "a", "source": "", "metadata": {}, "execution_count": 1, "outputs": outputs}
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    executed = tmp_path / "executed.ipynb"
    executed.write_text(json.dumps(notebook))
    return executed, {path.name: path for path in write_sheets(executed, tmp_path / "team")}


def test_each_team_has_its_own_sheet_with_nothing_of_another(made):
    executed, files = made
    assert [name for name in files if name.endswith("html")] == [
        "three.html", "ward-12.html", "ward-7-7f0f2d06.html", "ward-7-e26b750f.html",
    ]  # fmt: skip
    assert {path.stat().st_mode & 0o777 for path in files.values()} == {0o600}
    page = files["ward-7-7f0f2d06.html"].read_text()
    page += "".join(drawn.decode() for _, drawn in embedded(page))
    assert "For Ward 7 only; not to be passed on." in page
    assert "Quiet room" in page
    for other in ("Ward 12", "Three", "Fewer meetings"):
        assert other not in page
    assert "is not shown: more than half of its points rest on fewer than 4 people" in files["three.html"].read_text()
    again = write_sheets(executed, executed.parent / "again")
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in files.values()]


def test_a_sheet_is_one_page(made):
    assert [len(pikepdf.open(path).pages) for name, path in made[1].items() if name.endswith("pdf")] == [1] * 4


def test_names_of_teams_become_names_of_files():
    hostile = ["../../etc/passwd", "CON", "病棟", "a\0b", "w" * 300, "Ward 7", "ward  7"]
    names = file_names(hostile)
    assert [name.rstrip("0123456789abcdef") for name in names[1:3]] == ["con-", "team-"]
    assert [names[0], *names[3:5]] == ["etc-passwd", "a-b", "w" * 60]
    assert len(set(names)) == len(names)
    assert set("".join(names)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert file_names([*hostile, "New team"])[: len(hostile)] == names  # a new team renames nobody


def test_without_staff_in_post_there_are_no_sheets(made, tmp_path):
    study, store = load_study(tmp_path / "pipelines" / "small.yml"), Store(tmp_path / "a", tmp_path / "a")
    store.save(teams=store.table("teams").assign(headcount=[7, None, 3, 7]))
    with pytest.raises(DisclosureError, match="staff in post are missing for 1 of 4 teams"):
        sections.team_sheets(study, "a", store)


def test_the_rule_of_a_team_says_what_is_too_little():
    assert RULES["team"].too_little.startswith("fewer than 4 people, fewer than 3 answers")
    assert RULES["public"].too_little == "fewer than 11 people"
