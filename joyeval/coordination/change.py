"""How ties between workgroups change from wave to wave.

Tests that take every rating, or every tie, as a unit ignore that one rater's ratings go together; in simulations they
raise a false alarm in about 30 % of surveys in which nothing changed. Here raters are the sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
from scipy.stats import false_discovery_control

from joyeval.coordination.estimators import FEW_GROUPS, estimators, respondents, turnover
from joyeval.coordination.mean_change import mean_changes, mean_levels
from joyeval.coordination.ratings import Ratings, ratings
from joyeval.coordination.survey_notes import notes_on
from joyeval.coordination.tie_change import rated_changes, tie_changes
from joyeval.coordination.ties import RC, Survey, licence
from joyeval.judgement import NOT_CLEAR
from joyeval.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

TOLD = 4  # processes that a sentence tells apart


@dataclass(frozen=True, kw_only=True, eq=False)
class Change(Result):
    """Change of ties over waves; `n` counts raters, `n_dropped` ratings without a score.

    Estimates are in points of the scale; `kind` says gain (second wave against the first), sustain (a later
    wave against the first) or decay (a later wave against the one before).

    Parameters
    ----------
    measure : str
    waves : tuple of str
    estimand : str
        What is estimated, in words.
    terms : DataFrame
        process ("all" for the mean over several), part (between, within), kind, term, first, second, estimate,
        se, df, ci_low, ci_high, p, n (raters in the two waves), ties, percent (of the level at the first of the two
        waves), detectable (least change found with 80 % chance).
    levels : DataFrame
        process, part, wave, estimate, se, df, ci_low, ci_high, n: mean tie at each wave.
    ties : DataFrame
        process, workgroup, target, within, kind, term, n_first, n_second, estimate, se, df, ci_low, ci_high, p, q
        (false discovery rate over the ties of a process and contrast), shrunken, shrunken_se, shrunken_low,
        shrunken_high, p_up (chance that the tie rose), detectable.
    rated : DataFrame
        process, target, kind, term, n_first, n_second, estimate, se, df, ci_low, ci_high, p: change of how each group
        is rated by all others together.
    estimators : DataFrame
        Mean change between groups in several ways: all rows, linked raters only, unlinked only, ties like these.
    respondents : DataFrame
        The simple companion: tests on one mean per respondent.
    turnover : DataFrame
        stayers, leavers, joiners, linkage (stayers over raters in the later wave), and how leavers and joiners differ
        from stayers.
    dimensions : DataFrame
        Mean change between groups of each dimension and block, q over the dimensions, or over the blocks.
    variances : DataFrame
        component, variance, share: how much of the spread within a tie is who answered.
    scale : tuple of int
        Lowest and highest code.
    """

    measure: str
    waves: tuple[str, ...]
    estimand: str
    terms: pd.DataFrame
    levels: pd.DataFrame
    ties: pd.DataFrame
    rated: pd.DataFrame
    estimators: pd.DataFrame
    respondents: pd.DataFrame
    turnover: pd.DataFrame
    dimensions: pd.DataFrame
    variances: pd.DataFrame
    scale: tuple[int, int] = (RC.low, RC.high)

    def tidy(self) -> pd.DataFrame:
        """Return the mean changes: each process, between and within groups, each contrast."""
        return self.terms

    def sentence(self) -> str:
        """Return the change between workgroups from the first wave to the second, and to the last."""
        between = self.terms[self.terms["part"] == "between"]
        if between.empty:
            return "No workgroup rated another one in two waves, so change between groups is not known."
        names = [name for name in between["process"].unique() if name != "all"]
        if len(names) > TOLD:
            names = ["all"]
        return " ".join(self._told(between[between["process"] == name], name) for name in names)

    def _told(self, terms: pd.DataFrame, name: str) -> str:
        where = f"On average over {self.terms['process'].nunique() - 1} processes" if name == "all" else f"In {name}"
        gain, *later = (row for row in terms.itertuples() if row.kind != "decay")
        moved = f"ties between workgroups {_verb(gain)} from wave {gain.first} to wave {gain.second}"
        told = f"whether {moved} is {NOT_CLEAR}" if _open(gain) else moved
        text = (
            f"{where}, {told}: {_interval(gain)}, on the scale from {self.scale[0]} to {self.scale[1]} "
            f"({gain.n} respondents)."
        )
        if not later:
            return text
        last = later[-1]
        clear = f", {NOT_CLEAR}" if _open(last) else ""
        return f"{text} By wave {last.second} the change since {last.first} was {_interval(last)}{clear}."


def _open(row: object) -> bool:
    return row.ci_low <= 0 <= row.ci_high


def _verb(row: object) -> str:
    if _open(row):
        return "changed"
    return "rose" if row.estimate > 0 else "fell"


def _interval(row: object) -> str:
    return f"{row.estimate:+.2f} points (95% CI {row.ci_low:+.2f} to {row.ci_high:+.2f})"


def change(
    ties: pd.DataFrame,
    *,
    measure: str = "rc",
    process: str | None = None,
    waves: Sequence[str] | None = None,
    linked: bool = True,
    dimensions: bool = True,
    comparison: Sequence[str] = (),
    survey: Survey = RC,
) -> Change:
    """Estimate how ties changed between waves, with raters as the sample.

    The estimand is the mean change over the ties between these workgroups, each tie with the same weight, as all
    members of the rating workgroups would report it. Each tie has its own mean at each wave (ties are fixed: nothing
    is said of other workgroups); rater, rater in one wave, and rater with one target are random (REML).
    Workgroups may differ in spread and size: mean changes rest on the squares of raters' contributions within each
    workgroup, with Satterthwaite's degrees of freedom over workgroups; single ties on those squares averaged over all
    ties of the workgroup that rates.

    Parameters
    ----------
    ties : DataFrame
        As `joyeval.coordination.ties` makes it, two waves or more.
    measure : str
        rc, com, rel or a dimension.
    process : str, optional
        One focal work process; left out, all of them, and their mean with the same weight each.
    waves : sequence of str, optional
        Which waves, in order of time; left out, all, in the order of their days or of an ordered categorical. The names
        of waves do not tell their order.
    linked : bool
        Whether the same `person` in two waves is the same person; False where codes were given anew each time.
    dimensions : bool
        Whether to estimate the change of each dimension too.
    comparison : sequence of str
        Processes without the programme: estimated by themselves, never part of a mean over processes.
    survey : Survey
        What was asked, where it is not relational coordination.

    Raises
    ------
    UsageError
        No such measure, process or wave, or waves without an order.
    ModelError
        One wave only, or too few raters to say how far they differ.
    DataError
        A rater with two scores for one target and wave.

    References
    ----------
    Kenward & Roger (1997), Biometrics 53(3), 983-997, doi:10.2307/2533558.
    Bell & McCaffrey (2002), Survey Methodology 28(2), 169-181 (contributions of clusters, their degrees of freedom).
    Benjamini & Hochberg (1995), J. R. Stat. Soc. B 57(1), 289-300, doi:10.1111/j.2517-6161.1995.tb02031.x.

    Examples
    --------
    >>> print(change(ties, process="discharge-planning").sentence())  # doctest: +SKIP
    """
    shared = {"process": process, "linked": linked, "comparison": comparison, "ends": (survey.low, survey.high)}
    data = ratings(ties, measure=measure, waves=waves, **shared)
    terms = mean_changes(data)
    by_tie = tie_changes(data)
    beside, missed = estimators(data, terms, by_tie)
    several = dimensions and len(survey.dimensions) > 1
    return Change(
        n=int(data.rows["rater"].nunique()),
        n_dropped=data.n_dropped,
        notes=(*licence(survey), *notes_on(ties, data, survey), *_few(data), *missed),
        measure=measure,
        waves=data.waves,
        estimand=_estimand(data),
        terms=terms,
        levels=mean_levels(data),
        ties=by_tie,
        rated=rated_changes(data),
        estimators=beside,
        respondents=respondents(data),
        turnover=turnover(data),
        dimensions=dimension_changes(ties, data, survey, **shared) if several else pd.DataFrame(),
        variances=_variances(data),
        scale=(survey.low, survey.high),
    )


def dimension_changes(ties: pd.DataFrame, data: Ratings, survey: Survey, **shared: Any) -> pd.DataFrame:
    """Mean change between groups of each block and dimension; q over the dimensions, or the blocks, of one contrast."""
    found = []
    for name in (*survey.blocks, *survey.dimensions):
        if name in ties and ties[name].notna().any():
            own = ratings(ties, measure=name, waves=data.waves, **shared)
            terms = mean_changes(own)
            found.append(terms[terms["part"] == "between"].assign(dimension=name))
    table = pd.concat(found, ignore_index=True)
    family = [table["process"], table["kind"], table["term"], table["dimension"].isin(survey.dimensions)]
    return table.assign(q=table.groupby(family)["p"].transform(false_discovery_control))


def _variances(data: Ratings) -> pd.DataFrame:
    found = data.means.variances
    return pd.DataFrame({"component": data.means.names, "variance": found, "share": found / found.sum()})


def _estimand(data: Ratings) -> str:
    between = int((~data.in_waves(data.waves)["within"]).sum())
    return (
        f"mean change over the {between} ties between these workgroups, each with the same weight, as all members of "
        "the rating workgroups would report it; raters are a sample, ties are fixed"
    )


def _few(data: Ratings) -> tuple[str, ...]:
    fewest = int(data.rows.groupby("process")["workgroup"].nunique().min())
    if fewest >= FEW_GROUPS:
        return ()
    about = "the answer is about these workgroups, not about others like them"
    return (f"with {fewest} workgroups ties are treated as fixed: {about}",)
