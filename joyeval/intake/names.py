"""Names of teams in files, matched with the list of teams in both directions: what neither side knows is told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from joyeval.errors import Problem
from joyeval.intake.columns import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

ALIKE = 80  # of 100: below this no team is proposed for a name
FEWEST_NAMES = 4  # of fewer teams one may well be as large as the others together
MOST = 0.9  # of the numbers of all others: a name with so many is told
LISTED = 5  # names that a message gives
NONE_OF_OURS, OF_OTHERS = "no teams of this study", "teams of other cohorts"  # why rows are left out
MATCHED = 200  # names that are held against the list of teams
TOTALS = re.compile(
    r"((grand|sub|over|trust|ward|team|group|org(anisation)?)[ -]?)?totals?\b.*|.*\b(grand |sub-?)?totals?|[σ∑]"
    r"|sum|average|mean|median|(nhs )?england|national|every(one|body)|all of (us|them|the above)"
    r"|(trust|organisation|programme|hospital|directorate|division|region|site|service)[ -]?wide"
    r"|(all|overall|whole|combined|trust|organisation|programme|cohort)"
    r"( (teams|wards|units|services|staff|trusts?|groups|together|average|mean|score))?"
    # in spreadsheets in other languages
    r"|(gesamt|insgesamt|zusammen|summe|totaal|samlet|sammenlagt|yhteens)\w*|i alt|tot[aá]l\w{0,4}|toplam\w*"
    r"|(alle|tous|toutes|tutt[ei]|tod[oa]s|wszystkie)( \w+){0,2}|ensemble|suma|somme|somma|soma|geral|complessivo"
    r"|cyfan(swm)?|razem|ogółem|łącznie|celkem|spolu|ukupno|skupaj|összesen|kokku|kopā|viso|iš viso|iomlán|итого|всего"
    r"|разом|общо|σύνολο|合計|合计|总计|總計|総計|합계|المجموع"
)
_SIDES = {"north", "south", "east", "west", "left", "right", "upper", "lower", "male", "female", "day", "night"}


def is_total(name: str) -> bool:
    """Whether a row of this name holds the totals of the others.

    Examples
    --------
    >>> is_total("GRAND TOTAL"), is_total("All teams"), is_total("Allerton Ward")
    (True, True, False)
    """
    return TOTALS.fullmatch(plain(name).strip(" :*")) is not None


@dataclass(frozen=True)
class Judged:
    """What the names in a column are; those that are nothing of this nobody knows.

    Parameters
    ----------
    teams : dict
        Name to team of the list.
    left_out : frozenset of str
        Names that the study file says are no team.
    totals : frozenset of str
        Names that look like totals of the others.
    """

    teams: dict[str, str]
    left_out: frozenset[str]
    totals: frozenset[str]


@dataclass(frozen=True)
class Names:
    """What teams are called.

    Parameters
    ----------
    teams : mapping
        Team to cohort, as the list of teams has them.
    also_called : mapping
        Team to its other names in files.
    not_teams : tuple of str
        Names in files that are no team.
    """

    teams: Mapping[str, str]
    also_called: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    not_teams: tuple[str, ...] = ()

    @cached_property
    def spelling(self) -> dict[str, str]:
        """Every name, as people read it, to the team."""
        others = {plain(name): team for team, names in self.also_called.items() for name in names}
        return others | {plain(team): team for team in self.teams}

    @cached_property
    def left_out(self) -> frozenset[str]:
        """Names, as people read them, that are no team."""
        return frozenset(plain(name) for name in self.not_teams) - set(self.spelling)

    def known(self, cells: Iterable[str]) -> dict[str, str | None]:
        """Return the team that each distinct cell names; None where nobody knows it."""
        return {cell: self.spelling.get(plain(cell)) for cell in cells}

    def judged(self, cells: Iterable[str]) -> Judged:
        """Say of each distinct cell which team it names, or why it names none."""
        known = self.known(cells)
        others = [cell for cell, team in known.items() if team is None]
        out = frozenset(cell for cell in others if plain(cell) in self.left_out)
        totals = frozenset(cell for cell in others if cell not in out and is_total(cell))
        return Judged({cell: team for cell, team in known.items() if team is not None}, out, totals)

    def nearest(self, name: str) -> str | None:
        """Return the team that a name is most like, if any is like enough; other numbers or sides forbid it."""
        from rapidfuzz import fuzz

        own = _words(name)
        if _is_code(name):
            return None
        best, team = 0.0, None
        for words, its in self._listed:
            if _marks(words) == _marks(own):
                a, b = " ".join(own), " ".join(words)
                alike = max(fuzz.ratio(a.replace(" ", ""), b.replace(" ", "")), fuzz.token_sort_ratio(a, b))
                best, team = max((best, team), (alike, its), key=lambda pair: pair[0])
        return team if best >= ALIKE else None

    @cached_property
    def _listed(self) -> list[tuple[list[str], str]]:
        return [(_words(name), team) for name, team in self.spelling.items() if not _is_code(name)]

    def unknown(self, files: pd.Series, column: str, cells: pd.Series, rows: pd.Series) -> list[Problem]:
        """Tell of cells that name no team, totals apart; `files` and `rows` say where each stands."""
        totals = cells.map(is_total).astype(bool)
        return [
            *_told_totals(files[totals], column, cells[totals], rows[totals]),
            *self._told_unknown(files[~totals], column, cells[~totals], rows[~totals]),
        ]

    def _told_unknown(self, files: pd.Series, column: str, cells: pd.Series, rows: pd.Series) -> list[Problem]:
        if cells.empty:
            return []
        counts = cells.value_counts()
        near = {name: self.nearest(name) for name in counts.index[:MATCHED]}
        listed = ", ".join(_counted(name, n, near.get(name)) for name, n in counts.head(LISTED).items())
        more = f" and {len(counts) - LISTED} more names" if len(counts) > LISTED else ""
        found = f"{_rows(cells, files)} of {_names(len(counts))} that the list of teams has not: {listed}{more}"
        pairs = [(team, name) for name, team in near.items() if team][:LISTED]
        paste = ", ".join(f"{_yaml(team)}: [{_yaml(name)}]" for team, name in pairs)
        fix = (
            f"write below `teams`: also_called: {{{paste or 'team of the list: [name in the file]'}}}; what is no team "
            f"of yours: not_teams: [{_yaml(counts.index[0])}]; for all of them accept: {{unknown team: why}}"
        )
        expected = "teams of the list of teams"
        return [Problem(str(files.iloc[0]), found, expected, fix, int(rows.iloc[0]), column, "unknown team")]


def _told_totals(files: pd.Series, column: str, cells: pd.Series, rows: pd.Series) -> list[Problem]:
    if cells.empty:
        return []
    names = list(dict.fromkeys(cells))[:LISTED]
    found = f"{_rows(cells, files)} that look like totals of the others: {', '.join(names)}"
    fix = f"if it is so, write below `teams`: not_teams: [{', '.join(map(_yaml, names))}]"
    return [Problem(str(files.iloc[0]), found, "one row per team", fix, int(rows.iloc[0]), column, "totals")]


def sums_of_others(table: pd.DataFrame, name: str, by: list[str], numbers: list[str]) -> list[str]:
    """Return the names whose numbers are the sum of all others' in every group of `by`.

    Parameters
    ----------
    table : DataFrame
        Columns `name`, `by` and `numbers`.
    """
    used = [column for column in numbers if column in table and table[column].notna().any()]
    each = _added_up(table, name, by, used) if used else pl.DataFrame({name: []})
    if each[name].n_unique() < FEWEST_NAMES:
        return []
    value = pl.col(used)
    half = (2 * value - _over(value.sum(), by)).abs() <= 1e-9 * (1 + value.abs())
    told = each.select(name, always=pl.all_horizontal(half | (value <= 0)), seen=pl.sum_horizontal(value > 0))
    cells = told.group_by(name).agg(pl.col("always").all(), pl.sum("seen"))
    return _names_of(cells.filter(pl.col("always") & (pl.col("seen") >= (2 if by else 1))), name)


def most_of_all(table: pd.DataFrame, name: str, by: list[str], number: str) -> list[str]:
    """Return the names whose numbers are about as many as all others' together, or more, in every group of `by`."""
    each = _added_up(table[table[number].notna()], name, by, [number])
    if each[name].n_unique() < FEWEST_NAMES:
        return []
    value = pl.col(number)
    most = (value >= MOST * (_over(value.sum(), by) - value)) & (value > 0)
    cells = each.select(name, most=most).group_by(name).agg(pl.col("most").all(), seen=pl.len())
    return _names_of(cells.filter(pl.col("most") & (pl.col("seen") >= (2 if by else 1))), name)


