"""Files that would stop or exhaust the machine: each ends in one problem, soon and in little memory."""

from __future__ import annotations

import os
import resource
import sys
import zipfile
from pathlib import Path  # noqa: TC003

import polars as pl
import pytest

from joyeval.errors import DataError, ProblemsError
from joyeval.intake import read
from joyeval.intake.limited import MEMORY, read_limited
from joyeval.strict_yaml import read_yaml
from tests.intake.files import crafted_xlsx, xlsx

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits of memory are those of Unix")


def far_cell(folder: Path) -> Path:
    """A1 and BZ1000000: 78 million cells, all but two of them blank."""
    rows = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1000000"><c r="BZ1000000"><v>1</v></c></row>'
    return crafted_xlsx(folder / "far.xlsx", rows)


def dimension_bomb(folder: Path) -> Path:
    rows = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    return crafted_xlsx(folder / "bomb.xlsx", rows)


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.csv")
    return folder / "pipe.csv"


def endless(folder: Path) -> Path:
    (folder / "endless.csv").symlink_to("/dev/zero")
    return folder / "endless.csv"


def enormous(folder: Path) -> Path:
    """Claim 100 GB of nothing."""
    with (folder / "huge.csv").open("wb") as file:
        file.truncate(100_000_000_000)
    return folder / "huge.csv"


