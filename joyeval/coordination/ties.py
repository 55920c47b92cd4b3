"""Ties: how one respondent rates one workgroup, and the scores made from it.

A relational coordination survey asks each respondent to rate each workgroup on seven dimensions, coded 1 to 5.
Only neutral keys are held here: the survey's wording is licensed by Brandeis University and RC Analytics.
Any directed survey of workgroups works with its own list of dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from joyeval.errors import DataError, Problem, UsageError
from joyeval.wave_order import days_of
from joyeval.words import Note

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LICENCE = Note("coordination.licence")
KEYS = ("wave", "process", "person", "workgroup", "target")
RAW_TO_SCORED = {1: 1, 2: 3, 3: 5, 4: 4, 5: 2}  # frequency is asked in one order and scored in another

NAMES = {  # our words for them, not the survey's
    "rc": "relational coordination",
    "com": "communication (four items)",
    "rel": "relationships (three items)",
    "freq": "frequent communication",
    "time": "timely communication",
    "accu": "accurate communication",
    "prob": "problem solving",
    "goal": "shared goals",
    "know": "shared knowledge",
    "resp": "mutual respect",
}

Frequency = Literal["scored", "raw"]


@dataclass(frozen=True)
class Survey:
    """What a directed survey asks and how it is scored; the default is relational coordination.

    Parameters
    ----------
    communication, relationship : tuple of str
        Dimensions of the two blocks; the index is the mean of all dimensions, not of the two blocks.
    other : tuple of str
        Dimensions of neither block: those of any other directed survey.
    low, high : int
        Lowest and highest code.
    fewest : int
        Fewest dimensions answered for a score.
    frequency : str or None
        The dimension whose raw order differs from its scored order.
    names : mapping
        What a dimension is called in text and pictures.
    licence : str
        Line that goes with every result; empty where none is needed.
    note : str
        What a reader of the results must know of how the ratings came about.

    Examples
    --------
    >>> Survey((), (), ("trust", "help"), high=7, fewest=1, frequency=None, licence="").dimensions
    ('trust', 'help')
    """

    communication: tuple[str, ...] = ("freq", "time", "accu", "prob")
    relationship: tuple[str, ...] = ("goal", "know", "resp")
    other: tuple[str, ...] = ()
    low: int = 1
    high: int = 5
    fewest: int = 4
    frequency: str | None = "freq"
    names: Mapping[str, str] = field(default_factory=lambda: NAMES, hash=False)
    licence: str = LICENCE
    note: str = ""

    @property
    def dimensions(self) -> tuple[str, ...]:
        """All dimensions, communication first."""
        return self.communication + self.relationship + self.other

    @property
    def blocks(self) -> dict[str, list[str]]:
        """The dimensions of each block that there is."""
        both = {"com": self.communication, "rel": self.relationship}
        return {name: list(block) for name, block in both.items() if block}

    @property
    def scale(self) -> str:
        """Return ``"on the scale from 1 to 5"``."""
        return f"on the scale from {self.low} to {self.high}"


RC = Survey()


def licence(survey: Survey) -> tuple[str, ...]:
    """Return the line that goes with every result of a licensed survey."""
    return (survey.licence,) if survey.licence else ()


def ties(long: pd.DataFrame, *, survey: Survey = RC, frequency: Frequency | None = None) -> pd.DataFrame:
    """Turn answers to single dimensions into one scored row per respondent and rated workgroup.

    Parameters
    ----------
    long : DataFrame
        One row per answer: wave, process, person, workgroup, target, dimension, value (1 to 5, or missing) and
        optionally no_contact (true where the respondent says they have no contact with the target) and date.
    frequency : {"scored", "raw"}
        How the frequency item is coded; refused when left out, because guessing wrong fakes a change.

    Returns
    -------
    DataFrame
        wave, process, person, workgroup, target, one column per dimension, rc (mean of the answered
        dimensions), com, rel (means of the blocks), answered (count), no_contact, and date where it was given: it tells
        the order of waves.

    Raises
    ------
    DataError
        Unknown dimensions, codes outside the range, an answer given twice, frequency coding not stated.

    References
    ----------
    Gittell JH. Relational coordination: guidelines for theory, measurement and analysis. Brandeis University, 2011.
    The index as the mean of the seven items: doi:10.1186/1472-6920-6-23, table 1.
    """
    problems = [*_bad_dimensions(long, survey), *_bad_codes(long, survey), *_twice(long)]
    if problems:
        raise DataError(problems)
    wide = long.pivot(index=list(KEYS), columns="dimension", values="value").reindex(columns=survey.dimensions)
    contact = long["no_contact"] if "no_contact" in long else pd.Series(False, index=long.index)
    keys = [long[key] for key in KEYS]
    none = contact.groupby(keys).any().reindex(wide.index)
    told = {"date": days_of(long["date"]).groupby(keys).median().reindex(wide.index)} if "date" in long else {}
    return score_ties(wide.assign(no_contact=none, **told).reset_index(), survey=survey, frequency=frequency)


def score_ties(table: pd.DataFrame, *, survey: Survey = RC, frequency: Frequency | None = None) -> pd.DataFrame:
    """Add rc, com, rel and answered to a table with one row per respondent and target.

    Parameters
    ----------
    table : DataFrame
        wave, process, person, workgroup, target and one column per dimension.
    frequency : {"scored", "raw"}
        How the frequency item is coded; see `ties`.

    Returns
    -------
    DataFrame
        As `ties`; a score is missing when fewer dimensions are answered than the survey asks for. Surveys without
        blocks have no com and rel.
    """
    answers = table[list(survey.dimensions)].astype(float)
    if survey.frequency:
        answers[survey.frequency] = _scored_frequency(answers[survey.frequency], frequency)
    answered = answers.notna().sum(axis=1)
    enough = answered >= survey.fewest
    scores = {
        "rc": answers.mean(axis=1).where(enough),
        **{name: answers[block].mean(axis=1).where(enough) for name, block in survey.blocks.items()},
        "answered": answered,
        "no_contact": table["no_contact"].astype(bool) if "no_contact" in table else False,
    }
    days = {"date": days_of(table["date"])} if "date" in table else {}
    return pd.concat([table[list(KEYS)], answers], axis=1).assign(**scores, **days)


def from_wide(
    table: pd.DataFrame,
    *,
    targets: Mapping[str, str] | Sequence[str],
    pattern: str = "{dim}__{target}",
    dimensions: Mapping[str, str] | None = None,
    survey: Survey = RC,
) -> pd.DataFrame:
    """Turn one row per respondent into one row per respondent and rated workgroup.

    Parameters
    ----------
    table : DataFrame
        wave, process, person, workgroup and columns named after `pattern`; or two header rows (dimension above target,
        the upper one blank where it repeats), as `pandas.read_csv(..., header=[0, 1])` reads them.
    targets : mapping or sequence
        Rated workgroups; a mapping gives the word used in the headings and the workgroup it stands for.
    pattern : str
        How the headings are built from dimension and target, such as ``"Q{dim}_{target}"``.
    dimensions : mapping, optional
        The word used in the headings for a dimension, and its key.

    Raises
    ------
    UsageError
        No column fits the pattern for some target.
    """
    if table.columns.nlevels == 2:
        table = table.set_axis(_one_header(table.columns, pattern), axis=1)
    named = dict(targets) if hasattr(targets, "items") else {target: target for target in targets}
    words = {dim: dim for dim in survey.dimensions} if dimensions is None else dict(dimensions)
    blocks = []
    for word, target in named.items():
        headings = {pattern.format(dim=called, target=word): dim for called, dim in words.items()}
        missing = sorted(set(headings) - set(table.columns))
        if missing:
            raise UsageError(f"no columns {', '.join(missing)} for the rated workgroup {target}")
        block = table[[key for key in (*KEYS, "date") if key != "target" and key in table]].assign(target=target)
        blocks.append(pd.concat([block, table[list(headings)].rename(columns=headings)], axis=1))
    return pd.concat(blocks, ignore_index=True)


def _one_header(columns: pd.MultiIndex, pattern: str) -> list[str]:
    """Join two header rows; a blank upper cell repeats the one to its left, a blank lower one ends the heading."""
    headings, above = [], ""
    for upper, lower in columns:
        above = above if _blank(upper) else str(upper)
        headings.append(above if _blank(lower) else pattern.format(dim=above, target=lower))
    return headings


def _blank(cell: object) -> bool:
    return not str(cell).strip() or str(cell).startswith("Unnamed:")


def looks_scored(frequency: pd.Series) -> str:
    """Say which coding the frequency answers look like: a hint for the study file, never a decision.

    Scored answers pile up on 1, 3 and 5, raw ones on the middle codes.
    """
    share = frequency.dropna().value_counts(normalize=True).reindex(range(1, 6), fill_value=0.0)
    if share.sum() == 0:
        return "no answers to judge by"
    return "looks scored" if share[[1, 3, 5]].sum() > 0.8 and share[5] >= share[4] else "looks raw"


def _scored_frequency(answers: pd.Series, coding: Frequency | None) -> pd.Series:
    if coding not in ("scored", "raw"):
        found = f"no statement of the frequency item's coding ({looks_scored(answers)})"
        fix = "add `frequency: scored` or `frequency: raw` for this file; the survey provider knows which"
        raise DataError([Problem("relational coordination survey", found, "scored or raw", fix, rule="frequency")])
    return answers.map(RAW_TO_SCORED) if coding == "raw" else answers


def _bad_dimensions(long: pd.DataFrame, survey: Survey) -> list[Problem]:
    unknown = sorted(set(long["dimension"]) - set(survey.dimensions))
    expected = ", ".join(survey.dimensions)
    return [_problem(f"the dimension {name!r}", expected, "rename or map it", "dimension") for name in unknown]


def _bad_codes(long: pd.DataFrame, survey: Survey) -> list[Problem]:
    value = long["value"].astype(float)
    bad = value.notna() & ~(value.between(survey.low, survey.high) & (value == np.floor(value)))
    counts = long.loc[bad, "dimension"].value_counts()
    expected = f"whole numbers from {survey.low} to {survey.high}"
    return [
        _problem(f"{n} answers to {name} outside the codes", expected, "recode the export", "range")
        for name, n in counts.items()
    ]


def _twice(long: pd.DataFrame) -> list[Problem]:
    n = int(long.duplicated([*KEYS, "dimension"]).sum())
    found = f"{n} answers given twice for the same person, target and dimension"
    return [_problem(found, "one answer each", "keep one of them", "twice")] if n else []


def _problem(found: str, expected: str, fix: str, rule: str) -> Problem:
    return Problem("relational coordination survey", found, expected, fix, rule=rule)
