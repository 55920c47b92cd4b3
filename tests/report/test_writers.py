"""HTML, PDF and DOCX say the same, are the same bytes each time, and can be read by everyone."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from copy import deepcopy
from importlib import import_module
from io import BytesIO
from zipfile import ZipFile

import docx
import numpy as np
import pandas as pd
import pytest
from docx.oxml.ns import qn
from docx.shared import Pt
from lxml import html as lxml_html

from joyeval.errors import UsageError
from joyeval.figures import style
from joyeval.report import blocks, messages
from joyeval.report.document import document
from joyeval.report.layout import SIDEWAYS, UPRIGHT, fit
from joyeval.report.writers import FORMATS, render, write
from tests.conftest import ROOT
from tests.report.samples import emitted, notebook
from tests.shown import layout, report

HOSTILE = [
    *(
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)>",
        "</script><script>alert(1)</script>",
        "</title>",
        "{{7*7}}",
    ),
    *("${7*7}", '#read("/etc/hostname")', "*bold*", "$x$", r"\input{/etc/passwd}", "_hidden", "|a|b|", "word" * 2500),
    *(
        "\n" * 200,
        "a\x00b",
        "a\x0bb",
        "\x1b[31mred",
        "a\u2028b",
        "\u202eabc",
        "a\u200bb",
        "\ud800",
        "=1+1",
        "@SUM",
        "\t=x",
    ),
    *(
        "../x",
        "CON",
        "",
        "-rf",
        "x" * 300,
        "e\u0301",
        "$(id)",
        "COM¹",
        "日本",
        "🙂",
        "&amp;",
        "]]>",
        '"',
        "\\",
        "\ufffe",
    ),
]


def scores(rows=5, **more):
    mean = np.linspace(2.17, 4.41, rows)
    return pd.DataFrame(
        {"team": [f"Team {i}" for i in range(rows)], "mean": mean, "ci_low": mean - 0.3, "ci_high": mean + 0.3} | more
    )


@pytest.fixture(scope="module")
def book():
    fig, ax = style.new(height_mm=50)
    ax.plot([1, 2, 3], [2.5, 2.25, 2.75])
    figure = emitted(lambda: report.figure(fig, alt="Joy fell, then rose.", caption="Joy by wave", data=scores(3)))
    wide = scores(2, **{f"component_{i}_of_joy_at_work": [1.5 + i, 2.25 + i] for i in range(16)})
    return notebook(
        "# Did joy change?",
        blocks.Title("Enjoying Work", "Evaluation", "Cohort 3", "1 May 2026", "1.0"),
        blocks.Heading("Who took part?"),
        blocks.Text(blocks.plain("The mean rose by 0.42 points (95% CI 0.20 to 0.64).")),
        layout(scores(), caption="Mean joy by team", footnotes=["One wave of 3.75 weeks."]),
        *figure,
        blocks.Heading("Parts of it", level=3),
        blocks.Items((blocks.plain("first"), blocks.plain("second")), ordered=True),
        blocks.Note((blocks.plain("fewer than 10 teams"), blocks.plain("one wave of 2.25"))),
        blocks.Items((blocks.plain("first again"),), ordered=True),
        layout(wide, caption="All components"),
        layout(scores(60), caption="A long table"),
        "## Methods\n\nSee [the guide](https://example.org) for **more**.",
    )


@pytest.fixture(scope="module")
def made(book):
    return {kind: render(document(book), kind) for kind in FORMATS}


@pytest.fixture(scope="module")
def page(made):
    return lxml_html.fromstring(made["html"].decode())


@pytest.fixture(scope="module")
def file(made):
    return docx.Document(BytesIO(made["docx"]))


def cells_of_html(page):
    tables = page.xpath("//main//table[not(ancestor::details)]")
    return [[[cell.text_content() for cell in row] for row in table.iter("tr")] for table in tables]


def test_tables_hold_the_same_text_in_html_and_docx(page, file):
    assert [[[cell.text for cell in row.cells] for row in table.rows] for table in file.tables] == cells_of_html(page)


def decimals(text):
    return Counter(re.findall(r"−?\d+\.\d+", text))


def test_all_three_carry_the_same_numbers(made, page, file, tmp_path):
    if not shutil.which("pdftotext"):
        pytest.skip("pdftotext (poppler-utils) reads the PDF here")
    (tmp_path / "report.pdf").write_bytes(made["pdf"])
    shown = subprocess.run(
        ["pdftotext", tmp_path / "report.pdf", "-"], capture_output=True, text=True, check=True
    ).stdout
    page = deepcopy(page)
    for hidden in page.xpath("//details | //nav"):
        hidden.getparent().remove(hidden)
    in_html = decimals("\n".join(page.body.itertext()))
    in_docx = decimals("\n".join(text.text or "" for text in file.element.body.iter(qn("w:t"))))
    assert len(in_html) > 50
    assert decimals(shown) == in_html == in_docx


def test_a_rerun_gives_the_same_bytes(book, made, tmp_path):
    """In a fresh process with another hash seed and clock."""
    (tmp_path / "book.ipynb").write_text(json.dumps(book), encoding="utf-8")
    code = "import sys; from joyeval import report; report.write(sys.argv[1], sys.argv[2], name='again')"
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT), "TZ": "Asia/Tokyo"}
    call = [sys.executable, "-c", code, tmp_path / "book.ipynb", tmp_path]
    subprocess.run(call, env=environment, check=True)
    assert {kind: (tmp_path / f"again.{kind}").read_bytes() == made[kind] for kind in FORMATS} == dict.fromkeys(
        FORMATS, True
    )


def hostile(text):
    data = pd.DataFrame([[text, 1.5], ["x", 2]], columns=pd.Index([f"{text} ", "mean"], dtype=object), dtype=object)
    named = f"Of {text}"
    shown = emitted(lambda: (report.heading(named), report.text(text), report.items([text]), report.note(text)))
    shown += emitted(lambda: report.table(data, caption=named, footnotes=[text]))
    return shown + emitted(lambda: report.figure(style.new(height_mm=20)[0], alt=named, caption=named))


def test_hostile_text_is_shown_in_every_format():
    parts = emitted(lambda: report.title(f"Of {HOSTILE[0]}", cohort=HOSTILE[2], version=HOSTILE[6]))
    doc = document(json.loads(json.dumps(notebook(*parts, *(part for text in HOSTILE for part in hostile(text))))))
    files = {kind: render(doc, kind) for kind in FORMATS}
    page = lxml_html.fromstring(files["html"].decode())
    assert not page.xpath("//script | //svg | //iframe | //*[@onerror or @onload]")
    assert all(image.get("src").startswith("data:image/svg+xml;base64,") for image in page.iter("img"))
    assert len(page.xpath("//main//table")) == len(HOSTILE) == len(docx.Document(BytesIO(files["docx"])).tables)
    assert files["pdf"].startswith(b"%PDF-")


def test_html_loads_nothing_and_runs_nothing(page, made):
    policy = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")
    assert not page.xpath("//script | //link | //iframe | //object | //embed | //form")
    assert all(address.startswith(("#", "https://example.org")) for address in page.xpath("//@href"))
    assert b"@import" not in made["html"]
    assert b"url(" not in made["html"]


def test_html_tells_a_screen_reader_what_is_what(page):
    assert page.get("lang") == "en"
    assert page.xpath("//main//img/@alt") == ["Joy fell, then rose."]
    assert set(page.xpath("//th/@scope")) == {"col", "row"}
    assert all(table.xpath("./caption") for table in page.iter("table"))
    assert page.xpath("//nav//a/@href") == ["#" + i for i in page.xpath("//main//*[self::h2 or self::h3]/@id")]
    assert page.xpath("//a[@class='skip']/@href") == ["#" + page.xpath("//main/@id")[0]]


@pytest.mark.browser
def test_html_has_no_violation_request_or_error_in_a_browser(made, tmp_path):
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core judges the page")
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or pytest.skip("no chromium")
    (tmp_path / "report.html").write_bytes(made["html"])
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            tab = browser.new_context(color_scheme=scheme, bypass_csp=True).new_page()
            asked, said = [], []
            tab.on("request", lambda request, asked=asked: asked.append(request.url))
            tab.on("console", lambda message, said=said: said.append(message.text))
            tab.goto(f"file://{tmp_path}/report.html")
            tab.eval_on_selector_all("details", "all => all.forEach(part => part.open = true)")
            found = axe.Axe().run(tab)
            assert [problem["id"] for problem in found.response["violations"]] == [], scheme
            assert [url for url in asked if not url.startswith(("data:", "file:"))] == []
            assert said == []
        browser.close()


def structure(node, found):
    """Every element of a PDF's structure tree: its kind and the element."""
    children = node.get("/K", [])
    for child in children if isinstance(children, list) or children._type_name == "array" else [children]:
        if getattr(child, "_type_name", "") == "dictionary" and "/S" in child:
            found.append((str(child["/S"]), child))
            structure(child, found)
    return found


