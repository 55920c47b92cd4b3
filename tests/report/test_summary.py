"""The one-page summary: every number from a result, points and relative change together, one page, two languages."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from io import BytesIO

import numpy as np
import pandas as pd
import pikepdf
import pytest

from joyeval import improvement, measurement
from joyeval.coordination import change
from joyeval.measurement.scores import score_change
from joyeval.outcomes.association import Association
from joyeval.report import messages, sections
from joyeval.report.blocks import Figure, Heading, Items, Table, Text
from joyeval.report.document import document
from joyeval.report.messages import catalogue
from joyeval.report.pdf import pdf
from joyeval.report.reading import internal_names
from joyeval.result import NoAnswer
from joyeval.store import Store
from joyeval.study import load_study
from tests.coordination.surveys import survey
from tests.measurement.test_equity import waves
from tests.report.samples import emitted, notebook

STUDY = """\
study: small
title: A small study
programme: {name: Small, aim: More good days.}
data: raw
language: LANGUAGE
cohorts:
  - {cohort: one, title: First, start: 2024-01-01, end: 2024-12-31,
     phases: [{name: programme, start: 2024-05-20, end: 2024-08-31}]}
teams: {file: teams.csv, columns: {team: Team, cohort: Cohort}}
pulses:
  - {measure: good_day, title: A good day, file: p.csv, columns: {team: T}, cohorts: [one], period: week}
outcomes:
  - {measure: fft, title: Rated good, kind: proportion, unit: "%", improve: increase, period: month, file: f.csv,
    columns: {team: T}}
