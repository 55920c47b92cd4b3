"""Cross-lagged models, held against lavaan."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.errors import ModelError, UsageError
from joyeval.outcomes.cross_lagged import CrossLagged, cross_lagged
from tests.conftest import golden, reference


def case(name: str) -> dict:
    return golden("models", "cases", f"{name}.json")["expected"]


def table(name: str) -> pd.DataFrame:
    return pd.read_csv(reference("reference", "golden", "models", "data", name))


def regressions(expected: dict) -> dict[tuple[str, str], dict]:
    return {(p["lhs"], p["rhs"]): p for p in expected["parameters"] if p["op"] == "~"}


@pytest.fixture(scope="module")
def programme() -> CrossLagged:
    return cross_lagged(table("sim_programme.csv").query("wave <= 6"), y="pat_exp", x="joy", period="wave")


def test_random_intercepts_equal_lavaan(programme):
    want = case("riclpm_simprog")
    paths, rows = regressions(want), programme.terms[programme.terms["model"] == "ri_clpm"].set_index("term")
    names = {"x to y": ("wy2", "wx1"), "y to x": ("wx2", "wy1"), "x to x": ("wx2", "wx1"), "y to y": ("wy2", "wy1")}
    for term, pair in names.items():
        assert rows.loc[term, "estimate"] == pytest.approx(paths[pair]["est"], rel=1e-4)
        assert rows.loc[term, "se"] == pytest.approx(paths[pair]["se"], rel=1e-3)
    fit = programme.fit.set_index("model").loc["ri_clpm"]
    for ours in ("chisq", "df", "cfi", "tli", "rmsea", "srmr", "npar"):
        assert fit[ours] == pytest.approx(want["fit"][ours], rel=1e-4)


def test_the_plain_model_equals_lavaan_with_gaps():
    """Golden clpm_univbct: three waves, 493 people, free paths, full information."""
    wide = table("univbct_wide.csv")
    long = pd.concat(
        [wide[["SUBNUM"]].assign(wave=w, job=wide[f"JOBSAT{w}"], tie=wide[f"COMMIT{w}"]) for w in (1, 2, 3)]
    )
    got = cross_lagged(long, y="job", x="tie", team="SUBNUM", period="wave", equal=False)
    want, rows = case("clpm_univbct"), got.terms[got.terms["model"] == "clpm"].set_index(["term", "wave"])
    label = {"x": "COMMIT", "y": "JOBSAT"}
    paths = regressions(want)
    for (term, wave), row in rows.iterrows():
        pair = (f"{label[term[-1]]}{wave}", f"{label[term[0]]}{wave - 1}")
        assert row["estimate"] == pytest.approx(paths[pair]["est"], rel=1e-3)
        assert row["se"] == pytest.approx(paths[pair]["se"], rel=1e-3)
        assert row["standardised"] == pytest.approx(paths[pair]["std.all"], rel=1e-3)
    fit = got.fit.set_index("model").loc["clpm"]
    assert [fit["chisq"], fit["df"], fit["cfi"]] == pytest.approx(
        [want["fit"][k] for k in ("chisq", "df", "cfi")], rel=1e-3
    )


def test_both_directions_are_told_and_the_plain_model_is_labelled(programme):
    assert programme.sentence().startswith("Within teams, joy predicted pat_exp one period later (+0.084 per 1")
    assert "whether pat_exp predicts joy one period later cannot be told" in programme.sentence()
    notes = " ".join(programme.notes)
    assert "the plain cross-lagged model mixes differences between teams" in notes
    assert "48 teams for 37 parameters" in notes
    assert "the cross-lagged model does not fit" in notes
    assert CrossLagged.from_json(programme.to_json()).sentence() == programme.sentence()


def test_a_direction_that_was_built_in_is_found():
    """Each period y follows x of the period before by .5; x follows nothing."""
    rng = np.random.default_rng(3)
    own = rng.normal(size=(2, 400))
    x = own[0] + rng.normal(size=(5, 400))
    y = own[1] + rng.normal(size=(5, 400)) * 0.7
    y[1:] += 0.5 * (x[:-1] - own[0])
    rows = [(t, w, x[w, t], y[w, t]) for t in range(400) for w in range(5)]
    got = cross_lagged(pd.DataFrame(rows, columns=["team", "period", "x", "y"]), y="y", x="x")
    found = got.terms[got.terms["model"] == "ri_clpm"].set_index("term")
    assert found.loc["x to y", "ci_low"] < 0.5 < found.loc["x to y", "ci_high"]
    assert found.loc["y to x", "ci_low"] < 0 < found.loc["y to x", "ci_high"]


def test_two_waves_cannot_tell_within_from_between():
    got = cross_lagged(table("sim_programme.csv").query("wave <= 2"), y="pat_exp", x="joy", period="wave")
    assert got.model == "clpm"
    assert got.sentence().startswith("Within and between teams mixed")
    assert any("2 waves: the random-intercept model needs 3" in note for note in got.notes)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda d: d[d["wave"] != 3], ModelError, r"5 periods with gaps of \[1, 2\]"),
        (lambda d: d[d["wave"] == 1], ModelError, "1 periods"),
        (lambda d: pd.concat([d, d.head(2)]), ModelError, "2 of 290 rows repeat"),
        (lambda d: d.drop(columns="joy"), UsageError, "no column joy"),
        (lambda d: d.assign(joy=d["joy"].where(d["wave"] != 2)), ModelError, r"\['x2'\]"),
    ],
)
def test_what_cannot_be_lagged_is_refused(change, error, message):
    with pytest.raises(error, match=message):
        cross_lagged(change(table("sim_programme.csv").query("wave <= 6")), y="pat_exp", x="joy", period="wave")


def test_too_few_teams_are_told_in_their_own_number():
    rng, (team, wave) = np.random.default_rng(0), np.indices((6, 5))
    data = pd.DataFrame(
        {"team": team.ravel(), "period": wave.ravel(), "x": rng.normal(size=30), "y": rng.normal(size=30)}
    )
    with pytest.raises(ModelError, match=r"6 teams over 5 periods do not bear .* more teams"):
        cross_lagged(data, y="y", x="x")
