"""Coded segments to what can be counted: answers in which a coder saw a code, and people who spoke of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from joyeval.errors import ModelError, UsageError
from joyeval.learning.columns import need
from joyeval.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

SEGMENTS = ("source", "coder", "code", "start", "end")
ANSWERS = ("source", "answer", "start", "end")


@dataclass(frozen=True, kw_only=True, eq=False)
class Themes(Result):
    """How many of the people interviewed spoke of each code; `n` counts people, `n_dropped` segments of nobody known.

    Parameters
    ----------
    table : DataFrame
        code, parent, people, interviewed, segments: one row per code of the codebook, those nobody spoke of too.
    coder : str or None
        Whose coding was counted; None: a person counts where any coder saw the code.
    """

    table: pd.DataFrame
    coder: str | None

    def tidy(self) -> pd.DataFrame:
        """Return one row per code."""
        return self.table.copy()

    def sentence(self) -> str:
        """Name the theme that most people spoke of."""
        most = self.table.sort_values("people", ascending=False, kind="stable").iloc[0]
        return f"Of {self.n} people interviewed, {most['people']} spoke of {most['code']}, the most frequent theme."


def themes(
    segments: pd.DataFrame,
    participants: Sequence[str] | pd.Series,
    *,
    codebook: pd.DataFrame | None = None,
    person: str = "case",
    coder: str | None = None,
) -> Themes:
    """Count people, never segments, by code: who talks much does not count for more.

    Parameters
    ----------
    segments : DataFrame, shape (segments, columns)
        Coded segments: code, coder and the `person` column; parent where there is no codebook.
    participants : sequence of str
        Everyone interviewed, once each; the denominator.
    codebook : DataFrame, optional
        code, parent, codable; codes that nobody spoke of get a row with 0.
    person : str
        Column of `segments` that names the person.
    coder : str, optional
        Count this coder's segments only.

    Returns
    -------
    Themes
        `tidy()`: code, parent, people, interviewed, segments.

    Raises
    ------
    UsageError
        A column that is not there, or a coder who coded nothing.
    ModelError
        Nobody was interviewed, or no segment belongs to a participant.

    References
    ----------
    Sandelowski (2001) doi:10.1002/nur.1025 (when and how to count).

    Examples
    --------
    >>> coded = pd.DataFrame({"case": ["a", "a", "b"], "code": ["rest", "rest", "time"], "coder": "x", "parent": None})
    >>> themes(coded, ["a", "b", "c"]).tidy()[["code", "people", "interviewed", "segments"]].values.tolist()
    [['rest', 1, 3, 2], ['time', 1, 3, 1]]
    """
    need(segments, (person, "code", "coder"), "themes")
    if coder is not None and coder not in set(segments["coder"]):
        raise UsageError(f"themes: no segment of coder {coder!r}")
    everyone = pd.Index(pd.unique(pd.Series(participants).dropna()))
    used = segments if coder is None else segments[segments["coder"] == coder]
    known = used[used[person].isin(everyone)]
    if known.empty:
        raise ModelError(
            f"themes: none of {len(used)} segments belongs to one of the {len(everyone)} people interviewed"
        )
    counts = known.groupby("code", sort=False).agg(people=(person, "nunique"), segments=("code", "size"))
    table = _codes(known, codebook).merge(counts, how="left", left_on="code", right_index=True)
    table = table.fillna({"people": 0, "segments": 0}).astype({"people": int, "segments": int})
    table = table.assign(interviewed=len(everyone))[["code", "parent", "people", "interviewed", "segments"]]
    lost = len(used) - len(known)
    notes = (f"left out: {lost} segments of sources that belong to nobody on the list of participants",) if lost else ()
    return Themes(n=len(everyone), n_dropped=lost, notes=notes, table=table.reset_index(drop=True), coder=coder)


def _codes(segments: pd.DataFrame, codebook: pd.DataFrame | None) -> pd.DataFrame:
    seen = segments.reindex(columns=["code", "parent"]).drop_duplicates("code").dropna(subset="code")
    if codebook is None:
        return seen
    own = codebook.loc[codebook["codable"].astype(bool), ["code", "parent"]]
    return pd.concat([own, seen]).drop_duplicates("code")


def answers_seen(segments: pd.DataFrame, answers: pd.DataFrame, *, codes: Sequence[str] | None = None) -> pd.DataFrame:
    """Say for every answer, coder and code whether the coder saw the code in any part of the answer.

    Whole answers are the units on which coders can agree: where a passage begins and ends is a matter of taste.

    Parameters
    ----------
    segments : DataFrame, shape (segments, columns)
        source, coder, code, start, end (code points, end not included); a coding of a whole source has neither and
        counts for every answer of it.
    answers : DataFrame, shape (answers, columns)
        source, answer, start, end.
    codes : sequence of str, optional
        Only these; all that were used when left out.

    Returns
    -------
    DataFrame
        source, answer, coder, code, seen (0 or 1); sources that a coder never touched are left out for that coder.

    Raises
    ------
    UsageError
        A column that is not there, or segments without a coder.

    Examples
    --------
    >>> coded = pd.DataFrame({"source": ["P"], "coder": ["A"], "code": ["rest"], "start": [12], "end": [20]})
    >>> spans = pd.DataFrame({"source": "P", "answer": [1, 2], "start": [0, 15], "end": [15, 40]})
    >>> answers_seen(coded, spans)["seen"].tolist()
    [1, 1]
    """
    need(segments, SEGMENTS, "answers_seen")
    need(answers, ANSWERS, "answers_seen")
    if segments["coder"].isna().any():
        raise UsageError("answers_seen: some segments have no coder; agreement cannot be computed for them")
    used = list(pd.unique(segments["code"])) if codes is None else list(codes)
    hits = segments[segments["code"].isin(used)].merge(answers, on="source", suffixes=("", "_answer"))
    whole = hits["start"].isna() | hits["end"].isna()
    overlap = (hits["start"] < hits["end_answer"]) & (hits["end"] > hits["start_answer"])
    hits = hits[(whole | overlap).fillna(value=True).astype(bool)]
    key = ["source", "answer", "coder", "code"]
    grid = (
        segments[["source", "coder"]]
        .drop_duplicates()
        .merge(answers[["source", "answer"]], on="source")
        .merge(pd.DataFrame({"code": used}), how="cross")
    )
    seen = hits[key].drop_duplicates().assign(seen=1)
    return grid.merge(seen, how="left", on=key).fillna({"seen": 0}).astype({"seen": int})[[*key, "seen"]]
