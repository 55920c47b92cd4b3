"""Correlations, mediation, unreliable team means and dose, held against R and against counting by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from joyeval.errors import ModelError, UsageError
from joyeval.models.mixed_models import mixed
from joyeval.outcomes import link
from joyeval.outcomes.association import Association
from joyeval.outcomes.correlation import Correlation, partial_correlation, repeated_correlation
from joyeval.outcomes.dose import dose
from joyeval.outcomes.mediation import Mediation, mediation
from joyeval.outcomes.panel import within_between
from joyeval.outcomes.reliability import Corrected, correct_between, mean_reliability
from tests.conftest import golden, reference
from tests.outcomes.test_panel import panel


def case(name: str) -> dict:
    return golden("models", "cases", f"{name}.json")["expected"]


def table(name: str) -> pd.DataFrame:
    return pd.read_csv(reference("reference", "golden", "models", "data", name))


# --- correlation


@pytest.mark.parametrize(
    ("name", "data", "team", "x", "y"),
    [("rmcorr_bland1995", "bland1995.csv", "Subject", "PaCO2", "pH"),
     ("rmcorr_raz2005", "raz2005.csv", "Participant", "Age", "Volume"),
     ("rmcorr_simprog", "sim_programme.csv", "team", "joy", "pat_exp")],
)  # fmt: skip
def test_repeated_correlation_equals_rmcorr(name, data, team, x, y):
    got, want = repeated_correlation(table(data), x=x, y=y, team=team), case(name)
    assert [got.r, got.df, got.ci_low, got.ci_high] == pytest.approx([want["r"], want["df"], *want["ci"]], rel=1e-9)
    assert got.p == pytest.approx(want["p"], rel=1e-7)


def test_errors_that_hang_together_are_said():
    got = repeated_correlation(table("bland1995.csv"), x="PaCO2", y="pH", team="Subject")
    assert got.p_clustered > 100 * got.p
    assert any("allowing for errors that hang together" in note for note in got.notes)
    assert Correlation.from_json(got.to_json()).sentence() == got.sentence()
    assert got.sentence().endswith("does not show what brought it about.")


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_partial_correlation_equals_r(method):
    got = partial_correlation(
        table("attitude.csv"), x="rating", y="complaints", given=["learning", "raises"], method=method
    )
    want = case("partial_attitude")[method]
    assert [got.r, got.df, got.p, got.ci_low, got.ci_high, got.n] == pytest.approx(
        [want["r"], want["df"], want["p"], *want["ci"], want["n"]], rel=1e-8
    )


def test_without_anything_given_it_is_the_correlation():
    data = panel()
    got, want = partial_correlation(data, x="joy", y="waits", given=[]), stats.pearsonr(data["joy"], data["waits"])
    assert [got.r, got.p] == pytest.approx([want.statistic, want.pvalue], rel=1e-8)
    assert [got.ci_low, got.ci_high] == pytest.approx(list(want.confidence_interval()), rel=1e-8)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda d: repeated_correlation(d.assign(joy=1.0), x="joy", y="waits"), ModelError, "joy does not vary in 96"),
        (
            lambda d: repeated_correlation(d.drop_duplicates("team"), x="joy", y="waits"),
            ModelError,
            "0 teams with 2 rows",
        ),
        (lambda d: partial_correlation(d.head(4), x="joy", y="waits", given=[]), ModelError, "4 complete rows for 2"),
        (lambda d: partial_correlation(d, x="joy", y="waits", given=["joy"]), ModelError, "joy does not vary"),
        (lambda d: partial_correlation(d, x="joy", y="waits", given=[], method="kendall"), UsageError, "kendall"),
        (lambda d: repeated_correlation(d, x="calm", y="waits"), UsageError, "no column calm"),
    ],
)
def test_what_cannot_be_correlated_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call(panel())


# --- mediation


def test_mediation_equals_r_without_teams():
    """Golden mediation_jobs: estimates exact; interval of mediate() with robust errors within its .004."""
    got = mediation(table("jobs.csv"), y="depress2", x="treat", mediator="job_seek", team=None, period=None,
                    covariates=["econ_hard", "sex", "age"])  # fmt: skip
    want, rows = case("mediation_jobs"), got.terms.set_index("term")
    for path in ("a", "b", "direct"):
        assert rows.loc[path, "estimate"] == pytest.approx(want[path]["Estimate"], rel=1e-8)
    assert rows.loc["indirect", "estimate"] == pytest.approx(want["ab"], rel=1e-8)
    assert rows.loc["total", "estimate"] == pytest.approx(want["lavaan"][1]["est"], rel=1e-8)
    low_high = rows.loc["indirect", ["ci_low", "ci_high"]].tolist()
    assert low_high == pytest.approx(want["mediate_quasibayes"]["acme_ci"], abs=0.004)
    sobel = np.hypot(want["a"]["Estimate"] * rows.loc["b", "se"], want["b"]["Estimate"] * rows.loc["a", "se"])
    assert rows.loc["indirect", "se"] == pytest.approx(sobel, rel=1e-8)


def test_within_teams_the_parts_add_up():
    got = mediation(table("sim_programme.csv"), y="pat_exp", x="post", mediator="joy", period="wave")
    value = got.terms.set_index("term")["estimate"]
    assert value["direct"] + value["indirect"] == pytest.approx(value["total"], rel=1e-9)
    assert got.share == pytest.approx(value["indirect"] / value["total"])
    assert "within teams" in got.sentence()
    assert got.sentence().endswith("It need not be a cause.")
    assert "sequential ignorability" in got.notes[0]
    assert Mediation.from_json(got.to_json()).sentence() == got.sentence()


def test_a_mediator_of_noise_carries_nothing():
    data = panel(n_teams=20).assign(noise=lambda d: np.random.default_rng(1).normal(size=len(d)))
    got = mediation(data, y="waits", x="joy", mediator="noise")
    assert got.sentence().startswith("Whether there is an indirect association by way of noise cannot be told")
    assert got.terms.set_index("term").loc["indirect", "p"] > 0.05


# --- reliability of team means


def test_correction_equals_luedtke_and_comes_near_the_latent_model():
    """Golden eiv_bh1996_icc2 (its regression is ML); lavaan's latent aggregation gives -.1869, the naive is -.1734."""
    people = table("bh1996.csv")
    want = case("eiv_bh1996_icc2")
    got = mean_reliability(people, "HRS", team="GRP")
    assert [got.tau2, got.sigma2] == pytest.approx([want["tau2"], want["sigma2"]], rel=1e-5)
    assert [got.answers, got.reliability] == pytest.approx([want["n_harmonic"], want["lambda"]], rel=1e-6)
    fit = mixed("WBEING ~ within + between", people.rename(columns={"W.HRS": "within", "G.HRS": "between"}),
                groups="GRP", reml=False, df="satterthwaite")  # fmt: skip
    terms = fit.terms[fit.terms["term"] != "Intercept"]
    contextual = fit.contrast({"between": 1, "within": -1}, "contextual")
    answer = Association(
        design="within-between",
        estimand="",
        y="WBEING",
        x="HRS",
        primary="within",
        terms=pd.concat([terms, contextual], ignore_index=True),
        n=fit.n,
        n_teams=99,
        sd_x=1.0,
        detectable=0.0,
    )
    corrected = correct_between(answer, got).terms.set_index("term")["estimate"]
    assert corrected["between, corrected"] == pytest.approx(want["b_between_corrected"], rel=1e-5)
    assert corrected["contextual, corrected"] == pytest.approx(want["contextual_corrected"], rel=1e-5)
    latent = case("latent_context_bh1996")["parameters"]
    assert corrected["between, corrected"] == pytest.approx(
        next(p["est"] for p in latent if p["label"] == "b"), abs=0.003
    )


