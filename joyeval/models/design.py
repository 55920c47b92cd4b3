"""Formula and table to arrays: the one place where rows are dropped, counted and refused.

Every estimator of this folder starts from a `Design`, so that n, what was left out and the messages
about data that cannot answer are the same everywhere.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError, no_column

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST = 1e100  # size of a number whose square can be reckoned with; its inverse is the smallest
COLLINEAR = 1e-7  # share of a column's length left after the columns before it: below, it adds nothing (as lme4)
FUNCTIONS = {
    "C",
    "I",
    "center",
    "scale",
    "poly",
    "bs",
    "cs",
    "cr",
    "log",
    "log2",
    "log10",
    "exp",
    "contr.treatment",
} | {f"np.{name}" for name in ("log", "log1p", "exp", "sqrt", "abs", "sin", "cos", "minimum", "maximum", "where")}


@dataclass(frozen=True, eq=False)
class Grouping:
    """One grouping factor: `codes` (n,) index into `levels`, in sorted order of the labels."""

    name: str
    codes: np.ndarray
    levels: pd.Index

    @property
    def n_levels(self) -> int:
        """Number of groups."""
        return len(self.levels)


@dataclass(frozen=True, eq=False)
class Design:
    """What a model is fitted to; rows with a gap in any used column are left out and counted.

    Parameters
    ----------
    formula, outcome : str
        As given; the left-hand side.
    y : ndarray, shape (n,)
        Outcome; for an ordered categorical the position of its level, counted from 0.
    X : ndarray, shape (n, p)
        Columns of the right-hand side, of full rank.
    names : tuple of str
        One name per column of `X`.
    groups : tuple of Grouping
        In the order asked for.
    weights, exposure : ndarray, shape (n,), or None
        Positive numbers, where asked for.
    kept : ndarray of int, shape (n,)
        Position of each used row in the table that was given.
    n_dropped : int
    reasons : dict
        Rows left out by reason (a row counts once, under its first reason); sums to `n_dropped`.
    frame : DataFrame
        The used columns of the used rows, for further terms (`columns`).
    levels : tuple of str
        Labels of an ordered categorical outcome, else empty.
    unused : tuple of str
        Levels of predictors, and combinations of levels, that no used row has: they have no column.
    spec : object
        How formulaic coded the right-hand side; serves new data.
    """

    formula: str
    outcome: str
    y: np.ndarray
    X: np.ndarray
    names: tuple[str, ...]
    groups: tuple[Grouping, ...]
    weights: np.ndarray | None
    exposure: np.ndarray | None
    kept: np.ndarray
    n_dropped: int
    reasons: dict[str, int]
    frame: pd.DataFrame
    levels: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    spec: Any = field(default=None, repr=False)

    @property
    def n(self) -> int:
        """Rows used."""
        return len(self.y)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out and why, for the notes of a result."""
        notes = []
        if self.n_dropped:
            reasons = ", ".join(f"{count} with {reason}" for reason, count in self.reasons.items())
            notes.append(f"{self.n_dropped} of {self.n + self.n_dropped} rows were left out: {reasons}")
        if self.unused:
            notes.append(f"no row has {', '.join(self.unused)}: left out of the model")
        return tuple(notes)

    def columns(self, terms: str | Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
        """Return further columns without an intercept (random slopes, say), shape (n, k), and their names."""
        terms = [terms] if isinstance(terms, str) else list(terms)
        matrix = _matrix(_parse("~ " + " + ".join([*terms, "1"])), self.frame)
        keep = [i for i, name in enumerate(matrix.model_spec.column_names) if name != "Intercept"]
        return np.asarray(matrix, dtype=float)[:, keep], tuple(matrix.model_spec.column_names[i] for i in keep)

    def coding(self) -> dict[str, Any]:
        """Return how text and transformed columns were coded, in plain values, for `recode`."""
        states = self.spec.encoder_state.items()
        categories = {factor: tuple(s["categories"]) for factor, (_, s) in states if s.get("categories") is not None}
        return {"categories": categories, "transforms": dict(self.spec.transform_state), "columns": self.names}


def build_design(
    formula: str,
    data: pd.DataFrame,
    *,
    groups: str | Sequence[str] = (),
    weights: str | None = None,
    exposure: str | None = None,
    also: Sequence[str] = (),
) -> Design:
    """Turn a formula and a table into a `Design`.

    Parameters
    ----------
    formula : str
        ``"y ~ x + C(wave)"`` in the notation of R and formulaic.
    data : DataFrame
        One row per observation.
    groups : str or sequence of str
        Grouping factors: a column, a combination ``"dept:service"``, or a nesting ``"trust/team"``, which
        stands for ``trust`` and ``trust:team``.
    weights, exposure : str, optional
        Columns of positive numbers; rows with 0 carry nothing and are left out.
    also : sequence of str
        Terms used elsewhere in the model (random slopes, a time column): a gap there drops the row too.

    Raises
    ------
    UsageError
        The formula cannot be read, or names a column that is not there.
    ModelError
        No complete row, a constant outcome, collinear columns, a factor with one group, a value that is not finite.

    Examples
    --------
    >>> d = build_design("joy ~ after", pd.DataFrame({"joy": [3, 4, None, 5], "after": [0, 1, 1, 0]}))
    >>> d.names, d.n, d.reasons
    (('Intercept', 'after'), 3, {'a gap in joy': 1})
    """
    parsed = _parse(formula)
    if not hasattr(parsed, "lhs"):
        raise UsageError(f"formula {formula!r}: found no outcome; expected 'outcome ~ predictors'")
    factors = expand_groups(groups)
    parts = [name for factor in factors for name in factor.split(":")]
    further = [name for term in also for name in _variables(_parse(f"~ {term}"))]
    carriers = [name for name in (weights, exposure) if name]
    used = list(dict.fromkeys([*_variables(parsed.lhs), *_variables(parsed.rhs), *parts, *carriers, *further]))
    _check_columns(used, data, formula)
    keep, reasons = _complete(data[used], carriers, formula)
    frame = _plain_text(data[used] if keep.all() else data[used][keep])
    outcome = str(parsed.lhs)
    frame, unused = _used_levels(frame.reset_index(drop=True), outcome)
    y, levels = _outcome(parsed.lhs, frame, outcome)
    matrix = _matrix(parsed.rhs, frame)
    X, names, empty = _filled(np.asarray(matrix, dtype=float), matrix.model_spec.column_names)
    _check_finite(X, names, formula)
    check_rank(X, names, formula)
    return Design(
        formula=formula,
        outcome=outcome,
        y=y,
        X=X,
        names=names,
        groups=tuple(_grouping(factor, frame, formula) for factor in factors),
        weights=_numbers(frame, weights),
        exposure=_numbers(frame, exposure),
        kept=np.flatnonzero(keep),
        n_dropped=int((~keep).sum()),
        reasons=reasons,
        frame=frame,
        levels=levels,
        unused=(*unused, *empty),
        spec=matrix.model_spec,
    )


def quoted(name: str) -> str:
    """Return a column name as a formula takes it: in backticks unless it is a plain word.

    Raises
    ------
    UsageError
        No formula can hold the name.
    """
    if "`" in name or re.fullmatch(r"[\d.]+", name):
        raise UsageError(f"column {name!r}: rename it; in a formula it would be a number, or the end of a name")
    return name if name.isidentifier() else f"`{name}`"


def recode(formula: str, coding: dict[str, Any], data: pd.DataFrame) -> np.ndarray:
    """Code new rows as the rows were that a model was fitted to.

    Parameters
    ----------
    coding : dict
        From `Design.coding`.

    Raises
    ------
    UsageError
        A column is not there.
    ModelError
        A category that the model does not know, or a gap.
    """
    from formulaic import ModelSpec
    from formulaic.errors import DataMismatchWarning
    from formulaic.parser.types import Factor

    side = _parse(formula).rhs
    _check_columns(_variables(side), data, formula)
    known = {f: (Factor.Kind.CATEGORICAL, {"categories": list(c)}) for f, c in coding["categories"].items()}
    spec = ModelSpec(side, encoder_state=known, transform_state=coding["transforms"])
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataMismatchWarning)
        try:
            matrix = _matrix(spec, data.astype(dict.fromkeys(data.select_dtypes("category"), object)))
        except DataMismatchWarning as error:
            raise ModelError(
                f"{formula}: the new rows hold a gap or a category that the model does not know"
            ) from error
    names = list(matrix.model_spec.column_names)
    X = np.asarray(matrix, dtype=float)[:, [names.index(name) for name in coding["columns"]]]
    _check_finite(X, coding["columns"], formula)
    return X


