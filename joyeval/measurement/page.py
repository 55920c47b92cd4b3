"""One page on a questionnaire: what its numbers may be used for, scale by scale."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError, and_others
from joyeval.measurement.exploratory import Exploratory, explore
from joyeval.measurement.groups import answers_of
from joyeval.measurement.questions import COMPARABLE, WORDS, Evidence, Subject, examine, gathered
from joyeval.measurement.team_means import TeamMeans  # noqa: TC001 (results name the classes they hold)
from joyeval.models.structural import FITS, MISFITS, UNCLEAR
from joyeval.result import ESTIMATE_COLUMNS, Result
from joyeval.wave_order import in_order

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GROUPS, ROUGH, PERSONS = 0.70, 0.60, 0.90  # alpha for groups, roughly for groups; its lower limit for one person


@dataclass(frozen=True, kw_only=True, eq=False)
class Page(Result):
    """What can be said of every scale of a questionnaire; `n` counts respondents, all waves together.

    Parameters
    ----------
    title : str
    waves : tuple of str
        The first and the last wave, where there are several.
    scales : DataFrame
        scale, title, n (complete responses of the first wave), items; alpha, omega with _low and _high; sem and mdc
        (standard error of one person's score and the smallest change beyond it, in points); cfi, rmsea, fit (of one
        factor: fits, does not fit, cannot be told); icc1, icc2 with _low and _high, size_needed, rwg (median) and
        random_rwg; retest with _low and _high (agreement of a person's first two scores); linked, improved,
        deteriorated (persons in both ends, and who changed beyond error); teams (may team means be used: yes, with
        care, no) and teams_why; waves (what was not contradicted in the first and the last wave: strict, scalar,
        metric, configural, or none) with released and waves_doubt (steps that the data cannot judge), and
        waves_ordered (the same of the answers as ordered options); verdict. Missing where a question was not asked or
        could not be answered; the notes say why.
    items : DataFrame
        scale, item, label, n, mean, sd, r_drop, alpha_if_dropped: of the first wave.
    steps : DataFrame
        scale, answers (numbers, ordered options), then the steps of `Invariance`.
    factors : Exploratory or None
        Of all items together.
    team_means : dict
        Scale to `TeamMeans`.
    """

    title: str
    waves: tuple[str, ...]
    scales: pd.DataFrame
    items: pd.DataFrame
    steps: pd.DataFrame
    factors: Exploratory | None
    team_means: dict[str, TeamMeans]

    def tidy(self) -> pd.DataFrame:
        """Return alpha and omega in the columns of an estimate."""
        parts = []
        for kind in ("alpha", "omega"):
            part = self.scales[["scale", kind, f"{kind}_low", f"{kind}_high", "n"]]
            part = part.set_axis(["scale", "estimate", "ci_low", "ci_high", "n"], axis=1)
            parts.append(part.assign(term=f"{kind} of " + part["scale"], se=np.nan, p=np.nan))
        return pd.concat(parts, ignore_index=True)[list(ESTIMATE_COLUMNS)].astype({"term": "str"})

    def sentence(self) -> str:
        """Say for which scales what may be done."""
        names = self.scales.set_index("title")
        reliable = names.index[names["alpha"] >= GROUPS]
        said = [f"{len(reliable)} of {len(names)} scales are reliable (alpha of {GROUPS:.2f} or more)"]
        if (names["teams"] != "").any():
            said.append(f"team means may be used for {_listed(names.index[names['teams'] == 'yes'])}")
        if (names["waves"] != "").any():
            said.append(f"means can be compared over waves for {_listed(names.index[names['waves'].isin(COMPARABLE)])}")
        return "; ".join(said) + "."


def _listed(names: pd.Index) -> str:
    return and_others(list(names)) if len(names) else "none of them"


def page(
    wave: pd.DataFrame,
    scales: Mapping[str, Sequence[str]],
    *,
    title: str = "the questionnaire",
    titles: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    group: str | None = "team",
    by: str | None = "wave",
    person: str | None = None,
    options: int | Mapping[str, int] = 5,
    step: float | Mapping[str, float] = 1.0,
    unit: Mapping[str, float] | None = None,
    better: Mapping[str, str] | None = None,
) -> Page:
    """Ask of every scale whether it is reliable, has one factor, means the same over waves, and tells teams apart.

    Reliability, structure and teams rest on the first wave, so that no person counts twice; whether the meaning stayed
    is asked of the first and the last wave, whose difference is the change that is reported.

    Parameters
    ----------
    wave : DataFrame
        One row per respondent and wave: keyed items, `group`, `by` (in the order of a column `date`, of an ordered
        categorical or of numbers), `person` and, where it was scored, a column named after the scale (else the mean of
        the answered items is used).
    scales : mapping
        Items of each scale.
    title, titles, labels : str, mapping, mapping
        The questionnaire, its scales and its items in words.
    group, by, person : str or None
        Columns of the team, the wave and the person; without them the question is not asked (without `person` waves are
        treated as different people).
    options, step : number or mapping
        Answer options and their distance, see `rwg`.
    unit : mapping
        Points of the score of a scale for one point of the mean of its items (3 for the sum of 3 items; default 1).
    better : mapping
        Scale to "higher" (the default) or "lower".

    Raises
    ------
    UsageError
        A column is not there, an item does not hold numbers, or waves have no order.
    ModelError
        No row has a wave.

    References
    ----------
    Nunnally & Bernstein (1994) Psychometric Theory, 3rd ed. (0.70 to compare groups, 0.90 for one person); for the
    rest, the functions that are asked.

    Examples
    --------
    >>> answers = pd.DataFrame({"q1": [1, 2, 3, 4, 5], "q2": [2, 2, 3, 5, 4], "q3": [1, 3, 3, 4, 5]})
    >>> page(answers, {"joy": ["q1", "q2", "q3"]}, group=None, by=None).sentence()
    '1 of 1 scales are reliable (alpha of 0.70 or more).'
    """
    asked = [column for column in (group, by, person) if column]
    absent = sorted({*asked, *(item for items in scales.values() for item in items)} - set(wave.columns))
    if absent:
        raise UsageError(f"page: found no column {and_others(absent)}; check group, by, person and the items")
    for name, items in scales.items():
        with contextlib.suppress(ModelError):  # a scale that nobody answered is told of in a note
            answers_of(wave[list(items)], what=f"page on {(titles or {}).get(name, name)}")
    if by and wave[by].isna().all():
        raise ModelError(f"page: none of {len(wave)} rows has a {by}; map the column or give by=None")
    wave = wave.assign(**{by: in_order(wave, wave=by)}) if by else wave
    subjects = [
        Subject(
            scale=name,
            title=(titles or {}).get(name, name),
            wave=wave if name in wave else wave.assign(**{name: wave[list(items)].mean(axis=1)}),
            items=list(items),
            group=group,
            by=by,
            person=person,
            options=options if isinstance(options, int) else options[name],
            step=step if isinstance(step, (int, float)) else step[name],
            unit=(unit or {}).get(name, 1.0),
            better=(better or {}).get(name, "higher"),
        )
        for name, items in scales.items()
    ]
    evidence = [examine(subject) for subject in subjects]
    return _page(subjects, evidence, len(wave), title, labels or {})


def _page(subjects: list[Subject], evidence: list[Evidence], n: int, title: str, labels: Mapping[str, str]) -> Page:
    ends = tuple(map(str, subjects[0].ends)) if subjects[0].waves > 1 else ()
    rows = pd.DataFrame([one.row | {"verdict": verdict(one.row, ends)} for one in evidence])
    words = dict.fromkeys(["scale", "title", *WORDS, "verdict"], "str")
    items = _stacked([table for one in evidence for table in one.items])
    if len(items):
        items.insert(2, "label", pd.Series([labels.get(item, item) for item in items["item"]], dtype="str"))
    return Page(
        n=n,
        notes=gathered(evidence),
        title=title,
        waves=ends,
        scales=rows.astype(words),
        items=items,
        steps=_stacked([table for one in evidence for table in one.steps]),
        factors=_together(subjects, title),
        team_means={one.row["scale"]: one.teams for one in evidence if one.teams is not None},
    )


def _stacked(tables: list[pd.DataFrame]) -> pd.DataFrame:
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"scale": pd.Series(dtype="str")})
    return table[["scale", *(name for name in table if name != "scale")]].astype({"scale": "str"})


def _together(subjects: list[Subject], title: str) -> Exploratory | None:
    """Explore the factors of all items of the first wave; nothing where there are too few items or answers."""
    columns = {item: subject.first[item] for subject in subjects for item in subject.items}
    try:
        return explore(pd.DataFrame(columns), scale=title) if len(columns) > 3 else None
    except ModelError:
        return None


def verdict(row: Mapping[str, object], ends: Sequence[str] = ()) -> str:
    """Say in one line what the numbers of a scale may be used for.

    Examples
    --------
    >>> verdict({"alpha": 0.84, "alpha_low": 0.8, "fit": "fits", "waves": "", "waves_ordered": "", "teams": ""})
    'reliable enough to compare groups, not to judge one person; its items measure one thing'
    """
    parts = [_said_of_reliability(row), _said_of_structure(row), _said_of_waves(row, ends)]
    parts.append(
        {
            "yes": "team means may be used",
            "with care": "team means may be used with care",
            "no": "team means should not be used",
        }.get(str(row["teams"]), "")
    )
    return "; ".join(part for part in parts if part)


def _said_of_reliability(row: Mapping[str, object]) -> str:
    value = float(row["alpha"])  # type: ignore[arg-type]
    if np.isnan(value):
        return "its reliability cannot be told"
    if row["alpha_low"] >= PERSONS:  # type: ignore[operator]
        return "reliable enough to compare groups and to speak of one person"
    if value >= GROUPS:
        return "reliable enough to compare groups, not to judge one person"
    if value >= ROUGH:
        return "only roughly reliable: true differences look smaller than they are"
    return "not reliable: its items do not go together"


def _said_of_structure(row: Mapping[str, object]) -> str:
    if row["fit"] == UNCLEAR:
        return f"whether its items measure one thing cannot be told from {row['n']} people"
    return {FITS: "its items measure one thing", MISFITS: "its items do not measure one thing only"}.get(row["fit"], "")


def _said_of_waves(row: Mapping[str, object], ends: Sequence[str]) -> str:
    """Whether means can be compared; where numbers and ordered options disagree, only with care."""
    said = [str(row[name]) for name in ("waves", "waves_ordered") if row[name]]
    comparable = [name in COMPARABLE for name in said]
    if not said:
        return ""
    both = " and ".join(ends)
    if all(comparable) and row.get("waves_doubt"):
        return (
            f"nothing speaks against comparing means of {both}, but the answers are too few to show a change of meaning"
        )
    if all(comparable):
        return f"means of {both} can be compared"
    if any(comparable):
        return f"means of {both} can be compared with care: the two ways of testing its meaning disagree"
    return f"means of {both} should not be compared: its meaning may have changed"
