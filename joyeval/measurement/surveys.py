"""The survey waves of a study: scales in words, the scores of a respondent side by side, whether to trust them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from joyeval.errors import ModelError
from joyeval.instruments import keyed, load
from joyeval.measurement.aggregation import Aggregation, aggregation
from joyeval.measurement.equity import equity
from joyeval.measurement.reliability import alpha
from joyeval.measurement.scores import score_change
from joyeval.result import Result, answered

if TYPE_CHECKING:
    from joyeval.instruments.model import Instrument
    from joyeval.measurement.equity import Equity
    from joyeval.store import Store
    from joyeval.study import Study

WHO = ["person", "cohort", "team", "role", "wave"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Reliability(Result):
    """Cronbach's alpha of every scale in every wave; `n` counts the respondents of the first wave.

    Parameters
    ----------
    table : DataFrame
        scale, title, wave, estimate, ci_low, ci_high, n.
    """

    table: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return one row per scale and wave."""
        return self.table.assign(term=self.table["title"] + ", " + self.table["wave"])

    def sentence(self) -> str:
        """Say which scales are reliable enough to compare groups."""
        low = self.table[self.table["estimate"] < 0.7]
        count = self.table["scale"].nunique()
        if low.empty:
            return f"All {count} scales have an alpha of 0.70 or more in every wave: groups can be compared on them."
        named = ", ".join(dict.fromkeys(low["title"]))
        return f"Of {count} scales, alpha lies below 0.70 in some wave for: {named}. Compare groups on these with care."


def instruments(study: Study, cohort: str) -> list[Instrument]:
    """Return the instruments that a cohort's waves used, each once."""
    named = [name for wave in study.of_cohort("waves", cohort) for name in wave.instruments]
    own = {name: study.path.parent / name for name in named if name.endswith(".yml")}
    return [load(own.get(name, name)) for name in dict.fromkeys(named)]


def scales(study: Study, cohort: str) -> dict[str, tuple[str, str]]:
    """Return every scale of a cohort's waves with its title and which way is better."""
    return {
        name: (scale.title, scale.better)
        for instrument in instruments(study, cohort)
        for name, scale in instrument.scales.items()
    }


def respondents(store: Store) -> pd.DataFrame:
    """Return one row per respondent and wave with all scores, waves in order of time."""
    tables = [store.table(name) for name in store.tables() if name.startswith("wave_")]
    scored = [table.set_index(WHO).filter(regex=".").select_dtypes("number") for table in tables]
    joined = pd.concat(scored, axis=1).reset_index()
    dates = pd.concat([table[["wave", "date"]] for table in tables]).groupby("wave")["date"].median()
    return joined.assign(when=joined["wave"].map(dates)).sort_values(["when", "person"], ignore_index=True)


def change(study: Study, cohort: str, store: Store) -> Result:
    """Estimate how the scores of a cohort changed over its waves."""
    return answered("whether staff experience changed", score_change, respondents(store), scales(study, cohort))


def by_group(study: Study, cohort: str, store: Store) -> Result | None:
    """Compare the groups that the study file names on the scores it names; None where it names none."""
    if study.equity is None:
        return None
    titles = {name: title for name, (title, _) in scales(study, cohort).items() if name in study.equity.scales}
    return answered("whether groups of staff differ", _by_group, study, store, titles)


def _by_group(study: Study, store: Store, titles: dict[str, str]) -> Equity:
    named, answers = study.equity.by, respondents(store)
    own = pd.concat([store.table(name) for name in store.tables() if name.startswith("wave_")])
    own = own[["person", "wave", *(name for name in named if name in own)]].drop_duplicates(["person", "wave"])
    of_teams = store.table("teams").set_index("team")
    answers = answers.drop(columns=[name for name in own if name in named and name in answers])
    joined = answers.merge(own, on=["person", "wave"], how="left")
    for name in named:
        if name not in joined and name in of_teams:
            joined[name] = joined["team"].map(of_teams[name])
    return equity(joined, by=[name for name in named if name in joined], scales=titles)


def reliability(study: Study, cohort: str, store: Store) -> Reliability:
    """Estimate the reliability of every scale of several items, wave by wave."""
    rows, notes, n = [], [], 0
    for instrument in instruments(study, cohort):
        wave = store.table(f"wave_{instrument.id}")
        n = max(n, int((wave["wave"] == wave["wave"].iloc[0]).sum()))
        for name, scale in instrument.scales.items():
            if len(scale.items) > 1:
                rows += _alphas(wave, instrument, name, scale.title, notes)
    return Reliability(n=n, notes=tuple(notes), table=pd.DataFrame(rows))


def _alphas(wave: pd.DataFrame, instrument: Instrument, name: str, title: str, notes: list[str]) -> list[dict]:
    rows = []
    for label, here in wave.groupby("wave", sort=False):
        items = keyed(here, instrument, name).dropna(axis="columns", how="all")
        try:
            found = alpha(items, scale=title)
        except ModelError as error:
            notes.append(f"{title}, {label}: {error}")
            continue
        row = found.tidy().iloc[0]
        bounds = {key: float(row[key]) for key in ("estimate", "ci_low", "ci_high")}
        rows.append({"scale": name, "title": title, "wave": label, **bounds, "n": found.n})
    return rows


def team_means(study: Study, cohort: str, store: Store) -> Aggregation:
    """Say of every scale whether the mean of a team may stand for the team, in the first wave."""
    table, items, options, step = respondents(store), {}, {}, {}
    for instrument in instruments(study, cohort):
        wave = store.table(f"wave_{instrument.id}").set_index(WHO)
        for name, scale in instrument.scales.items():
            if len(scale.items) > 1:
                values = keyed(wave, instrument, name)
                table = table.drop(columns=list(values), errors="ignore").merge(
                    values.reset_index(), on=WHO, how="left"
                )
                low, high = instrument.responses[instrument.items[scale.items[0]].responses].codes
                span = instrument.ranges[name][1] - instrument.ranges[name][0]
                items[name], options[name], step[name] = list(values), high - low + 1, span / (high - low)
    first = table[table["wave"] == table["wave"].iloc[0]]
    return aggregation(first, items, options=options, step=step)
