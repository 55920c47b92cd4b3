"""Days and periods: one way of writing for a whole column, told from its cells or asked for."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joyeval.intake.days import WAYS, is_period, read_days, told_way, unsure_days


def days(cells, dates=None, year=None) -> list[str]:
    return [str(day) for day in read_days(pl.Series(cells, dtype=pl.String), dates, year)]


@pytest.mark.parametrize(
    ("text", "dates", "expected"),
    [
        ("2024-05-31 10:00:00", None, "2024-05-31"),
        ("31/05/2024", "%d/%m/%Y", "2024-05-31"),
        ("05/31/2024 02:15:00 PM", "%m/%d/%Y %I:%M:%S %p", "2024-05-31"),
        ("May 2024", "%b %Y", "2024-05-01"),
        ("31/05/2024", None, "2024-05-31"),
        ("2024-02-30", None, "None"),
        ("Apr-24", None, "2024-04-01"),
        ("April 2024", None, "2024-04-01"),
        ("w/c 27/05/2024", None, "2024-05-27"),
        ("Week commencing 27 May 2024", None, "2024-05-27"),
        ("w/c 06/05/2024", "%d/%m/%Y", "2024-05-06"),
        ("2024-04-01 00:00:00", "%b-%y", "2024-04-01"),  # a spreadsheet's own date, shown as Apr-24
        ("2024-W22", None, "2024-05-27"),
        ("Week 22", "week number", "2024-05-27"),
        ("22", "week number", "2024-05-27"),
        ("2023/24", None, "2023-04-01"),
        ("2023/25", None, "None"),
        ("Q2 2024", None, "2024-04-01"),
        ("2024", None, "2024-01-01"),
    ],
)
def test_cells(text, dates, expected):
    assert days([text], dates, 2024 if dates == "week number" else None) == [expected]


def test_quarters_of_a_financial_year_begin_in_april():
    text = ["Q1 2025/26", "2025/26 Q3", "Q4 2024-25", "Q5 2025/26", "Jun-25", None]
    assert days(text, "financial quarter") == ["2025-04-01", "2025-10-01", "2025-01-01", "None", "None", "None"]


def test_a_cell_above_twelve_tells_the_order_of_all():
    assert days(["01/02/2024", "13/02/2024"]) == ["2024-02-01", "2024-02-13"]
    assert days(["01/02/2024", "02/13/2024"]) == ["2024-01-02", "2024-02-13"]


def test_where_both_orders_fit_the_study_file_is_asked():
    cells = pl.Series("Day", ["03/04/2024", "05/06/2024", "02/09/2024", "11/10/2024"])
    assert days(cells) == ["None"] * 4
    (told,) = unsure_days("f.csv", cells, read_days(cells), None)
    assert (told.rule, told.column) == ("day or month", "Day")
    assert unsure_days("f.csv", cells, read_days(cells, "%d/%m/%Y"), "%d/%m/%Y") == []


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(3, 40), st.booleans(), st.sampled_from([7, 14, 30]))
def test_regular_series_are_read_right_or_asked_never_wrong(start, n, british, step):
    """Weekly, fortnightly and monthly series in either order of day and month."""
    months = [date(start.year + (start.month + i) // 12, (start.month + i) % 12 + 1, 1) for i in range(n)]
    truth = months if step == 30 else [start + timedelta(days=step * i) for i in range(n)]
    cells = pl.Series([day.strftime("%d/%m/%Y" if british else "%m/%d/%Y") for day in truth])
    told = told_way(cells)
    if told.rival is None:
        assert read_days(cells).to_list() == truth


@given(st.dates(date(2000, 1, 1), date(2069, 1, 1)), st.sampled_from([way for way in WAYS if "%" in way.name]))
def test_every_pattern_reads_what_it_writes(day, way):
    written = day.strftime(way.name)
    assert way.day(written) == read_days(pl.Series([written]), way.name)[0]


@pytest.mark.parametrize("heading", ["2024-05-31", "Apr-24", "Q1 2024/25", "Week 12", "w/c 06/05/2024", "2024", "W12"])
def test_headings_that_are_periods(heading):
    assert is_period(heading)


@pytest.mark.parametrize("heading", ["Team", "May", "Ward 4", "q1", "12", "Total", "week", "Score (2)"])
def test_headings_that_are_none(heading):
    assert not is_period(heading)
