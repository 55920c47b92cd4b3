"""Could it be who answered? What those who are missing, people and single answers, could do to a change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError, and_others
from joyeval.measurement.item_gaps import RULES, item_gaps
from joyeval.measurement.response import Response, response
from joyeval.measurement.tipping import tipping_point
from joyeval.measurement.turnover import PARTS, turnover
from joyeval.measurement.weighting import rake, weighted_mean
from joyeval.models.design import refuse_infinite
from joyeval.result import ESTIMATE_COLUMNS, Result
from joyeval.wave_order import in_order

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TRIMMED = (0.3, 3.0)  # least and largest weight, in multiples of the mean weight


@dataclass(frozen=True, kw_only=True, eq=False)
class NonResponse(Result):
    """What non-response could do to the change of each scale; `n` counts respondents of the first and the last wave.

    Parameters
    ----------
    title : str
    waves : tuple of str
        The first and the last wave.
    response : Response or None
        Who answered the last wave, against the roster.
    scales : DataFrame
        scale, title, sd (of the last wave); change with _low and _high and its parts stayers, joiners, leavers (see
        `Turnover`) with the persons stayed, left, joined; tipping (points) and tipping_sd (how far those who did not
        answer the last wave would have to lie from those who did for the change to be 0); mean and weighted (of the
        last wave, as answered and weighted to the roster); complete, half, imputed (mean of the last wave under three
        rules for unanswered items) with complete_n, half_n, imputed_n and fmi.
    """

    title: str
    waves: tuple[str, str]
    response: Response | None
    scales: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return the change of each scale and its parts in the columns of an estimate."""
        long = self.scales.melt(id_vars=["scale", "n"], value_vars=list(PARTS), value_name="estimate")
        long = long.assign(term=long["scale"] + ", " + long["variable"], se=np.nan, p=np.nan)
        for end in ("low", "high"):
            own = self.scales.set_index("scale")[f"change_{end}"]
            long[f"ci_{end}"] = long["scale"].map(own).where(long["variable"] == "change")
        return long[list(ESTIMATE_COLUMNS)].astype({"term": "str"})

    def sentence(self) -> str:
        """Say how much it would take, and what weights and the rule for gaps do."""
        said = []
        clear = (self.scales["change_low"] > 0) | (self.scales["change_high"] < 0)
        needed = self.scales.assign(needed=self.scales["tipping_sd"].abs().where(clear)).dropna(subset="needed")
        if len(needed):
            least, most = (needed.loc[at] for at in (needed["needed"].idxmin(), needed["needed"].idxmax()))
            said.append(
                "for a clear change to vanish, those who did not answer the last wave would have to differ from those "
                f"who did by {least['needed']:.1f} standard deviations ({least['title']})"
                + (f" to {most['needed']:.1f} ({most['title']})" if len(needed) > 1 else "")
            )
        rules = self.scales[list(RULES)]
        moved = ((rules.max(axis=1) - rules.min(axis=1)) / self.scales["sd"]).max()
        weights = ((self.scales["weighted"] - self.scales["mean"]) / self.scales["sd"]).abs().max()
        for what, by in (("the rule for unanswered items", moved), ("weighting to the roster", weights)):
            if np.isfinite(by):
                said.append(f"{what} moves no mean by more than {by:.2f} standard deviations")
        text = "; ".join(said) or "the data do not tell what non-response could do"
        return f"{text[0].upper()}{text[1:]}."


def nonresponse(
    wave: pd.DataFrame,
    scales: Mapping[str, Sequence[str]],
    *,
    person: str = "person",
    by: str = "wave",
    group: str | None = "team",
    roster: pd.DataFrame | None = None,
    headcount: str = "headcount",
    margins: Sequence[str] = (),
    title: str = "the questionnaire",
    titles: Mapping[str, str] | None = None,
    unit: Mapping[str, float] | None = None,
    seed: int = 1,
) -> NonResponse:
    """Ask of the change from the first to the last wave what people and answers that are missing could do to it.

    Parameters
    ----------
    wave : DataFrame
        One row per respondent and wave: keyed items, a score named after each scale (else the mean of the answered
        items), `person`, `by`, `group` and the margins.
    scales : mapping
        Items of each scale.
    roster : DataFrame, optional
        One row per team: `headcount` (people in post) and the margins; without it there is no weighting and no
        tipping point.
    margins : sequence of str
        Columns of both tables by which response is compared and weighted, trimmed to 0.3 to 3 times the mean weight.
    title, titles, unit : str, mapping, mapping
        As for `page`.
    seed : int
        Start of the imputation.

    Raises
    ------
    UsageError
        A column is not there, or waves without an order (see `joyeval.wave_order`).
    ModelError
        One wave only.

    References
    ----------
    See `turnover`, `tipping_point`, `rake`, `item_gaps`, `response`.
    """
    _check(wave, scales, [person, by, *([group] if group else []), *margins], roster, [headcount, *margins])
    refuse_infinite(wave, [name for name in scales if name in wave], "non-response")
    wave = wave.assign(**{by: in_order(wave, wave=by)})
    levels = wave[by].dropna().sort_values().unique()
    if len(levels) < 2:
        raise ModelError(f"non-response: found {len(levels)} {by} of {len(wave)} rows; a change needs two")
    ends = [wave[wave[by] == level] for level in (levels[0], levels[-1])]
    notes: dict[str, None] = {}
    wanted = [] if roster is None else [roster.groupby(name)[headcount].sum() for name in margins]
    answered = _against_roster(ends[1], wanted, notes)
    invited = None if roster is None or roster[headcount].isna().any() else int(roster[headcount].sum())
    rows = []
    for name, items in scales.items():
        both = [_scores(end, name, list(items), person) for end in ends]
        row = {"scale": name, "title": (titles or {}).get(name, name)}
        row |= _change(both, _teams_of(ends, person, group), invited, notes)
        row |= _last_wave(ends[1], name, list(items), group, (unit or {}).get(name, 1.0), seed, notes)
        row["weighted"] = _weighted(ends[1], name, list(items), wanted if answered else [], notes)
        rows.append(row)
    return NonResponse(
        n=sum(len(end) for end in ends),
        n_dropped=len(wave) - sum(len(end) for end in ends),
        notes=tuple(notes),
        title=title,
        waves=(str(levels[0]), str(levels[-1])),
        response=answered,
        scales=pd.DataFrame(rows).astype({"scale": "str", "title": "str"}),
    )


