"""Files as survey tools and trusts export them: five shapes of survey, and plain tables."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from joyeval.synthetic.damage import DECLINED
from joyeval.synthetic.questionnaire import ITEMS, KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SHAPES = {"1": "surveymonkey", "2": "forms", "3": "qualtrics", "4": "spss", "5": "semicolon"}
SUFFIXES = {"surveymonkey": "csv", "forms": "xlsx", "qualtrics": "csv", "spss": "sav", "semicolon": "csv"}
CELLS = {"surveymonkey": "labels", "forms": "labels", "qualtrics": "codes", "spss": "numbers", "semicolon": "codes"}
RENAMED = {("3", "3-end"): "psafety_4"}  # this wave's heading of this item differs
NOT_ASKED = {("4", "2-midway"): "cbi_13"}

_QUESTIONS = {
    "team": "Which team do you work in?",
    "role": "What is your role?",
    "code_day": "Your code: day of birth (two digits)",
    "code_month": "Your code: month of birth (two digits)",
    "code_mother": "Your code: first two letters of your mother’s first name",
    "code_siblings": "Your code: number of older brothers and sisters",
    "code_birthplace": "Your code: first letter of the place where you were born",
    "code_school": "Your code: first letter of your first school",
} | {item.key: item.label for item in ITEMS}
FIELDS = tuple(_QUESTIONS)
_COMMENTS = ("", "", "“Busy, but good” – thanks", "", "It’s the rota", "", "£5 for parking?")
_ISO, _AMERICAN = "%Y-%m-%d %H:%M:%S", "%m/%d/%Y %I:%M:%S %p"
_SHORT = {
    "team": "Team",
    "role": "Role",
    "good_day_item": "GoodDay",
    "burnout_answer": "Burnout",
    "staff_fft_care_answer": "RecommendCare",
    "staff_fft_work_answer": "RecommendWork",
}


def headings(cohort: str, wave: str) -> dict[str, str]:
    """Return the heading under which each field stands in a cohort's export of a wave; `date` is when it was sent."""
    shape = SHAPES[cohort]
    names = {"date": _SENT[shape]} | {key: _heading(shape, key) for key in FIELDS}
    names.pop(NOT_ASKED.get((cohort, wave), ""), None)
    if (cohort, wave) in RENAMED:
        names[RENAMED[cohort, wave]] += "_v2"
    return names


_SENT = {
    "surveymonkey": "End Date",
    "forms": "Completion time",
    "qualtrics": "EndDate",
    "spss": "submitted",
    "semicolon": "Sent",
}


def _heading(shape: str, key: str) -> str:
    if shape == "surveymonkey":
        matrix, option = _parts(key)
        return f"{matrix} [{option}]" if option else matrix
    if shape == "forms":
        return _QUESTIONS[key]
    if shape == "qualtrics":
        return _qualtrics_name(key)
    if shape == "spss":
        return key.upper()
    return _SHORT.get(key, key.replace("code_", "code ").replace("_", "").upper())


def _parts(key: str) -> tuple[str, str]:
    """Return the matrix that a field is a row of, and the row; a question of its own has no row."""
    matrix, _, option = _QUESTIONS[key].partition(": ")
    return matrix, option


def _qualtrics_name(key: str) -> str:
    """Return ``Q3`` for a question of its own, ``Q5_2`` for a row of a matrix."""
    questions = list(dict.fromkeys(map(_question, FIELDS)))
    members = [field for field in FIELDS if _question(field) == _question(key)]
    number = f"Q{1 + questions.index(_question(key))}"
    return number if len(members) == 1 else f"{number}_{1 + members.index(key)}"


def _question(key: str) -> str:
    """Return what a field's matrix has in common, or the field itself."""
    return key if key in _SHORT else "code" if key.startswith("code_") else key.rstrip("0123456789")


def survey_file(rows: pd.DataFrame, cohort: str, wave: str) -> bytes:
    """Return the export of one wave.

    Parameters
    ----------
    rows : DataFrame
        Cells as they shall stand, with ``date, whole, preview`` beside the fields.
    cohort, wave : str
    """
    names = headings(cohort, wave)
    names.pop("date")
    return _WRITERS[SHAPES[cohort]](rows.reset_index(drop=True), names)


def _surveymonkey(rows: pd.DataFrame, names: dict[str, str]) -> bytes:
    """Two rows of headings: the question, then the row of the matrix or the word Response."""
    meta = pd.DataFrame({"Respondent ID": 118_000_000_000 + rows.index, "Collector ID": 40_000_001})
    meta["Start Date"] = _begun(rows).dt.strftime(_AMERICAN)
    meta["End Date"] = rows["date"].dt.strftime(_AMERICAN)
    meta["IP Address"], meta["Email Address"] = _addresses(rows), _emails(rows)
    meta[["First Name", "Last Name", "Custom Data 1"]] = ""
    asked, options = zip(*map(_parts, names), strict=True)
    top = [name if name != before else "" for name, before in zip(asked, ("", *asked), strict=False)]
    second = [option or "Response" for option in options]
    return _csv([[*meta, *top], [""] * meta.shape[1] + second, *_cells(meta, rows, names)])


