"""What teams tried and what became of it: ideas, PDSA cycles, decisions, and how well the cycles were done."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError
from joyeval.learning.columns import need
from joyeval.result import Result
from joyeval.wave_order import days_of

STATES = ("not tested", "kept", "dropped", "open")
AFTER = {"adopt": "kept", "abandon": "dropped", "adapt": "open"}
SMALL = "one shift"
MET = ("yes", "partly", "no")
FEATURES = ("iterated", "predicted", "started small", "data over time", "documented")
IDEAS = ("idea_id", "team")
CYCLES = ("cycle_id", "idea_id", "team", "cycle", "start", "end", "decision")


@dataclass(frozen=True, kw_only=True, eq=False)
class Cycles(Result):
    """What was tried and kept; `n` counts cycles of listed ideas, `n_dropped` cycles of ideas that are not on the list.

    Parameters
    ----------
    ideas : DataFrame
        idea_id, team, (practice,) cycles, first_test, last_decision, state: not tested, kept (the last decision was
        adopt), dropped (abandon) or open (adapt, or none).
    practices : DataFrame
        practice, ideas, tested, kept, dropped, open, share_kept (of those tested), ci_low, ci_high (Wilson).
        One row "all" first.
    features : DataFrame
        team, tested, then the share of the team's tested ideas that were iterated, predicted, started small, followed
        by data over time and documented; one row "all" first.
    predictions : DataFrame
        met (yes, partly, no), cycles.
    """

    ideas: pd.DataFrame
    practices: pd.DataFrame
    features: pd.DataFrame
    predictions: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return one row per practice."""
        return self.practices.copy()

    def sentence(self) -> str:
        """Say how many ideas were tested, kept, dropped and are open."""
        every = self.practices.iloc[0]
        teams = self.ideas["team"].nunique()
        return (
            f"{teams} teams wrote down {every['ideas']} ideas and tested {every['tested']}; {every['kept']} were kept, "
            f"{every['dropped']} dropped, {every['open']} are open."
        )


def cycles(ideas: pd.DataFrame, tested: pd.DataFrame, *, small: str = SMALL) -> Cycles:
    """Count what was tried, kept and dropped, and how well cycles were done.

    An idea's state is that of its last decision, in the order of its cycles: trying is not keeping. The five features
    are those of Taylor et al.; each is a share of ideas tested, so that a team with one long ramp does not count for
    more.

    Parameters
    ----------
    ideas : DataFrame
        idea_id, team; optional practice.
    tested : DataFrame
        One row per cycle: cycle_id, idea_id, team, cycle (number within the idea), start, end, decision (adopt, adapt,
        abandon or missing); optional scale, prediction, prediction_met (yes, partly, no), actual_change, learnt.
    small : str
        The value of `scale` that means one person or one shift.

    Returns
    -------
    Cycles
        `tidy()`: practice, ideas, tested, kept, dropped, open, share_kept, ci_low, ci_high.

    Raises
    ------
    UsageError
        A column that is not there, an idea or a cycle listed twice, or a decision in other words.
    ModelError
        No idea at all.

    References
    ----------
    Taylor et al. (2014) doi:10.1136/bmjqs-2013-001862; Wilson (1927) doi:10.1080/01621459.1927.10502953.

    Examples
    --------
    >>> ideas = pd.DataFrame({"idea_id": ["i1", "i2"], "team": ["a", "b"]})
    >>> tested = pd.DataFrame({"cycle_id": ["c1", "c2"], "idea_id": "i1", "team": "a", "cycle": [1, 2],
    ...     "start": ["2025-01-06", "2025-01-20"], "end": ["2025-01-17", None], "decision": ["adapt", "adopt"]})
    >>> cycles(ideas, tested).sentence()
    '2 teams wrote down 2 ideas and tested 1; 1 were kept, 0 dropped, 0 are open.'
    """
    need(ideas, IDEAS, "cycles: ideas")
    need(tested, CYCLES, "cycles: cycles")
    if ideas.empty:
        raise ModelError("cycles: no change idea was written down")
    _once(ideas["idea_id"], "ideas")
    _once(tested["cycle_id"], "cycles")
    if strange := sorted(set(tested["decision"].dropna()) - set(AFTER)):
        raise UsageError(f"cycles: decision {strange[0]!r}; expected one of: {', '.join(AFTER)}")
    known = tested[tested["idea_id"].isin(ideas["idea_id"])].sort_values(["idea_id", "cycle"], kind="stable")
    known = known.assign(start=days_of(known["start"]), end=days_of(known["end"]))
    states = _states(ideas, known)
    return Cycles(
        n=len(known),
        n_dropped=len(tested) - len(known),
        notes=_notes(known, len(tested) - len(known), states),
        ideas=states,
        practices=_practices(states),
        features=_features(known, small),
        predictions=_predictions(known),
    )


