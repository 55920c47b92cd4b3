"""Tables for papers: protected descriptions, models side by side, four kinds of file that say the same."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from io import StringIO

import docx
import numpy as np
import pandas as pd
import pytest
from lxml import html

from joyeval.errors import UsageError
from joyeval.result import Result
from tests.shown import report


def people():
    rng = np.random.default_rng(3)
    n = {"Programme": 60, "Comparison": 45}
    arm = np.repeat(list(n), list(n.values()))
    role = np.concatenate([np.repeat(["nurse", "doctor"], [40, 20]), np.repeat(["nurse", "doctor"], [25, 20])])
    return pd.DataFrame({"arm": arm, "role": role, "joy": rng.normal(3.5, 0.5, 105), "age": rng.normal(44, 9, 105)})


def test_table_one_describes_groups_and_all():
    data = people()
    table = report.table_one(data, variables=["role", "joy"], by="arm", labels={"joy": "Joy (1 to 5)"})
    assert list(table.columns) == ["Characteristic", "Comparison", "Programme", "All"]
    assert table["Characteristic"].tolist() == [
        "People",
        "Role (answers)",
        "Role: doctor",
        "Role: nurse",
        "Joy (1 to 5), mean (SD)",
    ]
    assert table["Programme"].tolist()[:4] == [60, 60, "20 (33%)", "40 (67%)"]
    assert table["All"].tolist()[:4] == [105, 105, "40 (38%)", "65 (62%)"]
    joy = data.loc[data["arm"] == "Programme", "joy"]
    assert table["Programme"].iloc[-1] == f"{joy.mean():.1f} ({joy.std():.1f}); n = 60"


def test_table_one_without_groups_has_one_column():
    table = report.table_one(people(), variables=["role", "age"])
    assert list(table.columns) == ["Characteristic", "All"]
    assert table.iloc[-1, 1].startswith("4")
    assert "." not in table.iloc[-1, 1]


def test_table_one_suppresses_what_is_small_and_what_gives_it_away():
    data = people()
    data.loc[:3, "role"] = "chaplain"
    data.loc[:52, "joy"] = np.nan
    table = report.table_one(data, variables=["role", "joy"], by="arm").set_index("Characteristic")
    assert pd.isna(table.loc["Role: chaplain", "Programme"])
    assert table.loc["Role: nurse"].isna().sum() >= 1
    assert pd.isna(table.loc["Joy, mean (SD)", "Programme"])
    assert pd.isna(table.loc["Joy, mean (SD)", "Comparison"])  # would give the other arm away
    assert table.loc["Joy, mean (SD)", "All"].endswith("n = 50")


def test_table_one_counts_valid_answers():
    data = people()
    data.loc[:19, "role"] = None
    table = report.table_one(data, variables=["role"], by="arm").set_index("Characteristic")
    assert table.loc["Role (answers)", "Programme"] == 40


def test_table_one_refuses_a_column_that_is_not_there():
    with pytest.raises(UsageError, match="speling"):
        report.table_one(people(), variables=["speling"])


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit(Result):
    terms: pd.DataFrame

    def tidy(self):
        return self.terms

    def sentence(self):
        return ""


def fit(names, n=50):
    rows = {"term": names, "estimate": [0.5, -0.25, 1.0][: len(names)], "ci_low": -1.0, "ci_high": 2.0}
    return Fit(n=n, n_dropped=3, terms=pd.DataFrame(rows))


def test_models_stand_side_by_side():
    models = {"Crude": fit(["joy"], 60), "Full": fit(["joy", "ward"])}
    table = report.model_table(models, terms={"joy": "Joy (per point)"}, rows={"Random intercepts": {"Full": "team"}})
    assert table.to_dict("list") == {
        "Term": ["Joy (per point)", "ward", "n", "Left out", "Random intercepts"],
        "Crude": ["0.50 (−1.00 to 2.00)", "–", "60", "3", "–"],
        "Full": ["0.50 (−1.00 to 2.00)", "−0.25 (−1.00 to 2.00)", "50", "3", "team"],
    }


def test_a_table_alone_is_a_model_too():
    table = report.model_table({"A": fit(["joy"]).tidy()}, places=1)
    assert table.to_numpy().tolist() == [["joy", "0.5 (−1.0 to 2.0)"]]


def test_the_four_files_say_the_same(tmp_path):
    table = pd.DataFrame({"Term": ["Joy & care", "=1+1"], "Full": ["0.50 (−1.00 to 2.00)", "50%"]})
    save = {"caption": "Models of 50% of teams", "footnotes": ["Adjusted for ward_type."]}
    files = report.save_table(table, tmp_path / "table2", **save)
    assert [file.name for file in files] == ["table2.docx", "table2.tex", "table2.csv", "table2.html"]
    shown = [["Term", "Full"], ["Joy & care", "0.50 (−1.00 to 2.00)"], ["=1+1", "50%"]]
    word = docx.Document(files[0])
    assert [[cell.text for cell in row.cells] for row in word.tables[0].rows] == shown
    assert "Adjusted for ward_type." in [paragraph.text for paragraph in word.paragraphs]
    page = html.fromstring(files[3].read_text(encoding="utf-8"))
    assert [[cell.text_content() for cell in row] for row in page.iter("tr")] == shown
    assert list(csv.reader(StringIO(files[2].read_text(encoding="utf-8")))) == [shown[0], shown[1], ["'=1+1", "50%"]]
    latex = files[1].read_text(encoding="utf-8")
    assert r"Joy \& care & 0.50 ($-$1.00 to 2.00) \\" in latex
    assert r"\caption{Models of 50\% of teams}" in latex
    assert r"\item Adjusted for ward\_type." in latex
    before = [file.read_bytes() for file in files]
    assert [file.read_bytes() for file in report.save_table(table, tmp_path / "table2", **save)] == before


def test_a_table_for_a_paper_has_a_caption(tmp_path):
    with pytest.raises(UsageError, match="caption"):
        report.save_table(pd.DataFrame({"x": [1]}), tmp_path / "t", caption="")


def test_a_wide_table_stands_on_the_first_page_of_its_file(tmp_path):
    wide = pd.DataFrame([["a long name of a term", *["0.021 (−0.044 to 0.087)"] * 9]], columns=list("abcdefghij"))
    file = next(iter(report.save_table(wide, tmp_path / "table1", caption="Models")))
    (section,) = docx.Document(file).sections
    assert section.page_width > section.page_height
