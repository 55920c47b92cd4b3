"""The models of the steps of invariance: over groups of different people, or over linked waves of the same."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError
from joyeval.models.estimates import estimate_table
from joyeval.models.structural import fit_model, parse_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.models.structural import Fitted, Sample

STEPS = ("configural", "metric", "scalar", "strict")
EQUAL = {
    "configural": (),
    "metric": ("loadings",),
    "scalar": ("loadings", "intercepts"),
    "strict": ("loadings", "intercepts", "residuals"),
}
# Equal loadings alone cannot be tested with ordered options: thresholds join them (Muthén & Asparouhov 2002).
ORDERED = {
    "configural": (),
    "scalar": ("loadings", "thresholds"),
    "strict": ("loadings", "thresholds", "residuals"),
}
ADDS = {"metric": ("=~",), "scalar": ("~ 1", "|", "=~"), "strict": ("~~",)}  # what a step may have held equal


class Ladder(Protocol):
    """A factor model at every step."""

    model: str

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps in order."""

    def fit(self, step: str, released: Sequence[str]) -> Fitted:
        """Fit one step, some terms let go."""

    def plain(self, term: str) -> str:
        """Write a term as in the model of one group."""

    def means(self, fitted: Fitted, level: float) -> pd.DataFrame:
        """Latent means against the first group."""

    def items_of(self, factor: str) -> list[str]:
        """Items of a factor."""

    def factor_of(self, term: str) -> str:
        """Factor that a term belongs to."""


class _Plain:
    """What both ladders say about terms."""

    model: str

    def items_of(self, factor: str) -> list[str]:
        return parse_model(self.model).indicators(factor)

    def factor_of(self, term: str) -> str:
        left = term.split(" ")[0]
        parsed = parse_model(self.model)
        return left if left in parsed.latent else next(t.lhs for t in parsed.terms if t.op == "=~" and t.rhs == left)

    def plain(self, term: str) -> str:
        return term

    @property
    def steps(self) -> tuple[str, ...]:
        return STEPS


