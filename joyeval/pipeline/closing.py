"""What a run says last: which rows of surveys and coordination files were lost, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from joyeval.store import Store

SURVEY = "response"  # the table that names the survey waves
COORDINATION = "coordination "  # begins the sources of coordination files


def closing_note(store: Store) -> list[str]:
    """Return one sentence per survey wave: rows read, kept, and what became of the others; and values set aside.

    Parameters
    ----------
    store : Store
        Of a cohort whose raw files have been read; one without surveys has nothing to say.
    """
    if "flow" not in store.tables():
        return []
    flow, surveys = store.table("flow"), SURVEY in store.tables()
    waves = {wave: f"wave {wave}" for wave in store.table(SURVEY)["wave"]} if surveys else {}
    waves |= {source: source for source in flow["wave"] if source.startswith(COORDINATION)}
    said = [_wave(flow[flow["wave"] == wave], name) for wave, name in waves.items()]
    return [*said, *(_values(store) if surveys else [])]


def _wave(flow: pd.DataFrame, name: str) -> str:
    read, steps = flow[flow["step"] == "read"], flow[flow["step"].isin(["read", "started", "kept"])]
    lost = steps[steps["n_in"] > steps["n_out"]]
    n, gone = int(read["n_in"].sum()), int((lost["n_in"] - lost["n_out"]).sum())
    left = "; ".join(f"{row.reason}: {row.n_in - row.n_out}" for row in lost.itertuples())
    return f"{name}: {n} rows read, {n - gone} kept" + (f"; left out: {left}" if left else "")


def _values(store: Store) -> Iterator[str]:
    """Rejected values of rows that stay."""
    aside, files = store.table("quarantine"), set(store.table("gaps")["file"])
    told = aside[aside["file"].isin(files) & aside["column"].notna() & aside["value_hash"].fillna("").ne("")]
    for rule, rows in told.groupby("rule", sort=False):
        yield f"single answers set aside, their rows kept: {rule}: {len(rows)}"
