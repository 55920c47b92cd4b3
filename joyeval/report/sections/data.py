"""The data: what was read, kept and left out, and who answered."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from joyeval import disclosure, report
from joyeval.disclosure.statistics import within_ends
from joyeval.intake.response import respondent_flow
from joyeval.report.audiences import section
from joyeval.report.sections.words import percent

if TYPE_CHECKING:
    from joyeval.disclosure import Shown
    from joyeval.store import Store


RATE = "response (%)"
ROWS = "Rows at each step, from the raw files to the tables that the analyses read; of surveys to the nearest 5"


@section
def recognised(notices: dict[str, tuple[str, ...]]) -> None:
    """Emit what each raw file was recognised as."""
    rows = [(file, "; ".join(_counted(told))) for file, told in notices.items()]
    table = disclosure.nobody(pd.DataFrame(rows, columns=["file", "recognised as"]), "raw files")
    report.table(table, caption="Raw files, and what each was recognised as when it was read")


def _counted(told: tuple[str, ...]) -> list[str]:
    counts = pd.Series(told, dtype="str").value_counts(sort=False)
    return [
        about if count == 1 else f"{count} files: {about}"
        for about, count in zip(map(_about, counts.index), counts, strict=True)
    ]


def _about(notice: str) -> str:
    """Say rows, which may be people, to the nearest 5."""
    rule = disclosure.reader()
    return re.sub(r"\b(\d+) rows\b", lambda found: f"about {rule.rounded(int(found[1])):.0f} rows", notice)


@section
def flow(table: pd.DataFrame) -> None:
    """Emit what became of the rows of every source; rows of people, so of surveys, to the nearest 5."""
    whole = table["n_in"] == table["n_out"]
    surveys = table.loc[table["step"] == "scored", "wave"]
    of_people = table["wave"].isin(surveys) | table["wave"].str.startswith("coordination ")
    reason = table["reason"].mask(whole & table["reason"].fillna("").eq(""), "none left out")
    table = table.assign(reason=reason, wave=table["wave"].str.replace("_", " "))
    by, counts = ["wave", "step", "reason"], {"n_in": "n_in", "n_out": "n_out"}
    people = disclosure.show(
        table.loc[of_people, [*by, *counts]].astype(dict.fromkeys(counts, int)),
        audience=disclosure.reader(),
        people=counts,
        by=by,
        within=None,
    )
    others = disclosure.nobody(table.loc[~of_people, [*by, *counts]], "rows of files that are no people")
    shown = people.pipe(lambda here, there: _flow(here, there, table.index), others)
    report.table(shown, caption=ROWS)


def _flow(people: pd.DataFrame, others: pd.DataFrame, order: pd.Index) -> pd.DataFrame:
    together = pd.concat([people.astype({"n_in": "Int64", "n_out": "Int64"}), others]).reindex(order)
    named = {"wave": "source", "n_in": "rows in", "n_out": "rows out"}
    return together[["wave", "step", "n_in", "n_out", "reason"]].rename(columns=named)


@section
def set_aside(quarantine: pd.DataFrame) -> None:
    """Emit why rows and values were not used."""
    if quarantine.empty:
        report.text("Nothing was set aside.")
        return
    counts = quarantine.groupby(["file", "rule"], sort=False).agg(entries=("row", "size"), remedy=("fix", "first"))
    counts["remedy"] = counts["remedy"].str.replace(r"`([^`]*)`", r"“\1”", regex=True)
    table = counts.reset_index()
    shown = disclosure.show(
        table, audience=disclosure.reader(), people="entries", by=["file", "rule", "remedy"], within=None
    )
    listed = shown.pipe(lambda table: table.assign(entries=table["entries"].map(_entries)))
    report.table(replace(listed, mask=listed.mask[:0]), caption="Rows and values that were not used, by reason")


def _entries(count: object) -> str:
    """Say a count; one that is not shown is below the threshold."""
    return f"fewer than {disclosure.reader().threshold}" if pd.isna(count) else f"about {count}"


@section
def response(store: Store) -> None:
    """Emit how many people were left at each step, wave by wave, for the cohort as a whole."""
    people = people_at_steps(store)
    report.table(
        people,
        caption="People at each step, by wave, to the nearest 5; linked means: to another wave",
        formats={RATE: percent} if RATE in people.what else {},
    )


def people_at_steps(store: Store) -> Shown:
    """Return people at each step, wave by wave, and the share of staff in post who answered, as they may be shown."""
    people = respondent_flow(store.table("response"))
    return disclosure.show_flow(people, audience=disclosure.reader()).pipe(_with_rates)


def _with_rates(flow: pd.DataFrame) -> pd.DataFrame:
    """Rates from the rounded counts, where everybody in post is known."""
    table = flow.rename(columns={"invited": "staff in post"})
    if not table["staff in post"].notna().all():
        return table.drop(columns="staff in post")
    kept, staff = table["kept"].astype(float), table["staff in post"].astype(float)
    return table.assign(**{RATE: within_ends((100 * kept / staff).round(), kept, staff, disclosure.reader())})
