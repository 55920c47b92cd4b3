"""Published NHS data: what correlations between trusts become within trusts, and nulls that stay nulls."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.outcomes import Linkage, change_on_change, fixed_effects, link, partial_correlation, within_between
from tests.conftest import reference
from tests.outcomes.test_linkage import trusts as trusts

STARTS = {"Q1 2025/26": "2025-04", "Q2 2025/26": "2025-07", "Q3 2025/26": "2025-10", "Q4 2025/26": "2026-01"}
MEASURES = {"OF0063": "long stays", "OF0016": "crisis within 24 h", "OF0082": "sickness"}


@pytest.fixture(scope="module")
def oversight() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Engagement and outcomes of 61 mental-health and community trusts, by quarter."""
    table = pd.read_csv(
        reference("data", "nhs_oversight_mh_community", "nof_data_mhcom.csv"), encoding="utf-8-sig"
    ).assign(period=lambda d: d["Quarter"].map(STARTS), team=lambda d: d["Trust_code"])
    staff = table[table["Metric_ID"] == "OF0084"].assign(measure="engagement", answers=1, mean=lambda d: d["Value"])
    services = table[table["Metric_ID"].isin(MEASURES)]
    return staff, services.assign(measure=services["Metric_ID"].map(MEASURES), value=services["Value"])


def test_better_staffed_trusts_differ_but_a_trust_does_not_move_with_its_staffing(trusts: Linkage):
    """Enough staff and four-hour waits: r = -.36 between trusts; within them the interval holds 0 and is narrow."""
    got = within_between(trusts, y="over_4_hours", x="Enough_staff", draws=0)
    rows = got.terms.set_index("term")
    assert rows.loc["between", "ci_high"] < -0.7
    assert rows.loc["within", "ci_low"] < 0 < rows.loc["within", "ci_high"]
    assert got.sentence().startswith("No association was found: comparing a team with its own average, with outcomes")
    assert any("opposite signs" in note for note in got.notes)
    change = change_on_change(trusts, y="over_4_hours", x="Enough_staff")
    assert change.n > 350
    assert change.effect["ci_low"] < 0 < change.effect["ci_high"]
    fixed = fixed_effects(trusts, y="over_4_hours", x="Enough_staff", draws=0)
    assert fixed.effect["ci_low"] < 0 < fixed.effect["ci_high"]
    assert fixed.effect["estimate"] == pytest.approx(rows.loc["within", "estimate"], abs=0.05)


def test_pooled_correlations_are_those_of_the_readme(oversight):
    """Yearly engagement written out by quarter: -.12, +.11 and -.29 over 244 rows, and the repetition is noticed."""
    staff, services = oversight
    linked = link(staff, services, unit="quarter")
    r = linked.data[["engagement", *MEASURES.values()]].corr()["engagement"]
    assert r[list(MEASURES.values())].round(2).tolist() == [-0.12, 0.11, -0.29]
    assert any("engagement repeats the value of the period before" in note for note in linked.notes)


def test_only_distinct_surveys_count(oversight):
    """Two surveys a trust, not four quarters; one per trust gives 45 to 47 rows, and intervals that hold 0."""
    staff, services = oversight
    surveys = staff.assign(wave=np.where(staff["period"] == "2026-01", 2025, 2024))
    linked = link(surveys, services, unit="quarter")
    assert linked.data.groupby("team").size().unique().tolist() == [2]
    first = linked.data[linked.data["period"] == "2025-04-01"]
    for measure in ("long stays", "crisis within 24 h"):
        got = partial_correlation(first, x="engagement", y=measure, given=[])
        assert 44 <= got.n <= 48
        assert got.sentence().startswith("No correlation was found")
        assert any("can show a correlation of about 0.4" in note for note in got.notes)
