"""A note is a code with fields: its text comes from the catalogue, and nothing is decided by how it is worded."""

from __future__ import annotations

import copy
import pickle
import re
import string

import pytest

from joyeval.improvement import chart, verdicts
from joyeval.report.sections.words import once
from joyeval.result import read_result
from joyeval.words import Note, called, code
from joyeval.words.note import _catalogue
from tests.conftest import ROOT
from tests.test_screen import pulses

LIBRARY = {path: path.read_text(encoding="utf-8") for path in (ROOT / "joyeval").rglob("*.py")}
USED = re.compile(r'Note\(\s*f?"([a-z_]+\.[a-z_{}]+)"')


def test_a_note_is_text_that_knows_what_it_says():
    note = Note("association.least_between", teams=12, r=0.523, noun="ward")
    assert note == "12 wards can show a correlation between wards of about 0.52 or more; published ones lie near .25"
    assert (note.code, note.fields["teams"]) == ("association.least_between", 12)
    assert note.again(noun="trust").startswith("12 trusts can show")


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda note: pickle.loads(pickle.dumps(note))], ids=["copy", "pickle"]
)
def test_a_copy_knows_it_too(copied):
    note = copied(Note("improvement.early", series=3))
    assert (note.code, dict(note.fields)) == ("improvement.early", {"series": 3})


def test_a_stored_result_keeps_its_codes():
    found = verdicts(chart(pulses(), x="week", y="good", n="answers", by="team", multiply=100, improve="increase"))
    again = read_result(found.to_json())
    assert again.notes == found.notes
    assert list(map(code, again.notes)) == list(map(code, found.notes))
    assert "improvement.halves" in map(code, again.notes)


def test_notes_are_called_as_the_study_calls_its_teams():
    assert called([Note("association.units"), "a team"], "trust")[0].startswith("the units are trusts and periods")
    assert called(["a team"], "trust") == ("a team",), "what is no note is not read"


def test_every_field_that_names_a_team_is_called_so():
    note = Note("clusters.few", clusters=5, cluster="team")
    assert note.called("trust").startswith("only 5 clusters by trust:")
    site = Note("pooled.few_for_slope", sites=4, noun="site")
    assert site.called("trust") == site, "what is no team keeps its name"
    assert site.called("cohort", instead_of="site").startswith("only 4 cohorts:")


def test_notes_that_differ_in_numbers_alone_are_told_once():
    few, more = (Note("association.least", small=small, outcome="joy") for small in ("0.1", "0.2"))
    other = Note("association.least", small="0.1", outcome="calm")
    told = once([few, more, other])
    assert len(told) == 2
    assert "1 more, with other numbers" in told[0]


def test_every_text_is_used_and_every_code_has_one():
    """A code stands in the library as a whole, or its beginning does where it is put together."""
    library = "\n".join(LIBRARY.values())
    unused = [
        name for name in _catalogue() if f'"{name}"' not in library and f'"{name.split(".")[0]}.{{' not in library
    ]
    assert unused == []
    assert {name for name in USED.findall(library) if "{" not in name} <= set(_catalogue())


def test_every_field_of_a_text_is_a_name():
    for name, text in _catalogue().items():
        fields = [field for _, field, _, _ in string.Formatter().parse(text) if field is not None]
        assert all(field.isidentifier() for field in fields), name
