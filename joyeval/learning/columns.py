"""What a table of records must have before anything is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joyeval.errors import no_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd


def need(table: pd.DataFrame, names: Sequence[str], what: str) -> None:
    """Refuse a table that lacks columns, naming those it has; `what` says which call and which table."""
    if missing := [name for name in names if name not in table]:
        raise no_column(missing, table, what)
