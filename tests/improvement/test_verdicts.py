"""Verdicts, the size of changes, false alarms: against hand calculation, scipy and simulation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from joyeval.errors import UsageError
from joyeval.improvement import (
    RULES,
    Design,
    Multiverse,
    RuleSet,
    Verdicts,
    chart,
    false_alarm_rate,
    false_alarms,
    multiverse,
    slow_weeks,
    verdicts,
)
from joyeval.improvement.analysis import analyse
from joyeval.improvement.change import changes
from joyeval.improvement.false_alarms import _simulate
from joyeval.improvement.limits import Centre
from tests.improvement.test_charts import UP, WAVE, teams, weekly


def programme(seed, *, series=40, weeks=52, start=20, share=0.6, gain=0.0, staff=(5, 15), between=0.0, serial=0.0):
    """Weekly shares of good days; after `start` the share is higher by `gain`, weeks differ beyond chance."""
    rng = np.random.default_rng(seed)
    n = rng.integers(*staff, (series, weeks))
    wave = rng.normal(size=(series, weeks))
    for week in range(1, weeks):
        wave[:, week] = serial * wave[:, week - 1] + np.sqrt(1 - serial**2) * wave[:, week]
    level = share + gain * (np.arange(weeks) >= start) + between * wave
    return pd.DataFrame(
        {
            "team": np.repeat(np.arange(series), weeks),
            "week": np.tile(pd.date_range("2023-01-02", periods=weeks, freq="7D"), series),
            "good": rng.binomial(n, level.clip(0.01, 0.99)).ravel(),
            "n": n.ravel(),
        }
    )


PULSE = {"x": "week", "y": "good", "n": "n", "by": "team"}


def unordered(charts, first):
    """The error of a change where the order of the points means nothing."""
    sheet = replace(charts.sheet(), in_time=False)
    early = np.arange(len(sheet.value)) < first
    sides = [slow_weeks.side(sheet, rows, sheet.level(rows), fewest=3) for rows in (early, ~early)]
    return slow_weeks.spread(sheet, *sides)


class TestSize:
    def test_luton_rose_by_20_points_and_by_36_per_cent(self):
        """ELFT's Luton team: 55 % of days good, four months later 75 %."""
        data = weekly([11, 10, 12, 11] * 4 + [15, 14, 16, 15] * 4, n=20.0)
        found = verdicts(chart(data, x="week", y="y", n="n", freeze=16, multiply=100)).teams.iloc[0]
        assert found["change"] == pytest.approx(20)
        assert found["relative"] == pytest.approx(0.3636, abs=1e-4)
        assert found[["verdict", "clear", "n_before", "n_after"]].tolist() == ["clearly better", True, 16, 16]

    def test_means_are_compared_by_welch(self):
        """Points without an order in time, so scipy's test of two samples is the same."""
        values = [4, 7, 5, 6, 4, 8, 3, 6, 5, 9, 6, 10, 7, 6, 9, 5, 10, 6, 9]
        error = unordered(chart(weekly(values), x="week", y="y", freeze=8), 8)
        known = ttest_ind(values[8:], values[:8], equal_var=False)
        low, high = known.confidence_interval()
        assert error.half_width(0.95)[0] == pytest.approx((high - low) / 2)
        assert 1 - error.within(np.array([(high + low) / 2]))[0] == pytest.approx(known.pvalue)

    def test_a_rate_varies_as_its_points_about_it(self):
        """Weighted least squares by hand; denominators differ, points have no order in time."""
        y = np.array([3, 2, 6, 4, 4, 3, 8, 5, 9, 5, 7, 4.0])
        n = np.array([5, 4, 9, 9, 6, 7, 9, 8, 10, 8, 8, 6.0])
        error = unordered(chart(weekly(y, n=n), x="week", y="y", n="n", freeze=6), 6)
        variance = 0
        for part in (slice(0, 6), slice(6, 12)):
            rate = y[part].sum() / n[part].sum()
            variance += (n[part] * (y[part] / n[part] - rate) ** 2).sum() / 5 / n[part].sum()
        assert error.typical[0] == pytest.approx(np.sqrt(variance))

    def test_the_filter_is_the_likelihood_of_the_covariance_matrix(self):
        """Noise, AR(1) and course as matrices: a level, a line that bends; a week without answers among them."""
        rng, points = np.random.default_rng(5), 34
        n = rng.integers(3, 12, points).astype(float)
        y = rng.binomial(n.astype(int), 0.6).astype(float)
        charts = chart(weekly(y, n=n), x="week", y="y", n="n", freeze=7, exclude=[12])
        sheet, rows = charts.sheet(), np.arange(points) < 7
        sides = []
        for where in (rows, ~rows & (np.arange(points) != 11)):
            level = np.array([y[where].sum() / n[where].sum()])
            sides.append((where, level, slow_weeks.side(sheet, where, level, fewest=3)))
        place = np.arange(points)
        for g, (phi, share) in enumerate(slow_weeks._GRID):
            slow = share * (phi ** np.abs(place[:, None] - place) if phi else np.eye(points))
            likely, weights, units = [], [], []
            for where, _, found in sides:
                seen, w = np.flatnonzero(where), np.where(where, n, 0) / n[where].sum()
                nbar = len(seen) / (1 / n[seen]).sum()
                V = slow[np.ix_(seen, seen)] + np.diag(nbar / n[seen])
                along = (seen - seen[0]) / (seen[-1] - seen[0])
                bent = [along - 0.5, np.maximum(along - 1 / 3, 0)] if len(seen) >= 26 else []
                x, p = np.column_stack([np.ones(len(seen)), *bent]), y[seen] / n[seen]
                inverse = np.linalg.inv(V)
                off = p - x @ np.linalg.solve(x.T @ inverse @ x, x.T @ inverse @ p)
                squares, df = off @ inverse @ off, len(seen) - x.shape[1]
                known = np.linalg.slogdet(x.T @ inverse @ x)[1]
                likely.append(-(np.linalg.slogdet(V)[1] + known + df * np.log(squares)) / 2)
                assert found.variance[0, g] == pytest.approx(w[seen] @ V @ w[seen] * squares / df)
                weights.append(w)
                units.append(squares / df)
                assert found.log_likelihood[0, g] == pytest.approx(likely[-1])
            cross = weights[0] @ slow @ weights[1] * np.sqrt(units[0] * units[1])
            apart = sides[0][2].variance[0, g] + sides[1][2].variance[0, g]
            spread = slow_weeks.spread(sheet, sides[0][2], sides[1][2])
            assert spread.se[0, g] ** 2 == pytest.approx(max(apart - 2 * cross, 0.1 * apart))

    def test_weeks_that_move_slowly_make_a_change_less_sure(self):
        """Same spread about the level, in another order: neighbours alike, the interval is wider."""
        values = np.random.default_rng(2).normal(50, 5, 60)
        turn = np.argsort(np.argsort(np.sin(np.arange(30) / 2)))  # two and a half waves on each side
        smooth = np.concatenate([np.sort(values[:30])[turn], np.sort(values[30:])[turn]])
        wide, plain = (
            changes(chart(weekly(own), x="week", y="y", freeze=30))[0].loc[0, "se"] for own in (smooth, values)
        )
        assert wide > 1.5 * plain

    def test_a_ramp_after_the_start_makes_it_hardly_less_sure(self):
        """The course of a side may bend: what the programme does is no movement that might turn back."""
        rng = np.random.default_rng(4)
        noise, at = rng.normal(0, 1, 60), np.arange(60)
        ramp = np.clip((at - 20) / 12, 0, 1)
        step, slow = (
            changes(chart(weekly(6 * own + noise), x="week", y="y", freeze=20))[0].iloc[0] for own in (at >= 20, ramp)
        )
        assert slow["se"] < 1.3 * step["se"]
        assert slow["clear"]

    def test_where_variation_is_unknown_the_interval_is_missing_and_told(self):
        found = verdicts(chart(weekly([5] * 12 + [6] * 6), x="week", y="y", freeze=12, centre=5.5))
        assert np.isnan(found.teams["se"][0])
        assert found.teams["change"][0] == 1
        assert any("1 changes have no interval" in note for note in found.notes)

    def test_there_is_no_relative_change_from_zero(self):
        found, _ = changes(chart(weekly([0] * 8 + [1, 2, 1, 3]), x="week", y="y", freeze=8))
        assert np.isnan(found["relative"][0])


