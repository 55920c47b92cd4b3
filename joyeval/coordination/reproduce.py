"""The tests that published studies used, only to reproduce their numbers: never without the safe one beside them.

They take every rating, or every tie, as a unit of its own. But one rater's ratings go together, so that a few raters
who rate high in one wave look like a change of many ties.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from joyeval.coordination.estimators import paired, two_sample
from joyeval.coordination.mean_change import mean_changes
from joyeval.coordination.ratings import Ratings, ratings
from joyeval.coordination.ties import RC, Survey, licence
from joyeval.errors import ModelError
from joyeval.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

SAFE = "safe: raters as the sample"
FALSE_ALARMS = {"rows, two-sample t": 31, "ties, paired t": 33}  # of 100 surveys without change; see the slow test
WARNING = (
    "not to be relied on: in simulated surveys of 7 workgroups of 10 in which nothing changed, the t-test over all "
    f"ratings raised a false alarm in {FALSE_ALARMS['rows, two-sample t']} of 100 and the paired t-test over ties in "
    f"{FALSE_ALARMS['ties, paired t']}, where 5 are promised; the row marked safe keeps that promise"
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Reproduced(Result):
    """Tests as published, and the safe one; `n` counts raters.

    Parameters
    ----------
    terms : DataFrame
        measure, process, test, term, estimate, se, df, ci_low, ci_high, p, n (ratings, ties or raters: what the test
        takes as its units).
    """

    terms: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return one row per measure and test."""
        return self.terms

    def sentence(self) -> str:
        """Return the first test as published beside the safe one."""
        rows = self.terms[(self.terms["measure"] == self.terms["measure"].iloc[0])]
        rows = rows[rows["process"] == rows["process"].iloc[0]].set_index("test")
        published, safe = rows.iloc[0], rows.loc[SAFE]
        interval = f"95% CI {safe.ci_low:+.2f} to {safe.ci_high:+.2f}, p = {safe.p:.3f}"
        return (
            f"Over all ratings the change was {published.estimate:+.2f} points (p = {published.p:.3f}); with raters as "
            f"the sample it was {safe.estimate:+.2f} ({interval})."
        )


def reproduce(
    ties: pd.DataFrame,
    *,
    first: str,
    second: str,
    process: str | None = None,
    measures: Sequence[str] = ("rc",),
    linked: bool = True,
    survey: Survey = RC,
) -> Reproduced:
    """Run the tests of published studies on the ties between workgroups, each beside the safe one.

    Parameters
    ----------
    ties : DataFrame
        As `joyeval.coordination.ties` makes it.
    first, second : str
        Waves.
    measures : sequence of str
        rc, com, rel or dimensions.

    Raises
    ------
    ModelError
        No process with two ties between groups that were rated in both waves.

    References
    ----------
    Independent t-tests by dimension: Tørring (2018), doi:10.5278/vbn.phd.med.00116.
    """
    found, data, missed = [], None, {}
    for measure in measures:
        data = ratings(ties, measure=measure, process=process, waves=(first, second), linked=linked)
        safe = mean_changes(data)
        for name in sorted(data.rows["process"].unique()):
            own = safe[(safe["part"] == "between") & (safe["process"] == name)].assign(test=SAFE)
            try:
                found.append(pd.concat([_published(data, name), own]).assign(measure=measure, process=name))
            except ModelError as error:
                missed[str(error)] = None
    if not found:
        raise ModelError("; ".join(missed))
    terms = pd.concat(found, ignore_index=True).assign(term=f"{second} - {first}")
    columns = ["measure", "process", "test", "term", "estimate", "se", "df", "ci_low", "ci_high", "p", "n"]
    notes = (*licence(survey), WARNING, *missed)
    return Reproduced(n=data.rows["rater"].nunique(), n_dropped=data.n_dropped, notes=notes, terms=terms[columns])


def _published(data: Ratings, process: str) -> pd.DataFrame:
    rows = data.rows[(data.rows["process"] == process) & (data.rows["workgroup"] != data.rows["target"])]
    first, second = (rows.loc[rows["wave"] == wave, "value"] for wave in data.waves)
    means = rows.pivot_table(index=["workgroup", "target"], columns="wave", values="value")
    means = means.reindex(columns=data.waves).dropna()
    if len(means) < 2:
        raise ModelError(f"{process}: {len(means)} ties between groups rated in both waves; two are needed")
    tests = {
        "rows, two-sample t": two_sample(first, second, equal_variances=True),
        "ties, paired t": paired(means[data.waves[1]] - means[data.waves[0]]),
    }
    return pd.concat([table.assign(test=name) for name, table in tests.items()])
