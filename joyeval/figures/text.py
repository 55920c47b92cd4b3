"""Text that came from outside, made fit to print: one place for figures, HTML, PDF and DOCX."""

from __future__ import annotations

import math
import re
import unicodedata
from textwrap import wrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# Controls, lone surrogates, private use, and marks that turn the direction of the text that follows.
_UNPRINTABLE = {"Cc", "Cs", "Co", "Cn"}
_TURNING = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_SPACES = {"\n": " ", "\t": " ", "\r": " ", "\u2028": " ", "\u2029": " ", "\x0b": " ", "\x0c": " "}
SPANS = r"(?:day|week|month|quarter|year)s?\b"  # units of time: the number before them counts
FIGURES = 4  # of a number in source data: more say nothing of people, and give answers away


def clean(value: object) -> str:
    r"""Return `value` as one line of printable text in normal form (NFC).

    Examples
    --------
    >>> clean("Ward\x00 7\n")
    'Ward 7'
    """
    text = str(value)
    if not text.isprintable():
        text = "".join(_SPACES.get(c, c) for c in text if c in _SPACES or _printable(c))
    return unicodedata.normalize("NFC", " ".join(text.split()))


def minus(text: str) -> str:
    """Return text in which a hyphen before a number is a minus sign.

    Examples
    --------
    >>> minus("-0.5 (-16%), from 2-end to 3-sigma, 2022-04-05")
    '−0.5 (−16%), from 2-end to 3-sigma, 2022-04-05'
    """
    return re.sub(r"(?<![\w.,:;/–−-])-(?=\.?\d)", "−", text)


def titled(key: str) -> str:
    """Return the key of a wave or a process as words, without the number that puts it in order.

    Examples
    --------
    >>> titled("1-baseline"), titled("discharge-planning"), titled("2-end - 1-baseline"), titled("2024")
    ('Baseline', 'Discharge planning', 'End less Baseline', '2024')
    >>> titled("6-month"), titled("12-months")  # the number is no place in an order
    ('6 month', '12 months')
    """
    if " - " in key:
        return " less ".join(titled(part) for part in key.split(" - "))
    words = re.sub(rf"^\d+[-_](?=[a-z])(?!{SPANS})", "", key).replace("-", " ").replace("_", " ")
    return words[:1].upper() + words[1:]


def shorten(value: object, *, width: int) -> str:
    """Clean text cut to `width` characters, with an ellipsis where something was left out.

    Examples
    --------
    >>> shorten("Older adults, east", width=12)
    'Older adults…'
    """
    text = clean(value)
    return text if len(text) <= width else text[:width].rstrip(" ,;") + "…"


def label(value: object, *, width: int = 60) -> str:
    """Text for a legend or an axis: matplotlib drops legend entries that begin with an underscore."""
    text = shorten(value, width=width) or "unnamed"
    return f" {text}" if text.startswith("_") else text


def lines(value: object, *, width: int, most: int = 2) -> str:
    """Text over at most so many lines of `width` characters, for an axis."""
    return "\n".join(wrap(label(value, width=10_000), width, max_lines=most, placeholder="…"))


def breakable(text: str, *, longest: int = 30) -> str:
    """Text in which a word of more than `longest` letters may break, at a space of no width."""
    return re.sub(rf"\S{{{longest}}}(?=\S)", "\\g<0>\u200b", text)


def inert(data: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose text no spreadsheet takes for a formula: such a text gets an apostrophe in front.

    Examples
    --------
    >>> import pandas as pd
    >>> inert(pd.DataFrame({"team": ["=1+1", "A"], "change": [-1.5, 2.0]})).iloc[0].tolist()
    ["'=1+1", -1.5]
    """
    columns = [_inert(name) for name in data.columns]
    return data.map(_inert).set_axis(columns, axis="columns")


def usable(data: pd.DataFrame) -> pd.DataFrame:
    """Return a table with numbers to the four figures that a reader can use; whole numbers stay as they are.

    Examples
    --------
    >>> import pandas as pd
    >>> usable(pd.DataFrame({"estimate": [0.0123456789, 45.0, 12345.678], "n": [12345, 20, 7]})).to_dict("list")
    {'estimate': [0.01235, 45.0, 12350.0], 'n': [12345, 20, 7]}
    """
    return data.map(lambda value: float(f"{value:.{FIGURES}g}") if _too_fine(value) else value)


def _too_fine(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value) and value != int(value)


def _inert(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _printable(char: str) -> bool:
    return char not in _TURNING and unicodedata.category(char) not in _UNPRINTABLE
