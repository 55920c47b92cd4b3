"""Faults that real exports have, planted in known places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from joyeval.synthetic.questionnaire import ITEMS, KEYS

if TYPE_CHECKING:
    from collections.abc import Sequence

SKIPPED = 0.015  # chance that an answered survey leaves an item out
OUT_OF_RANGE = (0, 8, 44, -1)
PARTIAL = 15  # items that an unfinished answer leaves blank, from the end
SECOND_CLICK = pd.Timedelta(minutes=4)
PREVIEW = -1  # stands for the person of a row that nobody answered
DECLINED = 99  # user-missing code where a file holds numbers only
LOWER_CASE = 0.1  # share of respondents who write the letters of their code small

Cells = Literal["labels", "codes", "numbers"]
ANSWERS = {item.key: dict(enumerate(item.answers, 1)) for item in ITEMS}


@dataclass(frozen=True)
class Damaged:
    """Rows as they stand in a file, and what was done to them; places are (row from 0, item)."""

    rows: pd.DataFrame
    out_of_range: tuple[tuple[int, str], ...]
    other_spelling: tuple[tuple[int, str], ...]
    duplicates: tuple[int, ...]
    unfinished: tuple[int, ...]
    straight: tuple[int, ...]


def damage(answers: pd.DataFrame, *, cells_are: Cells, asked: Sequence[str], rng: np.random.Generator) -> Damaged:
    """Turn clean codes into the cells of an export and plant faults in them.

    Parameters
    ----------
    answers : DataFrame
        Respondents of one wave, items as codes from 1 upwards.
    cells_are : {"labels", "codes", "numbers"}
        What the export holds: labels (``Often``), codes (``4``), or numbers with declared missing codes.
    asked : sequence of str
        The items that this wave asked.
    rng : Generator
    """
    rows = answers.assign(whole=True, preview=False).reset_index(drop=True)
    codes = rows[list(KEYS)].astype("Int64").mask(rng.random((len(rows), len(KEYS))) < SKIPPED)
    chosen = rng.permutation(len(rows))
    straight, faulty, doubled, unfinished = (sorted(part.tolist()) for part in np.split(chosen[:12], [2, 6, 9]))
    codes.loc[straight, [key for key in KEYS if key.startswith(("cbi", "psafety", "nqps"))]] = 3
    cells = _labels(codes) if cells_are == "labels" else codes.astype(object)
    beyond, spelled = _faults(cells, codes, faulty, asked, cells_are, rng)
    cells.loc[unfinished, list(KEYS[-PARTIAL:])] = None
    rows.loc[unfinished, "whole"] = False
    small = rng.random(len(rows)) < LOWER_CASE
    rows["code_mother"] = np.where(small, rows["code_mother"].str.lower() + " ", rows["code_mother"])
    rows[list(KEYS)] = cells.where(cells.notna(), None)
    rows = pd.concat([rows, _again(rows, doubled)], ignore_index=True)
    return Damaged(rows, beyond, spelled, tuple(doubled), tuple(unfinished), tuple(straight))


def _labels(codes: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({key: codes[key].map(ANSWERS[key]).astype(object) for key in codes})


def _faults(
    cells: pd.DataFrame,
    codes: pd.DataFrame,
    faulty: Sequence[int],
    asked: Sequence[str],
    cells_are: Cells,
    rng: np.random.Generator,
) -> tuple[tuple[tuple[int, str], ...], tuple[tuple[int, str], ...]]:
    """In each faulty row one impossible answer, and one written the other way (label, code, declined code)."""
    beyond, spelled = [], []
    for number, row in enumerate(faulty):
        there = [key for key in asked[:-PARTIAL] if pd.notna(codes.loc[row, key])]
        impossible, other = rng.choice(there, 2, replace=False)
        code = int(codes.loc[row, other])
        beyond_range = OUT_OF_RANGE[number % len(OUT_OF_RANGE)]
        cells.loc[row, impossible] = "Rather not answer" if cells_are == "labels" else beyond_range
        cells.loc[row, other] = {"labels": str(code), "codes": ANSWERS[other][code], "numbers": DECLINED}[cells_are]
        beyond.append((row, str(impossible)))
        spelled.append((row, str(other)))
    return tuple(beyond), tuple(spelled)


def _again(rows: pd.DataFrame, doubled: Sequence[int]) -> pd.DataFrame:
    """Second submissions a few minutes later: the first is whole, the others are cut short."""
    again = rows.loc[list(doubled)].assign(date=lambda d: d["date"] + SECOND_CLICK)
    again.iloc[1:, [again.columns.get_loc(key) for key in KEYS[-PARTIAL:]]] = None
    return again


def previews(damaged: pd.DataFrame, n: int) -> pd.DataFrame:
    """Return the first rows again as previews by the survey's author: seen in the export, answered by nobody."""
    return damaged.head(n).assign(preview=True, person=PREVIEW, date=lambda d: d["date"] - pd.Timedelta(days=9))
