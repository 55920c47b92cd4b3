"""Answers as numbers and respondents in groups: what every statistic of this folder starts from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError, and_others
from joyeval.models.design import no_number


@dataclass(frozen=True, eq=False)
class Groups:
    """Which group each row belongs to.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        Position in `labels`; -1 where the label is missing.
    labels : DataFrame, shape (groups, label columns)
        What each group is called; no column when all rows are one group.
    """

    codes: np.ndarray
    labels: pd.DataFrame

    @property
    def count(self) -> int:
        """Number of groups."""
        return len(self.labels)

    @property
    def sizes(self) -> np.ndarray:
        """Rows per group, shape (groups,)."""
        return np.bincount(self.codes[self.codes >= 0], minlength=self.count)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum each column of `values` (n, k) within groups, shape (groups, k); every row must have a group."""
        from scipy.sparse import csc_matrix

        n = len(self.codes)
        return csc_matrix((np.ones(n), self.codes, np.arange(n + 1)), shape=(self.count, n)) @ values

    def sum(self, column: np.ndarray) -> np.ndarray:
        """Sum one column (n,) within groups; every row must have a group."""
        return np.bincount(self.codes, column, minlength=self.count)

    def products(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Sum products of rows of (k, n) arrays within groups, shape (groups, k, k)."""
        k = len(left)
        table = np.empty((self.count, k, k))
        for i in range(k):
            for j in range(i if left is right else 0, k):
                table[:, i, j] = self.sum(left[i] * right[j])
                if left is right:
                    table[:, j, i] = table[:, i, j]
        return table

    def take(self, rows: np.ndarray) -> Groups:
        """Keep some rows; the groups stay as they are."""
        return Groups(self.codes[rows], self.labels)


def groups_of(by: pd.Series | pd.DataFrame | np.ndarray | None, items: pd.DataFrame, *, default: str) -> Groups:
    """Sort the rows of `items` into groups by one or more labels.

    Parameters
    ----------
    by : Series, DataFrame, array or None
        One label per row of `items` (same index), or several columns of labels; None puts all rows into one group.
    items : DataFrame
        The table the labels belong to.
    default : str
        Name of the label column where `by` has none.

    Raises
    ------
    UsageError
        The labels belong to another table: another length or index.
    """
    if by is None:
        return Groups(np.zeros(len(items), dtype=int), pd.DataFrame(index=range(1)))
    table = by if isinstance(by, pd.DataFrame) else pd.Series(by, name=getattr(by, "name", None) or default).to_frame()
    if len(table) != len(items):
        raise UsageError(f"{default}: found {len(table)} labels for {len(items)} rows; expected one per row")
    if isinstance(by, (pd.Series, pd.DataFrame)) and not table.index.equals(items.index):
        raise UsageError(f"{default}: the labels have another index than the answers; take both from one table")
    grouper = table.groupby(list(table.columns), sort=True, dropna=True, observed=True)
    codes = grouper.ngroup().fillna(-1).to_numpy(dtype=int)
    first = np.full(grouper.ngroups, -1)
    first[codes[codes >= 0][::-1]] = np.flatnonzero(codes >= 0)[::-1]
    return Groups(codes, table.iloc[first].reset_index(drop=True))


def nested_groups(
    by: pd.Series | pd.DataFrame | None, group: pd.Series | np.ndarray, items: pd.DataFrame
) -> tuple[Groups, Groups, str]:
    """Sort rows into groups (teams) within the levels of `by` (waves).

    Returns
    -------
    tuple
        The groups of the rows; the level of each group (its codes have one entry per group); the name of the group
        column.
    """
    inner = group if isinstance(group, pd.Series) else pd.Series(np.asarray(group), index=items.index)
    name = str(inner.name) if inner.name is not None else "group"
    if isinstance(group, pd.Series) and not group.index.equals(items.index):
        raise UsageError("group: the labels have another index than the answers; take both from one table")
    if by is None:
        teams = groups_of(inner.rename(name), items, default="group")
        return teams, Groups(np.zeros(teams.count, dtype=int), pd.DataFrame(index=range(1))), name
    outer = by.to_frame() if isinstance(by, pd.Series) else by
    teams = groups_of(pd.concat([outer, inner.rename(name)], axis=1), items, default="group")
    return teams, groups_of(teams.labels[list(outer.columns)], teams.labels, default="by"), name


def answers_of(items: pd.DataFrame | pd.Series | np.ndarray, *, what: str) -> pd.DataFrame:
    """Answers as floating numbers, a gap as NaN.

    Raises
    ------
    UsageError
        A column does not hold numbers, or two have the same name.
    ModelError
        A value is infinite or impossible, or nothing was answered at all.
    """
    table = items if isinstance(items, pd.DataFrame) else pd.Series(items, name=getattr(items, "name", None)).to_frame()
    twice = sorted({str(name) for name in table.columns[table.columns.duplicated()]})
    if twice:
        raise UsageError(f"{what}: found several columns named {', '.join(twice)}; expected one for each item")
    words = [str(name) for name in table if not pd.api.types.is_numeric_dtype(table[name])]
    if words:
        raise UsageError(f"{what}: found no numbers in {', '.join(words)}; expected scored answers (see je.score)")
    numbers = table.astype(float)
    if no_number(numbers.to_numpy()).any():
        raise ModelError(f"{what}: found infinite or impossible values in {len(table)} rows; mend or leave them out")
    if numbers.size == 0 or numbers.isna().to_numpy().all():
        raise ModelError(
            f"{what}: none of {len(table)} respondents answered any of {table.shape[1]} items; check the map"
        )
    return numbers


def items_of(items: pd.DataFrame | pd.Series | np.ndarray, *, what: str) -> pd.DataFrame:
    """Return the answers to the items of one scale, all of which somebody answered; raises as `answers_of` too.

    Raises
    ------
    ModelError
        Names the items that nobody answered.
    """
    answers = answers_of(items, what=what)
    if empty := [str(name) for name in answers if answers[name].isna().all()]:
        raise ModelError(
            f"{what}: none of {len(answers)} respondents answered {and_others(empty)}; leave it out or check the map"
        )
    return answers


def unanswered(answers: pd.DataFrame, groups: Groups) -> tuple[str, ...]:
    """Return a note on items that nobody of one of several groups answered; others there may rest on nothing."""
    if not answers.isna().to_numpy().any():
        return ()
    counts = answers.notna().groupby(groups.codes).sum().drop(index=-1, errors="ignore")
    named = groups.labels.astype(str).agg(" ".join, axis=1)
    gaps = [f"{item} in {named[code]}" for item in counts for code in counts.index[counts[item] == 0]]
    return (f"items that nobody answered: {and_others(gaps)}",) if gaps and groups.count > 1 else ()


def join_labels(labels: pd.DataFrame, table: pd.DataFrame, *, repeat: int = 1) -> pd.DataFrame:
    """Put group labels before the rows of `table`, which has `repeat` rows for each group in turn."""
    spread = labels.iloc[np.repeat(np.arange(len(labels)), repeat)].reset_index(drop=True)
    return pd.concat([spread, table.reset_index(drop=True)], axis=1)
