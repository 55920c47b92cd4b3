"""The house template of Word reports: styles, margins, header and footer; a copy of it is where one's own begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import docx
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt, RGBColor

from joyeval.report.messages import words

if TYPE_CHECKING:
    from pathlib import Path

    from docx.document import Document as WordDocument
    from docx.text.paragraph import Paragraph

FONT = "Arial"  # on every machine that has Word, and of the same widths as the font of the PDF
ACCENT, SOFT = RGBColor(0x00, 0x56, 0x8C), RGBColor(0x4A, 0x4F, 0x55)
TABLE = "Report Table"

# name: type size, bold, colour, space before and after, kept with the next paragraph
# No name may be that of a PDF tag (Figure, Note): LibreOffice would write pictures as paragraphs.
PARAGRAPHS: dict[str, tuple[float, bool, RGBColor | None, float, float, bool]] = {
    "Normal": (10, False, None, 0, 6, False),
    "Body Text": (10, False, None, 0, 6, False),
    "List Bullet": (10, False, None, 0, 3, False),
    "List Number": (10, False, None, 0, 3, False),
    "Title": (26, True, ACCENT, 90, 6, True),
    "Subtitle": (14, False, SOFT, 0, 18, True),
    "Heading 1": (15, True, ACCENT, 20, 6, True),
    "Heading 2": (12, True, None, 14, 4, True),
    "Heading 3": (10.5, True, None, 10, 3, True),
    "Caption": (10, False, None, 8, 4, True),
    "Picture": (10, False, None, 8, 2, True),
    "Figure Caption": (10, False, None, 2, 12, False),
    "Caveat": (10, False, None, 6, 8, False),
    "Table Text": (9, False, None, 1.5, 1.5, False),
    "Table Footnote": (8, False, SOFT, 3, 6, False),
    "TOC Heading": (13, True, ACCENT, 24, 6, True),
    "TOC 1": (10, False, None, 0, 3, False),
    "TOC 2": (10, False, None, 0, 3, False),
    "Header": (8, False, SOFT, 0, 0, False),
    "Footer": (8, False, SOFT, 0, 0, False),
}

STYLES = tuple(PARAGRAPHS)


def house(said: dict[str, str]) -> WordDocument:
    """Return an empty document with the styles that reports use.

    In its header and footer, {title}, {cohort} and {data_as_of} stand for what the report says.
    """
    made = docx.Document()
    _page(made)
    for name, look in PARAGRAPHS.items():
        _paragraph_style(made, name, *look)
    made.styles["TOC 2"].paragraph_format.left_indent = Mm(5)
    _note_border(made)
    made.styles.element.append(parse_xml(_TABLE_STYLE))
    section = made.sections[0]
    section.different_first_page_header_footer = True
    section.header.paragraphs[0].add_run("{title}    {cohort}")
    for footer in (section.footer, section.first_page_footer):
        _footer(footer.paragraphs[0], said)
    return made


def house_template(path: Path) -> None:
    """Write the house template to a file, to change in Word and use in its place."""
    house(words("en")).save(str(path))


def field(paragraph: Paragraph, instruction: str, shown: str) -> None:
    """Add a field, with what it shows until Word works it out anew."""
    begin_field(paragraph, instruction)
    paragraph.add_run(shown)
    mark_field(paragraph, "end")


def begin_field(paragraph: Paragraph, instruction: str) -> None:
    """Open a field; what follows, up to its end mark, is what it shows."""
    mark_field(paragraph, "begin")
    code = OxmlElement("w:instrText")
    code.set(qn("xml:space"), "preserve")
    code.text = f" {instruction} "
    paragraph.add_run()._r.append(code)
    mark_field(paragraph, "separate")


def mark_field(paragraph: Paragraph, kind: str) -> None:
    """Add one of a field's three marks: begin, separate, end."""
    mark = OxmlElement("w:fldChar")
    mark.set(qn("w:fldCharType"), kind)
    paragraph.add_run()._r.append(mark)


def _page(made: WordDocument) -> None:
    section = made.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin = section.right_margin = Mm(20)
    section.top_margin, section.bottom_margin = Mm(24), Mm(22)
    section.header_distance = section.footer_distance = Mm(12)


def _paragraph_style(
    made: WordDocument,
    name: str,
    size: float,
    bold: bool,
    color: RGBColor | None,
    before: float,
    after: float,
    keep: bool,
) -> None:
    known = {style.name for style in made.styles}
    style: Any = made.styles[name] if name in known else made.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
    style.element.get_or_add_rPr().clear()  # fonts of Word's theme would win over the font named
    fonts = style.element.rPr.get_or_add_rFonts()
    for script in ("ascii", "hAnsi", "cs", "eastAsia"):
        fonts.set(qn(f"w:{script}"), FONT)
    style.font.size, style.font.bold = Pt(size), bold
    style.font.color.rgb = color or RGBColor(0, 0, 0)
    layout = style.paragraph_format
    layout.space_before, layout.space_after, layout.keep_with_next = Pt(before), Pt(after), keep
    layout.line_spacing = 1.15
    style.hidden = style.unhide_when_used = False
    for border in style.element.findall(f"{qn('w:pPr')}/{qn('w:pBdr')}"):  # the rule below Word's own Title
        border.getparent().remove(border)


def _note_border(made: WordDocument) -> None:
    layout = made.styles["Caveat"].element.get_or_add_pPr()
    layout.insert_element_before(
        parse_xml(f'<w:pBdr {nsdecls("w")}><w:left w:val="single" w:sz="18" w:space="6" w:color="B07A00"/></w:pBdr>'),
        *("w:shd", "w:tabs", "w:suppressAutoHyphens", "w:spacing", "w:ind", "w:jc", "w:outlineLvl"),
    )
    layout.insert_element_before(
        parse_xml(f'<w:shd {nsdecls("w")} w:val="clear" w:color="auto" w:fill="FFF6DD"/>'),
        *("w:tabs", "w:suppressAutoHyphens", "w:spacing", "w:ind", "w:jc", "w:outlineLvl"),
    )


def _footer(paragraph: Paragraph, said: dict[str, str]) -> None:
    paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    paragraph.add_run(f"{{data_as_of}}    {said['page']} ")
    field(paragraph, "PAGE", "1")
    paragraph.add_run(f" {said['of']} ")
    field(paragraph, "NUMPAGES", "1")


_TABLE_STYLE = f"""
<w:style {nsdecls("w")} w:type="table" w:customStyle="1" w:styleId="ReportTable">
  <w:name w:val="{TABLE}"/><w:basedOn w:val="TableNormal"/><w:uiPriority w:val="99"/><w:qFormat/>
  <w:tblPr>
    <w:tblBorders>
      <w:bottom w:val="single" w:sz="4" w:space="0" w:color="9AA1A8"/>
      <w:insideH w:val="single" w:sz="4" w:space="0" w:color="9AA1A8"/>
    </w:tblBorders>
    <w:tblCellMar><w:left w:w="85" w:type="dxa"/><w:right w:w="85" w:type="dxa"/></w:tblCellMar>
  </w:tblPr>
  <w:tblStylePr w:type="firstRow">
    <w:rPr><w:b/></w:rPr>
    <w:tcPr>
      <w:tcBorders><w:bottom w:val="single" w:sz="8" w:space="0" w:color="000000"/></w:tcBorders>
      <w:vAlign w:val="bottom"/>
    </w:tcPr>
  </w:tblStylePr>
</w:style>"""
