"""A Result is a frozen answer: numbers, how many they rest on, and what a reader must know.

Every result carries `n`, `n_dropped` and `notes`, gives one table (`tidy`) and one sentence
(`sentence`) made from the same fields, and survives a round trip through JSON, so that a
report is built from stored results. It never holds respondents' rows.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import MISSING, dataclass, fields
from datetime import date
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any

from joyeval.errors import ModelError, UsageError
from joyeval.words import Note

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    import pandas as pd

ROWS = 10  # of its numbers that an answer shows in a notebook
ESTIMATE_COLUMNS = ("term", "estimate", "se", "ci_low", "ci_high", "p", "n")


@dataclass(frozen=True, kw_only=True, eq=False)
class Result(ABC):
    """Base of every answer the library gives.

    Parameters
    ----------
    n : int
        Units that the answer rests on (the docstring of each result says which units).
    n_dropped : int
        Units that were given but not used.
    notes : tuple of str
        Caveats that a reader must see; printed in the report.
    """

    n: int
    n_dropped: int = 0
    notes: tuple[str, ...] = ()

    @abstractmethod
    def tidy(self) -> pd.DataFrame:
        """Return the numbers as one table, not rounded."""

    @abstractmethod
    def sentence(self) -> str:
        """Return the answer as one plain sentence."""

    def plot(self, **options: Any) -> Any:
        """Draw the answer with its exact numbers, for the analyst's screen; what is written for readers refuses it.

        Parameters
        ----------
        **options
            Of its drawing in `joyeval.figures`; `ax`, to draw on axes of your own.

        Returns
        -------
        Drawing or Axes
            Shows itself in a notebook; `.figure` and `.axes` are matplotlib's. With `ax`, these.

        Raises
        ------
        UsageError
            There is no drawing of this kind of answer.
        """
        return import_module("joyeval.figures.screen").draw(self, **options)

    def cite(self) -> str:
        """Return what to cite for the answer: the sources of its methods, a line each, and this library."""
        citing = import_module("joyeval.citing")
        return "\n".join([*citing.sources(self), citing.LIBRARY])

    def __init_subclass__(cls, **options: Any) -> None:
        """Let every answer show itself by its sentence, in place of all its tables."""
        super().__init_subclass__(**options)
        cls.__repr__ = Result.__repr__  # type: ignore[method-assign]  # one that is there is kept by `dataclass`

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.sentence()}>"

    def _repr_html_(self) -> str:
        """Show sentence, notes and the first rows of the numbers in a notebook."""
        said = [f"<p>{escape(self.sentence())}</p>"]
        if self.notes:
            said.append(f"<ul>{''.join(f'<li>{escape(note)}</li>' for note in dict.fromkeys(self.notes))}</ul>")
        rows = self.tidy()
        if len(rows):
            said.append(rows.head(ROWS).to_html(index=False, float_format="{:.4g}".format, na_rep="", border=0))
        if len(rows) > ROWS:
            said.append(f"<p>{len(rows) - ROWS:,} more rows: <code>.tidy()</code></p>")
        return "\n".join(said)

    def to_json(self) -> str:
        """Return the result as JSON text; `from_json` of the same class reads it back."""
        return json.dumps(_pack(self), indent=1, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read back what `to_json` wrote."""
        stored = read_result(text)
        if not isinstance(stored, cls):
            raise TypeError(f"stored result is a {type(stored).__qualname__}, not a {cls.__qualname__}")
        return stored


@dataclass(frozen=True, kw_only=True, eq=False)
class NoAnswer(Result):
    """What the data cannot answer, and why; stored and printed like any other result.

    Parameters
    ----------
    question : str
        What was asked, as a clause: "whether burnout goes with waiting times".
    reason : str
        Why there is no answer, with the n and the way out.
    """

    question: str
    reason: str

    def tidy(self) -> pd.DataFrame:
        """Return an empty table of estimates."""
        import pandas as pd

        return pd.DataFrame(columns=list(ESTIMATE_COLUMNS))

    def sentence(self) -> str:
        """Say plainly that there is no answer."""
        return f"The data cannot say {self.question}: {self.reason.rstrip('.')}."


