"""Is the experience of groups of staff alike, and did it change alike? Groups are described, never ranked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import ModelError
from joyeval.judgement import NOT_CLEAR
from joyeval.models import mixed
from joyeval.models.multiplicity import adjust
from joyeval.result import Result
from joyeval.wave_order import wave_order
from joyeval.wording import listed
from joyeval.words import Note

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from joyeval.models.mixed_models import Mixed

FEWEST = 11  # answers of a group in either wave; smaller groups are described together with the others only
QUESTIONS = ("level", "change")


@dataclass(frozen=True, kw_only=True, eq=False)
class Equity(Result):
    """Scores by group in the first and last wave; `n` counts answers, `n_dropped` those without group or score.

    Parameters
    ----------
    groups : DataFrame
        attribute, category, scale, title, n_first, first, n_last, last (means), estimate, ci_low, ci_high (change,
        from the model; missing for groups too small to be modelled).
    tests : DataFrame
        attribute, scale, title, question ("level": groups differ in the first wave; "change": they changed unlike),
        statistic (F), df1, df2, p, p_adjusted (Holm over all of these tests), n, categories.
    waves : tuple of str
        The two waves compared.
    """

    groups: pd.DataFrame
    tests: pd.DataFrame
    waves: tuple[str, str]

    def tidy(self) -> pd.DataFrame:
        """Return the changes as estimates, one row per group and scale."""
        names = self.groups["attribute"] + ", " + self.groups["category"] + ", " + self.groups["title"]
        return self.groups.assign(term=names, n=self.groups["n_first"] + self.groups["n_last"])

    def sentence(self) -> str:
        """Say whether groups differ, after correction for the number of tests."""
        unlike = self.tests[self.tests["p_adjusted"] < 0.05]
        count = f"{len(self.tests)} tests, corrected for their number"
        if self.tests.empty:
            return "No group was large enough to be compared with another."
        if unlike.empty:
            named = listed(list(dict.fromkeys(self.tests["attribute"])), "or")
            return f"Whether groups differ by {named}, in level or in change, is {NOT_CLEAR} ({count})."
        told = "; ".join(f"{row.question} of {row.title} by {row.attribute}" for row in unlike.itertuples())
        return f"Groups differed in: {told} ({count})."


def equity(waves: pd.DataFrame, *, by: Sequence[str], scales: Mapping[str, str]) -> Equity:
    """Compare scores and their change between groups of staff.

    Estimand: for each group, the difference of its mean score between the first and the last wave, for the people of
    these teams who would answer. One mixed model per attribute and scale, with random intercepts for person
    and team, and a change that varies by team.

    Parameters
    ----------
    waves : DataFrame
        person, team, wave (in the order of a column `date`, of an ordered categorical or of numbers), the attributes,
        one column per scale.
    by : sequence of str
        Attributes of respondents or of their teams.
    scales : mapping of str to str
        Column to title.

    Raises
    ------
    ModelError
        Fewer than two waves.

    References
    ----------
    Holm (1979), Scand. J. Stat. 6(2), 65-70.

    Examples
    --------
    >>> equity(waves, by=["role"], scales={"joy": "Joy"}).sentence()  # doctest: +SKIP
    'Whether groups differ by role, in level or in change, is not clear (2 tests, corrected for their number).'
    """
    order = wave_order(waves)
    if len(order) < 2:
        raise ModelError(f"differences between groups: {len(order)} wave; a change needs two")
    ends = waves[waves["wave"].isin([order[0], order[-1]])]
    ends = ends.assign(__later=(ends["wave"] == order[-1]).astype(float))
    parts = [_compared(ends, attribute, scale, scales[scale]) for attribute in by for scale in scales]
    groups = pd.concat([table for table, _ in parts], ignore_index=True)
    tests = pd.DataFrame([row for _, rows in parts for row in rows], columns=list(_TEST))
    tests["p_adjusted"] = adjust(tests["p"].to_numpy(dtype=float), "holm") if len(tests) else np.nan
    used = ends.dropna(subset=[*by, *scales])
    return Equity(
        n=len(used),
        n_dropped=len(ends) - len(used),
        notes=_notes(groups),
        groups=groups,
        tests=tests,
        waves=(str(order[0]), str(order[-1])),
    )


_TEST = ("attribute", "scale", "title", "question", "statistic", "df1", "df2", "p", "n", "categories")


def _compared(ends: pd.DataFrame, attribute: str, scale: str, title: str) -> tuple[pd.DataFrame, list[dict]]:
    """Describe the groups of one attribute on one scale, and test whether they are alike."""
    columns = [ends[name] for name in ("person", "team", "__later", attribute, scale)]
    data = pd.concat(columns, axis=1, keys=["person", "team", "later", "label", "score"]).dropna()
    by = data.groupby(["label", "later"])["score"].agg(["size", "mean"]).unstack("later")
    by = by.reindex(columns=pd.MultiIndex.from_product([["size", "mean"], [0.0, 1.0]]))
    counts = by["size"].fillna(0)
    table = pd.DataFrame(
        {
            "attribute": attribute,
            "category": by.index.astype(str),
            "scale": scale,
            "title": title,
            "n_first": counts[0.0].to_numpy(dtype=int),
            "first": by["mean", 0.0].to_numpy(),
            "n_last": counts[1.0].to_numpy(dtype=int),
            "last": by["mean", 1.0].to_numpy(),
        }
    )
    large = list(by.index[(counts.min(axis="columns") >= FEWEST).to_numpy()])
    blank = table.assign(estimate=np.nan, ci_low=np.nan, ci_high=np.nan)
    if len(large) < 2:
        return blank, []
    try:
        fit, names = _fitted(data[data["label"].isin(large)], large)
        tests = [_test(fit, names, question) for question in QUESTIONS]
    except ModelError:
        return blank, []
    changes = pd.concat([_change(fit, str(category), name) for category, name in zip(large, names, strict=True)])
    named = {"attribute": attribute, "scale": scale, "title": title, "categories": len(large)}
    return table.merge(changes, on="category", how="left"), [named | test for test in tests]


def _fitted(data: pd.DataFrame, large: list) -> tuple[Mixed, list[str]]:
    """Fit level and change of each group against the first; the first has no column of its own."""
    names = ["", *(f"group_{i}" for i in range(1, len(large)))]
    columns = {name: (data["label"] == label).astype(float) for name, label in zip(names, large, strict=True) if name}
    columns |= {f"{name}_later": column * data["later"] for name, column in columns.items()}
    rows = data.assign(**columns)
    twice = rows.duplicated("person", keep=False).any()
    formula = "score ~ later + " + " + ".join(columns)
    groups = ["person", "team"] if twice else ["team"]  # teams change by different amounts, so change varies by team
    return mixed(formula, rows, groups=groups, slopes={"team": ["later"]}, df="satterthwaite"), names


def _test(fit: Mixed, names: list[str], question: str) -> dict[str, object]:
    suffix = "_later" if question == "change" else ""
    row = fit.test([f"{name}{suffix}" for name in names if name]).iloc[0]
    return {"question": question, **{key: row[key] for key in ("statistic", "df1", "df2", "p", "n")}}


def _change(fit: Mixed, category: str, name: str) -> pd.DataFrame:
    weights = {"later": 1.0} | ({f"{name}_later": 1.0} if name else {})
    return fit.contrast(weights).assign(category=category)[["category", "estimate", "ci_low", "ci_high"]]


def _notes(groups: pd.DataFrame) -> tuple[str, ...]:
    notes = [Note("equity.no_lot")]
    small = groups.loc[groups["estimate"].isna(), ["attribute", "category"]].drop_duplicates()
    if len(small):
        notes.append(Note("equity.few", fewest=FEWEST, groups=len(small)))
    return tuple(notes)
