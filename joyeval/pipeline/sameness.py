"""Whether two outputs say the same: byte for byte, or but for the last digits that another machine gives."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

RELATIVE, ABSOLUTE = 1e-6, 1e-9  # numbers nearer than this are the same: far below what is ever shown
NUMBER = re.compile(r"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?")
PICTURE = re.compile(r"base64,[A-Za-z0-9+/=]+")
DRAWN = {"png", "svg"}  # pictures of the numbers beside them


def difference(first: Path, second: Path) -> str:
    """Return the first place where two files of one kind differ in more than the last digits; empty if nowhere.

    Tables, results and chapters are compared number by number and word by word, pages without their pictures. Of
    other kinds of file, only the bytes can be compared.
    """
    match first.suffix:
        case ".json":
            return _differs(*(json.loads(path.read_text(encoding="utf-8")) for path in (first, second)), "")
        case ".parquet":
            return _tables(first, second)
        case ".html":
            return _differs(*(PICTURE.sub("", path.read_text(encoding="utf-8")) for path in (first, second)), "text")
    return "" if first.read_bytes() == second.read_bytes() else "its bytes"


def _tables(first: Path, second: Path) -> str:
    import pandas as pd

    one, two = pd.read_parquet(first), pd.read_parquet(second)
    if list(one.columns) != list(two.columns) or len(one) != len(two):
        return "columns or number of rows"
    for name in one:
        for row, pair in enumerate(zip(one[name].tolist(), two[name].tolist(), strict=True), start=1):
            if _differs(*pair, ""):
                return f"column {name}, row {row}"
    return ""


def _differs(one: Any, two: Any, place: str) -> str:
    """Return where two values differ; of lists and mappings, the first place within."""
    if type(one) is not type(two) and not (isinstance(one, (int, float)) and isinstance(two, (int, float))):
        return place or "its kind"
    match one:
        case dict():
            if one.keys() != two.keys():
                return place or "its fields"
            pairs = [(key, one[key], two[key]) for key in one if key not in DRAWN]
        case list():
            if len(one) != len(two):
                return place or "its length"
            pairs = [(str(k), *pair) for k, pair in enumerate(zip(one, two, strict=True))]
        case str():
            return "" if _same_text(one, two) else place or "text"
        case float() | int():
            return "" if _near(one, two) else place or "a number"
        case _:
            return "" if one == two or one is two or (one != one and two != two) else place or "a value"
    return next((found for key, a, b in pairs if (found := _differs(a, b, f"{place}.{key}".lstrip(".")))), "")


def _near(one: float, two: float) -> bool:
    return math.isclose(one, two, rel_tol=RELATIVE, abs_tol=ABSOLUTE) or (math.isnan(one) and math.isnan(two))


def _same_text(one: str, two: str) -> bool:
    if one == two:
        return True
    if NUMBER.sub("0", one) != NUMBER.sub("0", two):
        return False
    return all(_near(float(a), float(b)) for a, b in zip(NUMBER.findall(one), NUMBER.findall(two), strict=True))
