"""Linkage on small literal tables: every trap in its own test; then the published data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joyeval.errors import DataError, ModelError, UsageError
from joyeval.outcomes import Linkage, lagged, link, read_counts, team_means
from joyeval.outcomes.codes import clean_codes, follow
from joyeval.outcomes.periods import ordinals
from tests.conftest import reference

BETTER = {"joy": "increase", "falls": "decrease"}


def staff(*rows) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["team", "period", "mean", "answers"])
    return table.assign(measure="joy")


def falls(*rows) -> pd.DataFrame:
    """Outcome rows: team, period, numerator, denominator; the value is a percentage."""
    table = pd.DataFrame(rows, columns=["team", "period", "numerator", "denominator"]).assign(measure="falls")
    return table.assign(value=100 * table["numerator"] / table["denominator"])


STAFF = staff(("A", "2024-01", 6.0, 10), ("A", "2024-03", 7.0, 12), ("B", "2024-01", 5.0, 8), ("B", "2024-03", 5.5, 9))
FALLS = falls(
    ("A", "2024-01", 1, 100), ("A", "2024-02", 2, 100), ("A", "2024-03", 3, 100), ("A", "2024-04", 8, 200),
    ("B", "2024-01", 5, 50), ("B", "2024-02", 6, 50), ("B", "2024-04", 9, 50), ("B", "2023-12", 4, 50),
)  # fmt: skip


def values(linked: Linkage, name: str = "falls") -> list[float]:
    return linked.data[name].tolist()


@pytest.mark.parametrize(
    ("lag", "want"),
    [
        ("same", [1.0, 3.0, 10.0, np.nan]),
        ("following", [2.0, 4.0, 12.0, 18.0]),
        ("preceding", [np.nan, 2.0, 8.0, 12.0]),
        (3, [4.0, np.nan, 18.0, np.nan]),
    ],
)
def test_outcomes_are_taken_at_the_stated_lag(lag, want):
    """B has no month 3: its value for March is missing, not that of February or April."""
    got = link(STAFF, FALLS, lag=lag, improve=BETTER)
    np.testing.assert_allclose(values(got), want)
    assert got.data["team"].tolist() == ["A", "A", "B", "B"]
    assert got.data["period"].dt.strftime("%Y-%m").tolist() == ["2024-01", "2024-03"] * 2


def test_a_window_adds_numerators_and_denominators():
    """A, February to April: 2 + 3 + 8 falls in 100 + 100 + 200 bed days; the mean of percentages would be 3."""
    got = link(STAFF.iloc[:1], FALLS, lag=(1, 3), improve=BETTER)
    row = got.data.iloc[0]
    assert row["falls"] == pytest.approx(100 * 13 / 400)
    assert (row["falls_numerator"], row["falls_denominator"], row["falls_periods"]) == (13, 400, 3)


def test_a_window_with_holes_counts_only_when_enough_is_there():
    one = link(STAFF, FALLS, lag=(1, 3), improve=BETTER)
    assert np.isnan(values(one)[1])  # A after March: April only
    assert values(one)[2] == pytest.approx(100 * 15 / 100)  # B after January: February and April, two of three
    two = link(STAFF, FALLS, lag=(1, 3), at_least=1, improve=BETTER)
    assert values(two)[1] == 4.0
    assert one.flow.set_index("status").loc["too few periods in the window", "team_periods"] == 2


def test_values_without_denominators_are_averaged():
    plain = FALLS.drop(columns=["numerator", "denominator"])
    got = link(STAFF.iloc[:1], plain, lag=(1, 3), improve=BETTER)
    assert values(got) == pytest.approx([(2 + 3 + 4) / 3])


def test_what_did_not_join_is_counted_with_its_reason():
    people = pd.concat([STAFF, staff(("C", "2024-01", 4.0, 7), ("A", "2025-01", 6.0, 3))])
    got = link(people, FALLS, improve=BETTER)
    flow = got.flow.set_index("status")["team_periods"].to_dict()
    assert flow == {"joined": 3, "no outcome in these periods": 2, "no outcome at all": 1}
    assert (got.n, got.n_dropped) == (3, 3)
    assert got.unmatched.to_dict("records") == [{"side": "staff", "code": "C", "rows": 1}]
    assert got.difference.iloc[0]["joined"] == pytest.approx(6.0)
    assert got.difference.iloc[0]["left_out"] == pytest.approx((5.5 + 4 + 6) / 3)
    assert any("differ from the rest in joy" in note for note in got.notes)


def test_codes_are_cleaned_before_they_meet():
    people = STAFF.assign(code=STAFF["team"].map({"A": "ward\u00a0 a ", "B": "Ward B"}))
    services = FALLS.assign(unit=FALLS["team"].map({"A": "Ward A", "B": "WARD\u200bB"}))
    got = link(people, services, on=("code", "unit"), improve=BETTER)
    assert sorted(got.data["team"].unique()) == ["WARD A", "WARD B"]
    assert got.n == 3


def test_merged_teams_are_pooled_by_the_crosswalk():
    """A and B become N: staff by answers, outcomes by denominators; a chain of mergers is followed."""
    got = link(STAFF, FALLS, crosswalk={"A": "M", "B": "M", "M": "N"}, improve=BETTER)
    assert got.data["team"].tolist() == ["N", "N"]
    assert got.data["joy"].tolist() == pytest.approx([(60 + 40) / 18, (84 + 49.5) / 21])
    assert values(got) == pytest.approx([100 * 6 / 150, 3.0])


@pytest.mark.parametrize(
    ("table", "found"),
    [
        (pd.DataFrame({"old": ["A", "A"], "new": ["M", "N"]}), "more than one new code"),
        ({"A": "B", "B": "A"}, "circle"),
    ],
)
def test_a_crosswalk_must_end(table, found):
    with pytest.raises(DataError, match=found):
        follow(pd.Series(["A"]), table)


def test_hidden_counts_are_intervals_never_zero():
    raw = read_counts(pd.Series(["12", "*", "0", "-"]))
    services = pd.DataFrame({"team": "A", "period": ["2024-01", "2024-02", "2024-03", "2024-04"], "measure": "falls",
                             "denominator": 100.0}).assign(**raw)  # fmt: skip
    people = staff(*[("A", f"2024-0{m}", 5.0 + m, 9) for m in range(1, 5)])
    got = link(people, services, improve=BETTER)
    np.testing.assert_array_equal(values(got), [12, np.nan, 0, np.nan])
    assert got.data["falls_low"].tolist()[1] == 1
    assert got.data["falls_high"].tolist()[1] == 7
    assert got.data["falls_low"].isna().tolist() == [False, False, False, True]
    assert "hidden small number" in set(got.flow["status"])
    for end, want in (("low", 1), ("middle", 4), ("high", 7)):
        assert got.filled(end).data["falls"].tolist()[1] == want
    assert np.isnan(got.filled("low").data["falls"].tolist()[3])


def test_rounded_counts_carry_their_slack():
    got = read_counts(pd.Series(["1,205", "5", "0"]), rounded_to=5)
    assert got["low"].tolist() == [1203, 3, 0]
    assert got["high"].tolist() == [1207, 7, 0]
    with pytest.raises(ValueError, match="Unable to parse"):
        read_counts(pd.Series(["about 12"]))


def test_a_pulse_has_no_mean_but_positive_answers():
    pulse = pd.DataFrame({"team": "A", "period": pd.to_datetime(["2024-01-01", "2024-01-08", "2024-02-05"]),
                          "measure": "joy", "positive": [3, 6, 4], "answers": [6, 6, 8]})  # fmt: skip
    got = link(pulse, FALLS, improve=BETTER)
    assert got.data["joy"].tolist() == pytest.approx([9 / 12, 0.5])
    assert got.data["joy_answers"].tolist() == [12, 8]


def test_whole_numbered_waves_are_shifted_by_waves():
    people = staff(("A", 1, 5.0, 9), ("A", 2, 6.0, 9), ("A", 4, 7.0, 9))
    services = falls(("A", 2, 1, 10), ("A", 3, 2, 10), ("A", 4, 3, 10))
    got = link(people, services, lag=1, improve=BETTER)
    np.testing.assert_allclose(values(got), [10, 20, np.nan])
    assert got.sentence() == (
        "2 of 3 team-periods of staff experience joined an outcome taken 1 period after the staff answers; "
        "1 team, 1 team-period without an outcome."
    )


def test_a_yearly_figure_written_out_by_quarter_counts_once():
    """With `wave`, quarters that repeat a survey fall away; without it, the repetition is noticed."""
    quarters = ["2025-04", "2025-07", "2025-10", "2026-01"]
    rng = np.random.default_rng(1)
    people = staff(
        *[(t, q, v, 50) for t in "ABCDEF" for q, v in zip(quarters, [*[rng.normal()] * 3, 9.0], strict=True)]
    )
    services = falls(*[(t, q, 3, 60) for t in "ABCDEF" for q in quarters])
    once = link(people.assign(wave=[2024, 2024, 2024, 2025] * 6), services, unit="quarter", improve=BETTER)
    assert once.data.groupby("team").size().tolist() == [2] * 6
    assert not any("repeats the value" in note for note in once.notes)
    written_out = link(people, services, unit="quarter", improve=BETTER)
    assert any("joy repeats the value of the period before in 67%" in note for note in written_out.notes)


def test_directions_are_kept_and_their_absence_is_said():
    assert link(STAFF, FALLS, improve=BETTER).improve == BETTER
    got = link(STAFF, FALLS, improve={"joy": "increase"})
    assert got.notes[-1] == "which way is better is not stated for falls"


def test_several_measures_stand_side_by_side_and_survive_json():
    people = pd.concat([STAFF, STAFF.assign(measure="calm", mean=STAFF["mean"] + 1)])
    services = pd.concat([FALLS, FALLS.assign(measure="harm", value=FALLS["value"] / 2)])
    got = link(people, services)
    assert got.staff == ("joy", "calm")
    assert got.outcomes == ("falls", "harm")
    assert got.data["calm"].tolist() == [7.0, 8.0, 6.0, 6.5]
    assert got.data["harm"].tolist()[0] == 0.5
    back = Linkage.from_json(got.to_json())
    pd.testing.assert_frame_equal(back.data, got.data)
    pd.testing.assert_frame_equal(back.tidy(), got.tidy())
    assert back.lag == (0, 0)


def test_what_is_known_of_teams_comes_along():
    teams = pd.DataFrame({"team": ["a", "B", "C"], "setting": ["ward", "clinic", "ward"], "organisation": [1, 1, 2]})
    got = link(STAFF, FALLS, improve=BETTER, teams=teams)
    assert got.data["setting"].tolist() == ["ward", "ward", "clinic", "clinic"]
    with pytest.raises(UsageError, match="joy, which the measures use too"):
        link(STAFF, FALLS, teams=teams.rename(columns={"setting": "joy"}))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"lag": "later"}, UsageError, "same, following, preceding"),
        ({"lag": (3, 1)}, UsageError, "first period before the last"),
        ({"unit": "fortnight"}, UsageError, "day, week, month"),
        ({"improve": {"joy": "up"}}, UsageError, "joy: up"),
        ({"on": "ward"}, UsageError, "no column ward"),
        ({"outcome": pd.concat([FALLS, FALLS.iloc[:2]])}, DataError, "2 rows that repeat a team and period"),
        ({"outcome": FALLS.assign(measure="joy")}, UsageError, "joy: named as staff measure and as outcome"),
        (
            {"outcome": FALLS.assign(team=FALLS["team"].map({"A": "Y", "B": "Z"}))},
            ModelError,
            "0 of 2 codes are on both sides",
        ),
    ],
)
def test_what_cannot_be_linked_is_refused(change, error, message):
    with pytest.raises(error, match=message):
        link(**{"staff": STAFF, "outcome": FALLS} | change)


def test_ambiguous_dates_are_refused():
    with pytest.raises(UsageError, match="may be April or May"):
        ordinals(pd.Series(["05/04/2024"], name="period"))
    with pytest.raises(UsageError, match="no date"):
        ordinals(pd.Series(["soon"], name="period"))
    with pytest.raises(UsageError, match="fractions"):
        ordinals(pd.Series([1.5], name="period"))


def test_codes_read_as_numbers_are_codes_again():
    assert clean_codes(pd.Series([12.0, 7.0, np.nan])).tolist()[:2] == ["12", "7"]
    assert clean_codes(pd.Series(["  ", None])).isna().all()


@given(st.sets(st.integers(0, 30), min_size=2, max_size=15), st.integers(-4, 4))
def test_a_lag_is_the_value_at_that_very_period_or_missing(periods, by):
    rows = pd.DataFrame({"team": "A", "period": sorted(periods)}).assign(x=lambda d: d["period"] * 10.0)
    got = lagged(rows, "x", by=by)
    want = [10.0 * (p - by) if p - by in periods else np.nan for p in sorted(periods)]
    np.testing.assert_array_equal(got, want)


def test_the_survey_before_a_yearly_survey_is_that_of_the_year_before():
    """2023 is missing for B: its lag in 2024 is missing, not 2022."""
    dates = ["2021-11", "2022-11", "2023-11", "2024-11"]
    rows = pd.DataFrame({"team": ["A"] * 4 + ["B"] * 3, "period": [*dates, *dates[:2], dates[3]], "x": range(7)})
    np.testing.assert_array_equal(lagged(rows, "x"), [np.nan, 0, 1, 2, np.nan, 4, np.nan])


def test_repeated_rows_have_no_lag():
    with pytest.raises(UsageError, match="1 rows repeat"):
        lagged(pd.DataFrame({"team": "A", "period": [1, 1], "x": [1.0, 2.0]}), "x")


def test_team_means_count_those_with_a_score():
    wave = pd.DataFrame({"team": ["A", "A", "A", "B"], "wave": 1, "joy": [1.0, 3.0, np.nan, 4.0],
                         "date": ["2024-03-01", "2024-03-20", "2024-03-22", "2024-04-02"]})  # fmt: skip
    got = team_means(wave, "joy")
    assert got[["team", "mean", "answers"]].values.tolist() == [["A", 2.0, 2], ["B", 4.0, 1]]
    assert got["sd"].tolist()[0] == pytest.approx(np.sqrt(2))
    assert got["period"].dt.strftime("%Y-%m").unique().tolist() == ["2024-03"]
    with pytest.raises(UsageError, match="no column calm"):
        team_means(wave, ["joy", "calm"])


# --- published data


@pytest.fixture(scope="module")
def trusts() -> Linkage:
    """Staff Survey 2021 to 2024 and the four-hour standard in the following December to November."""
    survey = pd.read_csv(
        reference("data", "nhs_staff_survey") / "NSS_2021_2024_data_trusts_well-being - organisational results.csv",
        na_values="-",
    )
    panel = pd.read_csv(reference("data", "nhs_outcomes", "monthly_panels", "england_trust_accidents_emergency.csv"))
    parts = [
        pd.DataFrame({"team": survey["ODS code"], "period": survey["Year"].astype(str) + "-11", "measure": name,
                      "mean": survey[f"{name}_rate"], "answers": survey[f"{name}_base"]})
        for name in ("Enough_staff", "Frustration")
    ]  # fmt: skip
    services = pd.DataFrame({"team": panel["nhs_trust22_code"], "period": panel["date"], "measure": "over_4_hours",
                             "numerator": panel["attendances_over_4hours"],
                             "denominator": panel["total_attendances"]})  # fmt: skip
    services["value"] = 100 * services["numerator"] / services["denominator"]
    return link(pd.concat(parts), services, lag=(1, 12), at_least=8)


def test_trusts_join_as_the_readme_says(trusts):
    """Pooled correlations of the data's README: enough staff .36 with waiting under four hours, frustration -.36."""
    r = trusts.data[["Enough_staff", "over_4_hours"]].corr().iloc[0, 1]
    assert r == pytest.approx(-0.36, abs=0.01)
    assert trusts.n == 537
    assert trusts.n + trusts.n_dropped == 1075


def test_field_test_trusts_are_missing_not_zero(trusts):
    """Fourteen trusts published no breaches until May 2023; surveys before November 2022 have no outcome."""
    blank = trusts.data[trusts.data["team"].isin(["RC9", "RGT", "RYJ"]) & (trusts.data["period"] < "2023-01-01")]
    assert len(blank) >= 4
    assert blank["over_4_hours"].isna().all()
    assert (trusts.data["over_4_hours"].dropna() > 0).all()
