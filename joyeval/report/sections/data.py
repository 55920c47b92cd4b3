"""The data: what was read, kept and left out, and who answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from joyeval import report

if TYPE_CHECKING:
    from joyeval.store import Store

STEPS = ("invited", "read", "kept", "scored", "linked")


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
    shown = table.rename(columns={"wave": "source", "n_in": "rows in", "n_out": "rows out"})
    report.table(shown, caption="Rows at each step, from the raw files to the tables that the analyses read")


def set_aside(quarantine: pd.DataFrame) -> None:
    """Emit why rows and values were not used."""
    if quarantine.empty:
        report.text("Nothing was set aside.")
        return
    counts = quarantine.groupby(["file", "rule"], sort=False).agg(entries=("row", "size"), remedy=("fix", "first"))
    report.table(counts.reset_index(), caption="Rows and values that were not used, by reason")


def response(store: Store) -> None:
    """Emit how many people were left at each step, wave by wave, for the cohort as a whole."""
    flow = store.table("flow")
    waves = list(dict.fromkeys(store.table("response")["wave"]))
    steps = flow[flow["wave"].isin(waves) & flow["step"].isin(STEPS)]
    asked = steps[steps["step"] == "invited"].set_index("wave")["n_in"]
    left = steps[steps["step"] != "invited"].pivot(index="wave", columns="step", values="n_out")
    table = left.reindex(index=waves, columns=STEPS[1:]).rename(columns={"read": "opened"}).astype("Int64")
    if len(asked):
        table.insert(0, "staff in post", asked)
        table["response (%)"] = (100 * table["kept"] / table["staff in post"]).astype(float)
    report.table(
        table.rename_axis("wave"),
        caption="People at each step, by wave; linked means: to another wave",
        formats={"response (%)": ".0f"} if len(asked) else None,
    )
