"""Project files of qualitative tools: read as the tool shows them, hostile ones refused in words, no text kept."""

from __future__ import annotations

import sqlite3
import zipfile

import pandas as pd
import pytest

from joyeval.errors import DataError
from joyeval.learning import projects as module
from joyeval.learning import read_project
from tests.conftest import reference

TEXT = "Break 🙂 first. Then the huddle.\n"
HEAD = '<?xml version="1.0" encoding="utf-8"?><Project xmlns="urn:QDA-XML:project:1.0" origin="{origin}" name="p">'
CODES = (
    '<Users><User guid="U1" name="anna"/></Users><CodeBook><Codes><Code guid="C1" name="Rest" isCodable="false">'
    '<Code guid="C2" name="breaks" isCodable="true"><Description>Breaks taken</Description></Code></Code></Codes>'
    "</CodeBook>"
)


def project(tmp_path, body: str, *, origin="a tool", texts=None, name="p.qdpx"):
    path = tmp_path / name
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("project.qde", HEAD.format(origin=origin) + CODES + body + "</Project>")
        for entry, text in (texts if texts is not None else {"sources/t1.txt": TEXT}).items():
            archive.writestr(entry, text)
    return path


def passage(start: int, end: int, name: str = "", *, user='creatingUser="u1"', path="internal://t1.txt") -> str:
    return (
        f'<Sources><TextSource guid="S1" name="Talk" plainTextPath="{path}"><PlainTextSelection guid="P1" '
        f'name="{name}" '
        f'startPosition="{start}" endPosition="{end}" {user}><Coding guid="G1"><CodeRef targetGUID="c2"/></Coding>'
        "</PlainTextSelection></TextSource></Sources>"
    )


def only(path) -> pd.Series:
    segments = read_project(path).segments
    assert len(segments) == 1
    return segments.iloc[0]


def test_a_passage_its_code_its_coder_and_no_word_of_it(tmp_path):
    case = '<Cases><Case guid="K1" name="Person 1"><SourceRef targetGUID="s1"/></Case></Cases>'
    path = project(tmp_path, case + passage(0, 14, "Break 🙂 first."))
    found = only(path)
    assert found[["source", "case", "code", "parent", "path", "coder"]].tolist() == [
        "Talk",
        "Person 1",
        "breaks",
        "Rest",
        "Rest / breaks",
        "anna",
    ]
    assert (found["start"], found["end"], found["length"]) == (0, 14, 14)
    everything = read_project(path)
    tables = (everything.segments, everything.codebook, everything.cases)
    assert not any("huddle" in table.to_csv() for table in tables)


def test_places_are_letters_where_the_words_say_so_and_utf16_where_they_do(tmp_path):
    letters = only(project(tmp_path, passage(15, 31, "Then the huddle.")))
    wide = only(project(tmp_path, passage(16, 32, "Then the huddle."), name="w.qdpx"))
    assert letters.equals(wide)
    assert TEXT[letters["start"] : letters["end"]] == "Then the huddle."


def test_without_words_nvivo_counts_utf16_units_and_the_others_letters(tmp_path):
    assert only(project(tmp_path, passage(16, 32), origin="NVivo 14"))["start"] == 15
    assert only(project(tmp_path, passage(16, 32), origin="MAXQDA 24", name="m.qdpx"))["start"] == 16


def test_what_does_not_fit_is_told(tmp_path):
    wrong = read_project(project(tmp_path, passage(0, 5, "Then the huddle.")))
    assert wrong.notes == ("in source 'Talk' the places of codings do not fit the words they name",)
    beyond = read_project(project(tmp_path, passage(0, 500), name="b.qdpx"))
    assert beyond.notes == ("codings beyond the end of source 'Talk'",)
    assert beyond.segments["start"].isna().all()
    lost = read_project(project(tmp_path, passage(0, 5), texts={}, name="l.qdpx"))
    assert "comes without its text" in lost.notes[0]
    nobody = read_project(project(tmp_path, passage(0, 5, user=""), name="n.qdpx"))
    assert nobody.notes == ("codings without a coder: agreement between coders cannot be computed for them",)


def test_codings_of_pictures_are_counted_as_left_out(tmp_path):
    body = (
        '<Sources><PictureSource guid="S2" name="Poster"><PictureSelection guid="P2" firstX="0" firstY="0" secondX="1" '
        'secondY="1"><Coding guid="G2"><CodeRef targetGUID="C2"/></Coding></PictureSelection></PictureSource></Sources>'
    )
    found = read_project(project(tmp_path, body))
    assert len(found.segments) == 0
    assert found.notes == ("left out: 1 codings of pictures, sound, video or page areas, which are no text",)