class TestVerdicts:
    def test_counts_per_group(self):
        data = pd.concat(
            [teams(("a", UP), ("b", UP[::-1]), ("c", WAVE)).assign(cohort=1), teams(("d", UP[:8])).assign(cohort=2)]
        )
        found = verdicts(chart(data, x="week", y="y", by=["cohort", "team"]), over="cohort")
        assert found.counts["expected_clear"].tolist() == pytest.approx([0.15, 0])
        assert found.counts.drop(columns=["expected_clear", "expected_signals"]).to_numpy().tolist() == [
            [1, 3, 3, 0, 0, 2, 1, 0, 3, 2],  # halves: nothing was named that it could be better than
            [2, 1, 0, 0, 0, 0, 0, 1, 0, 0],
        ]
        assert found.counts["expected_signals"].between(0, 0.5).all()
        assert found.sentence().startswith("Of 4 teams: 2 clearly changed, 1 not clear, 1 cannot be judged (")
        assert (found.n, found.n_dropped) == (4, 1)

    def test_with_a_baseline_they_are_better_or_worse(self):
        data = teams(("a", UP), ("b", UP[::-1]), ("c", WAVE))
        found = verdicts(chart(data, x="week", y="y", by="team", freeze=10))
        assert found.teams["verdict"].tolist() == ["clearly better", "clearly worse", "not clear"]
        alone = verdicts(chart(weekly(UP), x="week", y="y", freeze=10)).sentence()
        assert alone.startswith("The series got clearly better: +")

    def test_a_step_at_the_beginning_may_be_another_definition(self):
        rng = np.random.default_rng(1)
        early, late = (np.where(np.arange(60) < k, 20.0, 10.0) + rng.normal(0, 1, 60) for k in (8, 30))
        how = {"x": "week", "y": "y", "kind": "i", "improve": "decrease"}
        told = [verdicts(chart(weekly(values), **how)) for values in (early, late)]
        assert not {"clearly better", "clearly worse"} & {found.teams["verdict"][0] for found in told}
        assert [any("another definition" in note for note in found.notes) for found in told] == [True, False]
        assert "It moved most in February 2024." in told[0].sentence()

    def test_parts_are_compared_by_their_interval(self):
        rises, short = verdicts(chart(weekly(UP + UP[12:]), x="week", y="y", part=12)), verdicts(
            chart(weekly(UP), x="week", y="y", part=12)
        )  # fmt: skip
        assert rises.teams.loc[0, ["verdict", "compared"]].tolist() == [
            "clearly better", "first and last part",
        ]  # fmt: skip
        assert short.teams["verdict"][0] == "cannot be judged"  # 10 points after

    def test_tidy_has_the_columns_of_estimates(self):
        found = verdicts(chart(weekly(UP), x="week", y="y", freeze=12)).tidy()
        assert {"term", "estimate", "se", "ci_low", "ci_high", "p", "n"} <= set(found.columns)
        assert found["n"].tolist() == [22]

    def test_over_must_be_among_by(self):
        with pytest.raises(UsageError, match="cohort is not among the columns of by"):
            verdicts(chart(weekly(UP), x="week", y="y"), over="cohort")

    def test_they_come_back_from_json(self):
        found = verdicts(chart(teams(("a", UP), ("b", WAVE)), x="week", y="y", by="team"))
        back = Verdicts.from_json(found.to_json())
        pd.testing.assert_frame_equal(back.teams, found.teams)
        assert back.sentence() == found.sentence()

    def test_the_count_depends_on_what_was_chosen(self):
        data = programme(3, series=30, gain=0.05)
        found = multiverse(data, rules=("anhoej", "mdc-2023"), baselines=(None, 12), **PULSE)
        assert found.counts[["rules", "baseline"]].to_numpy().tolist() == [
            ["anhoej", "none"], ["anhoej", "12"], ["mdc-2023", "none"], ["mdc-2023", "12"],
        ]  # fmt: skip
        one = verdicts(chart(data, **PULSE, rules="mdc-2023", freeze=12)).counts.iloc[0]
        assert found.counts.iloc[3]["clearly_better"] == one["clearly_better"]
        assert found.sentence().startswith("Over 4 choices of rule set and baseline, for 30 series: with a baseline ")
        assert Multiverse.from_json(found.to_json()).n == 30


