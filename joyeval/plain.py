"""The door of public calls: plain data of any library come in as pandas; what does not fit is said in a sentence."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, wraps
from typing import TYPE_CHECKING, Any

from joyeval.errors import UsageError, no_column

if TYPE_CHECKING:
    from collections.abc import Iterable

TABLE, SERIES, ARRAY = "a table", "one column", "numbers"
KINDS = {"pd.DataFrame": TABLE, "DataFrame": TABLE, "pd.Series": SERIES, "Series": SERIES, "np.ndarray": ARRAY}
NAMED = re.compile(r"^[A-Z][A-Za-z]+$")  # a class of joyeval, such as Charts
OTHERS = {"Any", "Mapping", "Sequence", "Callable", "Iterable", "Collection", "None"}


def open_to_all(names: dict[str, Any], public: Iterable[str]) -> None:
    """Let the public functions of a module take plain data (see `plain`); `names` are its globals."""
    for name in public:
        if inspect.isfunction(names.get(name)):
            names[name] = plain(names[name])


def plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function take polars and plain lists where pandas is meant, and refuse in a sentence what does not fit.

    Raises
    ------
    UsageError
        An argument of another kind than the function takes, or a column that its tables do not have.

    Examples
    --------
    >>> import pandas as pd
    >>> @plain
    ... def mean(table: pd.DataFrame, column: str) -> float:
    ...     return float(table[column].mean())
    >>> mean({"joy": [1, 2, 3]}, "joy")
    2.0
    >>> mean(3, "joy")
    Traceback (most recent call last):
    joyeval.errors.UsageError: mean: table is a int; expected a table (pandas or polars)
    """
    signature = inspect.signature(function)

    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        try:
            given = signature.bind_partial(*args, **options)
        except TypeError:
            return function(*args, **options)  # says itself which argument is wrong
        for name, value in given.arguments.items():
            given.arguments[name] = _fit(function, signature.parameters[name], value)
        try:
            return function(*given.args, **given.kwargs)
        except KeyError as error:
            raise _no_column(function, error, given.arguments.values()) from error

    return call


def _fit(function: Callable[..., Any], parameter: inspect.Parameter, value: Any) -> Any:
    """Return an argument as the function takes it."""
    if parameter.kind is parameter.VAR_POSITIONAL:
        return value
    if parameter.kind is parameter.VAR_KEYWORD:
        return {name: _pandas(one) for name, one in value.items()}
    name, value = parameter.name, _pandas(value)
    wanted = _wanted(function).get(name)
    if not wanted or value is None:
        return value
    kinds = [KINDS[one] for one in wanted if one in KINDS]
    if len(kinds) < len(wanted):
        return _of_class(function, name, value, wanted) if not kinds else value
    return _as_kind(function, name, value, kinds)


def _as_kind(function: Callable[..., Any], name: str, value: Any, kinds: Sequence[str]) -> Any:
    import numpy as np
    import pandas as pd

    if TABLE in kinds and isinstance(value, pd.DataFrame):
        return value
    if TABLE in kinds and isinstance(value, Mapping) and all(isinstance(one, Sequence) for one in value.values()):
        return pd.DataFrame(dict(value))
    if SERIES in kinds and isinstance(value, pd.Series):
        return value
    if ARRAY in kinds and isinstance(value, np.ndarray | pd.Series):
        return value
    if (SERIES in kinds or ARRAY in kinds) and isinstance(value, list | tuple | np.ndarray | pd.Categorical | pd.Index):
        return pd.Series(value) if SERIES in kinds else np.asarray(value)
    raise _wrong(function, name, value, " or ".join(dict.fromkeys(kinds)) + " (pandas or polars)")


def _of_class(function: Callable[..., Any], name: str, value: Any, wanted: Sequence[str]) -> Any:
    """Refuse data where a result is meant, such as a table in place of charts."""
    import pandas as pd

    named = all(NAMED.match(one) and one not in OTHERS for one in wanted)
    if named and isinstance(value, pd.DataFrame | pd.Series):
        raise _wrong(function, name, value, " or ".join(wanted))
    return value


def _wrong(function: Callable[..., Any], name: str, value: Any, expected: str) -> UsageError:
    return UsageError(f"{function.__name__}: {name} is a {type(value).__name__}; expected {expected}")


def _pandas(value: Any) -> Any:
    """Return data of polars as pandas; anything else as it is."""
    if type(value).__module__.split(".")[0] != "polars":
        return value
    kind = type(value).__name__
    if kind == "LazyFrame":
        return value.collect().to_pandas()
    return value.to_pandas() if kind in ("DataFrame", "Series") else value


@cache
def _wanted(function: Callable[..., Any]) -> dict[str, tuple[str, ...]]:
    """Return the kinds that each parameter may be, from its annotation, but for None."""
    told = {name: str(kind) for name, kind in getattr(function, "__annotations__", {}).items()}
    kinds = {name: tuple(one.strip() for one in kind.split("|")) for name, kind in told.items() if "[" not in kind}
    return {name: tuple(one for one in every if one != "None") for name, every in kinds.items()}


def _no_column(function: Callable[..., Any], error: KeyError, given: Iterable[Any]) -> Exception:
    """Say which column is not there; an error of another kind stays what it is."""
    import pandas as pd

    columns = {str(name) for value in given if isinstance(value, pd.DataFrame) for name in value.columns}
    missing = str(error.args[0]) if error.args else ""
    if not columns or missing in columns or not missing:
        return error
    has = f"The table has {', '.join(sorted(columns))}"
    if "[" in missing:  # what pandas says of several at once
        return UsageError(f"{function.__name__}: columns are not there, or hold something else than is meant. {has}")
    return no_column([missing], sorted(columns), function.__name__)
