"""The survey waves of a study: scales in words, the scores of a respondent side by side, whether to trust them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from joyeval.errors import ModelError
from joyeval.instruments import keyed, load
from joyeval.measurement.equity import equity
from joyeval.measurement.nonresponse import nonresponse
from joyeval.measurement.page import Page, page
from joyeval.measurement.reliability import alpha
from joyeval.measurement.scores import score_change
from joyeval.result import Result, answered
from joyeval.wave_order import in_order, wave_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.instruments.model import Instrument
    from joyeval.measurement.equity import Equity
    from joyeval.store import Store
    from joyeval.study import Study

WHO = ["person", "cohort", "team", "role", "wave"]


ALPHAS = ["scale", "title", "wave", "estimate", "ci_low", "ci_high", "n"]


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
        if self.table.empty:
            return "Alpha could not be estimated: no scale has several items that enough people answered."
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


def every_instrument(study: Study) -> list[Instrument]:
    """Return the instruments of all cohorts, each once."""
    return list({one.id: one for part in study.cohorts for one in instruments(study, part.cohort)}.values())


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
    days = pd.concat([table[["wave", "date"]] for table in tables])
    joined["wave"] = pd.Categorical(joined["wave"], wave_order(days, _of_study(store, days)), ordered=True)
    placed = joined.assign(when=joined["wave"].map(days.groupby("wave")["date"].median()).astype("datetime64[us]"))
    return placed.sort_values(["wave", "person"], ignore_index=True)


def _of_study(store: Store, answers: pd.DataFrame) -> list[str] | None:
    """Return the waves in the order of the study file, where the store knows it."""
    if "response" not in store.tables():
        return None
    answered = set(answers["wave"])
    return [wave for wave in dict.fromkeys(store.table("response")["wave"]) if wave in answered]


def change(study: Study, cohort: str, store: Store) -> Result:
    """Estimate how the scores of a cohort changed over its waves."""
    ends = {name: span for one in instruments(study, cohort) for name, span in one.ranges.items()}
    titles = scales(study, cohort)
    return answered("whether staff experience changed", score_change, respondents(store), titles, ranges=ends)


def by_group(study: Study, cohort: str, store: Store) -> Result | None:
    """Compare the groups that the study file names on the scores it names; None where it names none."""
    if study.equity is None:
        return None
    titles = {name: title for name, (title, _) in scales(study, cohort).items() if name in study.equity.scales}
    return answered("whether groups of staff differ", _by_group, study, store, titles)


def _by_group(study: Study, store: Store, titles: dict[str, str]) -> Equity:
    joined = with_groups(study.equity.by, store)
    return equity(joined, by=[name for name in study.equity.by if name in joined], scales=titles)


def with_groups(named: Sequence[str], store: Store) -> pd.DataFrame:
    """Return one row per respondent and wave with all scores and the groups that a person or the team belongs to."""
    answers = respondents(store)
    own = pd.concat([store.table(name) for name in store.tables() if name.startswith("wave_")])
    own = own[["person", "wave", *(name for name in named if name in own)]].drop_duplicates(["person", "wave"])
    of_teams = store.table("teams").set_index("team")
    answers = answers.drop(columns=[name for name in own if name in named and name in answers])
    joined = answers.merge(own.astype({"wave": answers["wave"].dtype}), on=["person", "wave"], how="left")
    for name in named:
        if name not in joined and name in of_teams:
            joined[name] = joined["team"].map(of_teams[name])
    return joined


def reliability(study: Study, cohort: str, store: Store) -> Reliability:
    """Estimate the reliability of every scale of several items, wave by wave."""
    rows, notes, n = [], [], 0
    for instrument in instruments(study, cohort):
        wave = store.table(f"wave_{instrument.id}")
        n = max(n, int((wave["wave"] == wave["wave"].iloc[0]).sum()))
        for name, scale in instrument.scales.items():
            if len(scale.items) > 1:
                rows += _alphas(wave, instrument, name, scale.title, notes)
    return Reliability(n=n, notes=tuple(notes), table=pd.DataFrame(rows, columns=ALPHAS))


def _alphas(wave: pd.DataFrame, instrument: Instrument, name: str, title: str, notes: list[str]) -> list[dict]:
    rows = []
    for label, here in wave.groupby("wave", sort=False):
        items = keyed(here, instrument, name).dropna(axis="columns", how="all")
        try:
            found = alpha(items, scale=title, interval="jackknife")
        except ModelError as error:
            notes.append(f"{title}, {label}: {error}")
            continue
        row = found.tidy().iloc[0]
        bounds = {key: float(row[key]) for key in ("estimate", "ci_low", "ci_high")}
        rows.append({"scale": name, "title": title, "wave": label, **bounds, "n": found.n})
    return rows


def pages(study: Study, cohort: str, store: Store) -> dict[str, Page]:
    """Ask of every questionnaire what its numbers may be used for: one page each, by the name of the instrument."""
    found = {}
    for instrument in instruments(study, cohort):
        wave, items = _answers(store, instrument)
        if items:
            spans = {name: _options(instrument, name) for name in items}
            found[instrument.id] = page(
                wave,
                items,
                title=instrument.title,
                titles=_titles(instrument),
                labels={name: item.topic for name, item in instrument.items.items()},
                person="person",
                options={name: span[0] for name, span in spans.items()},
                step={name: span[1] for name, span in spans.items()},
                unit=_units(instrument),
                better={name: instrument.scales[name].better for name in items},
            )
    return found


def missing(study: Study, cohort: str, store: Store) -> dict[str, Result]:
    """Ask of every questionnaire what people and answers that are missing could do to its changes."""
    roster = store.table("teams")
    margins = _margins(roster)
    found = {}
    for instrument in instruments(study, cohort):
        wave, items = _answers(store, instrument)
        if items:
            found[instrument.id] = answered(
                f"whether non-response matters to {instrument.title}",
                nonresponse,
                wave.merge(roster[["team", *margins]], on="team", how="left"),
                items,
                roster=roster if roster["headcount"].notna().any() else None,
                margins=margins,
                title=instrument.title,
                titles=_titles(instrument),
                unit=_units(instrument),
            )
    return found


def _answers(store: Store, instrument: Instrument) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Return scores and keyed items of a questionnaire, waves in order of time, and the items of each scale of several.

    An item that two scales key differently enters each under a name of its own.
    """
    wave = store.table(f"wave_{instrument.id}").reset_index(drop=True)
    columns = [wave[WHO].assign(wave=in_order(wave, _of_study(store, wave)))]
    items: dict[str, list[str]] = {}
    seen: dict[str, pd.Series] = {}
    for name, scale in instrument.scales.items():
        if len(scale.items) > 1:
            values = keyed(wave, instrument, name).dropna(axis="columns", how="all")
            other = {
                item: f"{item} ({name})" for item in values if item in seen and not seen[item].equals(values[item])
            }
            values = values.rename(columns=other)
            items[name] = list(values)
            columns.append(wave[name])
            seen |= {item: values[item] for item in values}
    return pd.concat([*columns, pd.DataFrame(seen)], axis=1), {name: own for name, own in items.items() if own}


def _titles(instrument: Instrument) -> dict[str, str]:
    return {name: scale.title for name, scale in instrument.scales.items()}


def _units(instrument: Instrument) -> dict[str, float]:
    """Return how many points of a score one point of the mean of its items is."""
    return {
        name: scale.multiply * (len(scale.items) if scale.score == "sum" else 1)
        for name, scale in instrument.scales.items()
    }


def _options(instrument: Instrument, name: str) -> tuple[int, float]:
    """Return how many answer options the items of a scale have, and how far apart they are in the score."""
    low, high = instrument.responses[instrument.items[instrument.scales[name].items[0]].responses].codes
    values = sorted(set(instrument.values_of(instrument.scales[name].items[0], instrument.scales[name]).values()))
    return high - low + 1, (values[-1] - values[0]) / (high - low)


def _margins(roster: pd.DataFrame) -> list[str]:
    """Return what teams differ in; of two columns that say the same, the first."""
    found: dict[tuple[int, ...], str] = {}
    for name in ("organisation", "directorate", "setting"):
        codes, labels = pd.factorize(roster[name])
        if len(labels) > 1 and (codes >= 0).all():
            found.setdefault(tuple(codes), name)
    return list(found.values())
