"""The data: what was read, kept and left out, and who answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from joyeval import disclosure, report
from joyeval.intake.response import respondent_flow

if TYPE_CHECKING:
    from joyeval.store import Store


ROWS = "Rows at each step, from the raw files to the tables that the analyses read; of surveys to the nearest 5"


def recognised(notices: dict[str, tuple[str, ...]]) -> None:
    """Emit what each raw file was recognised as."""
    rows = [(file, "; ".join(_counted(told))) for file, told in notices.items()]
    table = pd.DataFrame(rows, columns=["file", "recognised as"])
    report.table(table, caption="Raw files, and what each was recognised as when it was read")


def _counted(told: tuple[str, ...]) -> list[str]:
    counts = pd.Series(told, dtype="str").value_counts(sort=False)
    return [notice if count == 1 else f"{count} files: {notice}" for notice, count in counts.items()]


def flow(table: pd.DataFrame) -> None:
    """Emit what became of the rows of every source; rows of people, so of surveys, to the nearest 5."""
    whole = table["n_in"] == table["n_out"]
    of_people = table["wave"].isin(table.loc[table["step"] == "scored", "wave"])
    counts = table[["n_in", "n_out"]]
    table = table.assign(**counts.mask(of_people, disclosure.Rule().rounded(counts)).astype("Int64"))
    reason = table["reason"].mask(whole & table["reason"].fillna("").eq(""), "none left out")
    shown = table.assign(reason=reason).rename(columns={"wave": "source", "n_in": "rows in", "n_out": "rows out"})
    shown["source"] = shown["source"].str.replace("_", " ")
    report.table(shown, caption=ROWS)


def set_aside(quarantine: pd.DataFrame) -> None:
    """Emit why rows and values were not used."""
    if quarantine.empty:
        report.text("Nothing was set aside.")
        return
    counts = quarantine.groupby(["file", "rule"], sort=False).agg(entries=("row", "size"), remedy=("fix", "first"))
    few = counts["entries"] < disclosure.THRESHOLD
    counts["entries"] = counts["entries"].astype(object).mask(few, f"fewer than {disclosure.THRESHOLD}")
    counts["remedy"] = counts["remedy"].str.replace(r"`([^`]*)`", r"“\1”", regex=True)
    report.table(counts.reset_index(), caption="Rows and values that were not used, by reason")


def response(store: Store, rule: disclosure.Rule) -> None:
    """Emit how many people were left at each step, wave by wave, for the cohort as a whole."""
    people = respondent_flow(store.table("response"))
    table = disclosure.protect_flow(people, rule=rule).rename(columns={"invited": "staff in post"})
    asked = table["staff in post"].notna().all()
    if asked:
        rates = (100 * people["kept"] / people["invited"]).astype(float)
        table["response (%)"] = rates.where(table["kept"].notna())
    counts = [name for name in table if name != "response (%)"]
    table[counts] = table[counts].astype(object).where(table[counts].notna(), disclosure.suppressed(rule.threshold))
    report.table(
        table if asked else table.drop(columns="staff in post"),
        caption="People at each step, by wave, to the nearest 5; linked means: to another wave",
        formats={"response (%)": ".0f"} if asked else None,
    )
