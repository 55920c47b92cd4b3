"""The same person over waves, by a panel id or by a code that people make up themselves and sometimes get wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

COUNTS = ["wave", "people", "exact", "tolerant", "ambiguous", "new", "expected_false"]


@dataclass(frozen=True, kw_only=True, eq=False)
class PeopleLinked(Result):
    """How people were linked over waves; `n` counts answers linked to an earlier wave, `n_dropped` ambiguous ones.

    Parameters
    ----------
    counts : DataFrame
        wave, people, exact, tolerant (one element differs), ambiguous (fits several people, left unlinked), new,
        expected_false (pairs of different people whose codes would agree by chance; an upper bound).
    """

    counts: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return one row per wave."""
        return self.counts

    def sentence(self) -> str:
        """Return how many were linked, how sure."""
        later = self.counts.iloc[1:]
        people, exact, tolerant = (int(later[name].sum()) for name in ("people", "exact", "tolerant"))
        return (
            f"Of {people} answers in later waves, {exact} were linked to an earlier wave by the same code and "
            f"{tolerant} by a code that differs in one element; {self.n_dropped} fitted several people and were left "
            f"unlinked. At most {later['expected_false'].sum():.1f} links are expected to join two different people."
        )


def link_people(
    answers: pd.DataFrame, *, code: Sequence[str], waves: Sequence[str], block: str | None = "team"
) -> tuple[pd.Series, PeopleLinked]:
    """Give every person behind the answers of several waves a number.

    Within a block, an answer is linked to the person with the same code; then, among those left, to the person whose
    code differs in at most one element. Both only if the match is unique both ways. A code of one element (a panel
    id) is linked exactly and over blocks, since people move.

    Parameters
    ----------
    answers : DataFrame
        wave, the elements of the code, and the block.
    code : sequence of str
        Columns that make up the code; a missing element counts as a difference.
    waves : sequence of str
        Waves in order of time.
    block : str or None
        Column within which people are looked for: over a whole trust, tolerant matching joins strangers.

    Returns
    -------
    Series of int
        A number per answer; answers of one person share it.
    PeopleLinked
        Counts per wave.

    References
    ----------
    Yurek, Vasey & Havens (2008), Eval. Rev. 32(5), 435-452, doi:10.1177/0193841X08316676: 51 to 67 % linked over 6 to
    18 months. Tolerance of one element restores most of what slips lose.
    """
    table = _coded(answers, code, block if len(code) > 1 else None)
    person = pd.Series(-1, index=answers.index)
    rows, seen = [], table.iloc[:0].assign(person=pd.Series(dtype=int))
    for wave in waves:
        now = table[answers["wave"] == wave]
        exact = _pairs(now, seen, "full")
        left, free = now.drop(exact.index), seen[~seen["person"].isin(exact)]
        tolerant, ambiguous = _within_one(left, free, len(code))
        found = pd.concat([exact, tolerant])
        new = now.index.difference(found.index)
        person[found.index] = found
        person[new] = np.arange(len(new)) + person.max() + 1
        false = _expected_false(now, seen, len(code))
        rows.append((wave, len(now), len(exact), len(tolerant), len(ambiguous), len(new), false))
        seen = pd.concat([seen, now.assign(person=person[now.index])])
    counts = pd.DataFrame(rows, columns=COUNTS)
    linked = int((counts["exact"] + counts["tolerant"]).sum())
    return person, PeopleLinked(n=linked, n_dropped=int(counts["ambiguous"].sum()), notes=_notes(counts), counts=counts)


def _coded(answers: pd.DataFrame, code: Sequence[str], block: str | None) -> pd.DataFrame:
    """Whole numbers for the block, the full code and the code without each element; -1 where one is missing."""
    numbers = [pd.factorize(answers[name].astype("str").where(answers[name].notna()))[0] for name in code]
    blocks = pd.factorize(answers[block])[0] if block else np.zeros(len(answers), dtype=int)
    columns = {"block": blocks, "full": _joined([blocks, *numbers])}
    columns |= {f"element_{i}": number for i, number in enumerate(numbers)}
    if len(code) > 1:
        for i in range(len(code)):
            columns[f"without_{i}"] = _joined([blocks, *numbers[:i], *numbers[i + 1 :]])
    return pd.DataFrame(columns, index=answers.index)


