"""Data that say little or nothing: every call gives an answer or words, never a warning, a traceback or "nan"."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from joyeval import coordination, improvement, measurement, models, outcomes
from joyeval.disclosure import show
from joyeval.errors import DataError, JoyevalError, ModelError
from joyeval.measurement.scores import score_change
from tests.coordination.surveys import DIMENSIONS, survey
from tests.outcomes.test_panel import panel
from tests.test_wave_order import scored

ITEMS = ["q1", "q2", "q3", "q4"]
NOTHING = re.compile(r"(?<![a-z])[+-]?(nan|inf)(?![a-z])", re.IGNORECASE)


ROUNDING = 1e-9


def check(call, table) -> str:
    """Ask; return what was said, as an answer or in words. No estimate lies outside its interval."""
    try:
        answer = call(table.copy())
    except JoyevalError as error:
        return str(error)
    said = answer.sentence()
    assert not NOTHING.search(said), said
    assert type(answer).from_json(answer.to_json()).sentence() == said
    table = answer.tidy()
    if {"estimate", "ci_low", "ci_high"} <= set(table):
        known = table[["estimate", "ci_low", "ci_high"]].dropna().astype(float)
        assert (known["ci_low"] <= known["estimate"] + ROUNDING).all(), table
        assert (known["estimate"] <= known["ci_high"] + ROUNDING).all(), table
    return said


# --- people in teams, over waves

ANSWERS = scored(("1", "2"))
FLAT = dict.fromkeys([*ITEMS, "joy"])
PEOPLE = {
    "one wave": ANSWERS[ANSWERS["wave"] == "1"],
    "one team": ANSWERS.assign(team=1),
    "all answers equal": ANSWERS.assign(**FLAT | dict.fromkeys(FLAT, 3.0)),
    "all zeros": ANSWERS.assign(**FLAT | dict.fromkeys(FLAT, 0.0)),
    "waves without an order": ANSWERS.assign(wave=ANSWERS["wave"].map({"1": "pre", "2": "post"})),
    "a team in one wave": ANSWERS[(ANSWERS["team"] != 0) | (ANSWERS["wave"] == "1")],
    "no team in both waves": ANSWERS[(ANSWERS["team"] < 6) == (ANSWERS["wave"] == "2")],
    "three teams": ANSWERS.assign(team=ANSWERS["team"] % 3),
    "an infinite score": ANSWERS.assign(joy=ANSWERS["joy"].where(ANSWERS.index != 3, np.inf)),
    "nobody answered": ANSWERS.assign(**FLAT | dict.fromkeys(FLAT, np.nan)),
    "teams of very unequal size": ANSWERS.assign(team=(np.arange(len(ANSWERS)) % 37) // 18, wave="1"),
    "the missing code of SPSS": ANSWERS.assign(joy=ANSWERS["joy"].where(ANSWERS.index != 3, -1.797e308)),
    "numbers next to nothing": ANSWERS.assign(joy=ANSWERS["joy"] * 1e-200),
    "a person without a team": ANSWERS.assign(team=ANSWERS["team"].where(ANSWERS.index % 7 != 0)),
    "rows of one number": ANSWERS.set_axis([0] * len(ANSWERS)),
    "missing values of pandas": ANSWERS.convert_dtypes(),
    "nothing differs in the second wave": ANSWERS.assign(joy=ANSWERS["joy"].where(ANSWERS["wave"] == "1", 3.0)),
    "no rows": ANSWERS.iloc[:0],
}


def _wave(table, wave):
    return table[table["wave"] == wave].set_index("person")["joy"]


def _happy(table):
    return table.assign(happy=(table["joy"] > 3).astype(float))


ABOUT_PEOPLE = {
    "score change": lambda t: score_change(t, {"joy": ("Joy", "higher")}, ranges={"joy": (1, 5)}),
    "equity": lambda t: measurement.equity(t, by=["role"], scales={"joy": "Joy"}),
    "non-response": lambda t: measurement.nonresponse(t, {"joy": ITEMS}),
    "turnover": lambda t: measurement.turnover(
        _wave(t, "1"), _wave(t, "2"), team=t.drop_duplicates("person").set_index("person")["team"]
    ),
    "tipping point": lambda t: measurement.tipping_point(_wave(t, "1"), _wave(t, "2"), invited=(150, 150)),
    "retest": lambda t: measurement.retest(_wave(t, "1"), _wave(t, "2")),
    "item gaps": lambda t: measurement.item_gaps(t[ITEMS], cluster=t["team"], m=2),
    "icc": lambda t: measurement.icc(t["joy"], t["team"]),
    "team means": lambda t: measurement.team_means(t["joy"], t["team"]),
    "aggregation": lambda t: measurement.aggregation(t, {"joy": ITEMS}),
    "reliability of means": lambda t: outcomes.mean_reliability(t, "joy"),
    "mixed": lambda t: models.mixed("joy ~ wave", t, groups=["team"]),
    "regression": lambda t: models.regression("joy ~ wave", t, cluster="team"),
    "ordinal": lambda t: models.ordinal("q1 ~ wave", t, groups=["team"]),
    "glm": lambda t: models.glm("happy ~ wave", _happy(t), family="binomial", cluster="team"),
    "marginal": lambda t: models.marginal_effects("happy ~ role", _happy(t), "role", family="binomial", cluster="team"),
    "wild": lambda t: models.wild_bootstrap("joy ~ wave", t, term="wave[T.2]", cluster="team", draws=99),
}


@pytest.mark.parametrize("call", list(ABOUT_PEOPLE))
def test_answers_of_people(call):
    for table in PEOPLE.values():
        check(ABOUT_PEOPLE[call], table)


NAMES_OF_SCORES = ["joy score (0-10)", "joy-2", "2023", "later", "first", "a `tick", "np"]


@pytest.mark.parametrize("name", NAMES_OF_SCORES)
def test_whatever_a_score_is_called(name):
    """Names are columns of a spreadsheet, never read as part of a formula."""
    called = ANSWERS.rename(columns={"joy": name})
    for call, of in ((score_change, {name: ("Joy", "higher")}), (_equity, {name: "Joy"})):
        plain = {"joy": next(iter(of.values()))}
        ours, theirs = call(called, of).tidy(), call(ANSWERS, plain).tidy()
        numbers = ["estimate", "ci_low", "ci_high"]
        pd.testing.assert_frame_equal(ours[numbers], theirs[numbers])
    moved = PANEL.rename(columns={"joy": name})
    for design in (outcomes.fixed_effects, outcomes.within_between, outcomes.change_on_change, outcomes.between):
        check(lambda t, design=design: design(t, y="waits", x=name), moved)


def _equity(table, scales):
    return measurement.equity(table, by=["role"], scales=scales)


# --- ties between workgroups

TIES = survey(raters=5, groups="ABC").pipe(lambda t: t.assign(**{d: t["rc"].round().clip(1, 5) for d in DIMENSIONS}))
SCORES = [*DIMENSIONS, "rc", "com", "rel"]
WARDS = pd.concat([TIES, survey(seed=3, raters=5, process="clinic")], ignore_index=True)
SURVEYS = {
    "one wave": TIES[TIES["wave"] == "1"],
    "one workgroup": TIES[(TIES["workgroup"] == "A") & (TIES["target"] == "A")],
    "all answers equal": TIES.assign(**dict.fromkeys(SCORES, 3.0)),
    "all zeros": TIES.assign(**dict.fromkeys(SCORES, 0.0)),
    "waves without an order": TIES.assign(wave=TIES["wave"].map({"1": "pre", "2": "post"})),
    "own workgroup only": TIES[TIES["workgroup"] == TIES["target"]],
    "each rates one": TIES.drop_duplicates(["person", "wave"]),
    "a workgroup in one wave": TIES[(TIES["workgroup"] != "A") | (TIES["wave"] == "1")],
    "no name in common": TIES.assign(target=TIES["target"].str.lower()),
    "an infinite score": TIES.assign(**{name: TIES[name].where(TIES.index != 3, np.inf) for name in SCORES}),
    "one rater each": TIES[TIES["person"].isin(TIES.drop_duplicates("workgroup")["person"])],
    "a unit without a second wave": WARDS[(WARDS["process"] == "ward") | (WARDS["wave"] == "1")],
    "nobody answered": TIES.assign(**dict.fromkeys(SCORES, np.nan)),
    "the missing code of Stata": TIES.assign(**{name: TIES[name].where(TIES.index != 3, 8.99e307) for name in SCORES}),
    "nothing differs in the second wave": TIES.assign(**{n: TIES[n].where(TIES["wave"] == "1", 3.0) for n in SCORES}),
    "ratings twice": pd.concat([TIES, TIES.iloc[:9]], ignore_index=True),
    **{
        f"rows without a {name}": TIES.assign(**{name: TIES[name].where(TIES.index % 7 != 0)})
        for name in ("person", "workgroup", "target")
    },
    "no rows": TIES.iloc[:0],
}


def _roster(ties):
    return ties.drop_duplicates(["process", "workgroup", "wave"])[["process", "workgroup", "wave"]].assign(headcount=20)


ABOUT_TIES = {
    "matrix": lambda t: coordination.matrix(t, wave="1", process="ward"),
    "change": lambda t: coordination.change(t, dimensions=False),
    "difference": lambda t: coordination.difference_in_differences(t, programme=["ward"], first="1", second="2"),
    "answers": lambda t: coordination.answer_quality(t),
    "ordinal": lambda t: coordination.ordinal_change(t, process="ward"),
    "invariance": lambda t: coordination.wave_invariance(t),
    "network": lambda t: coordination.network(t, wave="1", process="ward", draws=20),
    "non-response": lambda t: coordination.non_response(t, _roster(t), first="1", second="2"),
    "published tests": lambda t: coordination.reproduce(t, first="1", second="2"),
    "scoring rules": lambda t: coordination.scoring_rules(t, first="1", second="2", process="ward"),
    "sites": lambda t: coordination.site_means(t),
    "round robin": lambda t: coordination.round_robin(
        t[t["wave"] == "1"].drop_duplicates(["process", "workgroup", "target"]),
        group="process",
        rater="workgroup",
        target="target",
        value="rc",
    ),
}


LONG = ("answers", "ordinal", "scoring rules")  # half a second a table: all of them in the slow tests
TELLING = ("one workgroup", "an infinite score", "a unit without a second wave", "rows without a target")


@pytest.mark.parametrize("call", list(ABOUT_TIES))
def test_ties(call):
    for name in TELLING if call in LONG else SURVEYS:
        check(ABOUT_TIES[call], SURVEYS[name])


@pytest.mark.slow
@pytest.mark.parametrize("call", LONG)
def test_ties_asked_at_length(call):
    for table in SURVEYS.values():
        check(ABOUT_TIES[call], table)


def test_a_unit_without_a_second_wave_is_told_not_dropped():
    found = coordination.change(SURVEYS["a unit without a second wave"], dimensions=False)
    assert any("clinic" in note for note in found.notes), found.notes


def test_power_of_a_survey_whose_draws_cannot_all_be_used():
    few = coordination.power(groups=3, raters=2, response=0.4, datasets=20)
    assert few.n + few.n_dropped == 20
    assert few.n_dropped > 0
    assert any("too few answers to be analysed" in note for note in few.notes)
    assert not NOTHING.search(few.sentence())
    with pytest.raises(ModelError, match="none of 5 simulated surveys"):
        coordination.power(groups=2, raters=2, response=0.02, datasets=5)


# --- teams over periods

PANEL = panel()
PANELS = {
    "one wave": PANEL[PANEL["period"] == 0],
    "one team": PANEL[PANEL["team"] == "t00"],
    "all answers equal": PANEL.assign(joy=3.0),
    "all outcomes equal": PANEL.assign(waits=3.0),
    "all zeros": PANEL.assign(joy=0.0, waits=0.0),
    "a team in one period": PANEL[(PANEL["team"] != "t00") | (PANEL["period"] == 0)],
    "three teams": PANEL[PANEL["team"] < "t03"],
    "two teams": PANEL[PANEL["team"] < "t02"],
    "two periods": PANEL[PANEL["period"] < 2],
    "an infinite measure": PANEL.assign(joy=PANEL["joy"].where(PANEL.index != 3, np.inf)),
    "an infinite outcome": PANEL.assign(waits=PANEL["waits"].where(PANEL.index != 3, np.inf)),
    "a perfect fit": PANEL.assign(waits=2 * PANEL["joy"]),
    "nothing measured": PANEL.assign(joy=np.nan),
    "the missing code of SPSS": PANEL.assign(joy=PANEL["joy"].where(PANEL.index != 3, -1.797e308)),
    "one team moves": PANEL.assign(joy=PANEL["joy"].where(PANEL["team"] == "t00", 3.0)),
    "yes or no": PANEL.assign(joy=PANEL["joy"] > PANEL["joy"].median()),
    "missing values of pandas": PANEL.convert_dtypes(),
    "periods as text": PANEL.assign(period="p" + PANEL["period"].astype(str)),
    "periods as months": PANEL.assign(period=pd.PeriodIndex.from_ordinals(PANEL["period"] + 600, freq="M")),
    "periods as days": PANEL.assign(period=pd.Timestamp("2024-01-01") + pd.to_timedelta(30 * PANEL["period"], "D")),
    "no rows": PANEL.iloc[:0],
}
XY = {"y": "waits", "x": "joy"}


def _started(table):
    return table.assign(start=[3.0 + int(t[1:]) % 3 if int(t[1:]) % 4 else np.nan for t in table["team"]])


ABOUT_TEAMS = {
    "fixed effects": lambda t: outcomes.fixed_effects(t, **XY, draws=19),
    "within and between": lambda t: outcomes.within_between(t, **XY, draws=0),
    "change on change": lambda t: outcomes.change_on_change(t, **XY),
    "between": lambda t: outcomes.between(t, **XY),
    "cross-lagged": lambda t: outcomes.cross_lagged(t[t["period"].isin(t["period"].unique()[:3])], **XY),
    "repeated correlation": lambda t: outcomes.repeated_correlation(t, x="joy", y="waits"),
    "partial correlation": lambda t: outcomes.partial_correlation(t, x="joy", y="waits", given=["period"]),
    "mediation": lambda t: outcomes.mediation(
        t.assign(m=t["joy"] + np.arange(len(t)) % 3), **XY, mediator="m", draws=99
    ),
    "event study": lambda t: outcomes.event_study(_started(t), y="waits", start="start", draws=19),
    "series": lambda t: outcomes.interrupted(t[t["team"] == "t00"], y="waits", start=4),
    "permutation": lambda t: models.permutation_test(t, y="waits", team="team", period="period", x="joy", draws=19),
    "wild": lambda t: models.wild_bootstrap("waits ~ joy", t, term="joy", cluster="team", draws=99),
    "ar1": lambda t: models.mixed("waits ~ joy", t, groups=["team"], ar1="period"),
    "counts": lambda t: models.glm(
        "k ~ joy", t.assign(k=(2 * t["waits"].abs()).round()), family="poisson", cluster="team"
    ),
}


@pytest.mark.parametrize("call", list(ABOUT_TEAMS))
def test_teams_over_periods(call):
    for table in PANELS.values():
        check(ABOUT_TEAMS[call], table)


# --- charts and funnels

WEEKS = pd.date_range("2024-01-01", periods=24, freq="7D")
PULSE = pd.DataFrame({"team": np.repeat(list("abcd"), 24), "week": [*WEEKS] * 4, "n": 10.0})
PULSE = PULSE.assign(y=np.random.default_rng(0).binomial(10, 0.5, len(PULSE)).astype(float))
SERIES = {
    "one week": PULSE[PULSE["week"] == WEEKS[0]],
    "two weeks": PULSE[PULSE["week"] < WEEKS[2]],
    "one team": PULSE[PULSE["team"] == "a"],
    "all answers equal": PULSE.assign(y=5.0),
    "all zeros": PULSE.assign(y=0.0),
    "nobody asked": PULSE.assign(y=0.0, n=0.0),
    "everybody": PULSE.assign(y=10.0),
    "an infinite count": PULSE.assign(y=PULSE["y"].where(PULSE.index != 3, np.inf)),
    "nothing counted": PULSE.assign(y=np.nan),
    "a team of two weeks": PULSE[(PULSE["team"] != "a") | (PULSE["week"] < WEEKS[2])],
    "the missing code of Stata": PULSE.assign(**{c: PULSE[c].where(PULSE.index != 3, 8.99e307) for c in "yn"}),
    "denominators next to nothing": PULSE.assign(n=PULSE["n"] * 1e-200),
    "no rows": PULSE.iloc[:0],
}


def _verdicts(kind):
    shared = {"n": "n"} if kind == "p'" else {}
    return lambda t: improvement.verdicts(
        improvement.chart(t, x="week", y="y", by="team", kind=kind, improve="increase", freeze=8, **shared)
    )


def _funnel(kind):
    sums = {"numerator": "y", "denominator": "n", "group": "team", "kind": kind}
    return lambda t: improvement.funnel(t.groupby("team", as_index=False)[["y", "n"]].sum(), **sums)


ABOUT_SERIES = {kind: _verdicts(kind) for kind in ("p'", "i", "g")}
ABOUT_SERIES |= {f"funnel {kind}": _funnel(kind) for kind in ("PR", "SR", "RC")}


@pytest.mark.parametrize("call", list(ABOUT_SERIES))
def test_charts_and_funnels(call):
    for table in SERIES.values():
        check(ABOUT_SERIES[call], table)


def test_an_infinite_code_is_no_answer_to_an_item():
    with pytest.raises(DataError, match="coding"):
        coordination.score_ties(SURVEYS["an infinite score"].drop(columns=["rc", "com", "rel"]))


# --- names as categories, one of which nobody has

MANY_TIES = pd.concat([survey(raters=15, groups="ABCDE"), survey(seed=3, process="clinic")], ignore_index=True)
MANY_TIES = MANY_TIES.assign(**{d: (MANY_TIES["rc"] + i / 9).round().clip(1, 5) for i, d in enumerate(DIMENSIONS)})
EVERY = {
    **{f"people: {name}": (call, ANSWERS.astype({"team": str})) for name, call in ABOUT_PEOPLE.items()},
    **{f"ties: {name}": (call, MANY_TIES) for name, call in ABOUT_TIES.items()},
    **{f"teams: {name}": (call, PANEL) for name, call in ABOUT_TEAMS.items() if name != "series"},
    **{f"series: {name}": (call, PULSE) for name, call in ABOUT_SERIES.items()},
}
NAMES = ["team", "role", "wave", "process", "workgroup", "target", "person"]


def categorical(table):
    """Names as ordered categories, with one before and one behind all of them that nobody has."""
    named = [name for name in NAMES if name in table]
    kinds = {name: pd.CategoricalDtype(["!", *sorted(table[name].unique()), "~"], ordered=True) for name in named}
    return table.astype(kinds)


@pytest.mark.parametrize("name", list(EVERY))
def test_names_as_categories_say_the_same(name):
    call, table = EVERY[name]
    as_text, as_categories = call(table.copy()), call(categorical(table))
    assert as_categories.sentence() == as_text.sentence()
    ours, theirs = (found.tidy().reset_index(drop=True) for found in (as_categories, as_text))
    texts = ours.columns[ours.dtypes.map(lambda kind: not pd.api.types.is_numeric_dtype(kind))]
    pd.testing.assert_frame_equal(ours.astype(dict.fromkeys(texts, str)), theirs.astype(dict.fromkeys(texts, str)))
    people = pd.Series(100, index=table["team"].unique()) if isinstance(as_text, improvement.Verdicts) else 100
    shown = [show(found, people=people).frame().astype(str) for found in (as_categories, as_text)]
    assert shown[0].equals(shown[1])
