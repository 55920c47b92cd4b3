"""What a run says last: which rows of the surveys were lost, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from joyeval.store import Store

SURVEY = "response"  # the table that names the survey waves


def closing_note(store: Store) -> list[str]:
    """Return one sentence per survey wave: rows read, kept, and what became of the others; and values set aside.

    Parameters
    ----------
    store : Store
        Of a cohort whose raw files have been read; one without surveys has nothing to say.
    """
    if SURVEY not in store.tables():
        return []
    flow, aside = store.table("flow"), store.table("quarantine")
    waves = dict.fromkeys(store.table(SURVEY)["wave"])
    said = [_wave(flow[flow["wave"] == wave], wave) for wave in waves]
    files = set(store.table("gaps")["file"])
    return [*said, *_values(aside[aside["file"].isin(files) & aside["column"].notna()])]


def _wave(flow: pd.DataFrame, wave: str) -> str:
    read, kept = flow[flow["step"] == "read"], flow[flow["step"].isin(["read", "started", "kept"])]
    lost = kept[kept["n_in"] > kept["n_out"]]
    last = int(flow[flow["step"] == "scored"]["n_in"].sum())
    left = "; ".join(f"{row.reason}: {row.n_in - row.n_out}" for row in lost.itertuples())
    return f"wave {wave}: {int(read['n_in'].sum())} rows read, {last} kept" + (f"; left out: {left}" if left else "")


def _values(aside: pd.DataFrame) -> Iterator[str]:
    """Rejected values of rows that stay."""
    told = aside[aside["value_hash"].fillna("").ne("")]
    for rule, rows in told.groupby("rule", sort=False):
        yield f"single answers set aside, their rows kept: {rule}: {len(rows)}"