class TestFalseAlarms:
    def test_a_short_baseline_makes_more_of_them(self):
        frozen, free = (false_alarm_rate(Design(kind="run", points=52, baseline=k), series=1000) for k in (12, None))
        assert frozen > 2 * free

    def test_like_series_share_a_rate_and_short_ones_have_none(self):
        found = false_alarms(chart(teams(("a", WAVE), ("b", UP[:16]), ("c", WAVE[:5])), x="week", y="y", by="team"))
        assert found["false_alarm"][0] == found["false_alarm"][1] > 0
        assert np.isnan(found["false_alarm"][2])

    def test_the_same_seed_gives_the_same_rate(self):
        design = Design(kind="p'", points=24, denominator=9, level=0.6)
        assert false_alarm_rate(design, series=200, seed=4) == false_alarm_rate(design, series=200, seed=4)

    @pytest.mark.parametrize("kind", ["c", "g", "t", "u", "u'", "p", "i'", "xbar", "s", "mr"])
    def test_every_kind_of_chart_has_a_rate(self, kind):
        design = Design(kind=kind, points=24, denominator=8, level=4.0 if kind in "cgtuu'" else 0.5)
        assert 0 <= false_alarm_rate(design, series=200) < 0.7

    def test_an_unknown_kind(self):
        with pytest.raises(UsageError, match="no kind of chart 'x'"):
            false_alarm_rate(Design(kind="x"))


