"""Alpha and its relatives equal R psych, count what they used, and cover."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from joyeval.errors import ModelError, UsageError
from joyeval.measurement import Alpha, alpha
from tests.conftest import golden, reference

SAME = 1e-10  # the same arithmetic as psych: only rounding differs


@pytest.fixture(scope="module")
def bfi() -> pd.DataFrame:
    return pd.read_csv(reference("reference", "golden", "models", "data", "bfi.csv"))


@pytest.mark.parametrize("name", list("ACENO"))
def test_alpha_of_bfi_equals_psych(bfi, name):
    case = golden("models", "cases", "alpha_bfi_scales.json")
    items, known = case["spec"]["scales"][name], case["expected"][name]
    pairs = alpha(bfi[items], missing="pairwise")
    rows = pairs.tidy().set_index("term")["estimate"]
    got = [pairs.estimate, rows["alpha_standardised"], rows["guttman_lambda6"], rows["mean_r"]]
    expected = [known[key] for key in ("raw_alpha_pairwise", "std_alpha", "G6", "average_r")]
    assert got == pytest.approx(expected, rel=SAME)
    assert pairs.tidy()["se"].iloc[0] == pytest.approx(known["ase_duhachek"], rel=SAME)
    assert (pairs.ci_low, pairs.ci_high) == pytest.approx(tuple(known["feldt_ci_n_all"].values()), rel=SAME)
    table = pairs.items.set_index("item")
    assert table["alpha_if_dropped"].to_dict() == pytest.approx(known["alpha_if_dropped"], rel=SAME)
    assert table["r_drop"].to_dict() == pytest.approx(known["r_drop"], rel=SAME)


@pytest.mark.parametrize("name", list("ACENO"))
def test_alpha_of_complete_responses_equals_psych(bfi, name):
    case = golden("models", "cases", "alpha_bfi_scales.json")
    known = case["expected"][name]["listwise"]
    got = alpha(bfi[case["spec"]["scales"][name]])
    assert got.n == known["n"]
    assert got.n + got.n_dropped == len(bfi)
    assert [got.estimate, got.ci_low, got.ci_high] == pytest.approx([known["alpha"], *known["feldt_ci"]], rel=SAME)


def test_alpha_of_staff_equals_psych():
    case = golden("models", "cases", "staff_psychometrics.json")
    staff = pd.read_csv(reference("reference", "golden", "models", "data", "sim_staff.csv"))
    got = alpha(staff[case["spec"]["items"]], by=staff["wave"])
    assert got.estimate == pytest.approx(case["expected"]["alpha"]["raw_alpha_pairwise"], rel=SAME)
    assert got.tidy()["wave"].unique().tolist() == [1, 2, 3]


def test_alpha_of_leadership_equals_psych_as_printed():
    lq = pd.read_csv(reference("data", "multilevel", "lq2002.csv"))
    items = [f"LEAD{i:02d}" for i in range(1, 12)]
    assert alpha(lq[items]).estimate == pytest.approx(0.90223657, abs=5e-9)


TABLE = pd.DataFrame({"a": [1, 2, 3, 4, None], "b": [1, 2, 4, 4, 2], "c": [2, 2, 3, 5, 1]})


def test_alpha_counts_only_the_rows_it_used():
    got, alone = alpha(TABLE), alpha(TABLE.dropna())
    assert (got.n, got.n_dropped) == (4, 1)
    assert (got.estimate, got.ci_low, got.ci_high) == (alone.estimate, alone.ci_low, alone.ci_high)


def test_groups_get_what_they_get_alone():
    rng = np.random.default_rng(2)
    items = pd.DataFrame(rng.integers(1, 6, (90, 4)) + rng.integers(0, 3, (90, 1)), columns=list("abcd")).astype(float)
    items.iloc[3, 1] = items.iloc[50, 2] = np.nan
    wave = pd.Series(np.repeat([1, 2, 3], 30), name="wave")
    together = alpha(items, by=wave, missing="pairwise")
    for number in (1, 2, 3):
        alone = alpha(items[wave == number], missing="pairwise")
        part = together.tidy()[together.tidy()["wave"] == number].drop(columns="wave").reset_index(drop=True)
        pd.testing.assert_frame_equal(part, alone.tidy())


def test_error_of_measurement_is_in_points_of_the_scale_mean():
    """SEM = sd of the scale mean x sqrt(1 - alpha); MDC = 1.96 sqrt(2) SEM (by hand)."""
    complete = TABLE.dropna()
    got = alpha(TABLE)
    rows = got.tidy().set_index("term")["estimate"]
    sem = complete.mean(axis=1).std() * np.sqrt(1 - got.estimate)
    assert rows["sem"] == pytest.approx(sem)
    assert rows["mdc"] == pytest.approx(1.959964 * np.sqrt(2) * sem, rel=1e-6)


@given(arrays(float, (12, 4), elements=st.integers(1, 5)), st.floats(0.1, 10), st.floats(-50, 50))
def test_alpha_ignores_units_of_measurement(x, factor, shift):
    assume(x.sum(axis=1).var() > 0)
    one, two = (alpha(pd.DataFrame(d)).estimate for d in (x, x * factor + shift))
    assert one == pytest.approx(two, abs=1e-6)


def test_bootstrap_interval_is_reproducible_and_near_feldt(bfi):
    items = bfi[["N1", "N2", "N3", "N4", "N5"]].dropna().head(300)
    one, two = (alpha(items, interval="bootstrap", draws=400, seed=3) for _ in range(2))
    assert (one.ci_low, one.ci_high) == (two.ci_low, two.ci_high)
    feldt = alpha(items)
    assert (one.ci_low, one.ci_high) == pytest.approx((feldt.ci_low, feldt.ci_high), abs=0.02)


@pytest.mark.parametrize(
    ("items", "found"),
    [
        (pd.DataFrame({"a": [1, 2, 3]}), "found 1 item and 3 respondents"),
        (pd.DataFrame({"a": [1, 2], "b": [1, 3]}), "2 usable responses"),
        (pd.DataFrame({"a": [3, 3, 3], "b": [2, 2, 2]}), "needs 3 that differ"),
        (pd.DataFrame({"a": [np.nan] * 3, "b": [np.nan] * 3}), "none of 3 respondents answered"),
    ],
)
def test_data_that_cannot_answer_are_refused_with_scale_and_n(items, found):
    with pytest.raises(ModelError, match=r"alpha of joy") as error:
        alpha(items, scale="joy")
    assert found in str(error.value)


def test_words_are_refused():
    with pytest.raises(UsageError, match="found no numbers in a"):
        alpha(pd.DataFrame({"a": ["yes", "no"], "b": [1, 2]}))


def test_labels_of_another_table_are_refused():
    with pytest.raises(UsageError, match="another index"):
        alpha(TABLE, by=pd.Series([1, 1, 1, 2, 2], index=list("vwxyz"), name="wave"))


def test_what_cannot_be_computed_is_noted():
    items = pd.DataFrame({"a": [1, 2, 3, 4, 1], "b": [2, 2, 3, 4, 1], "c": [3, 3, 3, 3, 3]})
    got = alpha(items, by=pd.Series([1, 1, 1, 1, 2], name="wave"))
    assert got.tidy().loc[got.tidy()["wave"] == 2, "estimate"].isna().all()
    assert any("no coefficient for 1 of 2 groups" in note for note in got.notes)
    assert any("constant in at least one group: c" in note for note in got.notes)


def test_items_not_reversed_are_noted():
    items = pd.DataFrame({"a": [1, 2, 3, 4, 5], "b": [5, 4, 3, 2, 2]})
    assert any("negatively worded" in note for note in alpha(items).notes)


def test_result_survives_json_and_speaks():
    got = alpha(TABLE, scale="joy")
    back = Alpha.from_json(got.to_json())
    pd.testing.assert_frame_equal(back.tidy(), got.tidy())
    assert back.sentence() == got.sentence()
    assert got.sentence().startswith("Cronbach's alpha of joy was 0.9")
    assert "4 respondents, 1 left out" in got.sentence()


def test_jackknife_limits_are_those_of_leaving_each_response_out_by_hand():
    rng = np.random.default_rng(8)
    items = pd.DataFrame(np.digitize(rng.normal(size=(60, 1)) + rng.normal(size=(60, 4)), [-1, 0, 1]).astype(float))
    half = pd.Series(np.repeat(["a", "b"], 30), name="half")
    got = alpha(items, by=half, interval="jackknife").tidy().query("term == 'alpha'").set_index("half").loc["b"]
    own = items[30:]
    left = np.log([1 - alpha(own.drop(index=row)).estimate for row in own.index])
    reach = stats.t.ppf(0.975, 29) * np.sqrt(29 * np.var(left))
    centre = np.log(1 - alpha(own).estimate)
    assert (got.ci_low, got.ci_high) == pytest.approx(
        (1 - np.exp(centre + reach), 1 - np.exp(centre - reach)), abs=1e-12
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["feldt", "bootstrap", "jackknife"])
@pytest.mark.parametrize("n", [30, 100, 300])
def test_interval_covers(kind, n):
    """1,000 or 2,000 samples of five parallel normal items: 93 to 97 % at nominal 95 %."""
    rng, samples = np.random.default_rng(n), 1000 if kind == "bootstrap" else 2000
    true = 5 * 0.49 / (1 + 4 * 0.49)
    factor, error = rng.standard_normal((samples * n, 1)), rng.standard_normal((samples * n, 5))
    items = pd.DataFrame(0.7 * factor + np.sqrt(0.51) * error)
    sample = pd.Series(np.repeat(np.arange(samples), n), name="sample")
    rows = alpha(items, by=sample, interval=kind, draws=400).tidy().query("term == 'alpha'")
    assert 0.93 <= rows["ci_low"].le(true).mul(rows["ci_high"].ge(true)).mean() <= 0.97
