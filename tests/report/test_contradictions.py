"""The search for contradictions finds each kind of them."""

from __future__ import annotations

import pytest

from tests.report.contradictions import contradictions

PAGE = "<table><tr><th>{}</th><td>{}</td><td>Sure.</td></tr></table><p>{}</p>"
COURSE, SPELLS = (
    "“Spells”: did it change?",
    "Spells. It clearly changed: −86.3 (from 265.4 to 179.1, first half and second).",
)
TEAMS, EACH = "How many teams got better, and how many worse?", "Of 9 teams: 2 clearly better, 7 not clear (by the 95%"
SERVICE, RATED = "What became of outcomes, team by team?", "Rated good. Of 4 teams: 4 not clear (by the 95% interval)."
FIRST = "From 55% before the programme to 58% since: +3 percentage points."
AIM = "<p>Was the aim reached: “Good day” 60% by 31 May 2024?</p><p>{}: 61% in May 2024.</p>"


@pytest.mark.parametrize(
    "wrong",
    [
        "<p>The series got clearly better: +3.0, 95% interval −0.1 to +6.1.</p>",
        "<p>Whether the series changed is not clear: +3.0, 95% interval +0.1 to +6.1.</p>",
        "<p>1 more went with +0.1 (95% CI 2.0 to 1.0).</p>",
        "<table><tr><td>Elm</td><td>clearly worse</td><td>−3</td><td>−7 to +1</td></tr></table>",
        "<table><tr><td>Elm</td><td>not clear</td><td>−3</td><td>−7 to −1</td></tr></table>",
        AIM.format("No"),
        f"<p>{FIRST}</p><h3>The cohort as a whole</h3><p>It got clearly better: +6.0 (from 55.0 to 61.0, since).</p>",
        PAGE.format(COURSE, "From 265 in the first half to 197 in the second (people): −68.", SPELLS),
        PAGE.format(TEAMS, "Of 9 teams: 3 clearly better, 6 not clear.", EACH),
        PAGE.format(SERVICE, "Rated good: 1 clearly worse, 3 not clear.", RATED),
    ],
)
def test_what_denies_itself_is_found(wrong):
    assert len(contradictions(f"<html><body>{wrong}</body></html>")) == 1


@pytest.mark.parametrize(
    "right",
    [
        "<p>The series got clearly better: +3.0, 95% interval +0.1 to +6.1.</p>",
        "<p>Whether the series changed is not clear: +3.0, 95% interval −0.1 to +6.1.</p>",
        "<table><tr><td>Elm</td><td>clearly worse</td><td>−3</td><td>−7 to −1</td></tr></table>",
        AIM.format("Yes"),
        PAGE.format(COURSE, "From 265 in the first half to 179 in the second (people): −86.", SPELLS),
        PAGE.format(TEAMS, "Of 9 teams: 2 clearly better, 7 not clear.", EACH),
        PAGE.format(SERVICE, "Rated good: 4 not clear.", RATED),
        PAGE.format(
            SERVICE, "Rated good: 4 not clear (of 9 teams, 4 can be counted without telling of a small one).", RATED
        ),
    ],
)
def test_what_agrees_is_left_alone(right):
    assert contradictions(f"<html><body>{right}</body></html>") == []
