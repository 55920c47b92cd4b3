"""How many gave each answer to each item, wave by wave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from joyeval.instruments.model import Instrument


def answer_counts(wave: pd.DataFrame, instrument: Instrument, vocabulary: str) -> pd.DataFrame:
    """Count the answers to the items that share one set of options.

    Parameters
    ----------
    wave : DataFrame
        Table of the instrument: wave, and one column of codes per item.
    vocabulary : str
        Name of the options (`instrument.responses`); answers that are not scored are left out.

    Returns
    -------
    DataFrame
        Index wave, item (what it is about); one column per option, lowest code first, named by its words.
    """
    responses = instrument.responses[vocabulary]
    words = {code: responses.labels.get(code, str(code)) for code in responses.scored}
    items = [name for name, item in instrument.items.items() if item.responses == vocabulary and name in wave]
    rows = {
        (label, instrument.items[name].topic): group[name].value_counts().reindex(list(words), fill_value=0)
        for label, group in wave.groupby("wave", sort=False)
        for name in items
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(words)).rename(columns=words)
    table.index = pd.MultiIndex.from_tuples(rows, names=["wave", "item"])
    return table.astype(int)
