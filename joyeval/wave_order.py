"""The order of survey waves in time: one rule for every noun."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from joyeval.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd


def wave_order(
    table: pd.DataFrame, given: Sequence[Any] | None = None, *, wave: str = "wave", date: str = "date"
) -> tuple[Any, ...]:
    """Return the waves of a table in the order of time, which their names do not tell.

    Parameters
    ----------
    table : DataFrame
        A column of waves and, if there is one, of days.
    given : sequence, optional
        The order as the study file has it; waves that it leaves out are left out.
    wave, date : str
        Columns.

    Returns
    -------
    tuple
        The order given; else that of the middle day of each wave, where every wave has one of its own; else that of an
        ordered categorical; else of waves that are numbers, or numbered one after the other (1-start, 2-end).

    Raises
    ------
    UsageError
        None of these, or a wave given that is not in the table.

    Examples
    --------
    >>> import pandas as pd
    >>> waves = pd.DataFrame({"wave": ["pre", "post"], "date": pd.to_datetime(["2024-01-08", "2024-06-03"])})
    >>> wave_order(waves)
    ('pre', 'post')
    """
    column = table[wave].dropna()
    found = list(column.unique())
    if given is not None:
        return _as_given(found, given)
    if len(found) < 2:
        return tuple(found)
    for order in (_by_days, _by_categories, _by_numbers):
        if ordered := order(table, column, found, date):
            return ordered
    names = ", ".join(sorted(map(str, found)))
    raise UsageError(
        f"the order of the waves {names} is not known, and their names do not tell it: give them in order of time "
        f"(`waves=`), or a column `{date}`, or make `{wave}` an ordered categorical"
    )


def days_of(column: pd.Series) -> pd.Series:
    """Return a column as days: days as they are, text only where it is written year first.

    Raises
    ------
    UsageError
        Text such as 05/06/2024, which is two different days to two readers.

    Examples
    --------
    >>> import pandas as pd
    >>> days_of(pd.Series(["2024-06-05", None])).dt.month.tolist()
    [6.0, nan]
    """
    import pandas as pd

    try:
        return pd.to_datetime(column, format="ISO8601")
    except (ValueError, TypeError):
        name = f"column `{column.name}`" if column.name is not None else "a column"
        raise UsageError(
            f"{name} holds days that are not written year first (2024-06-05), so that day and month may be mistaken; "
            "turn them into days first: pd.to_datetime(column, dayfirst=True) or with the format that they have"
        ) from None


def in_order(table: pd.DataFrame, given: Sequence[Any] | None = None, *, wave: str = "wave") -> pd.Series:
    """Return the waves of a table as an ordered categorical, in the order of time."""
    import pandas as pd

    order = pd.CategoricalDtype(list(wave_order(table, given, wave=wave)), ordered=True)
    return table[wave].where(table[wave].isin(order.categories)).astype(order)


def _as_given(found: list[Any], given: Sequence[Any]) -> tuple[Any, ...]:
    named = {str(label): label for label in found}
    if unknown := [str(label) for label in given if str(label) not in named]:
        raise UsageError(f"no answers of wave {', '.join(unknown)}; there are {', '.join(sorted(named))}")
    return tuple(named[str(label)] for label in given)


def _by_days(table: pd.DataFrame, column: pd.Series, found: list[Any], date: str) -> tuple[Any, ...]:
    if date not in table:
        return ()
    days = days_of(table[date]).groupby(column, observed=True).median()
    known = days.dropna().sort_values()
    return tuple(known.index) if len(known) == len(found) and known.is_unique else ()


def _by_categories(table: pd.DataFrame, column: pd.Series, found: list[Any], date: str) -> tuple[Any, ...]:
    categories = getattr(column, "cat", None)
    if categories is None or not categories.ordered:
        return ()
    return tuple(label for label in categories.categories if label in set(found))


def _by_numbers(table: pd.DataFrame, column: pd.Series, found: list[Any], date: str) -> tuple[Any, ...]:
    """Waves that are numbers or days, or names that are numbered one after the other: 1-start, 2-end."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return tuple(sorted(found))
    texts = pd.Series(found, dtype=object).astype(str)
    numbers = pd.to_numeric(texts, errors="coerce")
    if numbers.isna().any():
        numbers = texts.str.extract(r"^(\d+)\W")[0].astype(float)
        if numbers.max() - numbers.min() != len(found) - 1:
            return ()
    if numbers.isna().any() or not numbers.is_unique:
        return ()
    return tuple(found[place] for place in numbers.argsort())
