"""YAML that YAML 1.1 would quietly change is refused, with its line."""

from __future__ import annotations

from datetime import date

import pytest

from joyeval.errors import StudyError
from joyeval.strict_yaml import read_yaml


def write(folder, text):
    path = folder / "study.yml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def problems(folder, text):
    with pytest.raises(StudyError) as caught:
        read_yaml(write(folder, text))
    return [(p.row, p.rule) for p in caught.value.problems]


def test_plain_values_come_as_they_are_written(tmp_path):
    text = "a: text\nb: 12\nc: 1.5\nd: true\ne: null\nf: 2024-05-31\ng: [x, 'NO']\nh: \"12:30\"\n"
    assert read_yaml(write(tmp_path, text)).data == {
        "a": "text", "b": 12, "c": 1.5, "d": True, "e": None, "f": date(2024, 5, 31), "g": ("x", "NO"), "h": "12:30",
    }  # fmt: skip


@pytest.mark.parametrize(
    "word", ["NO", "no", "Yes", "on", "12:30", "010", "0x1F", "1_000", "~", ".inf", "2024-01-01 10:00:00"]
)
def test_words_that_yaml_changes_are_refused(tmp_path, word):
    assert problems(tmp_path, f"first: x\ncountry: {word}\n") == [(2, "bare word")]


def test_every_place_is_listed_with_its_line(tmp_path):
    text = "a: NO\nb: 12:30\nc: 2024-02-31\nd: {x: 1, x: 2}\n"
    assert problems(tmp_path, text) == [(1, "bare word"), (2, "bare word"), (3, "date"), (4, "duplicate key")]


def test_aliases_are_refused_before_they_unfold(tmp_path):
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    assert problems(tmp_path, bomb) == [(2, "alias"), (2, "alias"), (3, "alias"), (3, "alias")]


def test_broken_yaml_names_the_line(tmp_path):
    assert problems(tmp_path, "a: 1\nb: [1, 2\nc: 3\n") == [(3, "syntax")]


def test_other_encodings_and_missing_files_are_told(tmp_path):
    assert problems(tmp_path, "a: caf\u00e9".encode("cp1252")) == [(None, "encoding")]
    with pytest.raises(StudyError, match="no such file"):
        read_yaml(tmp_path / "absent.yml")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: " + "[" * 3000 + "]" * 3000, (1, "syntax")),
        ("a: 1\nb: " + "9" * 5000, (2, "bare word")),
        ('a: 1\nb: "\\ud800"', (2, "surrogate")),
    ],
)
def test_what_would_stop_the_program_later_is_told_now(tmp_path, text, found):
    assert problems(tmp_path, text) == [found]


def test_a_folder_in_place_of_a_file_is_told(tmp_path):
    with pytest.raises(StudyError, match="is a directory"):
        read_yaml(tmp_path)
