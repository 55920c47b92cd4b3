"""Each question about a scale, asked by itself: what cannot be answered stays missing, and a note says why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from joyeval.errors import ModelError, and_others
from joyeval.measurement.aggregation import aggregation
from joyeval.measurement.invariance import Invariance, invariance
from joyeval.measurement.omega import omega
from joyeval.measurement.raters import retest
from joyeval.measurement.reliability import alpha
from joyeval.measurement.reliable_change import reliable_change
from joyeval.measurement.structure import factor
from joyeval.measurement.team_means import TeamMeans, team_means
from joyeval.models.structural import best

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

ENDS = {"": "estimate", "_low": "ci_low", "_high": "ci_high"}
AGGREGATION = ["icc1", "icc1_low", "icc1_high", "icc2", "icc2_low", "icc2_high", "size_needed", "rwg", "random_rwg"]
NUMBERS = ["alpha", "alpha_low", "alpha_high", "omega", "omega_low", "omega_high", "sem", "mdc", "cfi", "rmsea"]
NUMBERS += [*AGGREGATION, "retest", "retest_low", "retest_high", "linked", "improved", "deteriorated"]
WORDS = ["fit", "teams", "teams_why", "waves", "waves_ordered", "waves_doubt", "released"]
PERMUTATIONS = 1000
FEWEST_LINKED = 30  # people in both waves below which waves are taken as different people
COMPARABLE = ("scalar", "strict")
BEAR_ON_MEANS = ("configural", "metric", "scalar")


@dataclass(frozen=True, eq=False)
class Subject:
    """One scale and everything that is known about it.

    Parameters
    ----------
    scale, title : str
    wave : DataFrame
        One row per respondent and wave: the items, the score under the name of the scale, group, by, person.
    items : list of str
    group, by, person : str or None
        Columns.
    options, step : number
        Answer options and their distance.
    unit : float
        Points of the score for one point of the mean of the items.
    better : {"higher", "lower"}
    """

    scale: str
    title: str
    wave: pd.DataFrame
    items: list[str]
    group: str | None
    by: str | None
    person: str | None
    options: int
    step: float
    unit: float
    better: str

    @property
    def ends(self) -> tuple[Any, Any]:
        """The first and the last wave."""
        levels = self.wave[self.by].dropna().sort_values()
        return levels.iloc[0], levels.iloc[-1]

    @property
    def waves(self) -> int:
        """How many waves there are; 1 where nobody said."""
        return 1 if self.by is None else int(self.wave[self.by].nunique())

    def of(self, level: Any) -> pd.DataFrame:
        """Return the rows of one wave."""
        return self.wave[self.wave[self.by] == level]

    @property
    def linked(self) -> int:
        """How many people answered the first and the last wave."""
        if self.person is None or self.waves < 2:
            return 0
        first, last = (set(self.of(level)[self.person].dropna()) for level in self.ends)
        return len(first & last)

    @property
    def first(self) -> pd.DataFrame:
        """The first wave: there no person counts twice."""
        return self.wave if self.by is None else self.of(self.ends[0])

    def scores(self, level: Any) -> pd.Series:
        """Scores of one wave by person; of people who answered twice in it, none."""
        rows = self.of(level).dropna(subset=[self.person, self.scale])
        return rows.drop_duplicates(self.person, keep=False).set_index(self.person)[self.scale]


@dataclass(eq=False)
class Evidence:
    """What was found about one scale, question by question.

    Parameters
    ----------
    row : dict
        `NUMBERS` and `WORDS`.
    items, steps : list of DataFrame
        Item statistics; steps of invariance.
    teams : TeamMeans or None
    notes : list of str
    """

    row: dict[str, Any]
    items: list[pd.DataFrame] = field(default_factory=list)
    steps: list[pd.DataFrame] = field(default_factory=list)
    teams: TeamMeans | None = None
    notes: list[str] = field(default_factory=list)


def examine(subject: Subject) -> Evidence:
    """Ask every question that the data allow."""
    row: dict[str, Any] = {"scale": subject.scale, "title": subject.title}
    row |= {"n": int(subject.first[subject.items].notna().all(axis=1).sum()), "items": len(subject.items)}
    found = Evidence(row=row | dict.fromkeys(NUMBERS, np.nan) | dict.fromkeys(WORDS, ""))
    for question in (_consistency, _common_factor, _teams, _waves, _people):
        question(subject, found)
    return found


def _asked(found: Evidence, ask: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Return the answer, or None with a note."""
    try:
        return ask(*args, **options)
    except ModelError as error:
        found.notes.append(str(error).partition("; the data do not tell apart")[0])  # parameters are no reader's words
        return None


