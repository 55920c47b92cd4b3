"""Days and periods of a column: one way of writing for all its cells, never cell by cell."""

from __future__ import annotations

import re
from calendar import month_abbr, month_name
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import polars as pl

from joyeval.errors import Problem
from joyeval.study import NAMED_DATES, YEARLESS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WEEK = r"(?i)^\s*(week|wk|w)[ .:_-]*\d{1,2}\s*$"
SERIAL = r"^[2-6]\d{4}(\.\d+)?$"  # a day as spreadsheets keep it: 45292
HALF_YEAR = timedelta(days=183)  # columns that begin a year anew, and stand further apart, are in no order
SURE = 0.9  # share of the cells that a way must fit to be taken for theirs
LONGEST = 40  # letters of a heading that is a period
LOOKED_AT = 3000  # distinct cells looked at to tell a way

_MONTHS = {month.lower(): i for i, month in enumerate(month_abbr) if month}
_MONTH = f"({'|'.join(_MONTHS)})[a-z]*"
_BEFORE = re.compile(r"^(w\.?/?[ce]\.?(?![a-z])|week (commencing|beginning|ending|of)|month of)[\s:.-]*", re.IGNORECASE)
ONE_MONTH = rf"({'|'.join(name.lower() for name in (*month_name[1:], 'sept', *month_abbr[1:]))})\.?"
_TIME = r"(?:[ t]\d{1,2}:\d{2}.*)?"


@dataclass(frozen=True)
class Way:
    """A way of writing days.

    Parameters
    ----------
    name : str
        What the study file calls it under `dates`; empty for ISO, which needs no name.
    pattern : Pattern
        What a cell looks like, small letters.
    build : callable
        Parts of the pattern to a day, or None.
    in_digits : bool
        No cell without a digit is written so.
    """

    name: str
    pattern: re.Pattern[str]
    build: Callable[..., date | None]
    in_digits: bool = True

    def day(self, cell: str) -> date | None:
        """Return the day that a cell means, the first of its period; None if it is not written this way."""
        may_be = not self.in_digits or any(map(str.isdigit, cell))
        found = self.pattern.fullmatch(_bare(cell)) if may_be else None
        try:
            return self.build(*found.groups()) if found else None
        except ValueError:
            return None


@dataclass(frozen=True)
class Read:
    """How the days of a column are written.

    Parameters
    ----------
    way : Way
    rival : Way, optional
        Another way that fits as well: somebody has to say which is meant.
    """

    way: Way
    rival: Way | None = None


def _bare(cell: str) -> str:
    text = " ".join(cell.replace("\u2013", "-").replace("\u2019", "'").split())
    return _BEFORE.sub("", text, count=1).casefold()


def _year(text: str) -> int:
    number = int(text)
    return number + 2000 if number < 70 else number + 1900 if number < 100 else number


def _financial(year: str, end: str) -> int:
    """First year of a financial year such as 2024/25."""
    if (int(year) + 1) % 100 != int(end) % 100:
        raise ValueError("not two years in a row")
    return int(year)


def _financial_quarter(quarter: str, year: str, end: str) -> date:
    """First day of a quarter of a financial year that begins in April: Q4 of 2024/25 is January 2025."""
    return date(_financial(year, end) + (quarter == "4"), 3 * int(quarter) % 12 + 1, 1)


def _way(name: str, pattern: str, build: Callable[..., date | None]) -> Way:
    return Way(name, re.compile(pattern), build)


