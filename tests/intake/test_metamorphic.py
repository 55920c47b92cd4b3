"""The same programme in other files gives the same tables: other order, delimiter, encoding, spelling, split files."""

from __future__ import annotations

import secrets

import pandas as pd
import pytest

from joyeval.intake.tables import take_in
from joyeval.study import load_study
from tests.intake.mistakes import Programme

KEY = secrets.token_bytes(32)
OTHERWISE = {"Ward A": "ACUTE", "Ward B": "b wd", "Ward C": "WARD  C"}
FILES = ("teams.csv", "pulse.csv", "outcome.csv", "roster.csv", "events.csv")


def tables(home, programme, encode=lambda text: text.encode()):
    path = programme.write(home)
    for file in (home / "data" / "raw" / "small").glob("*.csv"):
        file.write_bytes(encode(file.read_text(encoding="utf-8")))
    taken = take_in(load_study(path), "a", key=KEY)
    assert [str(problem) for problem in taken.problems if problem.blocking] == []
    order = {"flow": None, "quarantine": None}
    return {name: sorted_rows(table) for name, table in taken.tables.items() if name not in order}


def sorted_rows(table):
    table = table.astype({c: "str" for c in table if table[c].dtype == "category"})
    return table.sort_values(list(table.columns), ignore_index=True)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return Programme.whole(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def before(whole, tmp_path_factory):
    return tables(tmp_path_factory.mktemp("before"), whole)


def shuffled_rows(p):
    for name in FILES:
        p.tables[name] = p.tables[name].sample(frac=1, random_state=1)


def shuffled_columns(p):
    for name, table in p.tables.items():
        p.tables[name] = table[list(reversed(table.columns))]


def spelled_otherwise(p):
    p.part("teams")["also_called"] = {"Ward A": ["Acute"], "Ward B": ["B Wd"]}
    for name in ("pulse.csv", "outcome.csv", "wave1.csv"):
        p.tables[name]["Team"] = p.tables[name]["Team"].replace(OTHERWISE)


def in_two_files(p):
    table = p.tables.pop("outcome.csv")
    p.tables |= {"outcome_1.csv": table.iloc[:40], "outcome_2.csv": table.iloc[40:]}
    p.part("outcomes")["file"] = "outcome_*.csv"


@pytest.mark.parametrize("change", [shuffled_rows, shuffled_columns, spelled_otherwise, in_two_files])
def test_the_same_cells_in_other_places_are_the_same_tables(change, whole, before, tmp_path):
    other = whole.copy()
    change(other)
    same(tables(tmp_path, other), before)


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode("utf-16"),
        lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
        lambda text: text.replace(",", ";").encode(),
        lambda text: text.replace(",", "\t").encode(),
    ],
    ids=["UTF-16", "byte order mark and Windows lines", "semicolons", "tabs"],
)
def test_the_same_cells_in_other_bytes_are_the_same_tables(encode, whole, before, tmp_path):
    same(tables(tmp_path, whole.copy(), encode), before)


def same(found, expected):
    assert set(found) == set(expected)
    for name, table in expected.items():
        pd.testing.assert_frame_equal(found[name], table, check_exact=True, check_dtype=False)
