"""Words of a structural model, in the notation of lavaan, to terms: `f =~ a + b`, `y ~ x`, `a ~~ b`, `a ~ 1`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from joyeval.errors import UsageError

OPERATORS = ("=~", "~~", "~")
NAME = re.compile(r"[^\W\d][\w.]*$")
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$")


@dataclass(frozen=True)
class Term:
    """One arrow or double arrow.

    Parameters
    ----------
    lhs, op, rhs : str
        As written; an intercept is ``lhs ~1`` with an empty `rhs`.
    modifiers : tuple of str
        What stood before the ``*``: a number fixes, ``NA`` frees, a name is a label; one for all groups, or one each.
    """

    lhs: str
    op: str
    rhs: str
    modifiers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The term as a reader writes it."""
        return f"{self.lhs} ~ 1" if self.op == "~1" else f"{self.lhs} {self.op} {self.rhs}"

    def modifier(self, group: int) -> str:
        """Return what was asked for in one group (counted from 0); empty for nothing."""
        return self.modifiers[group if len(self.modifiers) > 1 else 0] if self.modifiers else ""


@dataclass(frozen=True)
class Model:
    """The terms of a model and its variables in order of appearance."""

    text: str
    terms: tuple[Term, ...]
    latent: tuple[str, ...]
    observed: tuple[str, ...]

    def indicators(self, factor: str) -> list[str]:
        """List what a factor is measured by, first the marker."""
        return [term.rhs for term in self.terms if term.op == "=~" and term.lhs == factor]


def parse_model(text: str) -> Model:
    """Read a model.

    Parameters
    ----------
    text : str
        One statement per line (or between semicolons); ``#`` starts a comment. ``f =~ a + b`` measures a factor,
        ``y ~ x`` regresses, ``a ~~ b`` lets (residual) variances and covariances be, ``a ~ 1`` is an intercept.
        ``0.5*a`` fixes, ``NA*a`` frees, ``w*a`` labels; equal labels are equal values; ``c(w1, w2)*a`` speaks to each
        group.

    Raises
    ------
    UsageError
        A line that cannot be read, a factor without items, or a term given twice.

    Examples
    --------
    >>> [term.name for term in parse_model("joy =~ q1 + q2; joy ~ age").terms]
    ['joy =~ q1', 'joy =~ q2', 'joy ~ age']
    """
    statements = [line.split("#")[0].strip() for line in re.split(r"[\n;]", text)]
    terms = tuple(term for line in statements if line for term in _statement(line))
    if not terms:
        raise UsageError("model: found no statement; expected lines such as 'joy =~ q1 + q2 + q3'")
    latent = tuple(dict.fromkeys(term.lhs for term in terms if term.op == "=~"))
    named = dict.fromkeys(name for term in terms for name in (_order(term) if term.rhs else (term.lhs,)))
    _refuse_repeats(terms)
    return Model(text=text, terms=terms, latent=latent, observed=tuple(name for name in named if name not in latent))


def _order(term: Term) -> tuple[str, str]:
    return (term.rhs, term.lhs) if term.op == "=~" else (term.lhs, term.rhs)


def _statement(line: str) -> list[Term]:
    op = next((op for op in OPERATORS if op in line), None)
    if op is None:
        raise UsageError(f"model: found {line!r}; expected one of {', '.join(OPERATORS)} in it")
    left, right = (side.strip() for side in line.split(op, 1))
    return [_term(name.strip(), op, part.strip(), line) for name in left.split("+") for part in right.split("+")]


def _term(lhs: str, op: str, part: str, line: str) -> Term:
    *modifier, rhs = (piece.strip() for piece in part.rsplit("*", 1))
    if op == "~" and rhs in ("0", "1"):
        op, rhs, modifier = "~1", "", modifier or (["0"] if rhs == "0" else [])
    for name in (lhs,) if op == "~1" else (lhs, rhs):
        if not NAME.match(name):
            raise UsageError(f"model: found {name!r} in {line!r}; expected a name of a column or factor")
    return Term(lhs, op, rhs, tuple(_modifiers(modifier[0], line)) if modifier else ())


def _modifiers(text: str, line: str) -> list[str]:
    inner = re.fullmatch(r"c\((.*)\)", text)
    pieces = [piece.strip() for piece in (inner[1].split(",") if inner else [text])]
    for piece in pieces:
        if not (NUMBER.match(piece) or NAME.match(piece)):
            raise UsageError(f"model: found {piece!r} before * in {line!r}; expected a number, NA or a label")
    return pieces


def _refuse_repeats(terms: tuple[Term, ...]) -> None:
    names = [" ~~ ".join(sorted((term.lhs, term.rhs))) if term.op == "~~" else term.name for term in terms]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"model: {', '.join(repeated)} given more than once; leave one")
