"""SPSS, Stata and Parquet: files that carry types, labels and declared missing codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from joyeval.errors import DataError, Problem
from joyeval.intake.raw import Raw

if TYPE_CHECKING:
    from pathlib import Path


def read_spss(path: Path) -> Raw:
    """Read a .sav or .zsav file; codes declared as missing stay in the cells and are named in `declined`."""
    import pyreadstat

    return _labelled(path, "SPSS", pyreadstat.read_sav)


def read_stata(path: Path) -> Raw:
    """Read a .dta file; extended missing codes (.a to .z) stay in the cells and are named in `declined`."""
    import pyreadstat

    return _labelled(path, "Stata", pyreadstat.read_dta)


def read_parquet(path: Path) -> Raw:
    """Read a Parquet file as text."""
    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError):
        raise _damaged(path, "Parquet") from None
    return _raw(path, "Parquet", frame.with_columns(_text(frame[name]) for name in frame.columns))


def _labelled(path: Path, source: str, reader: Any) -> Raw:
    from pyreadstat import ReadstatError

    try:
        columns, about = reader(path, user_missing=True, output_format="dict")
    except (ReadstatError, ValueError, UnicodeDecodeError):
        raise _damaged(path, source) from None
    frame = pl.DataFrame({name: _text(_typed(cells)) for name, cells in columns.items()})
    answer_labels = {
        name: {_code(code): words for code, words in labels.items()}
        for name, labels in about.variable_value_labels.items()
    }
    return _raw(
        path,
        source,
        frame,
        labels={name: label for name, label in about.column_names_to_labels.items() if label},
        answer_labels=answer_labels,
        declined={name: declined for name in frame.columns if (declined := _declined(name, frame[name], about))},
    )


def _declined(name: str, cells: pl.Series, about: Any) -> frozenset[str]:
    """Codes in the column that the file declares as missing."""
    letters = set(about.missing_user_values.get(name, ()))
    ranges = [(part["lo"], part["hi"]) for part in about.missing_ranges.get(name, ())]
    present = cells.unique().drop_nulls().to_list()
    return frozenset(text for text in present if text in letters or any(_within(text, *span) for span in ranges))


def _within(text: str, low: Any, high: Any) -> bool:
    if isinstance(low, str):
        return low.strip() <= text <= high.strip()
    try:
        return low <= float(text) <= high
    except ValueError:
        return False


def _raw(path: Path, source: str, frame: pl.DataFrame, **more: Any) -> Raw:
    rows = pl.arange(1, frame.height + 1, dtype=pl.UInt32, eager=True).alias("row")
    return Raw(file=path.name, source=source, frame=frame, rows=rows, **more)


def _typed(cells: Any) -> pl.Series:
    """One type per column, also where numbers stand beside the letters of extended missing codes."""
    try:
        return pl.Series(cells)
    except TypeError:
        return pl.Series([None if cell is None else _code(cell) for cell in cells], dtype=pl.String)


def _text(cells: pl.Series) -> pl.Series:
    """Cells as text: whole numbers without a point, blank text null."""
    if cells.dtype.is_float():
        whole = cells.cast(pl.Int64, strict=False)
        cells = whole if (whole == cells).all() and whole.null_count() == cells.null_count() else cells
    text = cells.cast(pl.String).str.strip_chars_end()
    return text.replace("", None).alias(cells.name)


def _code(code: Any) -> str:
    return str(int(code)) if isinstance(code, float) and code.is_integer() else str(code).strip()


def _damaged(path: Path, source: str) -> DataError:
    fix = "save it again from the program that made it, or export CSV UTF-8"
    return DataError([Problem(path.name, f"a damaged {source} file", f"a {source} file", fix, rule="damaged")])
