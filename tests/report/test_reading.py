"""Plain English: reading age, words explained where they first appear, no names from inside the program."""

from __future__ import annotations

import re
import shutil
import statistics

import pytest
from lxml import html

from joyeval.pipeline.run import run
from joyeval.report import blocks, explain, reading
from joyeval.report.blocks import Column, Glossary, Heading, Items, Run, Table, Text
from joyeval.report.document import document
from joyeval.report.explain import in_words
from joyeval.report.html import page
from joyeval.report.messages import _messages
from joyeval.study import Study, load_study
from tests.conftest import ROOT
from tests.report.samples import emitted, notebook


def test_grade_is_the_published_formula():
    """0.39 x words per sentence + 11.8 x syllables per word - 15.59, by hand: 6 words, 1 sentence, 6 syllables."""
    assert reading.grade("The cat sat on the mat.") == pytest.approx(0.39 * 6 + 11.8 * 1 - 15.59)
    assert reading.grade("") == 0


@pytest.mark.parametrize(
    ("word", "count"),
    [("team", 1), ("changes", 2), ("improved", 2), ("people", 2), ("experience", 4), ("answered", 2), ("service", 2)],
)
def test_syllables(word, count):
    assert reading.syllables(word) == count


def test_messages_of_the_report_read_like_grade_nine_or_below():
    """Half of the English messages of three words or more lie at grade 9 or below."""
    own = {key: text for key, text in _messages("en").items() if not key.startswith(("furniture", "months"))}
    grades = [reading.grade(text) for text in own.values() if len(text.split()) >= 3]
    assert len(grades) > 40
    assert statistics.median(grades) <= 9


def test_meanings_in_the_glossary_are_plain():
    grades = [reading.grade(meaning) for meaning in explain.terms().values()]
    assert statistics.median(grades) <= 10


@pytest.mark.parametrize("text", ["weighted by fft_denominator", "mean (%)_denominator", "see `x`", "nan points"])
def test_names_from_inside_are_found(text):
    assert reading.internal_names(text)


@pytest.mark.parametrize(
    "text", ["run.json", "surveys/qualtrics_3_1-baseline.csv", "wave 1-baseline", "Anhøj & Olesen"]
)
def test_file_names_and_plain_words_are_left_alone(text):
    assert reading.internal_names(text) == []


def test_no_message_holds_a_name_from_inside():
    """Fields in braces are filled in; the text around them is what is printed."""
    for language in ("en", "cy"):
        for text in _messages(language).values():
            assert reading.internal_names(re.sub(r"{\w+}", "x", text)) == []


@pytest.mark.slow
def test_a_whole_report_is_plain(tmp_path):
    """The report of cohort 1 of the demonstration: no name from inside; half of its sentences at grade 9 or below."""
    for folder in ("notebooks", "pipelines", "data/raw"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    study = load_study(tmp_path / "pipelines" / "enjoying_work.yml")
    run(study, cohorts=["1"])
    page = html.parse(str(tmp_path / "reports" / "enjoying_work" / "1" / "report.html"))
    parts = page.xpath("//body//*[self::p or self::li or self::td or self::th or self::caption or self::figcaption]")
    said = [" ".join(part.text_content().split()) for part in parts] + page.xpath("//img/@alt")
    assert [name for text in said for name in reading.internal_names(text)] == []
    running = [" ".join(part.text_content().split()) for part in page.xpath("//main//p | //main//li")]
    sentences = [one for text in running for one in re.split(r"(?<=[.!?;:])\s+", text) if len(one.split()) > 4]
    assert len(sentences) > 100
    assert statistics.median(map(reading.grade, sentences)) <= 9


def test_glossary_of_the_package_is_the_one_of_the_project():
    assert (ROOT / "joyeval" / "report" / "glossary.md").read_bytes() == (ROOT / "GLOSSARY.md").read_bytes()


def words_of(*parts):
    place = emitted(lambda: blocks_glossary())[0]
    return document(notebook(*parts, place)).blocks


def blocks_glossary():
    blocks.glossary()


def test_a_word_is_explained_once_where_it_first_appears_and_listed_at_the_end():
    made = words_of(
        Heading("Verdicts"),
        Text((Run("Each tie and the ties beside it. A wave.", bold=True),)),
        Items(((Run("A tie again."),),)),
    )
    runs = made[1].runs
    assert [run.text for run in runs if run.meaning] == ["tie", "wave"]
    assert "".join(run.text for run in runs) == "Each tie and the ties beside it. A wave."
    assert all(run.bold for run in runs)
    assert not any(run.meaning for run in made[2].items[0])
    listed = made[-1]
    assert isinstance(listed, Table)
    assert [row[0] for row in listed.rows] == ["tie", "verdict", "wave"]


def test_words_inside_other_words_are_not_explained():
    made = words_of(Text((Run("Waves of ties-in properties; a microwave."),)))
    assert [run.text for run in made[0].runs if run.meaning] == ["Waves"]


def test_a_notebook_without_a_glossary_explains_nothing():
    made = document(notebook(Text((Run("A tie."),)))).blocks
    assert made == (Text((Run("A tie."),)),)


def test_html_shows_the_meaning_and_escapes_it():
    shown = page(document(notebook(Text((Run("A tie."),)), Glossary("Words", "The words", "Word", "Meaning"))))
    assert '<dfn><abbr title="how one workgroup&#39;s members rate another workgroup">tie</abbr></dfn>' in shown


def test_the_study_can_be_written_in_every_language_that_has_messages():
    languages = Study.model_fields["language"].annotation.__args__
    assert set(languages) == {"en", "cy"}


def test_keys_are_said_in_words_but_names_of_files_are_kept():
    said = Text((Run("From 1-baseline to 2-end in day-care; rc_1-baseline.csv, 1-baseline.csv."),))
    table = Table("2-end - 1-baseline", (Column("Process"),), (("day-care",),))
    text, shown = in_words((said, table), ["1-baseline", "2-end", "day-care", "end"])
    assert text.runs[0].text == "From Baseline to End in day care; rc_1-baseline.csv, 1-baseline.csv."
    assert (shown.caption, shown.rows) == ("End less Baseline", (("Day care",),))
    assert in_words(said, ["end"]) == said