@pytest.mark.parametrize("name", ["atlas_like.qdpx", "nvivo_like.qdpx", "maxqda_like.qdpx"])
def test_dialects_of_the_tools(name):
    folder = reference("data", "learning", "qda_dialects")
    expected = pd.read_csv(folder / "expected.csv")
    expected = expected[expected["file"] == name]
    found = read_project(folder / name).segments
    hashes = [None if pd.isna(text) else module._hash(text) for text in expected["text"]]
    assert found["text_hash"].fillna("").tolist() == [each or "" for each in hashes]
    for column in ("source", "coder", "code", "parent"):
        assert found[column].fillna("").tolist() == expected[column].fillna("").tolist(), column
    for column in ("start", "end"):
        assert found[column].astype("Float64").fillna(-1).tolist() == expected[column].fillna(-1).tolist()


@pytest.mark.parametrize("name", ["codebook_a.qdc", "codebook_b.qdc", "codebook_c.qdc"])
def test_a_codebook_alone_in_any_namespace(name):
    book = read_project(reference("data", "learning", "qda_dialects", name)).codebook
    assert book["code"].tolist() == ["Rest", "breaks"]
    assert book["codable"].tolist() == [False, True]
    assert book.loc[1, ["parent", "definition"]].tolist() == ["Rest", "Breaks taken"]


def test_the_same_coding_from_a_project_and_from_plain_rows():
    folder = reference("data", "learning", "synthetic_cohort")
    rows = pd.read_csv(folder / "coded_segments.csv")
    found = read_project(folder / "interviews.qdpx")
    key = ["source", "coder", "code", "parent", "start", "end", "length"]
    pd.testing.assert_frame_equal(
        found.segments[key].sort_values(key, ignore_index=True),
        rows[key].sort_values(key, ignore_index=True),
        check_dtype=False,
    )
    assert found.notes == ()
    assert set(found.cases["variable"]) == {"role", "setting"}
    qualcoder = read_project(folder / "qualcoder_data.qda").segments
    part = rows[rows["source"].isin(["P01", "P02", "P03", "P04"])]
    pd.testing.assert_frame_equal(
        qualcoder[key].sort_values(key, ignore_index=True),
        part[key].sort_values(key, ignore_index=True),
        check_dtype=False,
    )


def refused(path) -> str:
    with pytest.raises(DataError) as error:
        read_project(path)
    return str(error.value.problems[0])


def test_hostile_and_damaged_files_end_in_words(tmp_path):
    assert "a text outside the project file" in refused(
        project(tmp_path, passage(0, 1, path="internal://../../etc/passwd"))
    )
    assert "a text outside the project file" in refused(project(tmp_path, passage(0, 1, path="absolute:///etc/passwd")))
    bomb = tmp_path / "bomb.qde"
    bomb.write_text(
        '<!DOCTYPE p [<!ENTITY a "aaaa"><!ENTITY e SYSTEM "file:///etc/hostname">]><Project name="&a;">&e;</Project>'
    )
    assert "a document type declaration" in refused(bomb)
    for name, content in {
        "half.qde": b"<Project><Sources>",
        "other.qde": b"<html/>",
        "half.qdpx": b"PK\x03\x04 and no more",
        "half.qda": b"SQLite format 3\x00 and no more",
        "empty.qdpx": b"",
    }.items():
        (tmp_path / name).write_bytes(content)
        assert name in refused(tmp_path / name)
    assert "no such file" in refused(tmp_path / "missing.qdpx")
    with zipfile.ZipFile(tmp_path / "two.qdpx", "w") as archive:
        archive.writestr("a.qde", "<Project/>")
        archive.writestr("b.qde", "<Project/>")
    assert "2 project descriptions" in refused(tmp_path / "two.qdpx")


def test_an_archive_that_unpacks_to_more_than_the_limit_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 100_000)
    path = project(tmp_path, "")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sources/big.txt", " " * 200_000)
    assert "a very large archive" in refused(path)


def test_a_database_of_another_kind_is_no_project(tmp_path):
    path = tmp_path / "data.qda"
    with sqlite3.connect(path) as database:
        database.execute("create table t (a)")
    database.close()
    assert "a database of another kind" in refused(path)
