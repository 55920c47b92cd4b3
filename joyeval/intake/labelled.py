"""SPSS, Stata and Parquet: files that carry types, labels and declared missing codes."""

from __future__ import annotations

import io
import re
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from joyeval.errors import DataError, Problem
from joyeval.intake.limited import read_limited
from joyeval.intake.raw import Raw

if TYPE_CHECKING:
    from pathlib import Path


def read_labelled(path: Path, source: str) -> Raw:
    """Read SPSS, Stata or Parquet as text.

    Codes that a file declares as missing stay in the cells and are named in `declined`; days of any unit that the
    programs know (quarters and months of Stata, too) become the first day of their period.
    """
    about, packed = read_limited(path, source)
    try:
        frame = pl.read_ipc(io.BytesIO(packed))
        formats = about.get("formats", {})
        frame = frame.with_columns(_text(_dated(frame[name], formats.get(name, ""))) for name in frame.columns)
    except pl.exceptions.PolarsError:
        found, fix = "columns that are no text, numbers or days", "export the answers as CSV UTF-8"
        problem = Problem(path.name, found, "a table of plain columns", fix, rule="damaged")
        raise DataError([problem]) from None
    answers = about.get("answers", {})
    return Raw(
        file=path.name,
        source=source,
        frame=frame,
        rows=pl.arange(1, frame.height + 1, dtype=pl.UInt32, eager=True).alias("row"),
        labels={name: label for name, label in about.get("labels", {}).items() if label},
        answer_labels={name: {_code(c): words for c, words in labels.items()} for name, labels in answers.items()},
        declined={name: codes for name in frame.columns if (codes := _declined(frame[name], about))},
    )


def _dated(cells: pl.Series, kind: str) -> pl.Series:
    """Turn numbers that their format shows as periods into days: Stata counts from 1960, SPSS in seconds from 1582."""
    if not cells.dtype.is_numeric():
        return cells
    number = pl.col(cells.name).cast(pl.Float64)
    months = {"%tm": 1, "%tq": 3, "%th": 6, "%ty": 12}.get(kind[:3])
    if months:
        since = number - 1960 if kind.startswith("%ty") else number
        day = pl.lit(date(1960, 1, 1)).dt.offset_by(pl.format("{}mo", (since * months).cast(pl.Int64)))
    elif kind.startswith("%tw"):  # 52 weeks a year, the last one longer
        day = pl.date(1960 + number // 52, 1, 1) + pl.duration(days=7 * (number % 52))
    elif re.match("(QYR|MOYR|WKYR)", kind):
        day = pl.lit(date(1582, 10, 14)) + pl.duration(days=number // 86400)
    else:
        return cells
    return cells.to_frame().select(day.alias(cells.name)).to_series()


def _declined(cells: pl.Series, about: dict[str, Any]) -> frozenset[str]:
    """Codes in the column that the file declares as missing."""
    letters, ranges = (about.get(key, {}).get(cells.name, ()) for key in ("missing", "ranges"))
    present = cells.unique().drop_nulls().to_list()
    return frozenset(text for text in present if text in letters or any(_within(text, *span) for span in ranges))


def _within(text: str, low: Any, high: Any) -> bool:
    if isinstance(low, str):
        return low.strip() <= text <= high.strip()
    try:
        return low <= float(text) <= high
    except ValueError:
        return False


def _text(cells: pl.Series) -> pl.Series:
    """Cells as text: whole numbers without a point, blank text null."""
    if cells.dtype.is_float():
        whole = cells.cast(pl.Int64, strict=False)
        cells = whole if (whole == cells).all() and whole.null_count() == cells.null_count() else cells
    text = cells.cast(pl.String).str.strip_chars_end()
    return text.replace("", None).alias(cells.name)


def _code(code: Any) -> str:
    return str(int(code)) if isinstance(code, float) and code.is_integer() else str(code).strip()
