"""Codes of teams and trusts: cleaned so that equal codes compare equal, and followed through mergers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from joyeval.errors import DataError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

Crosswalk = Mapping[str, str] | pd.DataFrame


def clean_codes(codes: pd.Series) -> pd.Series:
    r"""Trim codes and join their blanks: non-breaking and doubled spaces, letter case, numbers read as 12.0.

    Examples
    --------
    >>> clean_codes(pd.Series(["rwk\u00a0", " Ward  7", 12.0])).tolist()
    ['RWK', 'WARD 7', '12']
    """
    text = codes.astype("str").str.normalize("NFKC").str.replace(r"[\s\u200b\ufeff]+", " ", regex=True)
    text = text.str.strip().str.upper().str.replace(r"^(\d+)\.0$", r"\1", regex=True)
    return text.where(codes.notna() & (text != ""))


def follow(codes: pd.Series, crosswalk: Crosswalk | None) -> pd.Series:
    """Replace old codes by new ones, through several mergers if need be.

    Parameters
    ----------
    codes : Series
        Cleaned codes.
    crosswalk : mapping or DataFrame, optional
        Old code to new code; as a table with the columns ``old, new``. Several old codes may share a new one.

    Raises
    ------
    DataError
        An old code with two new ones, or codes that lead back to themselves.
    """
    if crosswalk is None:
        return codes
    steps = _steps(crosswalk)
    return codes.map({code: _end(code, steps) for code in codes.dropna().unique()})


def _steps(crosswalk: Crosswalk) -> dict[str, str]:
    table = (
        crosswalk if isinstance(crosswalk, pd.DataFrame) else pd.DataFrame(crosswalk.items(), columns=["old", "new"])
    )
    pairs = pd.DataFrame({side: clean_codes(table[side]) for side in ("old", "new")}).dropna().drop_duplicates()
    steps = dict(zip(pairs["old"], pairs["new"], strict=True))
    problems = [
        *_problems(pairs.loc[pairs["old"].duplicated(), "old"].unique(), "more than one new code", "keep one row"),
        *_problems([code for code in steps if _end(code, steps) is None], "a circle of codes", "end it at one code"),
    ]
    if problems:
        raise DataError(problems)
    return steps


def _end(code: str, steps: Mapping[str, str]) -> str | None:
    seen = {code}
    while code in steps and steps[code] != code:
        code = steps[code]
        if code in seen:
            return None
        seen.add(code)
    return code


def _problems(codes: Iterable[str], found: str, fix: str) -> list[Problem]:
    return [
        Problem(file="crosswalk", found=f"{found} for {code}", expected="one end for each code", fix=fix, column="old",
                rule="crosswalk")
        for code in codes
    ]  # fmt: skip