def _added_up(table: pd.DataFrame, name: str, by: list[str], numbers: list[str]) -> pl.DataFrame:
    """Return the sums of each name in every group of `by`."""
    known = pl.from_pandas(table[[*by, name, *numbers]]).drop_nulls([*by, name])
    return known.group_by(*by, name).agg(pl.sum(*numbers))


def _over(value: pl.Expr, by: list[str]) -> pl.Expr:
    return value.over(by) if by else value


def _names_of(rows: pl.DataFrame, name: str) -> list[str]:
    return sorted(map(str, rows[name]))


def _words(name: str) -> list[str]:
    text = re.sub(r"(?<=[^\W\d])(?=\d)|(?<=\d)(?=[^\W\d])", " ", plain(name).replace(".", "").replace("&", " and "))
    return [word for word in re.findall(r"\w+", text) if word not in {"the", "ward", "team", "unit"}] or [text]


def _marks(words: list[str]) -> tuple[set[str], set[str]]:
    return {word for word in words if word.isdigit()}, _SIDES & set(words)


def _counted(name: str, n: int, near: str | None) -> str:
    return f"{name!r} ({n}" + (f"; perhaps {near!r})" if near else ")")


def _is_code(name: str) -> bool:
    """Whether a name is a code, such as RX3 or 15N: none is a misspelling of another."""
    return re.fullmatch(r"[A-Z0-9]{2,6}", name.strip().upper()) is not None and any(c.isdigit() for c in name)


def _rows(cells: pd.Series, files: pd.Series) -> str:
    n, of = len(cells), files.nunique()
    return f"{n} row{'s' if n != 1 else ''}" + (f" in {of} files" if of > 1 else "")


def _names(n: int) -> str:
    return f"{n} name{'s' if n != 1 else ''}"


def _yaml(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z][\w ]*", text) and plain(text) not in {"yes", "no", "true"} else f'"{text}"'
