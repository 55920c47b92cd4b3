"""Published series: what is known of them comes out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.errors import DataError
from joyeval.improvement import chart, stable_shift, verdicts
from tests.conftest import reference


def trust_months(measure):
    """One mental-health trust by month, five files; the end of the period is written day first in all of them."""
    files = sorted(reference("data", "mh_trust_monthly").glob("*.csv"))
    raw = pd.concat([pd.read_csv(path, dtype=str) for path in files], ignore_index=True)
    rows = raw[(raw["BREAKDOWN"] == "Provider") & (raw["MEASURE_ID"] == measure)]
    return rows[["REPORTING_PERIOD_START", "REPORTING_PERIOD_END", "MEASURE_VALUE"]].reset_index(drop=True)


def read_months(measure):
    rows = trust_months(measure)
    return pd.DataFrame(
        {
            "month": pd.to_datetime(rows["REPORTING_PERIOD_END"], format="%d/%m/%Y"),
            "people": pd.to_numeric(rows["MEASURE_VALUE"], errors="coerce"),
        }
    )


def test_dates_that_change_their_format_between_files_are_refused_not_guessed():
    with pytest.raises(DataError) as caught:
        chart(trust_months("MHS01"), x="REPORTING_PERIOD_START", y="MEASURE_VALUE")
    assert {problem.rule for problem in caught.value.problems} == {"no-date", "not-numbers"}


def test_119_months_of_a_trust_with_one_month_absent():
    found = chart(read_months("MHS01"), x="month", y="people", kind="i", freeze="2023-03-31", improve="neutral")
    row = found.series.iloc[0]
    assert (len(found.points), row["rhythm"], row["n_absent"]) == (119, "monthly", 1)
    assert found.points.loc[found.points["gap"] > 0, "month"].tolist() == [pd.Timestamp("2025-09-30")]
    assert row["signal"] == "signal"


def test_the_count_halved_in_august_2016():
    """33,840 people in July, 16,345 in August: the first three months are no part of the process since."""
    found = chart(read_months("MHS01"), x="month", y="people", kind="i", exclude=[1, 2, 3])
    assert found.points["beyond"][:3].all()
    assert found.series["reason"][0].startswith("1 without a row; 3 excluded")


def test_a_rise_that_never_settles_is_not_rebased():
    """From 2021 the count rises month by month: a shift, but no stable one."""
    months = read_months("MHS01").query("month > '2016-08-01'")
    proposed = stable_shift(chart(months, x="month", y="people", kind="i"))
    assert (proposed["month"] < "2020-01-01").all()


def test_infections_fell_after_the_intervention():
    """Clostridioides difficile, qicharts2: months 1 to 24 before, 25 to 36 after."""
    data = pd.read_csv(reference("data", "spc_series", "q2_cdi.csv"))
    before, after = (data[data["period"] == name] for name in ("pre", "post"))
    found = verdicts(
        chart(data, x="month", y="n", n="days", kind="u'", part=len(before), improve="decrease", multiply=10_000)
    ).teams.iloc[0]
    assert found["verdict"] == "clearly better"
    rate = [10_000 * part["n"].sum() / part["days"].sum() for part in (before, after)]
    assert found[["before", "after"]].tolist() == pytest.approx(rate)
    assert found["relative"] == pytest.approx(rate[1] / rate[0] - 1)


def test_huge_denominators_need_p_prime():
    """Attendances seen within four hours, about 280,000 a week (Mohammed et al. 2013)."""
    data = pd.read_csv(reference("data", "spc_series", "q2_nhs_accidents.csv"))
    plain, prime = (chart(data, x="i", y="r", n="n", kind=kind) for kind in ("p", "p'"))
    assert plain.points["beyond"].mean() > 0.5
    assert prime.points["beyond"].sum() <= 1


def test_every_hospital_and_infection_at_once():
    data = pd.read_csv(reference("data", "spc_series", "q2_hospital_infections.csv"))
    found = chart(data, x="month", y="n", n="days", by=["hospital", "infection"], kind="u", multiply=10_000)
    assert len(found.series) == 18
    assert (found.series["rhythm"] == "monthly").all()
    rows = data[(data["hospital"] == "AHH") & (data["infection"] == "CDI")]
    mine = found.only(hospital="AHH", infection="CDI").points
    rate = rows["n"].sum() / rows["days"].sum()
    np.testing.assert_allclose(mine["centre"], 10_000 * rate)
    np.testing.assert_allclose(mine["upper"], 10_000 * (rate + 3 * np.sqrt(rate / rows["days"].to_numpy())))


def test_subgroups_of_one_day_are_made_of_its_rows():
    """Operations by month: length of stay, Xbar and S from 2,205 patients."""
    data = pd.read_csv(reference("data", "spc_series", "q2_cabg.csv")).assign(
        month=lambda rows: rows["date"].str[:7] + "-01"
    )
    months = data.groupby("month")["age"].agg(["mean", "std", "size"])
    xbar, s = (chart(data, x="month", y="age", kind=kind).points for kind in ("xbar", "s"))
    np.testing.assert_allclose(xbar["value"], months["mean"])
    np.testing.assert_allclose(s["value"], months["std"])
    np.testing.assert_array_equal(xbar["n"], months["size"])