def _once(names: pd.Series, what: str) -> None:
    if twice := int(names.duplicated().sum()):
        raise UsageError(f"cycles: {twice} {what} stand on the list twice; give each an {names.name} of its own")


def _states(ideas: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    by_idea = known.groupby("idea_id")
    last = by_idea["decision"].agg(lambda decisions: next(iter(decisions.dropna().iloc[::-1]), None))
    found = pd.DataFrame(
        {
            "cycles": by_idea.size(),
            "first_test": by_idea["start"].min(),
            "last_decision": last,
            "state": last.map(AFTER).fillna("open"),
        }
    )
    kept = [name for name in (*IDEAS, "practice") if name in ideas]
    table = ideas[kept].merge(found, how="left", left_on="idea_id", right_index=True)
    table["cycles"] = table["cycles"].fillna(0).astype(int)
    return table.fillna({"state": "not tested"}).reset_index(drop=True)


def _practices(states: pd.DataFrame) -> pd.DataFrame:
    rows = [_counted("all", states)]
    if "practice" in states:
        named = states.assign(practice=states["practice"].fillna("not matched to a practice"))
        rows += [_counted(name, part) for name, part in named.groupby("practice", sort=True)]
    return pd.DataFrame(rows)


def _counted(name: str, part: pd.DataFrame) -> dict[str, object]:
    from statsmodels.stats.proportion import proportion_confint

    counts = part["state"].value_counts()
    kept, dropped, still = (int(counts.get(state, 0)) for state in STATES[1:])
    tested = kept + dropped + still
    low, high = proportion_confint(kept, tested, method="wilson") if tested else (np.nan, np.nan)
    share = kept / tested if tested else np.nan
    row = {"practice": name, "ideas": len(part), "tested": tested, "kept": kept, "dropped": dropped, "open": still}
    return {**row, "share_kept": share, "ci_low": low, "ci_high": high}


def _features(known: pd.DataFrame, small: str) -> pd.DataFrame:
    """Share of tested ideas with each feature, by team; missing where the records do not say."""
    first = known.groupby("idea_id").first()
    by_idea = known.groupby("idea_id")
    absent = pd.Series(np.nan, index=first.index)
    told = lambda name: by_idea[name].agg(lambda values: values.notna().any()) if name in known else absent  # noqa: E731
    flags = pd.DataFrame(
        {
            "team": first["team"],
            "iterated": by_idea.size() > 1,
            "predicted": told("prediction"),
            "started small": (first["scale"] == small).where(first["scale"].notna()) if "scale" in known else absent,
            "data over time": told("actual_change"),
            "documented": told("decision"),
        }
    )
    values = flags[list(FEATURES)].astype(float)
    table = values.groupby(flags["team"]).mean().reset_index()
    table.insert(1, "tested", flags.groupby("team").size().to_numpy())
    whole = pd.DataFrame([{"team": "all", "tested": len(flags), **values.mean().to_dict()}])
    return pd.concat([whole, table], ignore_index=True) if len(table) else whole


def _predictions(known: pd.DataFrame) -> pd.DataFrame:
    met = known["prediction_met"] if "prediction_met" in known else pd.Series(dtype="str")
    return pd.DataFrame({"met": MET, "cycles": [int((met == answer).sum()) for answer in MET]})


def copied(known: pd.DataFrame) -> pd.Series:
    """Say of each cycle whether its prediction is the one before, word for word (tools start a cycle as a copy).

    Parameters
    ----------
    known : DataFrame
        idea_id, cycle, prediction.

    Returns
    -------
    Series of bool
        In the order of `known`.

    Examples
    --------
    >>> copied(pd.DataFrame({"idea_id": "i", "cycle": [1, 2, 3], "prediction": ["up", "up", "down"]})).tolist()
    [False, True, False]
    """
    ordered = known.sort_values(["idea_id", "cycle"], kind="stable")
    before = ordered.groupby("idea_id")["prediction"].shift()
    return (ordered["prediction"].notna() & (ordered["prediction"] == before)).reindex(known.index)


def _notes(known: pd.DataFrame, strange: int, states: pd.DataFrame) -> tuple[str, ...]:
    """Say what a reader must know of these records, each with its count."""
    after_adopt = known.groupby("idea_id")["decision"].shift() == "adopt"
    unmatched = int(states["practice"].isna().sum()) if "practice" in states else 0
    counts = {
        "cycles of ideas that are not on the list, left out": strange,
        "cycles end before they start": int((known["end"] < known["start"]).sum()),
        "cycles have a decision but no end": int((known["decision"].notna() & known["end"].isna()).sum()),
        "cycles test an idea that had been adopted before": int(after_adopt.sum()),
        "predictions repeat the one before word for word": int(copied(known).sum()) if "prediction" in known else 0,
        "ideas are not matched to a practice": unmatched,
    }
    return tuple(f"{count} {what}" for what, count in counts.items() if count)