ISO = _way("", r"(\d{4})-(\d{1,2})-(\d{1,2})" + _TIME, lambda y, m, d: date(int(y), int(m), int(d)))
WAYS = (
    ISO,
    _way(
        "%d/%m/%Y",
        r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d{2})" + _TIME,
        lambda d, m, y: date(_year(y), int(m), int(d)),
    ),
    _way(
        "%m/%d/%Y",
        r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d{2})" + _TIME,
        lambda m, d, y: date(_year(y), int(m), int(d)),
    ),
    _way("%Y/%m/%d", r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})" + _TIME, lambda y, m, d: date(int(y), int(m), int(d))),
    _way(
        "%d %b %Y",
        r"(\d{1,2})(?:st|nd|rd|th)?[ -]?" + _MONTH + r"[ ,-]*(\d{4}|\d{2})" + _TIME,
        lambda d, m, y: date(_year(y), _MONTHS[m], int(d)),
    ),
    _way("%b-%y", _MONTH + r"[ '/.-]*(\d{4}|\d{2})", lambda m, y: date(_year(y), _MONTHS[m], 1)),
    _way("%Y-%m", r"(\d{4})[ /-](\d{1,2})", lambda y, m: date(int(y), int(m), 1)),
    _way("%Y-%b", r"(\d{4})[ /-]" + _MONTH, lambda y, m: date(int(y), _MONTHS[m], 1)),
    _way("financial quarter", r"q([1-4])[ ,-]*(?:fy ?)?(\d{4})[/-](\d{2}|\d{4})", _financial_quarter),
    _way(
        "financial quarter",
        r"(?:fy ?)?(\d{4})[/-](\d{2}|\d{4}),? ?-? ?q([1-4])",
        lambda y, end, q: _financial_quarter(q, y, end),
    ),
    _way("quarter", r"q([1-4])[ ,/-]*(\d{4})", lambda q, y: date(int(y), 3 * int(q) - 2, 1)),
    _way("quarter", r"(\d{4})[ ,/-]*q([1-4])", lambda y, q: date(int(y), 3 * int(q) - 2, 1)),
    _way("financial year", r"(?:fy ?)?(\d{4})[/-](\d{2}|\d{4})", lambda y, end: date(_financial(y, end), 4, 1)),
    _way("%Y", r"((?:19|20)\d\d)", lambda y: date(int(y), 1, 1)),
    _way("ISO week", r"(\d{4})[ -]?w(\d{1,2})", lambda y, w: date.fromisocalendar(int(y), int(w), 1)),
)
_WEEK = re.compile(r"(?:week|wk|w)?[ .:_-]*(\d{1,2})(?:\.0)?")


def week_of(year: int) -> Way:
    """Return the way of writing weeks by their number in a year: Week 12, or 12."""
    return Way("week number", _WEEK, lambda number: date.fromisocalendar(year, int(number), 1))


def month_of(year: int) -> Way:
    """Return the way of writing months of a year by their names alone: Jan, or January."""
    return Way("month name", re.compile(ONE_MONTH), lambda month: date(year, _MONTHS[month[:3]], 1), in_digits=False)


def days_in_order(cells: Sequence[str], dates: str, year: int) -> list[date | None] | None:
    """Read weeks or months without a year, the first of them of `year`: the next year comes when they begin anew.

    Returns
    -------
    list or None
        None where they stand in no order of time, so that nothing tells the year.
    """
    days: list[date | None] = []
    last = None
    for cell in cells:
        day = _without_year(dates, year).day(cell)
        if day and last and day < last:
            year += 1
            day = _without_year(dates, year).day(cell)
            if day and day - last > HALF_YEAR:
                return None
        days.append(day)
        last = day or last
    return days


def _without_year(dates: str, year: int) -> Way:
    return week_of(year) if dates == "week number" else month_of(year)


@lru_cache(maxsize=10_000)
def is_period(cell: str) -> bool:
    """Whether a heading is a day or a period rather than a word: 2024-05-31, Apr-24, Q1 2024/25, Week 12, 2024."""
    if len(cell) > LONGEST:
        return False
    text = _bare(cell)
    return bool(re.fullmatch(r"(week|wk|w)[ .:_-]*\d{1,2}", text)) or any(way.day(text) for way in WAYS)


def told_way(cells: pl.Series) -> Read | None:
    """Tell how the days of a column are written, from all its cells.

    Where day and month may be either way round, the order counts in which the days are one day of each month, or are
    a regular distance apart; if neither tells, the other order is the rival.
    """
    distinct = cells.unique(maintain_order=True).head(LOOKED_AT).to_list()
    fits = {way: days for way in WAYS if len(days := _days_of(distinct, way)) >= SURE * len(distinct) > 0}
    if not fits:
        return None
    british, american = WAYS[1], WAYS[2]
    if not {british, american} <= set(fits) or fits[british] == fits[american]:
        return Read(max(fits, key=lambda way: len(fits[way])))
    if len(fits[british]) != len(fits[american]):  # some cell has a day above 12
        return Read(max(british, american, key=lambda way: len(fits[way])))
    first, second = _order(fits[british]), _order(fits[american])
    if first == second:
        return Read(british, american)
    return Read(british if first > second else american)


def _days_of(cells: Sequence[str], way: Way) -> list[date]:
    return [day for cell in cells if (day := way.day(cell))]