def test_pdf_is_tagged_for_a_screen_reader(made):
    pikepdf = pytest.importorskip("pikepdf", reason="pikepdf reads the structure")
    pdf = pikepdf.open(BytesIO(made["pdf"]))
    parts = structure(pdf.Root.StructTreeRoot, [])
    kinds = Counter(kind for kind, _ in parts)
    assert (kinds["/Table"], kinds["/H1"], kinds["/H2"], kinds["/Figure"]) == (3, 3, 1, 1)
    assert [str(part["/Alt"]) for kind, part in parts if kind == "/Figure"] == ["Joy fell, then rose."]
    assert kinds["/TH"] == 3 + 19 + 3
    assert str(pdf.Root.Lang) == "en"
    assert "pdfuaid:part" in pdf.Root.Metadata.read_bytes().decode()
    with pdf.open_outline() as outline:
        assert [item.title for item in outline.root][-2:] == ["Who took part?", "Methods"]


def test_pdf_is_a4_turned_for_a_wide_table(made):
    pikepdf = pytest.importorskip("pikepdf", reason="pikepdf reads the pages")
    sizes = [
        tuple(round(float(x) / 72 * 25.4) for x in page.MediaBox[2:])
        for page in pikepdf.open(BytesIO(made["pdf"])).pages
    ]
    assert set(sizes) == {(210, 297), (297, 210)}


