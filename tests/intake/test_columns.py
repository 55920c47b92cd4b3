"""Headings to our names: found however they are spelt, missed with those that look alike, proposed for a person."""

from __future__ import annotations

import polars as pl

from joyeval.intake import Raw, find_columns, propose_map
from joyeval.intake.columns import first_filled, normal, plain, wanted_rows


def raw(columns, labels=None, rows=1):
    frame = pl.DataFrame({name: ["1"] * rows for name in columns})
    return Raw(file="w.csv", source="a table", frame=frame, rows=pl.Series(range(2, rows + 2)), labels=labels or {})


def test_a_heading_is_found_by_its_name_its_text_and_in_other_spelling():
    export = raw(["Q1", "Don’t know why", "Q3"], {"Q1": "I enjoy my work", "Q3": "Team"})
    found, problems = find_columns(export, {"a": "i enjoy my WORK", "b": "Don't know why ", "team": "Q3"})
    assert found == {"a": ("Q1",), "b": ("Don’t know why",), "team": ("Q3",)}
    assert problems == []


def test_an_absent_heading_is_told_with_those_that_look_alike():
    _, problems = find_columns(raw(["Team name", "Q1", "Q2"]), {"team": "Team nam", "x": "Zebra"})
    assert [problem.column for problem in problems] == ["Team nam", "Zebra"]
    assert "Team name" in problems[0].expected


def test_of_several_headings_the_first_that_is_filled_counts():
    frame = pl.DataFrame({"uk": ["1", None, None], "us": ["2", "3", None]})
    assert first_filled(frame, ("uk", "us")).to_list() == ["1", "3", None]


def test_rows_that_the_study_file_keeps_and_leaves_out():
    frame = pl.DataFrame({"event": ["baseline ", "end", None], "org": ["a", "Total", "b"]})
    assert frame.filter(wanted_rows({"event": "baseline"}, {})).height == 1
    assert frame.filter(wanted_rows({}, {"org": "total"}))["org"].to_list() == ["a", "b"]


def test_codes_are_one_however_people_and_spreadsheets_write_them():
    written = pl.Series(["05", "5", "5.0", " De ", "de", "Ｄe", "", None, "0"])
    assert normal(written).to_list() == ["5", "5", "5", "de", "de", "de", None, None, "0"]


def test_plain_text_has_no_invisible_characters():
    assert plain("\ufeffNever\u200b \u00a0or \u2018so\u2019") == "never or 'so'"


# ---- proposals -----------------------------------------------------------------------------------


def proposed(export, *instruments, earlier=None):
    table = propose_map(export, instruments, earlier)
    return dict(zip(table["name"], table["heading"], strict=True))


def test_items_are_proposed_by_key_wording_and_topic():
    export = raw(
        ["WHO5_1", "Q2", "Q3", "How often do you feel tired?", "Zebra"],
        {"Q2": "I have felt calm and relaxed", "Q3": "Over the last two weeks: I have felt active and vigorous"},
    )
    got = proposed(export, "who5", "cbi")
    assert (got["who5_1"], got["who5_2"], got["who5_3"]) == ("WHO5_1", "Q2", "Q3")
    assert got["cbi_1"] == "How often do you feel tired?"
    assert got["who5_5"] is None


def test_no_heading_is_proposed_twice():
    export = raw(["I have felt calm and relaxed", "I have felt cheerful and in good spirits"])
    headings = [heading for heading in proposed(export, "who5").values() if heading]
    assert len(headings) == len(set(headings))


def test_an_earlier_wave_is_looked_at_first_and_survives_reordering():
    earlier = {"who5_1": "likert1[happy]. [I felt cheerful]", "team": "Which team?"}
    export = raw(["Which team", "happy[SQ001]. I felt cheerful"])
    got = proposed(export, "who5", earlier=earlier)
    assert (got["who5_1"], got["team"]) == ("happy[SQ001]. I felt cheerful", "Which team")