primary: {staff: good_day, outcome: fft, window: [1, 3], smallest_effect: 0.4}
"""
BASE = STUDY


def good_days(seed=3) -> pd.DataFrame:
    """Two teams that improve by much, one that gets worse, one that stays; 40 weeks of 30 answers."""
    rng = np.random.default_rng(seed)
    shares = {"A": (0.4, 0.8), "B": (0.4, 0.8), "C": (0.8, 0.3), "D": (0.5, 0.5)}
    rows = [
        (team, week, rng.binomial(30, first if i < 20 else last), 30)
        for team, (first, last) in shares.items()
        for i, week in enumerate(pd.date_range("2024-01-01", periods=40, freq="W-MON"))
    ]
    table = pd.DataFrame(rows, columns=["team", "period", "positive", "answers"])
    return table.assign(measure="good_day", opportunities=np.nan)


def experience() -> pd.DataFrame:
    """Outcomes of two teams: 150 of 200 rated good."""
    rows = [("A", "2024-01-01", "fft", 0.5, 50, 100), ("B", "2024-01-01", "fft", 1.0, 100, 100)]
    table = pd.DataFrame(rows, columns=["team", "period", "measure", "value", "numerator", "denominator"])
    return table.assign(period=pd.to_datetime(table["period"]))


def link(low=-0.03, high=0.07, **more) -> Association:
    row = {"term": "within", "estimate": (low + high) / 2, "se": 0.02, "df": 9.0, "ci_low": low, "ci_high": high}
    terms = pd.DataFrame([{**row, "p": 0.3, "n": 200}])
    return Association(
        n=200, n_dropped=0, design="within-between", estimand="within teams", y="Rated good (%)", x="A good day (%)",
        primary="within", terms=terms, n_teams=12, sd_x=9.0, detectable=0.1, improve="increase", role="primary", **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def results() -> dict:
    pulse = good_days()
    options = {"x": "period", "y": "positive", "n": "answers", "multiply": 100, "improve": "increase"}
    charts = improvement.chart(pulse, by=["measure", "team"], freeze=20, **options)
    summed = pulse.groupby(["measure", "period"])[["positive", "answers"]].sum().reset_index()
    whole = improvement.chart(summed, by=["measure"], freeze=20, **options)
    people = waves(gain=-2.0)
    return {
        "improvement_verdicts": improvement.verdicts(charts, over="measure"),
        "improvement_cohort_change": improvement.verdicts(whole),
        "experience_change": score_change(people, {"joy": ("Joy", "higher")}),
        "experience_equity": measurement.equity(people, by=["setting"], scales={"joy": "Joy"}),
        "coordination_change": change(survey(waves=("1", "2"), gain=0.5, raters=12)),
        "outcomes_primary": link(),
    }


def page(folder, results, language="en") -> list:
    study, store = made(folder, results, language)
    return emitted(lambda: sections.summary(study, "one", store))


def made(folder, results, language="en"):
    path = folder / "pipelines" / "small.yml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(STUDY.replace("LANGUAGE", language), encoding="utf-8")
    study = load_study(path)
    Store(folder, study.store("one").folder).save(
        teams=pd.DataFrame({"team": list("ABCD"), "headcount": 15.0}),
        pulse=good_days(),
        **{"outcomes": experience(), **results},
    )
    return study, study.store("one")


def rows(blocks) -> dict[str, tuple[str, str]]:
    table = next(block for block in blocks if isinstance(block, Table))
    return {row[0]: row[1:] for row in table.rows}


def text_of(blocks) -> str:
    parts = []
    for block in blocks:
        match block:
            case Heading():
                parts.append(block.text)
            case Text():
                parts += [run.text for run in block.runs]
            case Items():
                parts += [run.text for runs in block.items for run in runs]
            case Table():
                parts += [block.caption, *(cell for row in block.rows for cell in row)]
            case Figure():
                parts += [block.alt, block.caption]
    return "\n".join(parts)


def test_every_number_is_that_of_the_result(tmp_path, results):
    told = rows(page(tmp_path, results))
    change = results["improvement_cohort_change"].teams.iloc[0]
    found, sure = told["“A good day”: did it change?"]
    assert found == (
        f"From {change['before']:.0f}% before the programme to {change['after']:.0f}% since: {change['change']:+.0f} "
        f"percentage points, {100 * round(change['change']) / round(change['before']):+.0f}% in relative terms."
    )
    assert f"{change['ci_low']:+.0f} to {change['ci_high']:+.0f} points".replace("-", "−") in sure
    found, sure = told["How many teams got better, and how many worse?"]
    count = results["improvement_verdicts"].counts.iloc[0]
    assert (count["clearly_better"], count["clearly_worse"]) >= (2, 1)
    better, worse = count["clearly_better"], count["clearly_worse"]
    assert found.startswith(f"Of 4 teams: {better} clearly better, {worse} clearly worse")
    assert f"Had none of these {count['judged']} changed, about 0.2 would still look clearly" in sure
    joy = results["experience_change"].changes.query("estimator == 'everyone'").iloc[-1]
    found, _ = told["Did survey scores change?"]
    assert ("1 of 1 scores changed clearly" in found) == (joy["p_adjusted"] < 0.05)


def test_the_primary_question_comes_first_and_a_null_is_a_null(tmp_path, results):
    first, (found, sure) = next(iter(rows(page(tmp_path, results)).items()))
    assert first == "Did service users do better when staff did?"
    assert found == (
        "It cannot be told. When a team was 10 percentage points above its own average on “A good day”, “Rated good” "
        f"differed by +0.20 percentage points (+{100 * 0.2 / 75:.1f}% in relative terms), 1 to 3 months later."
    )
    assert sure == "95% interval −0.30 to +0.70, from 12 teams: a rise, a fall and no change all fit the data."


def test_a_link_is_no_cause_and_a_lottery_says_so(tmp_path, results):
    told = rows(page(tmp_path, results | {"outcomes_primary": link(0.05, 0.15)}))
    found, sure = told["Did service users do better when staff did?"]
    assert found.startswith("A link was found.")
    assert found.endswith("which is better.")
    assert "does not show the cause" in sure
    drawn = rows(page(tmp_path, results | {"outcomes_primary": link(0.05, 0.15, experimental=True)}))
    assert "Start dates were drawn by lot" in drawn["Did service users do better when staff did?"][1]


def test_less_than_what_matters_is_said_to_be_that(tmp_path, results):
    told = rows(page(tmp_path, results | {"outcomes_primary": link(-0.03, 0.03, smallest=0.04)}))
    found, sure = told["Did service users do better when staff did?"]
    assert found.startswith("By no more than a small difference.")
    assert "less than 0.4 was named beforehand" in found.replace("0.40", "0.4")
    assert sure.endswith("all of it is too little to matter.")


def test_a_link_between_teams_stands_beside_the_one_within(tmp_path, results):
    within = link()
    between = within.terms.assign(term="between", estimate=0.3, ci_low=0.1, ci_high=0.5)
    both = replace(within, terms=pd.concat([within.terms, between], ignore_index=True))
    found, sure = rows(page(tmp_path, results | {"outcomes_primary": both}))[
        "Did teams with better staff experience do better?"
    ]
    assert found == (
        "They differed: where “A good day” was 10 percentage points higher on average, “Rated good” differed by +3 "
        "percentage points (+4% in relative terms), which is better."
    )
    assert sure.startswith("95% interval +1 to +5.")
    unclear = replace(both, terms=both.terms.assign(ci_low=-0.1))
    found, _ = rows(page(tmp_path, results | {"outcomes_primary": unclear}))[
        "Did teams with better staff experience do better?"
    ]
    assert found.startswith("It cannot be told. Where")


def test_other_questions_named_beforehand_are_answered(tmp_path, results, monkeypatch):
    named = "{staff: good_day, outcome: fft, window: [1, 3]}"
    asked = STUDY + f"secondary: [{named}, {named}, {named}]\n"
    monkeypatch.setattr(sys.modules[__name__], "STUDY", asked)
    nothing = NoAnswer(n=0, question="whether it followed", reason="no outcome")
    others = {"outcomes_secondary_1": link(0.05, 0.15), "outcomes_secondary_2": link(), "outcomes_secondary_3": nothing}
    found, sure = rows(page(tmp_path, results | others))["What of the other questions named beforehand?"]
    assert found == (
        "“Rated good” differed by +1.0 percentage points (+0.5 to +1.5) when “A good day” was 10 percentage points "
        "higher, which is better. It cannot be told for “Rated good” and “Rated good” with “A good day”."
    )
    assert sure == "3 questions, each by its own 95% interval."


@pytest.mark.parametrize(
    ("target", "by", "found"), [(50, "2024-08-31", "Yes"), (95, "programme", "No"), (50, "2026-01-01", "It")]
)
def test_the_aim_is_answered_first(tmp_path, results, target, by, found, monkeypatch):
    """Of the last full month before the day; where it has no data it cannot be told."""
    monkeypatch.setattr(
        sys.modules[__name__], "STUDY", STUDY + f"aim: {{measure: good_day, target: {target}, by: {by}}}\n"
    )
    (question, (told, sure)), *_ = rows(page(tmp_path, results)).items()
    assert question.startswith(f"Was the aim reached: “A good day” {target}% by ")
    assert (
        told.startswith(f"{found}: ") or told == "It cannot be told. There are no data of a full month before that day."
    )
    if found == "Yes":
        august = good_days().query("period >= '2024-08-01' and period < '2024-09-01'")
        share = 100 * august["positive"].sum() / august["answers"].sum()
        assert float(re.search(r"Yes: (\d+)% in August 2024", told)[1]) == pytest.approx(
            share, abs=1.5
        )  # of rounded counts
        assert sure.startswith("A plain count, not a test.")


def test_a_change_that_differs_is_told_apart_from_levels_that_do(tmp_path, results):
    equity = results["experience_equity"]
    tests = equity.tests.assign(p_adjusted=np.where(equity.tests["question"] == "level", 0.001, 0.9))
    told = rows(page(tmp_path, results | {"experience_equity": replace(equity, tests=tests)}))
    found, _ = told["Was the change alike for all groups of staff?"]
    assert found.startswith("No clear difference in the change was found")
    assert "Levels at the first survey differed by setting" in found


def test_each_phase_has_its_level(tmp_path, results, monkeypatch):
    phases = "{name: before, start: 2024-01-01, end: 2024-05-19}, {name: after, start: 2024-09-01, end: 2024-12-31}, "
    monkeypatch.setattr(sys.modules[__name__], "STUDY", BASE.replace("phases: [", f"phases: [{phases}"))
    found, _ = rows(page(tmp_path, results))["“A good day”: did it change?"]
    told = dict(re.findall(r"(\w+) (\d+)%", found.split("Phase by phase: ")[1]))
    pulse = good_days()
    for name, (start, end) in {"before": ("2024-01-01", "2024-05-19"), "after": ("2024-09-01", "2024-12-31")}.items():
        here = pulse[pulse["period"].between(start, end)]
        assert float(told[name]) == pytest.approx(100 * here["positive"].sum() / here["answers"].sum(), abs=1)
    assert list(told) == ["before", "programme", "after"]


def test_what_the_authors_have_not_written_is_visibly_missing(tmp_path, monkeypatch):
    def told(more=""):
        monkeypatch.setattr(sys.modules[__name__], "STUDY", BASE + more)
        study, _ = made(tmp_path, {})
        return emitted(lambda: sections.interpretation(study))

    assert text_of(told()).count("To be written by the authors.") == 5
    written = told(
        "interpretation:\n  conclusions: Keep on.\n  owner: The team\n  written: 2024-12-31\n"
        "  recommendations: [{what: Ask again, owner: The board, by: 2025-06-30}]\n"
    )
    text = text_of(written)
    assert "Conclusions: Keep on." in text
    assert text.count("To be written by the authors.") == 3
    (table,) = (block for block in written if isinstance(block, Table))
    assert table.rows == (("Ask again", "The board", "30 June 2025"),)


def test_what_cannot_be_answered_is_said(tmp_path, results):
    none = NoAnswer(n=0, question="whether good days go with outcomes", reason="two teams")
    found, sure = next(iter(rows(page(tmp_path, results | {"outcomes_primary": none})).values()))
    assert found == "The data cannot say whether good days go with outcomes: two teams."
    assert sure == "Not known."


def test_groups_too_small_to_compare_are_said_to_be(tmp_path, results):
    small = measurement.equity(waves(groups=1), by=["setting"], scales={"joy": "Joy"})
    told = rows(page(tmp_path, results | {"experience_equity": small}))
    assert told["Was the change alike for all groups of staff?"] == (
        "The groups are too small to be compared.",
        "Not known.",
    )


def test_a_cohort_with_teams_only_still_has_a_page(tmp_path):
    blocks = page(tmp_path, {})
    assert not any(isinstance(block, Table) for block in blocks)
    assert "4 teams" in text_of(blocks)


@pytest.mark.parametrize("language", ["en", "cy"])
def test_the_summary_is_one_page_and_holds_no_name_from_inside(tmp_path, results, language):
    study, store = made(tmp_path, results, language)
    blocks = emitted(lambda: [sections.title_page(study, "one", store), sections.summary(study, "one", store)])
    with pikepdf.open(BytesIO(pdf(document(notebook(*blocks))))) as made_pdf:
        assert len(made_pdf.pages) == 2  # the title page, and the summary
    assert internal_names(text_of(blocks)) == []


def test_welsh_has_the_same_numbers_and_its_own_words(tmp_path, results):
    english, welsh = (page(tmp_path, results, language) for language in ("en", "cy"))
    assert welsh[0].text == "Crynodeb"
    numbers = [sorted(re.findall(r"\d+(?:\.\d+)?", text_of(blocks))) for blocks in (english, welsh)]
    assert numbers[0] == numbers[1]
    assert "Ionawr 2024" in text_of(welsh)
    assert "cyfieithu eto" not in text_of(welsh)


def test_one_team_is_one():
    say = catalogue("en", noun="trust")
    assert say("not_shown.teams", teams=1).startswith("Results speak of the trust in this report.")
    assert ": 1 trust, " in say("summary.lead_open", cohort="A", teams=1, start="May", end="June")
    assert ": 2 trusts, " in say("summary.lead_open", cohort="A", teams=2, start="May", end="June")


def test_a_message_without_translation_stands_in_english_and_is_counted(monkeypatch, tmp_path, results):
    english, welsh = (dict(messages._messages(language)) for language in ("en", "cy"))
    del welsh["teams.question"]
    monkeypatch.setattr(messages, "_messages", lambda language: welsh if language == "cy" else english)
    say = catalogue("cy")
    assert say("teams.question") == "How many teams got better, and how many worse?"
    assert say("headings.summary") == "Crynodeb"
    assert list(say.missing) == ["teams.question"]
    assert page(tmp_path, results, "cy")[-1].items[0][0].text.startswith("Nid yw 1 o frawddegau")


def test_both_languages_have_the_same_messages_with_the_same_fields():
    fields = [
        {key: set(re.findall(r"{(\w+)}", text)) for key, text in messages._messages(language).items()}
        for language in ("en", "cy")
    ]
    assert {key: names - {"noun", "nouns"} for key, names in fields[0].items()} == fields[1]


def test_teams_are_called_as_the_study_calls_them(tmp_path, results):
    study, store = made(tmp_path, results)
    path = study.path
    path.write_text(
        path.read_text(encoding="utf-8").replace("teams: {file", "teams: {called: trust, file"), encoding="utf-8"
    )
    told = text_of(emitted(lambda: sections.summary(load_study(path), "one", store)))
    assert "4 trusts" in told
    assert "When a trust was 10 percentage points" in told
    assert "team" not in told


def test_a_field_is_never_read_as_a_template():
    assert catalogue("en")("summary.aim", aim="{cohort} {0}") == "Aim: {cohort} {0}"


@pytest.mark.parametrize(("value", "shown"), [(-0.004, "0.00"), (1234.5, "1,234.50"), (-2.0, "−2.00")])
def test_numbers(value, shown):
    assert catalogue("en").number(value, 2) == shown