def test_pdf_says_where_a_character_is_missing():
    plain, boxed = (document(notebook(blocks.Text(blocks.plain(text)))) for text in ("Zoë żółć ≥ Ω", "日本 🙂"))
    from joyeval.report.pdf import _content

    assert not _content(plain)["boxed"]
    assert _content(boxed)["blocks"][0]["runs"][0]["text"] == "□□ □"
    assert _content(boxed)["boxed"]


def test_docx_has_real_styles_header_rows_alt_text_and_fields(file):
    styles = Counter(paragraph.style.name for paragraph in file.paragraphs)
    assert (styles["Title"], styles["Heading 1"], styles["Heading 2"], styles["Caption"]) == (1, 2, 1, 3)
    assert all(table._tbl.tr_lst[0].trPr.find(qn("w:tblHeader")) is not None for table in file.tables)
    assert [part.get("descr") for part in file.element.body.iter(qn("wp:docPr"))] == ["Joy fell, then rose."]
    footer = "".join(code.text for code in file.sections[0].footer._element.iter(qn("w:instrText")))
    assert footer.split() == ["PAGE", "NUMPAGES"]
    header = file.sections[0].header.paragraphs[0].text
    assert "Enjoying Work" in header
    assert "Cohort 3" in header


def test_no_style_is_named_like_a_tag_of_pdf(file):
    """LibreOffice maps a style of that name to a paragraph, and with it every real figure."""
    tags = {
        "Figure",
        "Note",
        "Table",
        "Caption",
        "Link",
        "Form",
        "Formula",
        "Quote",
        "Reference",
        "Code",
        "Span",
        "Part",
    }
    assert {paragraph.style.name for paragraph in file.paragraphs} & tags <= {"Caption"}


@pytest.mark.slow
@pytest.mark.browser
def test_docx_keeps_outline_tables_and_alt_text_through_libreoffice(made, tmp_path):
    soffice = shutil.which("soffice") or pytest.skip("no LibreOffice")
    pikepdf = pytest.importorskip("pikepdf", reason="pikepdf reads the structure")
    (tmp_path / "report.docx").write_bytes(made["docx"])
    how = 'pdf:writer_pdf_Export:{"PDFUACompliance":{"type":"boolean","value":"true"}}'
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    call = [soffice, profile, "--headless", "--convert-to", how, "--outdir", tmp_path, tmp_path / "report.docx"]
    subprocess.run(call, check=True, capture_output=True)
    with pikepdf.open(tmp_path / "report.pdf") as pdf:
        parts = structure(pdf.Root.StructTreeRoot, [])
        kinds = Counter(kind for kind, _ in parts)
        assert (kinds["/H1"], kinds["/H2"], kinds["/Table"]) == (2, 1, 3)
        assert [str(part["/Alt"]) for kind, part in parts if kind == "/Figure"] == ["Joy fell, then rose."]
        assert "/Figure" not in pdf.Root.StructTreeRoot.get("/RoleMap", {})


def test_docx_numbered_lists_begin_at_one(file):
    numbered = [p for p in file.paragraphs if p.style.name == "List Number"]
    first, second, again = (p._p.pPr.numPr.numId.val for p in numbered)
    assert first == second != again


def test_docx_turns_the_page_for_a_wide_table(file):
    widths = [round(section.page_width.mm) for section in file.sections]
    assert widths == [210, 297, 210]


