"""A DataFrame becomes a table of finished text: headings in plain words, numbers formatted once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any

import pandas as pd
from pandas.api.types import is_bool, is_scalar

from joyeval.disclosure.prose import inexact
from joyeval.disclosure.shown import opened
from joyeval.disclosure.statistics import END
from joyeval.disclosure.words import titled
from joyeval.errors import UsageError
from joyeval.figures.text import clean, minus
from joyeval.report.blocks import Column, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.disclosure import Shown

MISSING = "–"
WORDS = {
    "ci": "95% CI",
    "estimate": "Estimate",
    "icc": "ICC",
    "n": "n",
    "n_dropped": "Left out",
    "p": "p value",
    "rc": "RC",
    "se": "Standard error",
}
Format = str | Callable[[Any], str]


def layout(
    data: Shown,
    *,
    caption: str,
    labels: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    formats: Mapping[str, Format] | None = None,
    footnotes: Sequence[str] = (),
    header_columns: int | None = None,
) -> Table:
    """Return the table block of a table as it may be shown; a line below says why numbers are missing.

    Columns `ci_low` and `ci_high` become one column `ci` ("0.12 to 0.45"), named "95% CI" unless labelled otherwise.

    Parameters
    ----------
    labels : mapping of column to str
        Headings; default the column's name in words.
    units : mapping of column to str
        Unit, put in brackets after the heading.
    formats : mapping of column to str or callable
        A format of Python (".1f", ".0%", ",d"), "p" for p values, or a function of the value.
    footnotes : sequence of str
        Lines below the table.
    header_columns : int, optional
        Leading columns that name the row; default the columns of a named index, else 1.
    """
    table = opened(data, "report.table")
    indexed = sum(name is not None for name in table.index.names)
    shown = table.reset_index() if indexed else table
    shown = shown.set_axis(pd.Index([_flat(name) for name in shown.columns], dtype=object), axis="columns")
    _check(shown, labels, units, formats, caption=caption)
    styles = {name: (formats or {}).get(name) for name in shown}
    styles |= {name: _bounded(styles[name]) for name in data.bounds & set(shown)}
    cells = _with_interval({name: _texts(shown[name], name, styles[name]) for name in shown})
    columns = [Column(_heading(name, labels or {}, units or {}), numeric=_numeric(shown, name)) for name in cells]
    return Table(
        caption=clean(caption),
        columns=tuple(columns),
        rows=tuple(zip(*cells.values(), strict=True)),
        header_columns=header_columns if header_columns is not None else max(indexed, 1),
        footnotes=(
            *(inexact(clean(titled(line, "report.table (footnote)"))) for line in footnotes),
            *_why(data, cells),
        ),
    )


def _why(data: Shown, cells: Mapping[str, list[str]]) -> tuple[str, ...]:
    """Say once why numbers of a table are missing."""
    if data.mask.empty or not any(MISSING in texts for texts in cells.values()):
        return ()
    few = f"fewer than {data.rule.threshold} people stand behind it"
    return (f"{MISSING} stands where a number is not shown: {few}, or it would give away a small group.",)


def _bounded(style: Format | None) -> Format:
    """Format percentages whose ends are bounds: nearer to 0 or 100 they would speak of everyone."""

    def text(value: float) -> str:
        words = {END: f"{END} or less", 100 - END: f"{100 - END} or more"}.get(value)
        return words or (style(value) if callable(style) else format(value, style or "g"))

    return text


def _flat(name: Any) -> str:
    return ": ".join(str(part) for part in name if str(part)) if isinstance(name, tuple) else str(name)


def _check(shown: pd.DataFrame, *given: Mapping[str, Any] | None, caption: str) -> None:
    known = {*shown, "ci"}
    unknown = sorted({name for mapping in given for name in mapping or {}} - known)
    if unknown:
        raise UsageError(f"report.table ({caption}): no column {unknown}; the table has {list(shown)}")
    if shown.shape[1] == 0:
        raise UsageError(f"report.table ({caption}): the table has no columns")


def _with_interval(cells: dict[str, list[str]]) -> dict[str, list[str]]:
    if not {"ci_low", "ci_high"} <= set(cells):
        return cells
    low, high = cells["ci_low"], cells["ci_high"]
    joined = [a if a == b and not _is_number(a) else f"{a} to {b}" for a, b in zip(low, high, strict=True)]
    return {
        ("ci" if name == "ci_low" else name): (joined if name == "ci_low" else texts)
        for name, texts in cells.items()
        if name != "ci_high"
    }


def _is_number(text: str) -> bool:
    return text[-1:].isdigit()


def _heading(name: str, labels: Mapping[str, str], units: Mapping[str, str]) -> str:
    words = labels.get(name) or WORDS.get(name) or name.replace("_", " ").strip()
    if len(words.split(" ")[0].rstrip(",")) > 1:  # n and p keep their small letter
        words = words[:1].upper() + words[1:]
    return clean(f"{words} ({units[name]})" if name in units else words)


def _numeric(shown: pd.DataFrame, name: str) -> bool:
    """Whether the column holds numbers, be it with words where some are not shown."""
    return any(_real(value) for value in shown["ci_low" if name == "ci" else name])


def _real(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _texts(values: pd.Series, name: str, given: Format | None) -> list[str]:
    numbers = [float(v) for v in values if _real(v) and pd.notna(v)]
    style = given or ("p" if name == "p" or name.startswith("p_") else _usual(numbers))
    return [_text(value, style) for value in values]


def _usual(numbers: list[float]) -> str:
    """Choose the format of a column of numbers: decimals as their size bears, none where all are whole."""
    largest = max((abs(x) for x in numbers if abs(x) != float("inf")), default=0.0)
    if all(x.is_integer() for x in numbers):
        return ",.0f" if largest >= 10_000 else ".0f"
    return next(
        style for bound, style in ((0.1, ".3f"), (10, ".2f"), (1_000, ".1f"), (float("inf"), ",.0f")) if largest < bound
    )


def _text(value: Any, style: Format) -> str:
    if callable(style):
        return MISSING if is_scalar(value) and pd.isna(value) else minus(clean(style(value)))
    if isinstance(value, str):
        return minus(inexact(clean(value))) or MISSING
    if is_scalar(value) and pd.isna(value):
        return MISSING
    if is_bool(value):
        return "yes" if value else "no"
    if hasattr(value, "strftime"):
        return f"{value.day} {value:%b %Y}"
    return _number(value, style) if _real(value) else clean(value)


def _number(value: Real, style: str) -> str:
    if style == "p":
        return "<0.001" if value < 0.001 else f"{value:.3f}"
    text = format(int(value) if style.endswith("d") else value, style)
    return text.replace("-", "−") if float(value) < 0 and any(c in "123456789" for c in text) else text.lstrip("-")
