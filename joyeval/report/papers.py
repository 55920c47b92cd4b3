"""Tables for papers: who took part, models side by side, and the files that authors paste from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from joyeval.disclosure import Rule, Shown, leaves_few, reader
from joyeval.disclosure.margins import protect_crosstab
from joyeval.disclosure.statistics import masked
from joyeval.errors import UsageError
from joyeval.figures.text import clean, inert
from joyeval.report.tables import MISSING, layout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from joyeval.report.blocks import Table
    from joyeval.result import Result

ALL = "All"
_TEX = {c: rf"\{c}" for c in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "−": "$-$",
}


def table_one(
    data: pd.DataFrame,
    *,
    variables: Sequence[str],
    by: str | None = None,
    labels: Mapping[str, str] | None = None,
    rule: Rule | None = None,
) -> Shown:
    """Describe who took part, overall and by group, as it may be shown.

    Numbers are described by mean (SD) with the valid answers behind them, categories by count (per cent of those who
    answered). What is too small is suppressed and counts are rounded, as `joyeval.disclosure` does.

    Parameters
    ----------
    data : DataFrame
        One row per person (and `wave`, where there are several). Where it names the `team` too, groups and kinds that
        are made of whole teams are left out if they would leave a few people over beside the teams that are named.
    variables : sequence of str
        Columns to describe, in order.
    by : str, optional
        Column of groups, one column each in the table; people without a group are left out.
    labels : mapping of str to str, optional
        Names of the variables.

    Returns
    -------
    Shown
        `Characteristic`, one column per group (with how many), and `All`.

    Raises
    ------
    UsageError
        A column that is not there.

    References
    ----------
    von Elm et al. (2007), STROBE statement, item 14. doi:10.1371/journal.pmed.0040296
    """
    unknown = sorted({*variables, *([by] if by else [])} - set(data))
    if unknown:
        raise UsageError(f"table_one: no column {unknown} in the data")
    rule, labels = rule or reader(), labels or {}
    people = data.dropna(subset=[by]) if by else data
    groups = people[by].astype(str) if by else pd.Series("", people.index)
    rows = {"People": _counts(groups, groups.map(lambda _: "People"), rule).loc[ALL]}
    for name in variables:
        words = labels.get(name, _words(name))
        rows |= (_number if _is_number(people[name]) else _category)(words, people[name], groups, rule)
    table = pd.DataFrame(rows.values(), index=pd.Index(rows, name="Characteristic"))
    for name, kind in _left_over(people, [*([by] if by else []), *variables], rule):
        of_kind = table.index == _kind(labels.get(name, _words(name)), kind)
        table = table.mask(of_kind[:, None] | ((table.columns == kind) & (name == by)))
    cells = table.drop(columns="", errors="ignore").reset_index()
    return Shown(cells, rule, _hidden(cells), cells.size - len(cells))


def _left_over(people: pd.DataFrame, variables: Sequence[str], rule: Rule) -> set[tuple[str, str]]:
    """Return groups and kinds of whole teams that would leave a few people over in some wave, by any of the numbers."""
    if "team" not in people:
        return set()
    numbers = [name for name in variables if _is_number(people[name])]
    kinds = [name for name in dict.fromkeys(variables) if name not in (*numbers, "team", "wave")]
    waves = people["wave"].astype(str) if "wave" in people else ""
    answers = people.assign(wave=waves, _people=1).astype(dict.fromkeys(kinds, object))
    return {(name, kind) for _, name, kind in leaves_few(answers, kinds, ["_people", *numbers], rule)}


def _is_number(values: pd.Series) -> bool:
    return is_numeric_dtype(values) and not is_bool_dtype(values)


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _kind(words: str, level: str) -> str:
    return f"{words}: {clean(level)}"


def _hidden(cells: pd.DataFrame) -> pd.DataFrame:
    """Where the table has no number, and why."""
    rows, columns = np.nonzero(cells.isna().to_numpy())
    where = {"where": cells["Characteristic"].to_numpy()[rows], "what": cells.columns.to_numpy()[columns]}
    return pd.DataFrame(where | {"why": "too few people, or it would give a small group away"})


def _counts(groups: pd.Series, levels: pd.Series, rule: Rule) -> pd.DataFrame:
    """Levels and `ALL` by groups and `ALL`, protected."""
    shown = protect_crosstab(pd.crosstab(levels, groups), total=ALL, rule=rule)
    return shown.where(~shown.map(lambda count: isinstance(count, str)), np.nan)


def _category(words: str, values: pd.Series, groups: pd.Series, rule: Rule) -> dict[str, pd.Series]:
    """One row with the valid answers, then one for each level."""
    shown = _counts(groups, values.dropna().astype(str), rule)
    rows = {f"{words} (answers)": shown.loc[ALL]}
    for level in shown.index[:-1]:
        rows[_kind(words, level)] = shown.loc[level].combine(shown.loc[ALL], _share)
    return rows


def _share(count: float, whole: float) -> float | str:
    return np.nan if pd.isna(count) or pd.isna(whole) or not whole else f"{count:.0f} ({100 * count / whole:.0f}%)"


def _number(words: str, values: pd.Series, groups: pd.Series, rule: Rule) -> dict[str, pd.Series]:
    """One row: mean (SD), and the valid answers behind it."""
    statistics = ["count", "mean", "std"]
    by_group = values.groupby(groups).agg(statistics).reset_index(names="group")
    overall = values.agg(statistics).to_frame().T.assign(group=ALL)
    parts = [
        masked(part.astype({"count": int}), n="count", by=["group"], within=within, rule=rule)[0]
        for part, within in ((by_group, ()), (overall, None))
    ]
    shown = pd.concat(parts).set_index("group")
    return {f"{words}, mean (SD)": shown.apply(_mean, axis="columns")}


def _mean(row: pd.Series) -> str | float:
    return np.nan if pd.isna(row["mean"]) else f"{row['mean']:g} ({row['std']:g}); n = {row['count']:g}"


def model_table(
    models: Mapping[str, Result | pd.DataFrame],
    *,
    places: int = 2,
    terms: Mapping[str, str] | None = None,
    rows: Mapping[str, Mapping[str, object]] | None = None,
) -> pd.DataFrame:
    """Set several models side by side: estimate (interval), and what each rests on.

    Parameters
    ----------
    models : mapping of name to Result or DataFrame
        Each with `term`, `estimate`, `ci_low`, `ci_high`.
    places : int
        Decimals.
    terms : mapping of str to str, optional
        Names of the terms in words.
    rows : mapping of str to mapping, optional
        Rows below, such as ``{"Random intercepts": {"Full": "team"}}``; `n` and what was left out are added.

    Returns
    -------
    DataFrame
        `Term` and one column per model; a term that a model has not is "–".
    """
    columns = {name: _estimates(model, places) for name, model in models.items()}
    order = list(dict.fromkeys(term for column in columns.values() for term in column))
    table = pd.DataFrame({name: [column.get(term, "–") for term in order] for name, column in columns.items()})
    table.insert(0, "Term", [(terms or {}).get(term, term) for term in order])
    below = {"n": {k: m.n for k, m in models.items() if hasattr(m, "n_dropped")}}
    below |= {"Left out": {k: m.n_dropped for k, m in models.items() if hasattr(m, "n_dropped")}} | dict(rows or {})
    added = [
        {"Term": label} | {name: str(cells.get(name, "–")) for name in models}
        for label, cells in below.items()
        if cells
    ]
    return pd.concat([table, pd.DataFrame(added)], ignore_index=True)


def _estimates(model: Result | pd.DataFrame, places: int) -> dict[str, str]:
    rows = model.tidy() if hasattr(model, "tidy") else model
    numbers = rows[["estimate", "ci_low", "ci_high"]].itertuples(index=False)
    return dict(zip(rows["term"], [_interval(*row, places) for row in numbers], strict=True))


def _interval(estimate: float, low: float, high: float, places: int) -> str:
    if pd.isna(estimate):
        return MISSING
    text = f"{estimate:.{places}f}"
    return (text if pd.isna(low) else f"{text} ({low:.{places}f} to {high:.{places}f})").replace("-", "−")


def save_table(
    table: Shown, name: str | Path, *, caption: str, footnotes: Sequence[str] = (), **options: Any
) -> tuple[Path, ...]:
    """Write a table as `name`.docx, .tex (booktabs), .csv and .html.

    Parameters
    ----------
    table : Shown
        Such as `table_one` gives.
    name : str or Path
        Where, and what the files are called, without ending.
    **options
        `labels`, `units`, `formats`, `header_columns`: see `joyeval.report.tables.layout`.

    Raises
    ------
    UsageError
        No caption.
    DisclosureError
        A table that did not come through `joyeval.disclosure.show`.
    """
    from joyeval.report.blocks import Title
    from joyeval.report.document import Document
    from joyeval.report.html import fragment
    from joyeval.report.word import word

    if not clean(caption):
        raise UsageError(f"save_table ({Path(name).name}): a table needs a caption")
    block = layout(table, caption=caption, footnotes=footnotes, **options)
    page = f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Table</title>\n{fragment(block)}</html>\n'
    cells = pd.DataFrame(block.rows, columns=[column.label for column in block.columns])
    parts = {
        ".docx": word(Document(Title(""), (block,))),
        ".tex": _latex(block).encode(),
        ".csv": inert(cells).to_csv(index=False, lineterminator="\n").encode("utf-8"),
        ".html": page.encode("utf-8"),
    }
    place = Path(name)
    place.parent.mkdir(parents=True, exist_ok=True)
    files = {place.with_name(place.name + ending): content for ending, content in parts.items()}
    for file, content in files.items():
        file.write_bytes(content)
    return tuple(files)


def _latex(block: Table) -> str:
    r"""Return the table for the packages booktabs and threeparttable."""
    aligned = "".join("r" if column.numeric else "l" for column in block.columns)
    lines = [" & ".join(map(_tex, row)) + r" \\" for row in block.rows]
    notes = [rf"\item {_tex(line)}" for line in block.footnotes]
    return "\n".join(
        [
            *(r"\begin{table}", r"\begin{threeparttable}", rf"\caption{{{_tex(block.caption)}}}"),
            *(rf"\begin{{tabular}}{{{aligned}}}", r"\toprule"),
            *(" & ".join(_tex(column.label) for column in block.columns) + r" \\", r"\midrule", *lines),
            *(r"\bottomrule", r"\end{tabular}"),
            *([r"\begin{tablenotes}", *notes, r"\end{tablenotes}"] if notes else []),
            *(r"\end{threeparttable}", r"\end{table}", ""),
        ]
    )


def _tex(text: str) -> str:
    return "".join(_TEX.get(char, char) for char in text)
