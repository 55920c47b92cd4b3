"""The same programme in other files gives the same tables: other order, delimiter, encoding, spelling, split files."""

from __future__ import annotations

import io
import secrets

import pandas as pd
import pytest
import yaml

from joyeval.intake.tables import take_in
from joyeval.study import load_study
from tests.intake.mistakes import Programme

KEY = secrets.token_bytes(32)
OTHERWISE = {"Ward A": "ACUTE", "Ward B": "b wd", "Ward C": "WARD  C"}
FILES = ("teams.csv", "pulse.csv", "outcome.csv", "roster.csv", "events.csv")


def tables(home, programme, encode=lambda text: text.encode(), finish=lambda path: None):
    path = programme.write(home)
    for file in (home / "data" / "raw" / "small").glob("*.csv"):
        file.write_bytes(encode(file.read_text(encoding="utf-8")))
    finish(path)
    taken = take_in(load_study(path), "a", key=KEY)
    assert [str(problem) for problem in taken.problems if problem.blocking] == []
    return {name: table for name, table in taken.tables.items() if name not in ("flow", "quarantine")}


def sorted_rows(table):
    table = table.astype({c: "str" for c in table if table[c].dtype == "category"})
    return table.sort_values(list(table.columns), ignore_index=True)


def in_bytes(table):
    """The table as the bytes that are stored."""
    page = io.BytesIO()
    table.to_parquet(page)
    return page.getvalue()


def in_workbooks(path):
    """Put every table on the second sheet of a workbook, below a title."""
    study = yaml.safe_load(path.read_text(encoding="utf-8"))
    raw = path.parents[1] / "data" / "raw" / "small"
    for file in raw.glob("*.csv"):
        with pd.ExcelWriter(file.with_suffix(".xlsx")) as book:
            pd.DataFrame({"Read me": ["Tables of the ward office"]}).to_excel(book, sheet_name="About", index=False)
            table = pd.read_csv(file, dtype=str)
            table = table.apply(lambda cells: pd.to_numeric(cells) if cells.str.fullmatch(r"\d+").all() else cells)
            table.to_excel(book, sheet_name="Data", index=False, startrow=2)
        file.unlink()
    for name in ("teams", "roster", "events", "pulses", "outcomes", "waves", "coordination"):
        for part in study[name] if isinstance(study[name], list) else [study[name]]:
            part |= {"file": part["file"].replace(".csv", ".xlsx"), "sheet": "Data"}
    path.write_text(yaml.dump(study, sort_keys=False), encoding="utf-8")


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
        lambda text: f"Figures of the ward office\n\n{text}".encode(),
    ],
    ids=["UTF-16", "byte order mark and Windows lines", "semicolons", "tabs", "a title above"],
)
def test_the_same_cells_in_other_bytes_are_the_same_tables_to_the_byte(encode, whole, before, tmp_path):
    identical(tables(tmp_path, whole.copy(), encode), before)


def test_the_same_cells_in_workbooks_are_the_same_tables_to_the_byte(whole, before, tmp_path):
    found = tables(tmp_path, whole.copy(), finish=in_workbooks)
    found["gaps"]["file"] = found["gaps"]["file"].str.replace(".xlsx", ".csv")  # the file in which the rows stood
    identical(found, before)


def same(found, expected):
    assert set(found) == set(expected)
    for name, table in expected.items():
        one, other = sorted_rows(found[name]), sorted_rows(table)
        pd.testing.assert_frame_equal(one, other, check_exact=True, check_dtype=False)


def identical(found, expected):
    assert {name: in_bytes(table) for name, table in found.items()} == {
        name: in_bytes(table) for name, table in expected.items()
    }
