"""The matrix of ties between workgroups: rows rate, columns are rated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr, stdtr, stdtrit
from scipy.stats import false_discovery_control

from joyeval.coordination.ratings import plain_names
from joyeval.coordination.ties import RC, Survey, licence
from joyeval.errors import ModelError, UsageError
from joyeval.models.design import refuse_infinite
from joyeval.models.estimates import cut
from joyeval.result import Result


@dataclass(frozen=True)
class Bands:
    """Where a tie turns from weak to moderate to strong; both edges are moderate."""

    weak_below: float
    strong_above: float
    source: str


SPREADS = np.linspace(0.005, 2, 200)  # standard deviations between ties that are thought possible, in points
TINY = 1e-12

BETWEEN = Bands(3.5, 4.0, "between groups: 10.5281/zenodo.19392497, codebook")
NO_BANDS = Bands(np.nan, np.nan, "no bands are known for this survey")
WITHIN_UNVERIFIED = Bands(4.1, 4.6, "within groups: unverified, no published source found")


@dataclass(frozen=True, kw_only=True, eq=False)
class Matrix(Result):
    """Ties of one wave and process.

    `n` counts respondents, `n_dropped` respondent-target rows without a score.

    Parameters
    ----------
    measure : str
        ``rc``, ``com``, ``rel`` or one dimension; in points of the scale.
    cells : DataFrame
        workgroup, target, within, n, mean, sd, se, ci_low, ci_high (t interval over respondents), shrunken,
        shrunken_se, p_weak, p_moderate, p_strong, no_contact (count), one row per tie.
    groups : DataFrame
        workgroup, given (mean of the ties it rates), received (mean of the ties it is rated on), gap; own group
        left out.
    rated : DataFrame
        target, n, mean, se, df, ci_low, ci_high: how each group is rated by all others together, each tie with the
        same weight.
    pairs : DataFrame
        workgroup, target, asymmetry (how the first sees the second less how the second sees the first), se, ci_low,
        ci_high, p, q (false discovery rate over the pairs); one row per pair that rates each other.
    index : DataFrame
        part (between, within), weighting (tie, respondent, row), mean: three indices that differ when groups differ in
        size; which one a text quotes must be said.
    reciprocity : float
        Correlation between the two directions over pairs, after removing how groups rate and are rated on average.
    bands : tuple
        The bands used and their source.
    scale : tuple of int
        Lowest and highest code.
    """

    measure: str
    wave: str
    cells: pd.DataFrame
    groups: pd.DataFrame
    rated: pd.DataFrame
    pairs: pd.DataFrame
    index: pd.DataFrame
    reciprocity: float
    bands: tuple[float, float, str]
    scale: tuple[int, int] = (RC.low, RC.high)

    def tidy(self) -> pd.DataFrame:
        """Return the cells."""
        return self.cells

    def between(self) -> float:
        """Return the unweighted mean of the ties between groups."""
        found = self.index.query("part == 'between' and weighting == 'tie'")["mean"]
        return float(found.iloc[0]) if len(found) else float("nan")

    def sentence(self) -> str:
        """Return the index between groups and how many ties it rests on."""
        between = self.cells.loc[~self.cells["within"]]
        if between.empty:
            return f"In wave {self.wave} no workgroup rated another one."
        if np.isnan(self.between()):
            return f"In wave {self.wave} too few answered to show the ties between workgroups."
        return (
            f"In wave {self.wave} the mean of the {len(between)} ties between workgroups was {self.between():.2f} "
            f"on the scale from {self.scale[0]} to {self.scale[1]} ({self.n} respondents)."
        )


def matrix(
    ties: pd.DataFrame,
    *,
    wave: str,
    process: str | None = None,
    measure: str = "rc",
    bands: Bands | None = None,
    survey: Survey = RC,
) -> Matrix:
    """Describe every tie of one wave: mean, interval, shrunken estimate and how sure its band is.

    The estimand of a cell is the mean score that all members of the rating workgroup would give; respondents are a
    sample of them. The shrunken estimate borrows strength from the other ties of the same kind (between or within).

    Parameters
    ----------
    ties : DataFrame
        As `joyeval.coordination.ties` makes it.
    wave, process : str
        Which survey; `process` may be left out when there is one.
    measure : str
        rc, com, rel or a dimension.
    bands : Bands, optional
        Where ties turn weak or strong; left out, the sourced bands of relational coordination, none for other surveys.
    survey : Survey
        What was asked, where it is not relational coordination.

    Raises
    ------
    UsageError
        No such wave, or several processes and none named.
    ModelError
        No respondent has a score.

    References
    ----------
    Gelman (2006), Bayesian Anal. 1(3), 515-534, doi:10.1214/06-BA117A (shrinkage with a flat prior on the standard
    deviation between ties). Rows rate and columns are rated, as in figure 2 of doi:10.1136/bmjoq-2019-000749.
    """
    bands = bands or (BETWEEN if survey == RC else NO_BANDS)
    chosen = one_survey(ties, wave, process)
    scored = chosen.dropna(subset=[measure])
    if scored.empty:
        raise ModelError(f"{measure} in wave {wave}: none of {len(chosen)} rows has a score; see the missing rule")
    cells = shrink(_cells(chosen, scored, measure), bands)
    return Matrix(
        n=int(scored["person"].nunique()),
        n_dropped=len(chosen) - len(scored),
        notes=(*licence(survey), *thin_notes(cells, bands)),
        measure=measure,
        wave=str(wave),
        cells=on_scale(cells, survey),
        groups=group_means(cells),
        rated=on_scale(rated_by_others(cells), survey),
        pairs=pair_differences(cells),
        index=_index(scored, cells, measure),
        reciprocity=reciprocity(cells),
        bands=(bands.weak_below, bands.strong_above, bands.source),
        scale=(survey.low, survey.high),
    )


def one_survey(ties: pd.DataFrame, wave: str, process: str | None) -> pd.DataFrame:
    """Return the rows of one wave and process."""
    here = plain_names(ties[ties["wave"].astype(str) == str(wave)])
    if process is not None:
        here = here[here["process"] == process]
    if here.empty:
        raise UsageError(f"no ties of wave {wave!r}; there are {', '.join(sorted(ties['wave'].astype(str).unique()))}")
    processes = sorted(here["process"].dropna().unique())
    if len(processes) > 1:
        raise UsageError(f"wave {wave!r} has several processes; name one of {', '.join(processes)}")
    refuse_infinite(here, here.columns, f"ties of wave {wave}")
    return here


def _cells(chosen: pd.DataFrame, scored: pd.DataFrame, measure: str) -> pd.DataFrame:
    keys = ["workgroup", "target"]
    cells = scored.groupby(keys, sort=True)[measure].agg(n="size", mean="mean", sd="std").reset_index()
    contact = chosen[chosen["no_contact"]].groupby(keys).size().rename("no_contact").reset_index()
    cells = cells.merge(contact, on=keys, how="left").fillna({"no_contact": 0})
    return with_intervals(cells.assign(no_contact=cells["no_contact"].astype(int)))


def with_intervals(cells: pd.DataFrame) -> pd.DataFrame:
    """Add within, se and the t interval over raters to n, mean and sd."""
    se = cells["sd"] / np.sqrt(cells["n"])
    half = _t975(cells["n"] - 1) * se
    own = cells["workgroup"] == cells["target"]
    return cells.assign(within=own, se=se, ci_low=cells["mean"] - half, ci_high=cells["mean"] + half)


def on_scale(means: pd.DataFrame, survey: Survey) -> pd.DataFrame:
    """Cut intervals of means at the ends of the scale."""
    limits = cut(*(means[name] for name in ("mean", "ci_low", "ci_high")), least=survey.low, most=survey.high)
    return means.assign(ci_low=limits[0], ci_high=limits[1])


def _t975(df: pd.Series) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.where(df > 0, stdtrit(np.maximum(df, 1), 0.975), np.nan)


def shrink(cells: pd.DataFrame, bands: Bands) -> pd.DataFrame:
    """Pull each mean towards the mean of its kind (between or within) by how little it is known."""
    pooled = (cells["sd"].fillna(0) ** 2 * (cells["n"] - 1)).sum() / max((cells["n"] - 1).sum(), 1)
    edges = np.array([bands.weak_below, bands.strong_above])
    return pd.concat([_shrink_kind(part, pooled, edges) for _, part in cells.groupby("within")]).sort_index()


def _shrink_kind(part: pd.DataFrame, pooled: float, edges: np.ndarray) -> pd.DataFrame:
    """Average over how much the ties truly differ: taking one estimate of it as known makes intervals too narrow."""
    y, sampling = part["mean"].to_numpy(), pooled / part["n"].to_numpy()
    tau2 = SPREADS[:, None] ** 2
    precision = 1 / (tau2 + sampling)
    centre = (precision * y).sum(axis=1, keepdims=True) / precision.sum(axis=1, keepdims=True)
    posterior = _posterior(precision, (precision * (y - centre) ** 2).sum(axis=1))
    weight = tau2 * precision
    mean = centre + weight * (y - centre)
    variance = weight * sampling + (1 - weight) ** 2 / precision.sum(axis=1, keepdims=True)
    shrunken = posterior @ mean
    spread = np.sqrt(posterior @ (variance + (mean - shrunken) ** 2))
    below = [posterior @ ndtr((edge - mean) / np.sqrt(np.maximum(variance, TINY))) for edge in edges]
    bands = {"p_weak": below[0], "p_moderate": below[1] - below[0], "p_strong": 1 - below[1]}
    return part.assign(shrunken=shrunken, shrunken_se=spread, **bands)


def _posterior(precision: np.ndarray, misfit: np.ndarray) -> np.ndarray:
    """Posterior over SPREADS under a flat prior, the centre integrated out."""
    log = (np.log(precision).sum(axis=1) - np.log(precision.sum(axis=1)) - misfit) / 2
    weights = np.exp(log - log.max())
    return weights / weights.sum()


def group_means(cells: pd.DataFrame) -> pd.DataFrame:
    """How each group rates the others and is rated by them; columns as `Matrix.groups`."""
    between = cells[~cells["within"]]
    given = between.groupby("workgroup")["mean"].mean().rename("given")
    received = between.groupby("target")["mean"].mean().rename("received")
    table = pd.concat([given, received], axis=1).rename_axis("workgroup").reset_index()
    return table.assign(gap=table["given"] - table["received"])


def rated_by_others(cells: pd.DataFrame) -> pd.DataFrame:
    """How each group is rated by all others together; columns as `Matrix.rated`."""
    between = cells[~cells["within"]].assign(var=lambda c: c["se"] ** 2, term=lambda c: c["se"] ** 4 / (c["n"] - 1))
    by = between.groupby("target", sort=True)
    ties, var = by.size(), by["var"].sum(min_count=1).where(by["var"].count() == by.size())
    se, df = np.sqrt(var) / ties, var**2 / by["term"].sum()
    mean, half = by["mean"].mean(), _t975(df.where(np.isfinite(df), 0)) * se
    table = pd.DataFrame({"n": by["n"].sum(), "mean": mean, "se": se, "df": df})
    return table.assign(ci_low=mean - half, ci_high=mean + half).reset_index()


def pair_differences(cells: pd.DataFrame) -> pd.DataFrame:
    """How differently the two sides of each pair see their tie; columns as `Matrix.pairs`."""
    between = cells.loc[~cells["within"], ["workgroup", "target", "n", "mean", "se"]]
    back = between.rename(columns={"workgroup": "target", "target": "workgroup"})
    both = between.merge(back, on=["workgroup", "target"], suffixes=("", "_back"))
    both = both[both["workgroup"] < both["target"]].reset_index(drop=True)
    se = np.sqrt(both["se"] ** 2 + both["se_back"] ** 2)
    df = se**4 / (both["se"] ** 4 / (both["n"] - 1) + both["se_back"] ** 4 / (both["n_back"] - 1))
    difference = both["mean"] - both["mean_back"]
    half = _t975(df.where(np.isfinite(df), 0)) * se
    p = 2 * stdtr(df.where(np.isfinite(df), np.nan), -(difference / se).abs())
    table = both[["workgroup", "target"]].assign(asymmetry=difference, se=se)
    table = table.assign(ci_low=difference - half, ci_high=difference + half, p=p, q=np.nan)
    known = table["p"].notna()
    table.loc[known, "q"] = false_discovery_control(table.loc[known, "p"]) if known.any() else np.nan
    return table


def _index(scored: pd.DataFrame, cells: pd.DataFrame, measure: str) -> pd.DataFrame:
    own = scored["workgroup"] == scored["target"]
    rows = []
    for part, members, ties in (("between", ~own, ~cells["within"]), ("within", own, cells["within"])):
        if members.any():
            respondent = scored[members].groupby("person")[measure].mean().mean()
            rows += [
                (part, "tie", cells.loc[ties, "mean"].mean()),
                (part, "respondent", respondent),
                (part, "row", scored.loc[members, measure].mean()),
            ]
    return pd.DataFrame(rows, columns=["part", "weighting", "mean"])


def reciprocity(cells: pd.DataFrame) -> float:
    """Correlate the two directions over pairs, once rating and rated effects are taken out (complete square only)."""
    square = cells[~cells["within"]].pivot(index="workgroup", columns="target", values="mean")
    names = sorted(set(square.index) & set(square.columns))
    tie = square.reindex(index=names, columns=names).to_numpy(copy=True)
    g = len(names)
    off = ~np.eye(g, dtype=bool)
    if g < 4 or np.isnan(tie[off]).any():
        return float("nan")
    tie[~off] = 0.0
    total, rows, columns = tie.sum() / (g * (g - 1)), tie.sum(1), tie.sum(0)
    given = ((g - 1) * rows + columns) / (g * (g - 2)) - (g - 1) * total / (g - 2)
    received = ((g - 1) * columns + rows) / (g * (g - 2)) - (g - 1) * total / (g - 2)
    rest = np.where(off, tie - total - given[:, None] - received[None, :], 0.0)
    return float((rest * rest.T).sum() / (rest**2).sum())


def thin_notes(cells: pd.DataFrame, bands: Bands) -> tuple[str, ...]:
    """Say that ties on few raters are mostly noise."""
    few = cells[cells["n"] < 10]
    if few.empty:
        return ()
    told = f"{len(few)} of {len(cells)} ties rest on fewer than 10 raters"
    if bands == NO_BANDS:
        return (f"{told}: read each with its interval",)
    return (
        f"{told}: with five raters the interval of a tie is about 1 point to either side, so its band is mostly noise",
    )