def _joined(numbers: list[np.ndarray]) -> np.ndarray:
    key = np.zeros(len(numbers[0]), dtype=np.int64)
    for number in numbers:
        key = pd.factorize(key * (number.max(initial=0) + 1) + number)[0]
    missing = np.any([number < 0 for number in numbers], axis=0)
    return np.where(missing, -1, key)


def _pairs(now: pd.DataFrame, seen: pd.DataFrame, key: str) -> pd.Series:
    """Person by answer, where one answer of this wave and one person share the key."""
    once = now.loc[(now[key] >= 0) & ~now[key].duplicated(keep=False), key]
    keys, persons = (seen[name].to_numpy() for name in (key, "person"))
    people = np.unique(np.column_stack([keys, persons])[keys >= 0], axis=0)
    owner = pd.Series(people[:, 1], index=people[:, 0])[~_shared(people[:, 0])]
    found = once.map(owner).dropna().astype(int)
    return found[~found.duplicated(keep=False)]


def _within_one(left: pd.DataFrame, free: pd.DataFrame, elements: int) -> tuple[pd.Series, pd.Index]:
    """Person by answer, where exactly one answer and one person differ in at most one element; and who fits several."""
    if elements < 2 or left.empty or free.empty:
        return pd.Series(dtype=int), pd.Index([])
    found = [_same(left[f"without_{i}"], free[f"without_{i}"]) for i in range(elements)]
    answers, people = (np.concatenate(side) for side in zip(*found, strict=True))
    pairs = np.unique(np.column_stack([answers, free["person"].to_numpy()[people]]), axis=0)
    several = _shared(pairs[:, 0]) | _shared(pairs[:, 1])
    sure = pairs[~several]
    return pd.Series(sure[:, 1], index=left.index[sure[:, 0]]), left.index[np.unique(pairs[several, 0])]


def _same(ours: pd.Series, theirs: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Places of every pair that share a key; a key below 0 is none."""
    order = np.argsort(theirs.to_numpy(), kind="stable")
    keys, known = ours.to_numpy(), theirs.to_numpy()[order]
    first, end = np.searchsorted(known, keys, "left"), np.searchsorted(known, keys, "right")
    n = np.where(keys >= 0, end - first, 0)
    within = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)
    return np.repeat(np.arange(len(keys)), n), order[np.repeat(first, n) + within]


def _shared(numbers: np.ndarray) -> np.ndarray:
    """Which numbers stand more than once."""
    _, back, n = np.unique(numbers, return_inverse=True, return_counts=True)
    return n[back] > 1


def _expected_false(now: pd.DataFrame, seen: pd.DataFrame, elements: int) -> float:
    """Pairs of different people in one block times the chance that their codes agree but for one element."""
    if elements == 1 or seen.empty or now.empty:
        return 0.0
    ours, theirs = _counted(now["block"]), _counted(seen.loc[~seen["person"].duplicated(), "block"])
    both = min(len(ours), len(theirs))
    pairs = ours[:both] @ theirs[:both]
    agree = np.array([(_counted(now[f"element_{i}"]) ** 2).sum() / len(now) ** 2 for i in range(elements)])
    return float(pairs * chance_of_agreement(agree))


def _counted(numbers: pd.Series) -> np.ndarray:
    """How often each number from -1 on stands."""
    return np.bincount(numbers.to_numpy() + 1)


def chance_of_agreement(agree: np.ndarray) -> float:
    """Return how likely two people's codes differ in at most one element, from how likely they agree in each."""
    others = np.array([np.prod(np.delete(agree, i)) for i in range(len(agree))])
    return float(np.prod(agree) + ((1 - agree) * others).sum())


def _notes(counts: pd.DataFrame) -> tuple[str, ...]:
    later = counts.iloc[1:]
    linked = (later["exact"] + later["tolerant"]).sum()
    if later["people"].sum() and linked < 0.5 * later["people"].sum():
        return (f"only {linked} of {later['people'].sum()} later answers could be linked: those linked may differ",)
    return ()