def _consistency(subject: Subject, found: Evidence) -> None:
    """Alpha with what it means for one person, and omega."""
    items = subject.first[subject.items]
    answer = _asked(found, alpha, items, scale=subject.title)
    if answer is not None:
        terms = answer.tidy().set_index("term")
        found.row.update({f"alpha{end}": float(terms.loc["alpha", key]) for end, key in ENDS.items()})
        found.row.update({term: float(terms.loc[term, "estimate"]) * subject.unit for term in ("sem", "mdc")})
        found.items.append(answer.items.assign(scale=subject.scale))
        found.notes.extend(answer.notes)
    answer = _asked(found, omega, items, scale=subject.title) if len(subject.items) > 1 else None
    if answer is not None:
        found.row.update({f"omega{end}": float(answer.tidy()[key].iloc[0]) for end, key in ENDS.items()})
        found.notes.extend(answer.notes)


def _common_factor(subject: Subject, found: Evidence) -> None:
    """Fit of one factor; three items fit any data, fewer have no model."""
    if len(subject.items) < 4:
        return
    answer = _asked(found, factor, subject.first[subject.items], scale=subject.title)
    if answer is not None:
        fit = answer.sem.fit
        found.row.update(cfi=best(fit, "cfi"), rmsea=best(fit, "rmsea"), fit=answer.sem.quality)


def _teams(subject: Subject, found: Evidence) -> None:
    """Whether the mean of a team stands for the team, and the means that allow for chance."""
    if subject.group is None:
        return
    first, scale, items = subject.first, subject.scale, {subject.scale: subject.items}
    known = {"options": subject.options, "step": subject.step, "permutations": PERMUTATIONS}
    answer = _asked(found, aggregation, first, items, group=subject.group, **known)
    if answer is not None:
        row = answer.scales.iloc[0]
        found.row.update({name: float(row[name]) for name in AGGREGATION})
        found.row.update(teams=row["verdict"], teams_why=row["reason"])
    found.teams = _asked(found, team_means, first[scale], first[subject.group], scale=subject.title)


def _waves(subject: Subject, found: Evidence) -> None:
    """Whether the scale means the same in the first and the last wave: answers as numbers, and as ordered options."""
    if subject.waves < 2 or len(subject.items) < 3:
        return
    rows = subject.wave[subject.wave[subject.by].isin(subject.ends)]
    ends = rows[subject.by]
    items = rows[subject.items]
    person = rows[subject.person] if subject.linked >= FEWEST_LINKED else None
    answer = _asked(found, invariance, items, ends, person=person, scale=subject.title)
    if answer is not None:
        found.row.update(waves=answer.reached or "none", released=_released(answer))
        found.row.update(waves_doubt=" and ".join(step for step in answer.doubtful if step in BEAR_ON_MEANS))
        found.steps.append(answer.steps.assign(scale=subject.scale, answers="numbers"))
    ordered = _asked(found, invariance, items, ends, scale=subject.title, estimator="WLSMV")
    if ordered is not None:
        found.row.update(waves_ordered=ordered.reached or "none")
        found.steps.append(ordered.steps.assign(scale=subject.scale, answers="ordered options"))


def _released(answer: Invariance) -> str:
    if answer.reached is None:
        return ""
    return str(answer.steps.loc[answer.steps["step"] == answer.reached, "released"].iloc[0])


def _people(subject: Subject, found: Evidence) -> None:
    """Agreement of a person's first two scores, and who changed beyond error from the first to the last wave."""
    if subject.person is None or subject.waves < 2:
        return
    if subject.linked < FEWEST_LINKED:
        found.notes.append(
            f"fewer than {FEWEST_LINKED} people answered the first and the last wave: no change of people"
        )
        return
    first, last = (subject.scores(level) for level in subject.ends)
    second = subject.scores(subject.wave[subject.by].dropna().sort_values().unique()[1])
    answer = _asked(found, retest, first, second)
    if answer is not None:
        single = answer.tidy().set_index("term").loc["ICC(2,1)"]
        found.row.update({f"retest{end}": float(single[key]) for end, key in ENDS.items()})
    reliability = found.row["alpha"]
    if not 0 <= reliability < 1:
        return
    change = _asked(found, reliable_change, first, last, reliability=reliability, better=subject.better)
    if change is not None:
        counts = change.tidy().set_index("term")["count"]
        found.row.update(linked=change.n, improved=int(counts["improved"]), deteriorated=int(counts["deteriorated"]))


def gathered(evidence: list[Evidence]) -> tuple[str, ...]:
    """Return each note once, with the scales that it is about."""
    about: dict[str, list[str]] = {}
    for one in evidence:
        for note in dict.fromkeys(one.notes):
            about.setdefault(note, []).append(one.row["title"])
    return tuple(
        note if len(titles) == len(evidence) or titles[0] in note else f"{note} ({and_others(titles)})"
        for note, titles in about.items()
    )