def _order(days: list[date]) -> int:
    """How much the days look like those of a file: one day of each month, or steps that are alike."""
    days = sorted(set(days))
    if len(days) < 3:
        return 0
    if len({day.day for day in days}) == 1 and len({day.month for day in days}) > 2:
        return 2
    steps = Counter(b - a for a, b in pairwise(days))
    weekly = all(step % timedelta(days=7) == timedelta(0) for step in steps)
    return 1 if steps.most_common(1)[0][1] >= 0.8 * (len(days) - 1) or weekly else 0


def read_days(cells: pl.Series, dates: str | None = None, year: int | None = None) -> pl.Series:
    """Read days, the first of each period; what is no day is null.

    Parameters
    ----------
    cells : polars.Series
        Text. ISO days, which spreadsheets' own dates become, are read whatever `dates` says.
    dates : str, optional
        How they are written: a pattern such as ``%d/%m/%Y``, or a name of `joyeval.study.NAMED_DATES`; without it ISO,
        or the one way that fits them all.
    year : int, optional
        Year of week numbers or month names.
    """
    pattern = None if dates in NAMED_DATES else dates
    found = _by_pattern(cells, pattern) if pattern else _by_iso(cells)
    if pattern and found.null_count() > cells.null_count():
        found = found.fill_null(_by_iso(cells))
    rest = cells.filter(found.is_null()).drop_nulls().unique()
    if len(rest):
        if pattern:
            days = _by_pattern(pl.Series([_BEFORE.sub("", cell.strip()) for cell in rest]), pattern).to_list()
        else:
            ways = _ways(cells, dates, year)
            days = [next((day for way in ways if (day := way.day(cell))), None) for cell in rest]
        table = dict(zip(rest.to_list(), days, strict=True))
        found = found.fill_null(cells.replace_strict(table, default=None, return_dtype=pl.Date))
    return found.alias(cells.name)


def _ways(cells: pl.Series, dates: str | None, year: int | None) -> list[Way]:
    """Ways that the cells may be written in: those of the study file's name for them, or the one that fits them all."""
    if dates in YEARLESS:
        return [_without_year(dates, year)] if year else []
    told = None if dates else told_way(cells.drop_nulls())
    name = dates if dates else told.way.name if told and not told.rival else None
    return [way for way in WAYS if way.name == name]


def _by_iso(cells: pl.Series) -> pl.Series:
    return cells.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)


def _by_pattern(cells: pl.Series, dates: str) -> pl.Series:
    """Read a pattern; a month without a day is its first day, a year without a month its first month."""
    absent = [code for code, names in (("%d", "dej"), ("%m", "mbBj")) if not any(f"%{n}" in dates for n in names)]
    filled = ("01 " * len(absent)) + cells if absent else cells
    return filled.str.to_date(" ".join([*absent, dates]), strict=False)


def unsure_days(file: str, cells: pl.Series, days: pl.Series, dates: str | None) -> list[Problem]:
    """Return a problem if days may be day/month as well as month/day, so that they were not read."""
    all_read = days.null_count() == cells.null_count()
    told = None if dates or all_read else told_way(cells.drop_nulls())
    if told is None or told.rival is None:
        return []
    fix = f'say `dates: "{told.way.name}"` or `dates: "{told.rival.name}"` in the study file'
    found = "days that fit day/month as well as month/day"
    return [Problem(file, found, "days of one meaning", fix, None, cells.name, "day or month")]


def day_remedy(cells: pl.Series, dates: str | None) -> str:
    """Say how days that are none as they stand can be read."""
    cells = cells.drop_nulls()
    if cells.str.contains(SERIAL).all():
        return "they are the numbers that a spreadsheet keeps for days: give the column a format of dates, save again"
    if not dates and cells.str.contains(WEEK).all():
        return "write `dates: week number` and the `year` of these weeks in the study file"
    if not dates and cells.str.contains(rf"(?i)^\s*{ONE_MONTH}\s*$").all():
        return "write `dates: month name` and the `year` of these months in the study file"
    told, correct = told_way(cells), "correct the cells, or list what they hold under `missing` in the study file"
    if told and told.way.name not in ("", dates):
        return f'most cells fit `dates: "{told.way.name}"`; else {correct}'
    way = 'say how they are written, such as `dates: "%d/%m/%Y"` (or "%Y%m" for 202405) in the study file'
    return f"{way}; else {correct}"
