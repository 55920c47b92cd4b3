"""Two outputs: the same bytes, the same but for last digits, or different, and where."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from joyeval.pipeline.sameness import difference


@pytest.mark.parametrize(
    ("one", "two", "where"),
    [
        ({"a": 1.0}, {"a": 1.0 + 1e-9}, ""),
        ({"a": [0.1, {"b": 2e-17}]}, {"a": [0.1, {"b": -1e-16}]}, ""),
        ({"a": [0.1, {"b": 2.0}]}, {"a": [0.1, {"b": 2.1}]}, "a.1.b"),
        ({"a": "from 1.2345678901 to 2"}, {"a": "from 1.2345678902 to 2"}, ""),
        ({"a": "from 1.23 to 2"}, {"a": "from 1.24 to 2"}, "a"),
        ({"a": "up"}, {"a": "down"}, "a"),
        ({"a": 1}, {"b": 1}, "its fields"),
        ({"a": [1]}, {"a": [1, 2]}, "a"),
        ({"a": None}, {"a": None}, ""),
        ({"a": None}, {"a": 0}, "a"),
        ({"a": True}, {"a": False}, "a"),
        ({"kind": "figure", "png": "x"}, {"kind": "figure", "png": "y"}, ""),
    ],
)
def test_results_are_compared_number_by_number(tmp_path, one, two, where):
    for name, content in (("one", one), ("two", two)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    assert difference(tmp_path / "one.json", tmp_path / "two.json") == where


def test_tables_name_column_and_row(tmp_path):
    table = pd.DataFrame({"team": ["x", "y"], "n": [1.0, float("nan")], "day": pd.to_datetime(["2024-01-01", None])})
    for name, content in (("one", table), ("two", table.assign(n=[1 + 1e-12, float("nan")]))):
        content.to_parquet(tmp_path / f"{name}.parquet")
    assert difference(tmp_path / "one.parquet", tmp_path / "two.parquet") == ""
    table.assign(team=["x", "z"]).to_parquet(tmp_path / "two.parquet")
    assert difference(tmp_path / "one.parquet", tmp_path / "two.parquet") == "column team, row 2"


def test_pages_are_compared_without_their_pictures_and_others_by_bytes(tmp_path):
    (tmp_path / "one.html").write_text('<p>3.1 points</p><img src="data:image/png;base64,AAAA">')
    (tmp_path / "two.html").write_text('<p>3.1 points</p><img src="data:image/png;base64,BBBB">')
    assert difference(tmp_path / "one.html", tmp_path / "two.html") == ""
    (tmp_path / "two.html").write_text('<p>3.2 points</p><img src="data:image/png;base64,AAAA">')
    assert difference(tmp_path / "one.html", tmp_path / "two.html") == "text"
    (tmp_path / "one.pdf").write_bytes(b"1")
    (tmp_path / "two.pdf").write_bytes(b"2")
    assert difference(tmp_path / "one.pdf", tmp_path / "two.pdf") == "its bytes"
