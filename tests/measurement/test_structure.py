"""Factor models of a questionnaire and their invariance over groups and linked waves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.errors import ModelError, UsageError
from joyeval.measurement import Factor, Invariance, factor, invariance, omega
from joyeval.measurement.ladders import longitudinal_model
from tests.conftest import golden, reference

THREE = {"visual": ["x1", "x2", "x3"], "textual": ["x4", "x5", "x6"], "speed": ["x7", "x8", "x9"]}


@pytest.fixture(scope="module")
def schools() -> pd.DataFrame:
    data = pd.read_csv(reference("reference", "golden", "models", "data", "HolzingerSwineford1939.csv"))
    return data.assign(school=pd.Categorical(data["school"], ["Pasteur", "Grant-White"]))


def test_factor_gives_fit_loadings_and_reliability_of_lavaan(schools):
    known = golden("models", "cases", "cfa_hs_mlr.json")["expected"]
    got = factor(schools.filter(like="x"), THREE, scale="ability")
    assert got.sem.fit["cfi_robust"] == pytest.approx(known["fit"]["cfi.robust"], rel=1e-6)
    std = {f"{p['lhs']} =~ {p['rhs']}": p["std.all"] for p in known["parameters"] if p["op"] == "=~"}
    assert got.loadings.set_index("term")["estimate"].to_dict() == pytest.approx(std, rel=1e-5)
    assert got.sentence().startswith(
        "Whether the factor model of ability fits cannot be told from 301 rows: RMSEA 0.092"
    )


def test_reliability_of_a_factor_is_omega_from_its_loadings(schools):
    """Omega = (sum of loadings)^2 x factor variance / implied variance of the sum, by hand from the estimates."""
    got = factor(schools.filter(like="x"), THREE)
    rows = got.sem.estimates.set_index("term")["estimate"]
    top = sum(rows[f"speed =~ {item}"] for item in THREE["speed"]) ** 2 * rows["speed ~~ speed"]
    rest = sum(rows[f"{item} ~~ {item}"] for item in THREE["speed"])
    assert got.reliability.set_index("term").loc["omega speed", "estimate"] == pytest.approx(top / (top + rest))


def test_one_factor_is_the_default_and_gives_omega(schools):
    items = schools[["x4", "x5", "x6", "x7"]]
    assert factor(items).reliability["estimate"].iloc[0] == pytest.approx(omega(items).estimate, rel=1e-6)


def test_second_order_factor_has_a_hierarchical_omega_below_the_total(schools):
    text = "\n".join(f"{name} =~ {' + '.join(items)}" for name, items in THREE.items())
    rows = factor(schools.filter(like="x"), text + "\ng =~ visual + textual + speed").reliability.set_index("term")
    assert 0 < rows.loc["omega_h g", "estimate"] < rows.loc["omega textual", "estimate"]


@pytest.mark.parametrize("model", [3, {"joy": ["q9"]}, "joy =~"])
def test_a_model_that_cannot_be_used_is_refused(model, schools):
    with pytest.raises(UsageError):
        factor(schools[["x1", "x2", "x3"]], model)


def test_invariance_equals_lavaan_step_by_step(schools):
    known = golden("models", "cases", "invariance_hs_school.json")["expected"]
    got = invariance(schools.filter(like="x"), schools["school"], THREE, estimator="ML", partial=False)
    steps = got.steps.set_index("step")
    assert got.steps["step"].tolist() == ["configural", "metric", "scalar"]
    for step in ("configural", "metric", "scalar"):
        for key in ("chisq", "df", "cfi", "rmsea"):
            assert steps.loc[step, key] == pytest.approx(known[step][key], rel=1e-6)
    for row in known["lrt"][1:3]:
        difference = steps.loc[row["step"], ["delta_chisq", "delta_df", "delta_p"]].astype(float).tolist()
        assert difference == pytest.approx([row["chisq_diff"], row["df_diff"], row["p"]], rel=1e-5)
    assert got.reached == "metric"
    assert "compare associations, not means" in got.sentence()
    assert any("strict was not tested" in note for note in got.notes)


def test_partial_invariance_frees_what_the_literature_frees(schools):
    """Freeing the intercepts of x3 and x7 gives chi2 129.422 on 58 df (lavaan tutorial on multiple groups)."""
    got = invariance(schools.filter(like="x"), schools["school"], THREE, estimator="ML")
    scalar = got.steps.set_index("step").loc["scalar"]
    assert scalar["released"] == "intercept of x3, intercept of x7"
    assert (round(scalar["chisq"], 3), scalar["df"]) == (129.422, 58)
    assert "partial strict invariance of the scale was not contradicted once intercept of x3" in got.sentence()
    assert got.means["term"].tolist() == ["visual", "textual", "speed"]


def people(n: int, *, shift: float = 0.0, tilt: float = 0.0, seed: int = 1) -> pd.DataFrame:
    """Two waves of n people each, linked; in wave 2 the level of q3 moves by `shift` and its loading by `tilt`."""
    rng = np.random.default_rng(seed)
    true = rng.normal(size=n)
    own = rng.normal(0, 0.5, size=(n, 5))
    rows = []
    for wave in (1, 2):
        factor = true + (0.4 if wave == 2 else 0) + rng.normal(0, 0.5, n)
        loadings = np.array([0.8, 0.7, 0.9 + (tilt if wave == 2 else 0), 0.8, 0.7])
        answers = factor[:, None] * loadings + own + rng.normal(0, 0.6, (n, 5))
        answers[:, 2] += shift if wave == 2 else 0
        rows.append(pd.DataFrame(answers, columns=[f"q{i}" for i in range(1, 6)]).assign(wave=wave, person=range(n)))
    return pd.concat(rows, ignore_index=True)


ITEMS = [f"q{i}" for i in range(1, 6)]


def test_linked_waves_recover_the_change_of_the_factor():
    data = people(600)
    got = invariance(data[ITEMS], data["wave"], person=data["person"], scale="joy")
    assert got.reached == "strict"
    assert got.n == 600
    change = got.means.iloc[0]
    assert change["ci_low"] < 0.4 / np.sqrt(1.25) < change["ci_high"]
    assert change["group"] == "2"


def test_linked_waves_find_the_item_that_moved():
    data = people(600, shift=0.8)
    got = invariance(data[ITEMS], data["wave"], person=data["person"])
    scalar = got.steps.set_index("step").loc["scalar"]
    assert scalar["released"] == "intercept of q3"
    apart = invariance(data[ITEMS], data["wave"])
    assert apart.steps.set_index("step").loc["scalar", "released"] == "intercept of q3"
    assert any("give person=" in note for note in apart.notes)


def test_longitudinal_model_without_equalities_has_correlated_residuals():
    lines = longitudinal_model("joy =~ a + b + c", 3).splitlines()
    assert "a.t1 ~~ a.t2" in lines
    assert "a.t1 ~~ a.t3" in lines
    assert "joy.t2 ~ 0*1" in lines


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda d: d.assign(wave=1), "found 1 wave in 60 rows"),
        (lambda d: d.assign(q2=d["q2"].where(d["wave"] == 1, 3.0)), r"q2 does not vary in group 2"),
        (lambda d: d[(d["wave"] == 1) | (d["person"] < 4)], "4 usable rows in group 2 for 5 variables"),
    ],
)
def test_data_that_cannot_answer_are_refused(change, found):
    data = change(people(30))
    with pytest.raises(ModelError, match=found):
        invariance(data[ITEMS], data["wave"], scale="joy")


def test_two_answers_of_one_person_in_a_wave_are_refused():
    data = people(30)
    with pytest.raises(ModelError, match="30 persons answered a wave more than once"):
        invariance(data[ITEMS], pd.Series([1, 2] * 30, name="wave"), person=data["person"] // 2)


@pytest.mark.slow
def test_step_from_a_model_that_fits_anything_is_judged_by_cfi_alone():
    """Three items of one factor: RMSEA is 0 before anything is held equal, so any chance would look like a loss."""
    rng = np.random.default_rng(3)
    kept = 0
    for _ in range(30):
        y = rng.normal(size=(240, 1)) + rng.normal(size=(240, 3)) * 0.7
        items = pd.DataFrame(y, columns=["q1", "q2", "q3"])
        steps = invariance(items, pd.Series([1, 2] * 120, name="group"), partial=False).steps.set_index("step")
        assert steps.loc["configural", "df"] == 0
        assert steps.loc["configural", "outcome"] == "cannot be tested"
        if steps.loc["metric", "outcome"] == "does not fit":
            assert steps.loc["metric", "loss_low"] > 0.01
        kept += steps.loc["metric", "outcome"] != "does not fit"
    assert kept >= 29


@pytest.mark.slow
def test_a_step_that_few_people_cannot_judge_ends_nothing_and_is_named():
    """Sixty people, nothing differs: every step is taken, and none is said to hold."""
    rng, contradicted = np.random.default_rng(8), 0
    for _ in range(20):
        y = rng.normal(size=(60, 1)) + rng.normal(size=(60, 5))
        got = invariance(pd.DataFrame(y, columns=ITEMS), pd.Series([1, 2] * 30, name="group"))
        contradicted += got.reached != "strict" or "partial" in got.sentence()
        if got.reached == "strict":
            assert "metric" in got.doubtful
            assert "was not contradicted" in got.sentence()
            assert "60 rows cannot tell" in got.sentence()
    assert contradicted <= 2


def test_one_rule_for_fit_and_three_answers():
    """A true factor of 6 items: 40 people cannot tell, 600 can; two factors taken for one do not fit."""
    rng, said = np.random.default_rng(20), {}
    for n in (40, 600):
        scales = [pd.DataFrame(rng.normal(size=(n, 1)) + rng.normal(size=(n, 6))).add_prefix("q") for _ in range(10)]
        said[n] = pd.Series([factor(x).sem.quality for x in scales]).value_counts(normalize=True)
    assert said[40].get("does not fit", 0) <= 0.1
    assert said[40]["cannot be told"] > 0.7
    assert said[600]["fits"] > 0.9
    two = np.repeat(rng.normal(size=(300, 2)), 3, axis=1) + rng.normal(size=(300, 6))
    wrong = factor(pd.DataFrame(two).add_prefix("q"), scale="joy")
    assert wrong.sem.quality == "does not fit"
    assert wrong.sentence().startswith("The factor model of joy does not fit: RMSEA")
    few = factor(pd.DataFrame(rng.normal(size=(40, 1)) + rng.normal(size=(40, 6))).add_prefix("q"), scale="joy")
    assert few.sentence().startswith("Whether the factor model of joy fits cannot be told from 40 rows")


def test_results_survive_json(schools):
    one = factor(schools.filter(like="x"), THREE)
    assert Factor.from_json(one.to_json()).sentence() == one.sentence()
    two = invariance(schools.filter(like="x"), schools["school"], THREE)
    back = Invariance.from_json(two.to_json())
    pd.testing.assert_frame_equal(back.tidy(), two.tidy())


@pytest.mark.slow
def test_the_test_of_a_step_keeps_its_size():
    """Nothing differs, 400 samples of 150 + 150 skewed answers: 5 % of p below 0.05 (Monte Carlo error 1.1)."""
    rng, p = np.random.default_rng(4), {"metric": [], "scalar": []}
    group = pd.Series(np.repeat(["a", "b"], 150), name="group")
    for _ in range(400):
        y = rng.normal(size=(300, 1)) * 0.8 + rng.normal(size=(300, 5)) * 0.6
        items = pd.DataFrame(np.digitize(y, [-1.5, -0.8, -0.2, 0.6]), columns=ITEMS).astype(float)
        steps = invariance(items, group, partial=False).steps.set_index("step")
        for step in p:
            if step in steps.index:
                p[step].append(steps.loc[step, "delta_p"])
    for values in p.values():
        assert 0.025 <= np.mean(np.array(values) < 0.05) <= 0.08
