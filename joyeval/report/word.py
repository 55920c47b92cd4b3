"""The report as a Word document, by python-docx from the same blocks.

The look comes from a template: the house template, or one of the user's own, whose styles, margins, header and footer
are kept. The document is the same bytes each time.
"""

from __future__ import annotations

import re
from base64 import b64decode
from datetime import datetime
from io import BytesIO
from itertools import count
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import docx
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.enum.text import WD_BREAK
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import qn
from docx.shared import Mm

from joyeval.errors import UsageError
from joyeval.figures.text import breakable, shorten
from joyeval.report.blocks import Figure, Heading, Items, Note, Run, Table, Text
from joyeval.report.house import ACCENT, STYLES, TABLE, begin_field, field, house, mark_field
from joyeval.report.html import templates
from joyeval.report.layout import MM_PER_PT, UPRIGHT, fit
from joyeval.report.messages import words

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from docx.document import Document as WordDocument
    from docx.oxml.xmlchemy import BaseOxmlElement
    from docx.text.paragraph import Paragraph

    from joyeval.report.document import Document

TALLEST = 205.0  # mm; a figure and its caption stay on one page
TWIPS = 20 / MM_PER_PT  # in a millimetre
APPLICATION = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    '<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/extended-properties">'
    "<Application>joyeval</Application></Properties>"
)
NO_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file can hold


def word(document: Document, *, template: Path | None = None) -> bytes:
    """Return the document as DOCX.

    Parameters
    ----------
    template : Path, optional
        A DOCX of one's own: what it says is removed, its styles, margins, header and footer are used.

    Raises
    ------
    UsageError
        The template lacks styles; all that are missing are named.
    """
    said = words(document.title.language)
    made = docx.Document(str(template)) if template else house(said)
    _check_styles(made, template)
    _take_over(made, document, said)
    writer = _Writer(made, said)
    if document.title.title:
        writer.title_page(document)
    for block in document.blocks:
        writer.add(block)
    return _packed(made)