def _check(
    wave: pd.DataFrame,
    scales: Mapping[str, Sequence[str]],
    columns: list[str],
    roster: pd.DataFrame | None,
    of_roster: list[str],
) -> None:
    wanted = {*columns, *(item for items in scales.values() for item in items)}
    absent = sorted(wanted - set(wave.columns))
    if roster is not None:
        absent += [f"{name} (roster)" for name in of_roster if name not in roster]
    if absent:
        raise UsageError(f"non-response: found no column {and_others(absent)}; check the wave, the roster and margins")


def _against_roster(last: pd.DataFrame, margins: list[pd.Series], notes: dict[str, None]) -> Response | None:
    """Who answered; None with a note where the roster does not fit the answers."""
    if not margins:
        return None
    try:
        answered = response(last, margins)
    except ModelError as error:
        notes[str(error)] = None
        return None
    notes |= dict.fromkeys(answered.notes)
    return answered


def _weighted(
    last: pd.DataFrame, name: str, items: list[str], margins: list[pd.Series], notes: dict[str, None]
) -> float:
    """Weight the mean of who has a score to the roster."""
    if not margins:
        return np.nan
    score = _score(last, name, items).dropna()
    try:
        weights = rake(last.loc[score.index], margins, limits=TRIMMED)
        notes |= dict.fromkeys(weights.notes)
        return float(weighted_mean(score, weights).tidy()["estimate"].iloc[0])
    except ModelError as error:
        notes[str(error)] = None
        return np.nan


def _score(rows: pd.DataFrame, name: str, items: list[str]) -> pd.Series:
    return rows[name] if name in rows else rows[items].mean(axis=1)


def _scores(end: pd.DataFrame, name: str, items: list[str], person: str) -> pd.Series:
    """Scores by person; of people who answered twice in a wave, none."""
    kept = (
        end.assign(score=_score(end, name, items)).dropna(subset=[person, "score"]).drop_duplicates(person, keep=False)
    )
    return kept.set_index(person)["score"]


def _teams_of(ends: list[pd.DataFrame], person: str, group: str | None) -> pd.Series | None:
    if group is None:
        return None
    both = pd.concat(ends).dropna(subset=[person, group]).drop_duplicates(person)
    return both.set_index(person)[group]


def _change(
    both: list[pd.Series], team: pd.Series | None, invited: int | None, notes: dict[str, None]
) -> dict[str, Any]:
    """Take the change apart, and find its tipping point."""
    row: dict[str, Any] = dict.fromkeys((*PARTS, "change_low", "change_high", "tipping", "tipping_sd"), np.nan)
    row |= {"n": 0, "stayed": 0, "left": 0, "joined": 0, "sd": float(both[1].std())}
    try:
        parts = turnover(*both, team=team)
        terms = parts.tidy().set_index("term")
        row |= {part: float(terms.loc[part, "estimate"]) for part in PARTS}
        low, high = (float(terms.loc["change", end]) for end in ("ci_low", "ci_high"))
        row |= {"change_low": low, "change_high": high, "n": parts.n}
        row |= {"stayed": parts.stayed, "left": parts.left, "joined": parts.joined}
        notes |= dict.fromkeys(parts.notes)
        if invited is not None:
            tip = tipping_point(*both, invited=(invited, invited), team=team).tidy().set_index("term")["estimate"]
            row |= {"tipping": float(tip["tipping"]), "tipping_sd": float(tip["tipping_sd"])}
    except (ModelError, UsageError) as error:
        notes[str(error)] = None
    return row


def _last_wave(
    last: pd.DataFrame,
    name: str,
    items: list[str],
    group: str | None,
    unit: float,
    seed: int,
    notes: dict[str, None],
) -> dict[str, Any]:
    """Give the mean of the last wave, and the same under three rules for unanswered items."""
    row: dict[str, Any] = {"mean": float(_score(last, name, items).mean()), "fmi": np.nan}
    row |= dict.fromkeys((*RULES, *(f"{rule}_n" for rule in RULES)), np.nan)
    try:
        gaps = item_gaps(last[items] * unit, cluster=last[group] if group else None, scale=name, seed=seed)
        terms = gaps.tidy().set_index("term")
        row |= {rule: float(terms.loc[rule, "estimate"]) for rule in RULES}
        row |= {f"{rule}_n": int(terms.loc[rule, "n"]) for rule in RULES} | {"fmi": gaps.fmi}
        notes |= dict.fromkeys(gaps.notes)
    except (ModelError, UsageError) as error:
        notes[str(error)] = None
    return row