def expand_groups(groups: str | Sequence[str]) -> list[str]:
    """Write nestings out: ``"trust/team"`` is ``["trust", "trust:team"]``.

    Examples
    --------
    >>> expand_groups(["trust/team", "wave"])
    ['trust', 'trust:team', 'wave']
    """
    given = [groups] if isinstance(groups, str) else list(groups)
    expanded = []
    for text in given:
        parts = [part.strip() for part in text.split("/")]
        expanded += [":".join(parts[: i + 1]) for i in range(len(parts))]
    return list(dict.fromkeys(expanded))


def check_rank(X: np.ndarray, names: Sequence[str], what: str) -> None:
    """Refuse columns that the columns before them already determine.

    Raises
    ------
    ModelError
        Names each such column and those it can be computed from.
    """
    length = np.sqrt(np.einsum("ij,ij->j", X, X))
    safe = np.where(length > 0, length, 1)
    gram = (X.T @ X) / np.outer(safe, safe)
    if length.all() and np.linalg.eigvalsh(gram).min(initial=1) > 1e-6:
        return
    R = np.linalg.qr(X / safe, mode="r")  # the product above cannot see below 1e-8 of a length
    pivots = np.zeros(len(names))
    pivots[: len(R)] = np.abs(np.diag(R))
    lost = np.flatnonzero(pivots < COLLINEAR)
    if len(lost):
        raise ModelError(f"{what}: " + "; ".join(_dependence(X / safe, j, lost, names) for j in lost))