def _qualtrics(rows: pd.DataFrame, names: dict[str, str]) -> bytes:
    """Three rows of headings: names, question text, import ids."""
    meta = pd.DataFrame({"StartDate": _begun(rows).dt.strftime(_ISO), "EndDate": rows["date"].dt.strftime(_ISO)})
    meta["Status"] = np.where(rows["preview"], "Survey Preview", "IP Address")
    meta["IPAddress"], meta["Progress"] = _addresses(rows), np.where(rows["whole"], 100, 64)
    meta["Duration (in seconds)"] = (rows["date"] - _begun(rows)).dt.seconds
    meta["Finished"], meta["RecordedDate"] = rows["whole"], meta["EndDate"]
    meta["ResponseId"] = [f"R_{i:015d}" for i in rows.index]
    meta[["RecipientLastName", "RecipientFirstName"]] = ""
    meta["RecipientEmail"] = _emails(rows)
    meta[["ExternalReference", "LocationLatitude", "LocationLongitude"]] = ["", "51.50", "-0.10"]
    meta["DistributionChannel"] = np.where(rows["preview"], "preview", "anonymous")
    meta["UserLanguage"] = "EN-GB"
    texts = [" - ".join(filter(None, _parts(key))) for key in names]
    ids = [name[0].lower() + name[1:] for name in meta] + [f"QID{100 + FIELDS.index(key)}" for key in names]
    third = [f'{{"ImportId":"{name}"}}' for name in ids]
    return _csv([[*meta, *names.values()], [*meta, *texts], third, *_cells(meta, rows, names)])


def _forms(rows: pd.DataFrame, names: dict[str, str]) -> bytes:
    meta = pd.DataFrame({"Id": rows.index + 1, "Start time": _begun(rows), "Completion time": rows["date"]})
    meta["Email"], meta["Name"] = _emails(rows), [f"Respondent {i + 1:03d}" for i in rows.index]
    return workbook({"Form1": [[*meta, *names.values()], *_cells(meta, rows, names)]})


def _semicolon(rows: pd.DataFrame, names: dict[str, str]) -> bytes:
    """Windows-1252 with semicolons, as a spreadsheet of another country saves it, and blank rows at the end."""
    meta = pd.DataFrame({"Nr": rows.index + 1, "Sent": rows["date"].dt.strftime("%d/%m/%Y %H:%M")})
    head = [*meta, *names.values(), "Comment"]
    cells = [[*row, _COMMENTS[i % len(_COMMENTS)]] for i, row in enumerate(_cells(meta, rows, names))]
    return _csv([head, *cells, *[[""] * len(head)] * 2], delimiter=";", encoding="cp1252")


def _spss(rows: pd.DataFrame, names: dict[str, str]) -> bytes:
    """Item codes as numbers with labels; a blank is missing, a declared code says that the answer was declined."""
    import pyreadstat

    frame = pd.DataFrame({"submitted": rows["date"]})
    for key, name in names.items():
        frame[name] = pd.to_numeric(rows[key]) if key in KEYS else rows[key].astype(str)
    labels = {
        names[item.key]: {i: str(label) for i, label in enumerate(item.answers, 1)} | {DECLINED: "Prefer not to say"}
        for item in ITEMS
        if item.key in names
    }
    options = {
        "column_labels": {name: _QUESTIONS[key] for key, name in names.items()},
        "variable_value_labels": labels,
        "missing_ranges": {name: [DECLINED] for name in labels},
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "wave.sav"
        pyreadstat.write_sav(frame, str(path), **options)
        content = path.read_bytes()
    made = f"{rows['date'].max():%d %b %y}12:00:00".encode()  # in place of today
    return content[:92] + made + content[92 + len(made) :]


_WRITERS = {
    "surveymonkey": _surveymonkey,
    "forms": _forms,
    "qualtrics": _qualtrics,
    "spss": _spss,
    "semicolon": _semicolon,
}


def table(rows: pd.DataFrame, *, delimiter: str = ",") -> bytes:
    """Return a plain CSV file."""
    return _csv([list(rows.columns), *rows.itertuples(index=False)], delimiter=delimiter)


def sheet(rows: pd.DataFrame, name: str, *, title: Sequence[str] = ()) -> bytes:
    """Return an XLSX file of one sheet; lines of `title` stand above the headings, with a blank row between."""
    above = [[line] for line in title] + [[]] * bool(title)
    return workbook({name: [*above, list(rows.columns), *rows.itertuples(index=False)]})


def workbook(sheets: dict[str, Iterable[Sequence[Any]]]) -> bytes:
    """Return an XLSX file with these sheets, the same bytes whenever it is made."""
    import xlsxwriter

    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "default_date_format": "dd/mm/yyyy hh:mm"})
    book.set_properties({"created": pd.Timestamp("2024-09-30").to_pydatetime()})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for i, row in enumerate(rows):
            sheet.write_row(i, 0, [_plain(cell) for cell in row])
    book.close()
    return out.getvalue()


def _csv(rows: Iterable[Sequence[Any]], *, delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows([[_plain(c) for c in row] for row in rows])
    return text.getvalue().encode(encoding)


def _plain(cell: Any) -> Any:
    """Return a cell as a file can hold it: nothing for missing, no midnight after a day."""
    if cell is None or cell is pd.NA or cell is pd.NaT or (isinstance(cell, float) and np.isnan(cell)):
        return ""
    if isinstance(cell, pd.Timestamp):
        return cell.to_pydatetime() if cell != cell.normalize() else cell.date()
    return cell.item() if isinstance(cell, np.generic) else cell


def _cells(meta: pd.DataFrame, rows: pd.DataFrame, names: dict[str, str]) -> Iterable[Sequence[Any]]:
    return pd.concat([meta, rows[list(names)]], axis=1).itertuples(index=False)


def _begun(rows: pd.DataFrame) -> pd.Series:
    return rows["date"] - pd.to_timedelta(241 + 37 * (rows.index % 17), unit="s")


def _addresses(rows: pd.DataFrame) -> list[str]:
    return [f"192.0.2.{i % 250 + 1}" for i in rows.index]  # a range kept for documentation (RFC 5737)


def _emails(rows: pd.DataFrame) -> list[str]:
    return [f"respondent-{i + 1:03d}@example.org" for i in rows.index]
