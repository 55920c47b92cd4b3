"""Terms of a model to numbered cells of the RAM matrices: what is fixed, what is free, what is equal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from joyeval.errors import UsageError
from joyeval.models.structural.spec import NUMBER, Term

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from joyeval.models.structural.spec import Model

A, S, M, T = 0, 1, 2, 3  # arrows, (co)variances, means, thresholds
EQUAL = ("loadings", "intercepts", "thresholds", "residuals", "means", "variances")


@dataclass(frozen=True)
class Cell:
    """One entry of one matrix of one group.

    Parameters
    ----------
    term : Term
    group : int
    matrix : {0, 1, 2, 3}
        Arrow (row is hit by column), covariance, mean (column unused), threshold (column is its number from 0).
    row, col : int
        Positions among the variables, observed ones first.
    free : int
        Number of the parameter, -1 where fixed.
    value : float
        The fixed value.
    label : str
    """

    term: Term
    group: int
    matrix: int
    row: int
    col: int
    free: int
    value: float
    label: str


@dataclass(frozen=True, eq=False)
class Layout:
    """Every cell of a model in every group.

    Parameters
    ----------
    observed, latent : tuple of str
    groups : int
    cells : tuple of Cell
    n_free : int
        Distinct free parameters.
    means : bool
        Whether means are modelled.
    """

    observed: tuple[str, ...]
    latent: tuple[str, ...]
    groups: int
    cells: tuple[Cell, ...]
    n_free: int
    means: bool

    def of_group(self, group: int) -> list[Cell]:
        """Cells of one group, in order."""
        return [cell for cell in self.cells if cell.group == group]


def build_layout(
    model: Model,
    *,
    groups: int = 1,
    means: bool = False,
    equal: Sequence[str] = (),
    release: Sequence[str] = (),
    standard: bool = False,
    steps: Mapping[str, int] | None = None,
) -> Layout:
    """Complete a model with what goes without saying, and number its free parameters.

    The first loading of a factor is 1 (or, with `standard`, its variance is), variables have residual variances,
    factors that nothing predicts covary, and so do observed predictors; dependent variables that predict nothing
    covary too.

    Parameters
    ----------
    groups : int
    means : bool
        Add intercepts; factors have mean 0, except after the first group once `equal` names intercepts.
    equal : sequence of {"loadings", "intercepts", "residuals", "means", "variances"}
        Kinds of parameters held equal over groups.
    release : sequence of str
        Terms (``"f =~ q2"``, ``"q2 ~ 1"``) left free of `equal`.
    standard : bool
        Scale factors by variance 1 instead of a marker item.
    steps : mapping, optional
        Ordered items: number of thresholds of each. Residual variances are then 1, in later groups only until
        thresholds are equal (theta parametrisation).
    """
    unknown = sorted(set(equal) - set(EQUAL))
    if unknown:
        raise UsageError(f"equal: found {', '.join(unknown)}; expected some of {', '.join(EQUAL)}")
    terms = _completed(model, means=means)
    terms += [Term(item, "|", f"t{i + 1}") for item in model.observed for i in range((steps or {}).get(item, 0))]
    _check_release(release, terms)
    rules = _Rules(model, tuple(equal), tuple(release), standard, steps is not None)
    place = {name: i for i, name in enumerate((*model.observed, *model.latent))}
    known: dict[object, int] = {}
    cells = []
    for group in range(groups):
        for term in terms:
            value = rules.fixed(term, group)
            free = -1 if value is not None else known.setdefault(rules.key(term, group), len(known))
            cells.append(make_cell(term, group, place, free, value or 0.0, rules.label(term, group)))
    return Layout(model.observed, model.latent, groups, tuple(cells), len(known), means)


@dataclass(frozen=True)
class _Rules:
    """What is fixed, and which free parameters are one."""

    model: Model
    equal: tuple[str, ...]
    release: tuple[str, ...]
    standard: bool
    ordered: bool

    def label(self, term: Term, group: int) -> str:
        word = term.modifier(group)
        return "" if word == "NA" or NUMBER.match(word) else word

    def key(self, term: Term, group: int) -> object:
        """Free terms with equal keys are one parameter."""
        tied = self.kind(term) in self.equal and term.name not in self.release
        return self.label(term, group) or ((term.name,) if tied else (term.name, group))

    def kind(self, term: Term) -> str:
        if term.op in ("=~", "|"):
            return "loadings" if term.op == "=~" else "thresholds"
        if term.op == "~1":
            return "means" if term.lhs in self.model.latent else "intercepts"
        if term.op == "~~" and term.lhs == term.rhs:
            return "variances" if term.lhs in self.model.latent else "residuals"
        return "never equal"

    def fixed(self, term: Term, group: int) -> float | None:
        """Value of a fixed term, None of a free one."""
        word = term.modifier(group)
        if NUMBER.match(word):
            return float(word)
        if word:
            return None
        kind = self.kind(term)
        if kind == "loadings" and not self.standard and term.rhs == self.model.indicators(term.lhs)[0]:
            return 1.0
        if kind == "variances" and self.standard:
            return None if group and "loadings" in self.equal else 1.0
        levels = "thresholds" if self.ordered else "intercepts"
        if kind == "means":
            return None if group and levels in self.equal and "means" not in self.equal else 0.0
        if self.ordered and kind == "residuals":
            return None if group and levels in self.equal and "residuals" not in self.equal else 1.0
        return 0.0 if self.ordered and kind == "intercepts" else None


def _check_release(release: Sequence[str], terms: Sequence[Term]) -> None:
    absent = sorted(set(release) - {term.name for term in terms})
    if absent:
        raise UsageError(f"release: found {', '.join(absent)}; expected terms such as {terms[1].name!r} or 'q2 ~ 1'")


def _completed(model: Model, *, means: bool) -> list[Term]:
    """Terms as written, then the variances, covariances and intercepts that were not."""
    given = {frozenset((t.lhs, t.rhs)) for t in model.terms if t.op == "~~"}
    everything = (*model.observed, *model.latent)
    terms = [*model.terms]
    terms += [Term(name, "~~", name) for name in everything if frozenset((name,)) not in given]
    terms += [Term(one, "~~", two) for one, two in _covarying(model) if frozenset((one, two)) not in given]
    if means:
        spoken = {t.lhs for t in model.terms if t.op == "~1"}
        terms += [Term(name, "~1", "") for name in everything if name not in spoken]
    return terms


def _covarying(model: Model) -> Iterable[tuple[str, str]]:
    """Pairs that covary unless said otherwise: factors without causes, outcomes without effects, predictors."""
    measured = {t.rhs for t in model.terms if t.op == "=~"}
    regressed = {t.lhs for t in model.terms if t.op == "~"}
    causing = {t.rhs for t in model.terms if t.op == "~"}
    free_factors = [f for f in model.latent if f not in measured | regressed]
    ends = [v for v in (*model.observed, *model.latent) if v in regressed - measured - causing]
    predictors = [v for v in model.observed if v in causing - measured - regressed]
    for names in (free_factors, ends, predictors):
        yield from ((one, two) for i, one in enumerate(names) for two in names[i + 1 :])


def make_cell(term: Term, group: int, place: dict[str, int], free: int, value: float, label: str) -> Cell:
    """Place a term in its matrix."""
    matrix = {"=~": A, "~": A, "~~": S, "~1": M, "|": T}[term.op]
    row = place[term.rhs] if term.op == "=~" else place[term.lhs]
    col = place[term.lhs] if term.op == "=~" else place.get(term.rhs, 0)
    if term.op == "|":
        col = int(term.rhs[1:]) - 1
    return Cell(term, group, matrix, row, col, free, value, label)


def saturated(observed: Sequence[str], *, groups: int = 1, covariances: bool = True) -> Layout:
    """Means and variances of every variable, with every covariance or with none (the baseline of fit indices)."""
    terms = [Term(name, "~1", "") for name in observed] + [Term(name, "~~", name) for name in observed]
    if covariances:
        terms += [Term(one, "~~", two) for i, one in enumerate(observed) for two in observed[i + 1 :]]
    place = {name: i for i, name in enumerate(observed)}
    numbered = [(group, term) for group in range(groups) for term in terms]
    cells = [make_cell(term, group, place, i, 0.0, "") for i, (group, term) in enumerate(numbered)]
    return Layout(tuple(observed), (), groups, tuple(cells), len(cells), means=True)


def without_means(layout: Layout) -> Layout:
    """Keep the covariances only, parameters numbered anew."""
    kept = [cell for cell in layout.cells if cell.matrix != M]
    number = {free: i for i, free in enumerate(dict.fromkeys(cell.free for cell in kept if cell.free >= 0))}
    cells = tuple(replace(cell, free=number.get(cell.free, -1)) for cell in kept)
    return Layout(layout.observed, layout.latent, layout.groups, cells, len(number), means=False)
