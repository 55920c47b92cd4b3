"""Staggered starts as a user meets them: the right estimate, what is said, what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.errors import ModelError, UsageError
from joyeval.outcomes.event_study import EventStudy, event_study
from tests.conftest import golden, reference


def programme(effect: float = 1.0, n_teams: int = 16, seed: int = 5) -> pd.DataFrame:
    """Four teams start in March, four in May, the others never; effect is constant since the start."""
    rng = np.random.default_rng(seed)
    months = pd.to_datetime([f"2024-{m:02}-01" for m in range(1, 9)])
    rows = pd.DataFrame([(f"t{i:02}", m) for i in range(n_teams) for m in months], columns=["team", "period"])
    number = rows["team"].str[1:].astype(int)
    rows["start"] = pd.NaT
    rows.loc[number < 4, "start"] = pd.Timestamp("2024-03-01")
    rows.loc[(number >= 4) & (number < 8), "start"] = pd.Timestamp("2024-05-01")
    rows["start"] = pd.to_datetime(rows["start"])
    begun = rows["start"].notna() & (rows["period"] >= rows["start"])
    rows["falls"] = number * 0.3 + rng.normal(size=n_teams)[number] + rng.normal(size=len(rows)) * 0.5 + effect * begun
    return rows


@pytest.fixture(scope="module")
def study() -> EventStudy:
    return event_study(programme(), y="falls", start="start", draws=199)


def test_estimates_equal_did_and_fixest():
    """Golden did_simprog_cs (event 0 to 8), did_simprog_sunab (the cells average alike), did_simprog_imputation."""
    data = pd.read_csv(reference("reference", "golden", "models", "data", "sim_programme.csv"))
    want = {n: golden("models", "cases", f"did_simprog_{n}.json")["expected"] for n in ("cs", "sunab", "imputation")}
    options = {"y": "pat_exp", "start": "start", "period": "wave", "draws": 0}
    cs = event_study(data, **options)
    after = cs.terms[cs.terms["event"] >= 0]
    dynamic = dict(zip(want["cs"]["dynamic"]["egt"], want["cs"]["dynamic"]["att"], strict=True))
    assert after["estimate"].tolist() == pytest.approx([dynamic[e] for e in range(9)], rel=1e-9)
    assert cs.cohorts["estimate"].tolist() == pytest.approx(want["cs"]["group_agg"]["att"], rel=1e-9)
    assert cs.cohorts["term"].tolist() == ["start 4", "start 7", "start 10"]
    assert cs.cohorts["n"].tolist() == [13, 7, 13]
    assert cs.overall["estimate"][0] == pytest.approx(want["cs"]["group_agg"]["overall"], rel=1e-9)
    sa = event_study(data, method="sun_abraham", **options)
    estimates = sa.terms.set_index("event")["estimate"]
    assert estimates.to_dict() == pytest.approx(
        {int(k.split("::")[1]): v for k, v in want["sunab"]["event"].items()}, rel=1e-8, abs=1e-10
    )
    im = event_study(data, method="imputation", **options)
    assert im.terms["estimate"].tolist() == pytest.approx(list(want["imputation"]["event"].values()), rel=1e-9)


def test_a_constant_effect_is_found_by_all_methods(study):
    """Built in: +1.0."""
    assert set(study.compared["method"]) == {
        "callaway_santanna", "imputation", "sun_abraham", "two_way_fixed_effects"
    }  # fmt: skip
    assert study.compared["estimate"].tolist() == pytest.approx([1.0] * 4, abs=0.45)
    assert (study.compared["ci_low"] > 0).all()
    assert (study.n, study.n_started, study.n_dropped) == (16, 8, 0)
    assert study.permutation_p == pytest.approx(1 / 200)
    assert -1 not in set(study.terms["event"])
    assert study.pretrend["df1"] == 3


def test_the_sentence_names_its_assumption_and_never_a_cause(study):
    text = study.sentence()
    assert text.startswith("The falls of teams that started moved by +")
    assert text.endswith("This rests on the assumption that teams would otherwise have moved in parallel.")
    assert "caused" not in text
    assert any("starts were not drawn by lot" in note for note in study.notes)
    assert any("could have gone unseen" in note for note in study.notes)
    assert EventStudy.from_json(study.to_json()).sentence() == text


def test_only_a_lottery_may_credit_the_programme():
    got = event_study(programme(), y="falls", start="start", randomised=True, draws=0)
    assert "drawn by lot, so the difference can be put down to the programme" in got.sentence()
    null = event_study(programme(effect=0.0, seed=1), y="falls", start="start", randomised=True, draws=0)
    assert null.sentence().startswith("Whether starting made a difference cannot be told: falls of teams")


def test_without_teams_that_never_start_the_last_serve_as_controls():
    data = programme()
    got = event_study(data[data["start"].notna()], y="falls", start="start", draws=0)
    assert got.terms["event"].max() == 1  # March starters against May starters, until April
    assert any("every team started in the end" in note for note in got.notes)
    assert got.compared["estimate"].tolist() == pytest.approx([1.0] * 4, abs=0.7)


def test_teams_that_started_at_once_are_left_out_and_counted():
    data = programme()
    data.loc[data["team"] == "t15", "start"] = pd.Timestamp("2023-11-01")
    got = event_study(data, y="falls", start="start", draws=0)
    assert (got.n, got.n_dropped) == (15, 1)
    assert got.notes[0] == "1 teams left out: without an outcome, or with none before their start"


def test_lone_starters_are_warned_of():
    data = programme()
    lone = data[~data["team"].isin(["t01", "t02", "t03", "t05", "t06", "t07"])]
    got = event_study(lone, y="falls", start="start", draws=99)
    notes = " ".join(got.notes)
    assert "2 starts have one team each" in notes
    assert "only 2 teams started" in notes
    assert 0 < got.permutation_p <= 1


def test_gaps_in_the_panel_are_not_bridged():
    data = programme().drop(index=[3, 40, 77])
    got = event_study(data, y="falls", start="start", draws=0)
    assert got.overall["estimate"][0] == pytest.approx(1.0, abs=0.6)
    assert got.n == 16


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        (lambda d: d.assign(start=pd.NaT), {}, ModelError, "none of 16 teams starts after the first of 8 periods"),
        (lambda d: d.assign(start=pd.Timestamp("2024-04-01")), {}, ModelError, "no cohort of 16 teams"),
        (lambda d: d.assign(start=d["period"]), {}, ModelError, "start changes within 16 of 16 teams"),
        (lambda d: pd.concat([d, d.iloc[:3]]), {}, ModelError, "3 of 131 rows repeat"),
        (lambda d: d, {"y": "harm"}, UsageError, "no column harm"),
        (lambda d: d, {"method": "twfe"}, UsageError, "callaway_santanna, imputation, sun_abraham"),
    ],
    ids=["nobody starts", "all at once", "start changes", "repeats", "column", "method"],
)
def test_what_cannot_be_answered_is_refused(change, options, error, message):
    with pytest.raises(error, match=message):
        event_study(change(programme()), **{"y": "falls", "start": "start", "draws": 0} | options)


def test_a_team_first_seen_after_its_start_tells_nothing():
    rng, rows = np.random.default_rng(6), []
    for t in range(20):
        start = pd.Timestamp("2023-05-01") if t < 6 else pd.NaT
        for period in pd.date_range("2023-01-01", periods=9, freq="MS"):
            rows.append((f"t{t:02d}", period, rng.normal(), start))
    data = pd.DataFrame(rows, columns=["team", "period", "y", "start"])
    late = data[(data["team"] != "t00") | (data["period"] >= "2023-07-01")]
    found, without = (event_study(d, y="y", start="start", draws=0) for d in (late, data[data["team"] != "t00"]))
    assert found.overall.equals(without.overall)
    assert (found.n, found.n_dropped, found.n_started) == (19, 1, 5)
    assert any("none before their start" in note for note in found.notes)


def test_starts_of_single_teams_do_not_look_precise():
    """Every started team has a start of its own: errors come from the teams they are compared with, and cover."""
    rng, inside = np.random.default_rng(7), []
    months = pd.date_range("2023-01-01", periods=10, freq="MS")
    for _ in range(60):
        starts = [months[k] if k < 7 else pd.NaT for k in (3, 4, 5, 6, *[9] * 12)]
        y = rng.normal(size=(16, 1)) + rng.normal(size=(16, 10))
        data = pd.DataFrame({"team": np.repeat(np.arange(16), 10), "period": np.tile(months, 16), "y": y.ravel()})
        found = event_study(data.assign(start=np.repeat(starts, 10)), y="y", start="start", draws=0)
        inside.append(found.overall["ci_low"].iloc[0] < 0 < found.overall["ci_high"].iloc[0])
    assert np.mean(inside) > 0.9