def test_periods_weighted_by_answers_give_the_reliability_of_team_averages():
    """Teams differ by SD 5, their months by 40/sqrt(answers): known shares of the variance of an average."""
    rng = np.random.default_rng(8)
    team, answers = np.repeat(np.arange(300), 12), rng.integers(10, 60, 3600)
    share = 60 + rng.normal(0, 5, 300)[team] + rng.normal(size=3600) * 40 / np.sqrt(answers)
    rows = pd.DataFrame({"team": team, "share": share, "answers": answers})
    got = mean_reliability(rows, "share", weights="answers")
    behind = rows.groupby("team")["answers"].sum()
    assert got.answers == pytest.approx(300 / (1 / behind).sum())
    assert got.tau2 == pytest.approx(25, rel=0.2)
    assert got.sigma2 == pytest.approx(1600, rel=0.1)
    assert got.reliability == pytest.approx(25 / (25 + 1600 / got.answers), abs=0.03)


def test_unreliable_means_are_warned_of_and_then_refused():
    answer = within_between(panel(n_teams=20), y="waits", x="joy", draws=0)
    assert any("below 0.7" in note for note in correct_between(answer, 0.6).notes)
    with pytest.raises(ModelError, match=r"reliability .* over 20 teams; below .* no claim"):
        correct_between(answer, 0.4)
    for none in (0.0, -3.2, np.nan, -np.inf):
        with pytest.raises(ModelError, match=r"reliability (0\.00|unknown) over 20 teams"):
            correct_between(answer, none)
    with pytest.raises(UsageError, match="at most 1"):
        correct_between(answer, 1.5)
    perfect = correct_between(answer, 1.0)
    rows = perfect.terms.set_index("term")
    assert rows.loc["between, corrected", "estimate"] == pytest.approx(rows.loc["between", "estimate"])
    assert rows.loc["between, corrected", "se"] == pytest.approx(rows.loc["between", "se"])
    assert Corrected.from_json(perfect.to_json()).sentence() == perfect.sentence()


