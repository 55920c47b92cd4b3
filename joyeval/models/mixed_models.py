"""Mixed models from a formula: one call for all families."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joyeval.errors import UsageError
from joyeval.models.generalised import fit_glmm
from joyeval.models.linear_mixed import Mixed, fit_gaussian

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

FAMILIES = ("gaussian", "binomial", "poisson", "negbin", "betabinomial")


def mixed(
    formula: str,
    data: pd.DataFrame,
    *,
    groups: str | Sequence[str],
    slopes: str | Sequence[str] | Mapping[str, str | Sequence[str]] | None = None,
    correlated: bool = True,
    reml: bool = True,
    family: str = "gaussian",
    weights: str | None = None,
    exposure: str | None = None,
    ar1: str | None = None,
    df: str | None = None,
    profile: bool = False,
    nodes: int | None = None,
    level: float = 0.95,
) -> Mixed:
    """Fit a mixed model: fixed effects and random intercepts and slopes of nested or crossed groups.

    The estimand of a coefficient is the difference in the mean outcome (gaussian), or in the log odds or log rate
    at given random effects (other families), per unit of its column.

    Parameters
    ----------
    formula : str
        Fixed part, ``"y ~ x + C(wave)"``.
    data : DataFrame
        One row per observation; rows with a gap in any used column are left out and counted.
    groups : str or sequence of str
        One factor, several that are nested or crossed in any way, ``"trust/team"`` where codes of teams repeat
        over trusts, ``"rater:target"`` for a combination.
    slopes : str, sequence or mapping, optional
        Columns whose coefficients vary over the levels of the factor; ``{"team": ["x"]}`` where there are several.
    correlated : bool
        Whether slopes may be correlated with the intercept and each other.
    reml : bool
        Restricted maximum likelihood (gaussian only); False for likelihood-ratio tests of the fixed part.
    family : str
        "gaussian"; "binomial" or "betabinomial" (a count with `exposure` the denominators, a proportion with
        `weights` the denominators, or 0/1 with neither); "poisson" or "negbin".
    weights : str, optional
        Column of respondents behind each row: the residual variance is sigma^2 / weight (gaussian); denominators.
    exposure : str, optional
        Column of exposure (bed-days) of counts, or of denominators of counts.
    ar1 : str, optional
        Column of whole-numbered periods: residuals of one level of the finest group are then autocorrelated,
        with correlation phi^gap (gaussian only).
    df : str, optional
        "kenward-roger" or "satterthwaite". Left out, Kenward-Roger where some factor has fewer than 50 levels.
    profile : bool
        Profile-likelihood intervals of the variance components, instead of intervals from the curvature.
    nodes : int, optional
        Points of adaptive quadrature for non-gaussian families with one random intercept; 1 is Laplace.
    level : float
        Of the confidence intervals.

    Raises
    ------
    ModelError
        The data cannot answer: one row per group, collinear columns, a constant outcome.
    UsageError
        Arguments that do not go together.

    References
    ----------
    Bates, Maechler, Bolker & Walker (2015), J. Stat. Softw. 67(1), doi:10.18637/jss.v067.i01.
    Kenward & Roger (1997), Biometrics 53(3), 983-997, doi:10.2307/2533558.
    Nakagawa, Johnson & Schielzeth (2017), J. R. Soc. Interface 14, doi:10.1098/rsif.2017.0213.

    Examples
    --------
    >>> import pandas as pd
    >>> data = pd.DataFrame({"joy": [5.0, 6, 7, 6, 8, 7, 4, 5, 5], "wave": [1, 2, 3] * 3, "team": list("AAABBBCCC")})
    >>> fit = mixed("joy ~ wave", data, groups="team")
    >>> print(fit.sentence())
    A difference of 1 in wave went with +0.67 in joy (95% CI +0.00 to +1.33, Kenward-Roger; 9 rows, 3 levels of team).
    """
    if family not in FAMILIES:
        raise UsageError(f"family {family!r}; expected one of {', '.join(FAMILIES)}")
    shared = {"groups": groups, "slopes": slopes, "correlated": correlated, "weights": weights, "level": level}
    if family == "gaussian":
        if exposure or nodes:
            raise UsageError("exposure and nodes are for counts and proportions; family is gaussian")
        return fit_gaussian(formula, data, **shared, reml=reml, ar1=ar1, df=df, profile=profile)
    if ar1 or df or profile:
        raise UsageError(f"ar1, df and profile are for the gaussian family; family is {family}")
    return fit_glmm(formula, data, **shared, family=family, exposure=exposure, nodes=nodes)