def parquet_bomb(folder: Path) -> Path:
    """Few bytes that unpack to 120 million numbers."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    part = pa.table({"q": pa.repeat(pa.scalar(7, pa.int64()), 1_000_000)})
    with pq.ParquetWriter(folder / "bomb.parquet", part.schema) as file:
        for _ in range(120):
            file.write_table(part)
    assert (folder / "bomb.parquet").stat().st_size < 1_000_000
    return folder / "bomb.parquet"


def damaged_stata(folder: Path) -> Path:
    """A Stata file that claims 30,000 columns of 30,000,000 rows."""
    import pandas as pd
    import pyreadstat

    pyreadstat.write_dta(pd.DataFrame({"q": [1.0, 2.0]}), folder / "d.dta", version=14)
    content = (folder / "d.dta").read_bytes()
    content = content.replace(b"<K>\x01\x00</K>", b"<K>\x30\x75</K>")
    content = content.replace(b"<N>\x02\0\0\0\0\0\0\0</N>", b"<N>\x80\xc3\xc9\x01\0\0\0\0</N>")
    (folder / "d.dta").write_bytes(content)
    return folder / "d.dta"


def damaged_spss(folder: Path) -> Path:
    import pandas as pd
    import pyreadstat

    pyreadstat.write_sav(pd.DataFrame({"q": [1.0, 2.0] * 500}), folder / "d.sav")
    content = (folder / "d.sav").read_bytes()
    (folder / "d.sav").write_bytes(content[:200] + os.urandom(100) + content[300:-400])
    return folder / "d.sav"


def odd_delimiter(folder: Path) -> Path:
    (folder / "sep.csv").write_text("sep=é\naéb\n1é2\n", encoding="utf-8")
    return folder / "sep.csv"


def line_breaks_in_a_cell(folder: Path) -> Path:
    (folder / "breaks.csv").write_bytes(b'a,b\n1,2\n3,"' + b"\n" * 5_000_000 + b'"\n')
    return folder / "breaks.csv"


def line_breaks_far_below(folder: Path) -> Path:
    (folder / "below.csv").write_bytes(b"a,b\n" + b"1,2\n" * 300_000 + b'3,"\r' + b"x\n" * 5_000_000 + b'"\n')
    return folder / "below.csv"


def wide_text(folder: Path) -> Path:
    (folder / "wide.csv").write_bytes((b"," * 3_000_000 + b"\n") * 3)
    return folder / "wide.csv"


def one_long_line(folder: Path) -> Path:
    (folder / "line.csv").write_bytes(b"a" * 50_000_000)
    return folder / "line.csv"


def quotes_only(folder: Path) -> Path:
    (folder / "quotes.csv").write_bytes(b'a,b\n"' + b'"' * 20_000_000 + b"\n")
    return folder / "quotes.csv"


HOSTILE = {
    far_cell: {"sheet size"},
    dimension_bomb: {"sheet size"},
    pipe: {"no regular file"},
    endless: {"no regular file"},
    enormous: {"file size"},
    parquet_bomb: {"table size"},
    damaged_stata: {"damaged", "table size"},
    damaged_spss: {"damaged"},
    odd_delimiter: {"delimiter"},
    line_breaks_in_a_cell: {"no table"},
    line_breaks_far_below: {"no table"},
    wide_text: {"no table"},
    one_long_line: {"no table", "no rows"},
    quotes_only: {"no table", "open quotation", "ragged file"},
}


@pytest.mark.parametrize("make", HOSTILE, ids=lambda make: make.__name__)
def test_one_problem_and_little_time(tmp_path, make):
    """CPU seconds of this process and of those it started; memory of the latter is bounded by their limit."""
    path = make(tmp_path)
    before = cpu()
    with pytest.raises(DataError) as caught:
        read(path)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].rule in HOSTILE[make]
    assert cpu() - before < 10


def cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def test_the_process_that_reads_has_less_than_one_gigabyte():
    assert MEMORY < 1_000_000_000


def test_the_limit_of_memory_holds(tmp_path, monkeypatch):
    """An ordinary workbook that is too much for a small limit is told as such."""
    path = xlsx(tmp_path / "w.xlsx", *[[f"text {i} {j}" for j in range(50)] for i in range(2000)])
    assert read_limited(path, "workbook")[2] == "Sheet1"
    monkeypatch.setattr("joyeval.intake.limited.MEMORY", 30_000_000)
    with pytest.raises(DataError) as caught:
        read_limited(path, "workbook")
    assert [problem.rule for problem in caught.value.problems] == ["sheet size"]


def test_columns_that_are_no_text_are_told(tmp_path):
    pl.DataFrame({"a": [[1, 2], [3]], "b": [{"x": 1}, {"x": 2}]}).write_parquet(tmp_path / "w.parquet")
    with pytest.raises(DataError) as caught:
        read(tmp_path / "w.parquet")
    assert [problem.rule for problem in caught.value.problems] == ["damaged"]


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 2000 + "]" * 2000,
        "a: " + "{b: " * 2000,
        "[" * 500_000,
        "\n".join("  " * i + "a:" for i in range(900)),
    ],
    ids=["brackets", "braces", "half a million", "indented"],
)
def test_yaml_that_is_too_deep_is_told(tmp_path, text):
    (tmp_path / "s.yml").write_text(text)
    before = cpu()
    with pytest.raises(ProblemsError) as caught:
        read_yaml(tmp_path / "s.yml")
    assert "too deep" in caught.value.problems[0].found
    assert cpu() - before < 5


# ---- what other programs write and Excel opens -----------------------------------------------------


def test_a_dimension_of_rows_only_is_no_damage(tmp_path):
    """LibreOffice writes 1:21 where whole rows are formatted."""
    path = crafted_xlsx(tmp_path / "w.xlsx", "".join(
        f'<row r="{i}">' + "".join(f'<c r="{c}{i}"><v>{i}</v></c>' for c in "ABCD") + "</row>" for i in range(1, 22)
    ))  # fmt: skip
    with zipfile.ZipFile(path) as parts:
        content = {name: parts.read(name) for name in parts.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    content[sheet] = content[sheet].replace(b"<sheetData>", b'<dimension ref="1:21"/><sheetData>')
    with zipfile.ZipFile(path, "w") as parts:
        for name, part in content.items():
            parts.writestr(name, part)
    assert read(path).frame.shape == (20, 4)


def test_per_cent_formats_of_an_open_document_are_seen(tmp_path):
    from odf.opendocument import OpenDocumentSpreadsheet
    from odf.table import Table, TableCell, TableRow
    from odf.text import P

    book, rows = OpenDocumentSpreadsheet(), [["Team", "n", "Good"], ["A", 4, 0.07], ["B", 5, 0.5]]
    table = Table(name="Sheet1")
    for row in rows:
        line = TableRow()
        for j, value in enumerate(row):
            kind = "string" if isinstance(value, str) else "percentage" if j == 2 else "float"
            cell = TableCell(valuetype=kind, **({} if kind == "string" else {"value": value}))
            cell.addElement(P(text=str(value)))
            line.addElement(cell)
        table.addElement(line)
    book.spreadsheet.addElement(table)
    book.save(tmp_path / "w.ods")
    assert read(tmp_path / "w.ods").frame["Good"].to_list() == ["7%", "50%"]


def test_periods_of_stata_become_days(tmp_path):
    import pandas as pd
    import pyreadstat

    periods = {
        "%tq": (257.0, "2024-04-01"),
        "%tm": (771.0, "2024-04-01"),
        "%th": (128.0, "2024-01-01"),
        "%tw": (3341.0, "2024-04-01"),
        "%ty": (2024.0, "2024-01-01"),
        "%td": (23467.0, "2024-04-01"),
    }
    formats = {f"at_{shown[1:]}": shown for shown in periods}
    cells = pd.DataFrame({name: [periods[shown][0], None] for name, shown in formats.items()})
    pyreadstat.write_dta(cells.assign(q=[1.0, 2.0]), tmp_path / "w.dta", variable_format=formats)
    got = read(tmp_path / "w.dta").frame
    assert {shown: got[name].to_list() for name, shown in formats.items()} == {
        shown: [day, None] for shown, (_, day) in periods.items()
    }


def test_periods_of_spss_become_days(tmp_path):
    import pandas as pd
    import pyreadstat

    seconds = (pd.Timestamp("2024-04-01") - pd.Timestamp("1582-10-14").to_pydatetime()).total_seconds()
    formats = {name: name for name in ("QYR6", "MOYR8", "WKYR10", "DATE11")}
    cells = pd.DataFrame({name: [seconds, None] for name in formats}).assign(q=[1.0, 2.0])
    pyreadstat.write_sav(cells, tmp_path / "w.sav", variable_format=formats)
    got = read(tmp_path / "w.sav").frame
    assert all(got[name].to_list() == ["2024-04-01", None] for name in formats)