class _Writer:
    """Adds one block after another."""

    def __init__(self, made: WordDocument, said: dict[str, str]) -> None:
        self.made, self.said, self.sideways = made, said, False
        self.style_ids: dict[str, str | None] = {}
        self.bookmarks = count(1)

    def title_page(self, document: Document) -> None:
        head = document.title
        self.paragraph("Title", head.title)
        if head.subtitle:
            self.paragraph("Subtitle", head.subtitle)
        if head.readers:
            self.paragraph("Subtitle", head.readers)
        for name in ("cohort", "data_as_of", "version"):
            if getattr(head, name):
                self.paragraph("Body Text", f"{self.said[name]}: {getattr(head, name)}")
        if document.contents:
            self.contents(document.contents)
        self.made.paragraphs[-1].add_run().add_break(WD_BREAK.PAGE)

    def contents(self, headings: tuple[Heading, ...]) -> None:
        """Write a list that Word can renew; without page numbers, which only Word can know."""
        self.paragraph("TOC Heading", self.said["contents"])
        entries = [self.paragraph(f"TOC {heading.level - 1}") for heading in headings]
        begin_field(entries[0], r'TOC \o "1-2" \h \z \n')
        for number, (entry, heading) in enumerate(zip(entries, headings, strict=True), start=1):
            link = _element("w:hyperlink", **{"w:anchor": _bookmark(number)})
            link.append(entry.add_run(heading.text)._r)
            entry._p.append(link)
        mark_field(entries[-1], "end")

    def add(self, block: object) -> None:
        self.turn(isinstance(block, Table) and fit(block).sideways)
        match block:
            case Heading():
                self.heading(block)
            case Text(runs):
                self.runs(self.paragraph("Body Text"), runs)
            case Note():
                self.note(block)
            case Items():
                self.items(block)
            case Table():
                self.table(block)
            case Figure():
                self.figure(block)

    def paragraph(self, style: str, text: str = "") -> Paragraph:
        """Add a paragraph; a style is looked up among all those of the document once only."""
        if style in self.style_ids:
            added = self.made.add_paragraph(breakable(text))
            added._p.style = self.style_ids[style]
        else:
            added = self.made.add_paragraph(breakable(text), style=style)
            self.style_ids[style] = added._p.style
        return added

    def heading(self, block: Heading) -> None:
        paragraph = self.paragraph(f"Heading {block.level - 1}")
        paragraph.paragraph_format.page_break_before = block.new_page or None
        if block.level < 4:
            number = next(self.bookmarks)
            named = {"w:id": str(number), "w:name": _bookmark(number)}
            paragraph._p.append(_element("w:bookmarkStart", **named))
        paragraph.add_run(breakable(block.text))
        if block.level < 4:
            paragraph._p.append(_element("w:bookmarkEnd", **{"w:id": str(number)}))

    def runs(self, paragraph: Paragraph, runs: Iterable[Run]) -> None:
        for run in runs:
            added = paragraph.add_run(breakable(run.text))
            added.bold, added.italic = run.bold or None, run.italic or None
            if run.link and not run.link.startswith("#"):
                added.font.color.rgb, added.font.underline = ACCENT, True
                target = self.made.part.relate_to(run.link, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
                link = _element("w:hyperlink", **{"r:id": target})
                link.append(added._r)
                paragraph._p.append(link)

    def note(self, block: Note) -> None:
        if len(block.items) == 1:
            self.runs(self.paragraph("Caveat"), (Run(f"{self.said['note']}: ", bold=True), *block.items[0]))
        else:
            self.paragraph("Caveat", self.said["notes"]).runs[0].bold = True
            self.items(Items(block.items))

    def items(self, block: Items) -> None:
        numbering = _restarted(self.made) if block.ordered else None
        for runs in block.items:
            paragraph = self.paragraph("List Number" if block.ordered else "List Bullet")
            if numbering is not None:
                paragraph._p.get_or_add_pPr().get_or_add_numPr().get_or_add_numId().val = numbering
            self.runs(paragraph, runs)

    def table(self, block: Table) -> None:
        self.caption("Caption", "table", block)
        place = fit(block)
        xml = (
            templates()
            .get_template("table.xml.j2")
            .render(
                table=block,
                whole=place.whole,
                size=round(place.size * 2),
                widths=[round(width * TWIPS) for width in place.widths],
                text_style=self.made.styles["Table Text"].style_id,
                table_style=self.made.styles[TABLE].style_id,
                breakable=breakable,
            )
        )
        self.made.element.body.insert_element_before(parse_xml(xml), "w:sectPr")
        for line in block.footnotes or ("",):
            self.paragraph("Table Footnote", line)

    def figure(self, block: Figure) -> None:
        paragraph = self.paragraph("Picture")
        scale = min(1, UPRIGHT / block.width_mm, TALLEST / block.height_mm)
        picture = paragraph.add_run().add_picture(BytesIO(b64decode(block.png)), width=Mm(block.width_mm * scale))
        picture._inline.docPr.set("descr", block.alt)
        picture._inline.docPr.set("name", f"{self.said['figure']} {block.number}")
        for side in "TBLR":  # LibreOffice takes 3 mm where nothing is said
            picture._inline.set(f"dist{side}", "0")
        self.caption("Figure Caption", "figure", block)

    def caption(self, style: str, kind: str, block: Table | Figure) -> None:
        paragraph = self.paragraph(style)
        paragraph.add_run(f"{self.said[kind]} ")
        field(paragraph, f"SEQ {kind.capitalize()} \\* ARABIC", str(block.number))
        paragraph.add_run(".")
        for run in paragraph.runs:
            run.bold = True
        paragraph.add_run(f" {breakable(block.caption)}")

    def turn(self, sideways: bool) -> None:
        """Begin a section on a page turned the other way, where the next block needs it."""
        if sideways is self.sideways:
            return
        empty = not (self.made.paragraphs or self.made.tables)
        section = self.made.sections[0] if empty else self.made.add_section(WD_SECTION.NEW_PAGE)
        section.different_first_page_header_footer = False
        section.orientation = WD_ORIENT.LANDSCAPE if sideways else WD_ORIENT.PORTRAIT
        section.page_width, section.page_height = section.page_height, section.page_width
        self.sideways = sideways


def _element(tag: str, **attributes: str) -> BaseOxmlElement:
    element = OxmlElement(tag)
    for name, value in attributes.items():
        element.set(qn(name), value)
    return element


def _bookmark(number: int) -> str:
    return f"_Toc{number:06d}"


def _restarted(made: WordDocument) -> int:
    """Return the id of a numbering that begins at 1 again; Word would count on from the last list."""
    numbering = made.part.numbering_part.element
    used = made.styles["List Number"].element.pPr.numPr.numId.val
    abstract = numbering.num_having_numId(used).abstractNumId.val
    new = numbering.add_num(abstract)
    new.add_lvlOverride(ilvl=0).add_startOverride(1)
    return new.numId


def _check_styles(made: WordDocument, template: Path | None) -> None:
    missing = sorted({*STYLES, TABLE} - {style.name for style in made.styles})
    if missing:
        raise UsageError(
            f"Word template {template}: it has no styles {missing}. "
            "Add them, or begin from a copy of the house template (joyeval.report.house_template)."
        )


def _take_over(made: WordDocument, document: Document, said: dict[str, str]) -> None:
    """Empty the body, fill the places in header and footer, and say in the properties what the file is."""
    for element in made.element.body[:-1]:
        made.element.body.remove(element)
    head, section = document.title, made.sections[0]
    as_of = f"{said['data_as_of']} {head.data_as_of}" if head.data_as_of else ""
    places = {
        "{title}": head.title,
        "{cohort}": head.cohort,
        "{data_as_of}": "  ".join(filter(None, (head.readers, as_of))),
    }
    for part in (section.header, section.footer, section.first_page_header, section.first_page_footer):
        for run in (run for paragraph in part.paragraphs for run in paragraph.runs if "{" in run.text):
            run.text = re.sub(r"{\w+}", lambda place: places.get(place[0], place[0]), run.text)
    properties: Any = made.core_properties
    properties.title, properties.subject = (shorten(text, width=200) for text in (head.title, head.cohort))
    properties.language = head.language
    for name in ("author", "last_modified_by", "comments", "keywords", "category", "content_status", "identifier"):
        setattr(properties, name, "")
    properties.created = properties.modified = datetime(*NO_DATE)
    _forget_the_template(made)


def _forget_the_template(made: WordDocument) -> None:
    """Leave nothing of who made the template, or with what: no picture of it, no company, no properties of its own."""
    package = made.part.package
    for name, link in [*package.rels.items()]:
        if link.reltype.endswith(("/thumbnail", "/custom-properties")):
            del package.rels[name]
        elif link.reltype.endswith("/extended-properties"):
            link.target_part._blob = APPLICATION.encode("utf-8")


def _packed(made: WordDocument) -> bytes:
    """Return the file with the dates of its parts set aside."""
    loose, packed = BytesIO(), BytesIO()
    made.save(loose)
    with ZipFile(loose) as source, ZipFile(packed, "w", ZIP_DEFLATED) as target:
        for item in source.infolist():
            target.writestr(ZipInfo(item.filename, NO_DATE), source.read(item), ZIP_DEFLATED)
    return packed.getvalue()