# --- dose


def test_events_count_for_the_teams_they_reached():
    events = pd.DataFrame({"date": ["2024-01-15", "2024-03-02", "2024-03-20", "2024-02-01"],
                           "scope": ["team", "cohort", "team", "network"], "scope_id": ["A", "2", "A", ""],
                           "kind": ["huddle", "huddle", "huddle", "workshop"]})  # fmt: skip
    teams = pd.DataFrame({"cohort": [1, 2, 2], "team": ["A", "B", "C"]})
    months = pd.Series(["2024-01", "2024-02", "2024-03", "2024-04"])
    got = dose(events, teams, months)
    wide = got.pivot(index=["measure", "team"], columns="period", values="mean")
    assert wide.loc["huddle"].to_numpy().tolist() == [[1, 1, 2, 2], [0, 0, 1, 1], [0, 0, 1, 1]]
    assert wide.loc["workshop"].to_numpy().tolist() == [[0, 1, 1, 1]] * 3
    recent = dose(events, teams, months, kinds=["huddle"], window=2)
    assert recent.loc[recent["team"] == "A", "mean"].tolist() == [1, 1, 1, 1]
    falls = pd.DataFrame({"team": ["A", "B"], "period": "2024-03", "measure": "falls", "value": [1.0, 2.0]})
    assert link(got, falls).data["huddle"].tolist() == [1, 1, 2, 2, 0, 0, 1, 1, 0, 0, 1, 1]


def test_events_of_unknown_scope_are_refused():
    events = pd.DataFrame({"date": ["2024-01-15"], "scope": ["ward"], "scope_id": ["A"], "kind": ["huddle"]})
    teams = pd.DataFrame({"cohort": [1], "team": ["A"]})
    with pytest.raises(UsageError, match="scope ward"):
        dose(events, teams, pd.Series(["2024-01"]))
    with pytest.raises(UsageError, match="no workshop; there is huddle"):
        dose(events.assign(scope="team"), teams, pd.Series(["2024-01"]), kinds=["workshop"])
