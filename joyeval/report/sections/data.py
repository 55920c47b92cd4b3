"""The data: what was read, kept and left out, and who answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from joyeval import report
from joyeval.waves.response import respondent_flow

if TYPE_CHECKING:
    from joyeval.store import Store


def recognised(notices: dict[str, tuple[str, ...]]) -> None:
    """Emit what each raw file was recognised as."""
    rows = [(file, "; ".join(_counted(told))) for file, told in notices.items()]
    table = pd.DataFrame(rows, columns=["file", "recognised as"])
    report.table(table, caption="Raw files, and what each was recognised as when it was read")


def _counted(told: tuple[str, ...]) -> list[str]:
    counts = pd.Series(told, dtype="str").value_counts(sort=False)
    return [notice if count == 1 else f"{count} files: {notice}" for notice, count in counts.items()]


def flow(table: pd.DataFrame) -> None:
    """Emit what became of the rows of every source."""
    whole = table["n_in"] == table["n_out"]
    reason = table["reason"].mask(whole & table["reason"].fillna("").eq(""), "none left out")
    shown = table.assign(reason=reason).rename(columns={"wave": "source", "n_in": "rows in", "n_out": "rows out"})
    shown["source"] = shown["source"].str.replace("_", " ")
    report.table(shown, caption="Rows at each step, from the raw files to the tables that the analyses read")


def set_aside(quarantine: pd.DataFrame) -> None:
    """Emit why rows and values were not used."""
    if quarantine.empty:
        report.text("Nothing was set aside.")
        return
    counts = quarantine.groupby(["file", "rule"], sort=False).agg(entries=("row", "size"), remedy=("fix", "first"))
    counts["remedy"] = counts["remedy"].str.replace(r"`([^`]*)`", r"“\1”", regex=True)
    report.table(counts.reset_index(), caption="Rows and values that were not used, by reason")


def response(store: Store) -> None:
    """Emit how many people were left at each step, wave by wave, for the cohort as a whole."""
    table = respondent_flow(store.table("response")).rename(columns={"invited": "staff in post"})
    asked = table["staff in post"].notna().all()
    if asked:
        table["response (%)"] = (100 * table["kept"] / table["staff in post"]).astype(float)
    report.table(
        table if asked else table.drop(columns="staff in post"),
        caption="People at each step, by wave; linked means: to another wave",
        formats={"response (%)": ".0f"} if asked else None,
    )