def _dependence(X: np.ndarray, j: int, lost: np.ndarray, names: Sequence[str]) -> str:
    before = np.setdiff1d(np.arange(j), lost)
    weight = np.linalg.lstsq(X[:, before], X[:, j], rcond=None)[0] if len(before) else np.zeros(0)
    others = [names[i] for i, w in zip(before, weight, strict=True) if abs(w) > 1e-6]
    told = f"is determined by {', '.join(others)}" if others else "is 0 in every row"
    return f"column {names[j]} {told} in the {len(X)} complete rows; leave it out"


def _parse(formula: str) -> Any:
    from formulaic import Formula
    from formulaic.errors import FormulaicError

    try:
        return Formula(formula)
    except (FormulaicError, SyntaxError) as error:
        raise UsageError(f"formula {formula!r} cannot be read: {str(error).splitlines()[0]}") from error


def _variables(side: Any) -> list[str]:
    """Columns that one side of a formula reads, in the order written."""
    found: list[str] = []
    for factor in (factor for term in side for factor in term.factors):
        if factor.eval_method.value == "lookup":
            found.append(factor.expr)
        elif factor.eval_method.value == "python":
            found += re.findall("`([^`]*)`", factor.expr) + _names_in_call(factor.expr)
    return list(dict.fromkeys(found))


def _names_in_call(expression: str) -> list[str]:
    """Names read by a computed term; only known functions pass: a formula from a study file is no place for code."""
    tree = ast.parse(re.sub("`[^`]*`", "0", expression), mode="eval")
    functions = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    attributes = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    if unknown := (functions | attributes) - FUNCTIONS:
        raise UsageError(
            f"formula term {expression!r}: found {', '.join(sorted(unknown))}; expected one of "
            f"{', '.join(sorted(FUNCTIONS))}; compute the column first"
        )
    roots = {name.split(".")[0] for name in functions | attributes}
    return [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id not in roots]


def _check_columns(used: Sequence[str], data: pd.DataFrame, formula: str) -> None:
    absent = [name for name in used if name not in data.columns]
    if absent:
        raise no_column(absent, data, formula)


def _complete(frame: pd.DataFrame, carriers: Sequence[str], formula: str) -> tuple[np.ndarray, dict[str, int]]:
    """Which rows have every used column, and how many were lost to each reason."""
    keep = np.ones(len(frame), dtype=bool)
    reasons: dict[str, int] = {}
    for name in frame:
        tests = {f"a gap in {name}": frame[name].isna().to_numpy()}
        if name in carriers:
            _check_positive(frame[name], formula)
            tests[f"{name} of 0"] = (frame[name] == 0).fillna(False).to_numpy()
        for reason, hit in tests.items():
            if count := int((hit & keep).sum()):
                reasons[reason] = count
                keep &= ~hit
    if not keep.any():
        lost = ", ".join(f"{count} with {reason}" for reason, count in reasons.items()) or "the table is empty"
        raise ModelError(f"{formula}: none of {len(frame)} rows is complete ({lost}); fill or leave out that column")
    return keep, reasons


def _plain_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Text with pandas' own mark of gaps as plain text, which formulas take for categories."""
    marked = [name for name in frame if isinstance(frame[name].dtype, pd.StringDtype)]
    return frame.astype(dict.fromkeys((name for name in marked if frame[name].dtype.na_value is pd.NA), "str"))


def _used_levels(frame: pd.DataFrame, outcome: str) -> tuple[pd.DataFrame, list[str]]:
    """Drop the levels of predictors that no complete row has, as R does, and name them."""
    unused = {}
    for name in frame.columns.difference([outcome], sort=False):
        if isinstance(frame[name].dtype, pd.CategoricalDtype):
            used = frame[name].cat.remove_unused_categories()
            gone = frame[name].cat.categories.difference(used.cat.categories, sort=False)
            unused[name] = [f"{name} = {level}" for level in gone]
            frame = frame.assign(**{name: used})
    return frame, [told for levels in unused.values() for told in levels]


def _filled(X: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...], list[str]]:
    """Leave out combinations of levels that occur in no row, and name them."""
    empty = [":" in name and "[" in name and not column.any() for name, column in zip(names, X.T, strict=True)]
    kept = [name for name, is_empty in zip(names, empty, strict=True) if not is_empty]
    gone = [n.replace("[T.", " = ").replace("]", "").replace(":", " with ") for n in names if n not in kept]
    return X[:, ~np.array(empty, dtype=bool)], tuple(kept), gone