def alone(**fields):
    return RuleSet(name="alone", title="", source="", **{"beyond": False, **fields})


MDC = replace(RULES["mdc-2023"], screen=True)
PUBLISHED = {  # per cent of stable series flagged: 24, 52 and 104 points, 52 shares of 9 (level 0.6); 6,000 series
    "3 sigma, screened": ("i", alone(beyond=True), (9.6, 17.8, 29.7, 15.0)),
    "3 sigma, unscreened": ("i", alone(beyond=True, screen=False), (6.2, 13.2, 23.7, 9.7)),
    "two of three, screened": ("i", alone(two_of_three="beyond 2 sigma"), (4.0, 8.0, 15.0, 11.8)),
    "shift 7": ("i", alone(shift=7), (8.0, 26.7, 51.8, 31.6)),
    "shift 8": ("i", alone(shift=8), (3.1, 12.2, 29.1, 16.3)),
    "trend 7": ("i", alone(trend=7, ties="break"), (0.5, 1.9, 3.2, 0)),
    "trend 6": ("i", alone(trend=6, ties="break"), (4.5, 11.2, 21.3, 0.1)),
    "trend 5": ("i", alone(trend=5, ties="break"), (24.8, 51.1, 76.1, 6.2)),
    "Anhøj, median": ("run", alone(runs="anhoej"), (2.7, 4.5, 5.4, 13.3)),
    "Anhøj, mean": ("i", alone(runs="anhoej"), (3.7, 5.2, 6.3, 7.9)),
    "shift 6, median": ("run", alone(shift=6), (14.7, 46.7, 77.6, 55.8)),
    "Making Data Count, screened": ("i", MDC, (18.0, 41.9, 68.1, 43.4)),
    "IHI run": ("run", RULES["ihi-run"], (34.9, 72.4, 93.8)),  # for shares theirs lets a tie end a trend, ours not
    "Anhøj and 3 sigma": ("i", RULES["anhoej"], (11.8, 20.9, 32.8, 20.3)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_false_alarm_rates_as_measured_elsewhere(name):
    """Within 4 standard errors of the difference of two simulations of 6,000 series."""
    kind, rules, known = PUBLISHED[name]
    designs = [Design(kind=kind, points=n) for n in (24, 52, 104)]
    designs.append(Design(kind=kind, points=52, denominator=9, level=0.6))
    got = np.array([false_alarm_rate(design, rules=rules, series=6000) for design in designs])
    got, told = got[: len(known)], np.array(known) / 100
    error = np.sqrt(2 * np.maximum(got * (1 - got), 1e-3) / 6000)
    print(name, np.round(100 * got, 1), known)
    assert (np.abs(got - told) < 4 * error).all()


@pytest.mark.slow
@pytest.mark.parametrize(("points", "known"), [(24, 0.018), (52, 0.018), (104, 0.019)])
def test_false_icons_of_the_last_point(points, known):
    """NHSRplotthedots rules, 20,000 stable series: about 1.3 of 72 teams at every refresh."""
    sheet = _simulate(Design(kind="i", points=points), 20_000, np.random.default_rng(7))
    found = analyse(sheet, "i", RULES["mdc-nhsr-0.2.2"], centre=Centre(given=np.full(20_000, np.nan)),
                    frozen=np.zeros(20_000, bool), good=np.ones(20_000, int),
                    target=np.full(len(sheet.value), np.nan))  # fmt: skip
    got = (found.judgement.variation != "common_cause").mean()
    assert got == pytest.approx(known, abs=4 * np.sqrt(known / 20_000 + known / 40_000))


def covered(data, truth, **call):
    found, _ = changes(chart(data, **PULSE, **call))
    inside = (found["ci_low"] <= truth) & (found["ci_high"] >= truth)
    return inside[found["se"].notna()].mean()


def test_intervals_cover_the_true_change():
    """400 teams: the standard error of the coverage is 1.1 points."""
    data = programme(11, series=400, gain=0.1)
    assert covered(data, 0.1, freeze=20) == pytest.approx(0.95, abs=0.035)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "call", "least", "most"),
    [
        ("5 to 14 staff", {}, 0.935, 0.985),
        ("2 to 5 staff", {"staff": (2, 6)}, 0.935, 0.975),
        ("mostly good days", {"share": 0.85}, 0.93, 0.985),
        ("weeks differ beyond chance", {"between": 0.1}, 0.93, 0.97),
        ("26 weeks, 12 before", {"weeks": 26, "start": 12}, 0.935, 0.985),
        ("weeks alike, r 0.3", {"between": 0.1, "serial": 0.3, "staff": (60, 90)}, 0.93, 0.975),
        ("weeks alike, r 0.6", {"between": 0.1, "serial": 0.6, "staff": (60, 90)}, 0.93, 0.975),
    ],
)
def test_coverage_of_intervals(name, call, least, most):
    """2,000 teams together: the standard error is 0.5 points. Above .97 where short sides say little of slow weeks."""
    start = call.get("start", 20)
    gain = 0.05 if "share" in call else 0.1
    got = covered(programme(21, series=2000, gain=gain, **call), gain, freeze=start)
    print(f"{name}: {got:.3f}")
    assert least <= got <= most