def answered(question: str, ask: Callable[..., Result], *args: Any, **options: Any) -> Result:
    """Return what `ask` answers, or that and why the data cannot say.

    Parameters
    ----------
    question : str
        As a clause: "whether ties changed".
    ask : callable
        Called with the other arguments; its `ModelError` becomes a `NoAnswer`.

    Examples
    --------
    >>> from joyeval import coordination
    >>> answered("whether ties changed", coordination.change, ties).sentence()  # doctest: +SKIP
    'The data cannot say whether ties changed: one wave; a change needs two.'
    """
    try:
        return ask(*args, **options)
    except ModelError as error:
        return NoAnswer(n=0, question=question, reason=str(error))


def read_result(text: str) -> Result:
    """Read a stored result of any class of this package.

    Raises
    ------
    UsageError
        Another version wrote it, with other fields or classes.
    TypeError
        The text holds no result of this package.
    """
    stored = _unpack(json.loads(text))
    if not isinstance(stored, Result):
        raise TypeError("the text does not hold a stored result")
    return stored


def _pack(value: Any) -> Any:
    """Turn a field into JSON: what JSON has not (tables, arrays, tuples, dates, infinities) is tagged."""
    import numpy as np
    import pandas as pd

    match value:
        case Note():
            return {"!note": value.code, "fields": {name: _pack(item) for name, item in value.fields.items()}}
        case Result():
            kind = f"{type(value).__module__}:{type(value).__qualname__}"
            return {"!result": kind, "fields": {f.name: _pack(getattr(value, f.name)) for f in fields(value)}}
        case pd.DataFrame():
            columns = [
                [_pack(item) for item in value[name].astype(object).where(value[name].notna(), None)] for name in value
            ]
            return {"!table": list(value.columns), "dtypes": [str(t) for t in value.dtypes], "values": columns}
        case np.ndarray():
            return {"!array": _pack(value.tolist()), "dtype": str(value.dtype)}
        case np.generic():
            return _pack(value.item())
        case float() if not np.isfinite(value):
            return {"!float": str(value)}
        case date():
            return {"!time": value.isoformat()}
        case dict():
            return {"!dict": [[_pack(key), _pack(item)] for key, item in value.items()]}
        case tuple():
            return {"!tuple": [_pack(item) for item in value]}
        case list():
            return [_pack(item) for item in value]
        case _:
            return value


def _unpack(value: Any) -> Any:
    import numpy as np
    import pandas as pd

    match value:
        case {"!result": kind, "fields": body}:
            return _stored(_result_class(kind), {name: _unpack(item) for name, item in body.items()})
        case {"!table": names, "dtypes": dtypes, "values": columns}:
            return pd.DataFrame(
                {n: pd.Series(_unpack(c), dtype=t) for n, t, c in zip(names, dtypes, columns, strict=True)}
            )
        case {"!note": code, "fields": body}:
            return Note(code, **{name: _unpack(item) for name, item in body.items()})
        case {"!array": items, "dtype": dtype}:
            return np.array(_unpack(items), dtype=dtype)
        case {"!float": text}:
            return float(text)
        case {"!time": text}:
            return pd.Timestamp(text)
        case {"!dict": pairs}:
            return {_unpack(key): _unpack(item) for key, item in pairs}
        case {"!tuple": items}:
            return tuple(_unpack(item) for item in items)
        case list():
            return [_unpack(item) for item in value]
        case _:
            return value


def _stored(kind: type[Result], values: dict[str, Any]) -> Result:
    known = [f for f in fields(kind) if f.init]
    lacking = {f.name for f in known if f.default is MISSING and f.default_factory is MISSING} - set(values)
    if lacking or set(values) - {f.name for f in known}:
        raise _outdated(kind.__name__)
    return kind(**values)


def _outdated(name: str) -> UsageError:
    return UsageError(
        f"a stored result ({name}) was written by another version of joyeval: run the study again with --force."
    )


def _result_class(kind: str) -> type[Result]:
    module, _, name = kind.partition(":")
    if module.split(".")[0] != __name__.split(".")[0]:
        raise TypeError(f"refused to load a result class from {module}")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError):
        raise _outdated(name) from None
    if not (isinstance(found, type) and issubclass(found, Result)):
        raise TypeError(f"{kind} is not a result class")
    return found