def test_docx_takes_the_look_of_a_template_and_not_its_words(book, tmp_path):
    report.house_template(tmp_path / "own.docx")
    own = docx.Document(tmp_path / "own.docx")
    own.add_paragraph("Old words")
    own.styles["Heading 1"].font.size = Pt(28)
    own.save(tmp_path / "own.docx")
    got = docx.Document(BytesIO(render(document(book), "docx", word_template=tmp_path / "own.docx")))
    assert "Old words" not in [paragraph.text for paragraph in got.paragraphs]
    assert got.styles["Heading 1"].font.size == Pt(28)


def test_docx_says_nothing_of_its_template_or_who_made_it(book, tmp_path):
    """Word's own properties named a Mac, and a picture of an empty page came along."""
    report.house_template(tmp_path / "own.docx")
    own = docx.Document(tmp_path / "own.docx")
    own.core_properties.author = own.core_properties.keywords = "Jo Bloggs"
    own.save(tmp_path / "own.docx")
    for template in ({}, {"word_template": tmp_path / "own.docx"}):
        with ZipFile(BytesIO(render(document(book), "docx", **template))) as parts:
            names = parts.namelist()
            everything = b"".join(parts.read(name) for name in names if name.startswith(("docProps", "_rels")))
        assert not [name for name in names if "thumbnail" in name or name == "docProps/custom.xml"]
        assert not [word for word in (b"Macintosh", b"Word<", b"Bloggs", b"thumbnail") if word in everything]
        assert b"<Application>joyeval</Application>" in everything


def test_a_template_without_our_styles_is_refused(book, tmp_path):
    docx.Document().save(tmp_path / "bare.docx")
    with pytest.raises(UsageError, match="Table Footnote"):
        render(document(book), "docx", word_template=tmp_path / "bare.docx")


def test_a_table_of_few_words_is_no_wider_than_it_must_be():
    got = fit(layout(scores(), caption="x"))
    assert not got.sideways
    assert sum(got.widths) < UPRIGHT / 2


def test_a_wide_table_fills_the_turned_page_and_no_more():
    for columns in (14, 25, 60):
        got = fit(layout(pd.DataFrame({f"measure {i}": ["evaluation of work"] for i in range(columns)}), caption="x"))
        assert got.sideways
        assert sum(got.widths) <= SIDEWAYS + 0.01 * columns


def test_a_table_without_rows_is_shown():
    fit(layout(scores(0), caption="x"))


def test_write_makes_the_files_asked_for(book, tmp_path):
    (tmp_path / "book.ipynb").write_text(json.dumps(book), encoding="utf-8")
    files = write(tmp_path / "book.ipynb", tmp_path / "out", name="cohort", formats=("html", "docx"))
    assert [file.name for file in files] == ["cohort.html", "cohort.docx"]
    assert all(file.stat().st_size for file in files)
    with pytest.raises(UsageError, match="odt"):
        write(tmp_path / "book.ipynb", tmp_path, formats=("odt",))


def test_exporters_are_registered_and_write_what_write_writes(book, made):
    import nbformat

    lines = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    registered = lines["project"]["entry-points"]["nbconvert.exporters"]
    assert set(registered) == {"joyeval-html", "joyeval-pdf", "joyeval-docx"}
    for name, place in registered.items():
        module, _, exporter = place.partition(":")
        body, resources = getattr(import_module(module), exporter)().from_notebook_node(nbformat.from_dict(book))
        kind = name.removeprefix("joyeval-")
        assert resources["output_extension"] == f".{kind}"
        assert body == made[kind]


def test_every_language_has_every_word():
    languages = [file.stem for file in (ROOT / "joyeval" / "report" / "messages").glob("*.yml")]
    assert {"en", "cy"} <= set(languages)
    assert len({tuple(sorted(messages.words(language))) for language in languages}) == 1
    with pytest.raises(UsageError, match="xx"):
        messages.words("xx")


def test_a_report_in_welsh_says_so_throughout(book):
    told = document(notebook(blocks.Title("Mwynhau Gwaith", language="cy"), layout(scores(), caption="Cymedr")))
    page = lxml_html.fromstring(render(told, "html").decode())
    assert page.get("lang") == "cy"
    assert page.xpath("//caption/b/text()") == ["Tabl 1."]
    assert "Tabl 1." in [p.text[:7] for p in docx.Document(BytesIO(render(told, "docx"))).paragraphs]


def test_a_table_of_few_but_long_rows_runs_over_the_page():
    """Kept whole it would leave the page before it empty, as the summary of a cohort did."""
    short = fit(layout(pd.DataFrame({"question": ["Did it change?"] * 10, "found": ["No."] * 10}), caption="x"))
    told = {"question": ["Did it?"] * 10, "found": ["It cannot be told. " * 30] * 10}
    long = fit(layout(pd.DataFrame(told), caption="x"))
    assert short.whole
    assert not long.whole