@pytest.mark.slow
@pytest.mark.parametrize("rules", ["anhoej", "mdc-2023", "ihi-run"])
@pytest.mark.parametrize("freeze", [None, 12, 20])
def test_expected_false_signals_are_what_stable_programmes_give(rules, freeze):
    """Twenty stable cohorts of 70 teams, within 4 standard errors and 3 points for the grid of designs."""
    found = verdicts(chart(programme(31, series=1400), **PULSE, rules=rules, freeze=freeze)).counts.iloc[0]
    seen = found["signals"]
    print(rules, freeze, seen, found["expected_signals"])
    assert seen == pytest.approx(found["expected_signals"], abs=4 * np.sqrt(1400 * 0.25) + 0.03 * 1400)


def test_the_interval_of_a_change_ends_where_a_share_must_end():
    """Of 95 in 100 before, no more than 5 in 100 can be gained."""
    rng = np.random.default_rng(1)
    weeks = pd.date_range("2024-01-01", periods=24, freq="7D")
    pulses = pd.DataFrame({"team": np.repeat(list("abcdef"), 24), "week": [*weeks] * 6, "n": 6.0})
    pulses["good"] = rng.binomial(6, 0.95, len(pulses)).astype(float)
    found = verdicts(chart(pulses, x="week", y="good", n="n", by="team", freeze=10, multiply=100)).tidy()
    assert (found["before"] + found["ci_high"] <= 100 + 1e-9).all()
    assert (found["ci_low"] < found["estimate"]).all()
    assert (found["estimate"] < found["ci_high"]).all()


def test_a_fall_at_the_beginning_is_where_the_series_moves_most():
    """Four high months, then slowly up from a much lower level: the sum of what lies off the mean turns elsewhere."""
    weeks = pd.date_range("2016-05-01", periods=120, freq="MS")
    y = np.r_[np.full(4, 33_800.0), np.linspace(16_300, 21_900, 116)]
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"week": weeks, "y": y + rng.normal(0, 150, 120)})
    row = verdicts(chart(data, x="week", y="y", improve="increase")).teams.iloc[0]
    assert row["step"] == "September 2016"
    assert row["early"]