@dataclass(frozen=True, eq=False)
class GroupLadder(_Plain):
    """Groups of different people."""

    data: pd.DataFrame
    group: str
    model: str
    estimator: str
    missing: str
    what: str

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps in order."""
        return tuple(ORDERED) if self.estimator == "WLSMV" else STEPS

    def fit(self, step: str, released: Sequence[str]) -> Fitted:
        """Fit one step, some terms let go; factors have variance 1 in the first group."""
        return fit_model(
            self.model,
            self.data,
            group=self.group,
            estimator=self.estimator,
            missing=self.missing,
            equal=(ORDERED if self.estimator == "WLSMV" else EQUAL)[step],
            release=released,
            standard=True,
            name=self.what,
        )

    def means(self, fitted: Fitted, level: float) -> pd.DataFrame:
        """Latent means against the first group, in its standard deviations."""
        return _latent_means(fitted, dict(enumerate(fitted.sample.labels)), level)


@dataclass(frozen=True, eq=False)
class WaveLadder(_Plain):
    """Linked waves: one row per person, one copy of the model per wave, residuals of an item correlated over waves."""

    wide: pd.DataFrame
    waves: tuple[str, ...]
    model: str
    estimator: str
    what: str
    made: dict[str, Sample] = field(default_factory=dict)

    @classmethod
    def of(cls, data: pd.DataFrame, *, wave: str, person: str, model: str, estimator: str, what: str) -> WaveLadder:
        """Spread the rows of each person over columns ``item.t1``, ``item.t2``, ..."""
        if estimator == "WLSMV":
            raise UsageError(f"{what}: linked waves are modelled with estimator 'MLR' or 'ML'")
        kept = data.dropna(subset=[wave, person])
        if twice := int(kept.duplicated([wave, person]).sum()):
            raise ModelError(
                f"{what}: {twice} persons answered a wave more than once; keep one answer per person and wave"
            )
        codes, labels = pd.factorize(kept[wave], sort=True)
        items = list(parse_model(model).observed)
        wide = kept.assign(**{wave: codes + 1}).pivot(index=person, columns=wave, values=items)
        wide.columns = [f"{item}.t{number}" for item, number in wide.columns]
        return cls(wide.reset_index(drop=True), tuple(map(str, labels)), model, estimator, what)

    def fit(self, step: str, released: Sequence[str]) -> Fitted:
        """Fit one step, some terms let go; factors have variance 1 in the first wave."""
        text = longitudinal_model(self.model, len(self.waves), equal=EQUAL[step], release=released)
        known = {"estimator": self.estimator, "missing": "fiml", "means": True, "name": self.what}
        fitted = fit_model(text, self.wide, **known, sample=self.made.get("sample"))
        self.made["sample"] = fitted.sample  # the same at every step, and slow to make with gaps
        return fitted

    def plain(self, term: str) -> str:
        """Take the wave off the names of a term."""
        return re.sub(r"\.t\d+", "", term)

    def means(self, fitted: Fitted, level: float) -> pd.DataFrame:
        """Latent means against the first wave, in its standard deviations."""
        return _latent_means(fitted, dict(enumerate(self.waves)), level)


def common_options(data: pd.DataFrame, items: Sequence[str], group: str) -> tuple[pd.DataFrame, list[str]]:
    """Merge options that some group did not use with their neighbours towards the middle; also which items these are.

    Thresholds can be held equal only where all groups used the same options.

    Examples
    --------
    >>> answers = pd.DataFrame({"q1": [1, 2, 3, 2, 3, 3], "wave": [1, 1, 1, 2, 2, 2]})
    >>> common_options(answers, ["q1"], "wave")[0]["q1"].tolist()
    [2, 2, 3, 2, 3, 3]
    """
    kept, changed = data.dropna(subset=[*items, group]), []
    merged = data.copy()
    for item in items:
        used = pd.crosstab(kept[item], kept[group])
        place = {option: option for option in used.index}
        while len(used) > 1 and (used == 0).any(axis=None):
            at = int(np.flatnonzero((used == 0).any(axis=1))[0])
            to = at + 1 if at < len(used) / 2 and at + 1 < len(used) else at - 1
            lost, kept_option = used.index[at], used.index[to]
            place = {option: kept_option if now == lost else now for option, now in place.items()}
            used.loc[kept_option] += used.loc[lost]
            used = used.drop(index=lost)
        if any(option != now for option, now in place.items()):
            merged[item] = data[item].map(place)
            changed.append(item)
    return merged, changed


def _latent_means(fitted: Fitted, labels: dict[int, str], level: float) -> pd.DataFrame:
    cells = [c for c in fitted.layout.cells if c.term.op == "~1" and c.term.lhs in fitted.layout.latent and c.free >= 0]
    values = fitted.theta[[cell.free for cell in cells]]
    se = np.sqrt(np.diag(fitted.vcov))[[cell.free for cell in cells]]
    names = [cell.term.lhs.split(".t") for cell in cells]
    where = [int(name[1]) - 1 if len(name) > 1 else cell.group for name, cell in zip(names, cells, strict=True)]
    table = estimate_table([name[0] for name in names], values, se, n=fitted.sample.n, level=level).drop(columns="df")
    table.insert(1, "group", pd.Series([labels[at] for at in where], dtype="str"))
    return table.astype({"term": "str"})


def longitudinal_model(model: str, waves: int, *, equal: Sequence[str] = (), release: Sequence[str] = ()) -> str:
    """Write a factor model out for linked waves: ``q1.t1``, ``q1.t2``, ... and ``joy.t1``, ``joy.t2``, ...

    Parameters
    ----------
    equal : sequence of {"loadings", "intercepts", "residuals"}
        What is equal over waves.
    release : sequence of str
        Terms of the model of one wave (``"joy =~ q2"``, ``"q2 ~ 1"``, ``"q2 ~~ q2"``) that may differ.

    Examples
    --------
    >>> print(longitudinal_model("joy =~ a + b + c", 2, equal=["loadings"]).splitlines()[0])
    joy.t1 =~ joy.a*a.t1 + joy.b*b.t1 + joy.c*c.t1
    """
    parsed = parse_model(model)
    lines = []
    for t in range(1, waves + 1):
        for factor in parsed.latent:
            items = parsed.indicators(factor)
            lines.append(f"{factor}.t{t} =~ " + " + ".join(_loading(factor, i, t, equal, release) for i in items))
            lines.append(f"{factor}.t{t} ~~ {'NA' if t > 1 and 'loadings' in equal else '1'}*{factor}.t{t}")
            lines.append(f"{factor}.t{t} ~ {'NA' if t > 1 and 'intercepts' in equal else '0'}*1")
        for item in parsed.observed:
            level = f"{item}.mean" if "intercepts" in equal and f"{item} ~ 1" not in release else "NA"
            rest = f"{item}.rest" if "residuals" in equal and f"{item} ~~ {item}" not in release else "NA"
            lines += [f"{item}.t{t} ~ {level}*1", f"{item}.t{t} ~~ {rest}*{item}.t{t}"]
            lines += [f"{item}.t{t} ~~ {item}.t{s}" for s in range(t + 1, waves + 1)]
        lines += [f"{x.lhs}.t{t} ~~ {x.rhs}.t{t}" for x in parsed.terms if x.op == "~~" and x.lhs != x.rhs]
    return "\n".join(lines)


def _loading(factor: str, item: str, t: int, equal: Sequence[str], release: Sequence[str]) -> str:
    tied = "loadings" in equal and f"{factor} =~ {item}" not in release
    return f"{factor}.{item}*{item}.t{t}" if tied else f"NA*{item}.t{t}"
