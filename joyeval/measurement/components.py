"""The nine components of joy in work (IHI 2017), each from the scales that inform it, wave by wave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from joyeval.instruments import components
from joyeval.measurement.surveys import instruments, respondents
from joyeval.result import Result

if TYPE_CHECKING:
    from joyeval.instruments.model import Instrument
    from joyeval.store import Store
    from joyeval.study import Study

FEWEST = 11  # answers behind a scale's mean that enters a component


@dataclass(frozen=True, kw_only=True, eq=False)
class Components(Result):
    """Components of joy in work; `n` counts answers with a score.

    Parameters
    ----------
    table : DataFrame
        component, title, unverified, wave, estimate (0 to 100, 100 the best the scales allow), scales (how many
        inform it), n (answers behind the scale with fewest); a component that no scale informs has no estimate.
    """

    table: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return one row per component and wave."""
        return self.table.assign(term=self.table["title"] + ", " + self.table["wave"])

    def sentence(self) -> str:
        """Say which components are informed at all."""
        known = self.table.dropna(subset=["estimate"])
        named = self.table["title"].nunique()
        bare = [title for title in dict.fromkeys(self.table["title"]) if title not in set(known["title"])]
        if known.empty:
            return f"The questionnaires inform none of the {named} components of joy in work."
        said = f"The questionnaires inform {known['title'].nunique()} of the {named} components of joy in work"
        return f"{said}; none asks about: {', '.join(bare)}." if bare else f"{said}."


def component_scores(study: Study, cohort: str, store: Store) -> Components:
    """Average the scales that inform each component, each put on 0 to 100 with 100 the better end.

    Estimand: where on its possible range the mean answer lies; scales of one component count alike. This is a picture
    of what was measured, not a score with a validation of its own: which scale informs which component is our mapping.

    Returns
    -------
    Components

    References
    ----------
    Perlo, Balik, Swensen, Kabcenell, Landsman & Feeley (2017). IHI Framework for Improving Joy in Work.
    """
    answers, used = respondents(store), instruments(study, cohort)
    mapping = components()
    mine = mapping[mapping["instrument"].isin([one.id for one in used])]
    known = dict(iter(mine.groupby("title")))
    means = _means(answers, used)
    rows = [
        _component(component, wave, known.get(component.title), means)
        for component in mapping.drop_duplicates("component").itertuples()
        for wave in dict.fromkeys(answers["wave"])
    ]
    unsure = sorted(mapping.loc[mapping["unverified"], "title"].unique())
    notes = (
        "which scale informs which component is a mapping by the authors of joyeval, not one that was validated",
        f"names of components that were not confirmed in a source that could be read: {', '.join(unsure)}",
    )
    return Components(n=len(answers), n_dropped=0, notes=notes, table=pd.DataFrame(rows))


def _means(answers: pd.DataFrame, used: list[Instrument]) -> pd.DataFrame:
    """Mean of every scale and wave on 0 to 100, 100 the better end."""
    rows = []
    for instrument in used:
        for name, scale in instrument.scales.items():
            if name not in answers:
                continue
            low, high = instrument.ranges[name]
            share = 100 * (answers[name] - low) / (high - low)
            good = share if scale.better == "higher" else 100 - share
            by_wave = good.groupby(answers["wave"], sort=False).agg(["mean", "count"])
            rows += [(name, wave, row["mean"], int(row["count"])) for wave, row in by_wave.iterrows()]
    return pd.DataFrame(rows, columns=["scale", "wave", "mean", "n"]).set_index(["scale", "wave"])


def _component(component: tuple, wave: str, scales: pd.DataFrame | None, means: pd.DataFrame) -> dict:
    keys = [(scale, wave) for scale in ([] if scales is None else scales["scale"]) if (scale, wave) in means.index]
    here = means.loc[keys]
    here = here[here["n"] >= FEWEST]
    return {
        "component": component.component,
        "title": component.title,
        "unverified": bool(component.unverified),
        "wave": wave,
        "estimate": float(here["mean"].mean()) if len(here) else float("nan"),
        "scales": len(here),
        "n": int(here["n"].min()) if len(here) else 0,
    }
