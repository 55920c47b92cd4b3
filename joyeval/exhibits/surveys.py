"""Surveys: who answered, what was answered, scores over waves, means of teams, how items go together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from joyeval import figures
from joyeval.exhibits.exhibit import ESTIMATE, MANY, Exhibit
from joyeval.intake.response import STEPS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joyeval.disclosure import Said, Shown
    from joyeval.measurement.components import Components
    from joyeval.measurement.page import Page
    from joyeval.measurement.scores import ScoreChange
    from joyeval.measurement.team_means import TeamMeans

FLOW = (
    "People at each step of the survey waves, to the nearest 5; invited are staff in post, linked answered another "
    "wave too"
)
PANELS = "Small panels, one per score: mean with its 95 % interval, wave by wave, on the range that the score can take."
FOREST = "Forest plot: change of each score from the first to the last wave, in standard deviations."
COMPONENTS = "Heat map: nine components of joy in work (rows) by wave (columns), 0 worst to 100 best possible."


def respondents(flow: Shown) -> Exhibit:
    """Return how many people reached each step of a survey, wave by wave."""
    return Exhibit(
        "respondents",
        figures.respondents(flow),
        flow.say(lambda flow: f"Bars, one panel per survey wave: people at each step. {'; '.join(_told(flow))}."),
        FLOW,
        flow.pipe(lambda flow: flow.rename_axis("wave")),
        beside={},
    )


def _told(flow: pd.DataFrame) -> list[str]:
    """Each wave in words."""
    steps = {wave: [f"{row[s]} {s}" for s in STEPS if pd.notna(row[s])] for wave, row in flow.iterrows()}
    return [f"{wave}: {', '.join(words)}" for wave, words in steps.items()]


def answers(shares: Shown, title: str, name: str) -> Exhibit | None:
    """Return how the answers to each item are spread in the first and the last wave; none where none may be shown.

    Parameters
    ----------
    shares : Shown
        wave and item x answer.
    title, name : str
        Of the questionnaire, and of it and its kind of answers.
    """
    if not shares.what.notna().any(axis=None):
        return None
    waves = list(dict.fromkeys(shares.what.index.get_level_values("wave")))
    ends = list(dict.fromkeys([waves[0], waves[-1]]))
    shown = shares.pipe(lambda table: {wave: table.loc[wave] for wave in ends})
    return Exhibit(
        f"answers_{name}",
        figures.likert(shown, options=list(shares.what.columns)),
        shares.say(_spread, title, ends),
        f"{title}: answers given, from counts rounded to the nearest 5, not reversed",
        shown.pipe(lambda parts: pd.concat(parts, names=["wave", "item"]).reset_index()),
        beside={"formats": dict.fromkeys(shares.what.columns, ".0%")},
    )


def _spread(shares: pd.DataFrame, title: str, ends: list[str]) -> str:
    items = ", ".join(shares.index.get_level_values("item").unique()[:3])
    waves = f"{'wave' if len(ends) == 1 else 'waves'} {' and '.join(ends)}"
    return f"Diverging bars: share of each answer to {title}, items such as {items}, in the {waves}."


def scores_over_waves(means: Shown, change: Shown, *, better: Mapping[str, str], ranges: Shown) -> Exhibit:
    """Return mean scores by wave, each on the whole range that it can take.

    Parameters
    ----------
    better : mapping
        Score to the way that is better, also of those whose change may not be shown.
    """
    return Exhibit(
        "scores_over_waves",
        figures.scores_over_waves(means, titles=change.what.titles, better=better, ranges=ranges),
        _in_words(change, PANELS),
        "Mean scores by wave with 95 % intervals that allow for teams",
        means,
    )


def _in_words(change: Shown, start: str) -> Said:
    """Describe a picture of scores: what it is, and what the scores show."""
    return change.say(_begun_with, start)


def _begun_with(change: ScoreChange, start: str) -> str:
    return f"{start} {change.sentence()}" if len(change.changes) else start


def score_changes(rows: Shown, change: Shown) -> Exhibit:
    """Return the change of each score in standard deviations, by estimator.

    Parameters
    ----------
    rows : Shown
        Estimator in words -> `term` with its estimate and interval.
    change : Shown
        The result that they are of.
    """
    return Exhibit(
        "score_changes",
        figures.coefficients(rows, xlabel="change in standard deviations of the first wave"),
        _in_words(change, FOREST),
        "Change of each score in standard deviations of the first wave, with 95 % intervals that hold for all scores "
        "together: from everyone, from people linked over both waves, and from people who answered one of them",
        rows.pipe(_under_each_other),
    )


def _under_each_other(parts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    if not parts:
        return pd.DataFrame(columns=["from", "term", *ESTIMATE])
    return pd.concat(parts, names=["from", None])[["term", *ESTIMATE]].reset_index("from")


def components(table: Shown, found: Shown) -> Exhibit:
    """Return the nine components of joy in work, wave by wave, as a heat map."""
    return Exhibit(
        "components",
        figures.component_map(table),
        found.say(_all_nine),
        "Components of joy in work (IHI 2017) from the scales that inform them, 100 the best they allow",
        table,
    )


def _all_nine(found: Components) -> str:
    return f"{COMPONENTS} {found.sentence()}"


def team_means(means: Shown, title: str, scale: str, teams: int) -> Exhibit:
    """Return the means of teams, chance allowed for; of many the furthest from the mean; none in order of their means.

    Parameters
    ----------
    teams : int
        How many there are, those of too few people too.
    """
    enough = len(means.what.teams)
    drawn = means.pipe(_furthest) if enough > MANY else means
    drawn = replace(drawn, mask=drawn.mask[:0])
    which = f"{enough} of {teams} teams with enough people"
    which = f"the {MANY} teams furthest from the mean, of {which}" if enough > MANY else which
    return Exhibit(
        f"means_{scale}",
        figures.caterpillar(drawn, xlabel=title),
        means.say(lambda means: f"Means of teams with 95 % intervals, by name. {means.sentence()}"),
        f"{title}: means of {which}, chance allowed for; not a ranking",
        drawn.pipe(lambda means: means.teams[[means.group, "n", "observed", *ESTIMATE]]),
    )


def _furthest(means: TeamMeans) -> TeamMeans:
    """Keep the teams that are furthest from the mean, in the order of their names."""
    far = (means.teams["estimate"] - means.mean).abs().nlargest(MANY).index
    return replace(means, teams=means.teams[means.teams.index.isin(far)])


def items(page: Shown) -> Exhibit:
    """Return how each item of a questionnaire goes with the others of its scale, and how many things they measure."""
    one = page.what
    data = page.pipe(lambda page: page.items.merge(page.scales[["scale", "title"]], on="scale"))
    columns = ["title", "label", "r_drop", "alpha_if_dropped"]
    return Exhibit(
        f"items_{one.title}",
        figures.questionnaire(page),
        page.say(_weak_and_alike),
        f"{one.title}: how each item goes with the others of its scale"
        + (", and how many things the items measure together" if one.factors else ""),
        data.pipe(lambda rows: rows[columns].rename(columns={"title": "scale", "label": "item"})),
        beside={
            "formats": {"r_drop": ".2f", "alpha_if_dropped": ".2f"},
            "labels": {"r_drop": "Correlation with the others", "alpha_if_dropped": "Alpha without the item"},
        },
    )


def _weak_and_alike(page: Page) -> str:
    weak = int((page.items["r_drop"] < figures.WEAK_ITEM).sum())
    found = f" {weak} of {len(page.items)} items go with the others by less than {figures.WEAK_ITEM}."
    chance = f" Right, line: eigenvalues beside those of chance. {page.factors.sentence()}" if page.factors else ""
    return f"Left, bars: correlation of each item with the others of its scale, and alpha without it.{found}{chance}"