def no_number(values: np.ndarray) -> np.ndarray:
    """Return which values cannot be reckoned with: infinite, or so large or so near to 0 that squares are lost.

    A division by 0 leaves infinity behind; programs that write their own code for "missing" as it is leave -1.8e308
    (SPSS) or 9.0e307 (Stata). A gap is none of these.

    Examples
    --------
    >>> no_number(np.array([3.5, 0.0, np.nan, np.inf, -1.797e308, 1e-200])).tolist()
    [False, False, False, True, True, True]
    """
    size = np.abs(values)
    return (size > LARGEST) | ((size < 1 / LARGEST) & (size > 0))


def refuse_infinite(table: pd.DataFrame, columns: Sequence[str], what: str) -> None:
    """Refuse infinite values, and others that are no numbers to reckon with (see `no_number`).

    Raises
    ------
    ModelError
    """
    numbers = [name for name in dict.fromkeys(columns) if pd.api.types.is_numeric_dtype(table[name])]
    endless = {name: int(no_number(table[name].to_numpy(dtype=float, na_value=np.nan)).sum()) for name in numbers}
    if told := ", ".join(f"{count} in {name}" for name, count in endless.items() if count):
        raise ModelError(f"{what}: infinite or impossible values in {len(table)} rows ({told}); mend them")


def _check_positive(values: pd.Series, formula: str) -> None:
    if not pd.api.types.is_numeric_dtype(values):
        raise ModelError(f"{formula}: {values.name} holds {values.dtype}; expected positive numbers")
    if bad := int((values < 0).sum() + no_number(values.to_numpy(dtype=float, na_value=np.nan)).sum()):
        raise ModelError(f"{formula}: {values.name} is negative or infinite in {bad} of {len(values)} rows; mend them")


def _outcome(lhs: Any, frame: pd.DataFrame, outcome: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Values of the left-hand side, and the labels of an ordered categorical."""
    values = frame[outcome] if outcome in frame else _matrix(lhs, frame)
    if isinstance(getattr(values, "dtype", None), pd.CategoricalDtype) and values.cat.ordered:
        y, levels = values.cat.codes.to_numpy(dtype=float), tuple(map(str, values.cat.categories))
    elif isinstance(values, pd.Series) and not pd.api.types.is_numeric_dtype(values):
        raise ModelError(f"outcome {outcome} holds {values.dtype}; expected numbers or an ordered categorical")
    else:
        y, levels = np.array(values, dtype=float).reshape(len(frame), -1)[:, 0], ()
    _check_finite(y[:, None], (outcome,), f"outcome {outcome}")
    if y.min() == y.max():
        raise ModelError(
            f"outcome {outcome} is the same in all {len(y)} complete rows; there is no variation to explain"
        )
    return y, levels


def _matrix(side: Any, frame: pd.DataFrame) -> Any:
    from formulaic.errors import FormulaicError

    try:
        return side.get_model_matrix(frame, context={"np": np}, na_action="ignore", output="numpy")
    except (FormulaicError, TypeError, ValueError) as error:
        raise UsageError(f"formula part {str(side)!r} cannot be computed: {str(error).splitlines()[0]}") from error


def _check_finite(X: np.ndarray, names: Sequence[str], what: str) -> None:
    counts = (np.isnan(X) | no_number(X)).sum(axis=0)
    bad = [f"{name} ({int(count)})" for name, count in zip(names, counts, strict=True) if count]
    if bad:
        raise ModelError(f"{what}: not a finite number, of {len(X)} rows, in {', '.join(bad)}; mend or leave them out")


def _grouping(factor: str, frame: pd.DataFrame, formula: str) -> Grouping:
    """Codes of one factor; a combination `a:b` has one level per pair that occurs."""
    parts = factor.split(":")
    codes, levels = pd.factorize(frame[parts[0]], sort=True)
    for part in parts[1:]:
        inner, inner_levels = pd.factorize(frame[part], sort=True)
        codes, pairs = pd.factorize(codes * len(inner_levels) + inner, sort=True)
        outer, within = np.divmod(pairs, len(inner_levels))
        levels = pd.Index([f"{levels[o]}:{inner_levels[w]}" for o, w in zip(outer, within, strict=True)])
    if len(levels) < 2:
        raise ModelError(f"{formula}: {factor} has 1 group in {len(frame)} complete rows; needs at least 2")
    return Grouping(name=factor, codes=np.asarray(codes), levels=pd.Index(levels))


def _numbers(frame: pd.DataFrame, name: str | None) -> np.ndarray | None:
    return None if name is None else frame[name].to_numpy(dtype=float)
