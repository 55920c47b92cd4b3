"""Which survey tool made an export: told by the shape of its first rows, and said."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

PREVIEWS = {"survey preview", "survey test", "spam", "1", "2", "8", "9", "17"}  # codes of Qualtrics' Status column
UNFINISHED = {"false", "0", "no"}  # of Qualtrics' Finished column
PERSONAL = {
    "ipaddress",
    "ipaddr",
    "locationlatitude",
    "locationlongitude",
    "locationaccuracy",
    "recipientlastname",
    "recipientfirstname",
    "recipientemail",
    "emailaddress",
    "email",
    "refurl",
    "referrerurl",
    "redcapsurveyidentifier",
}
NAMES = {"name", "firstname", "lastname", "surname", "respondentname"}  # in survey tools only: elsewhere a team's name

_TOOLS = (  # headings that only this tool writes, in one header row; heading of its response number
    ("Microsoft Forms", {"id", "starttime", "completiontime"}, "id"),
    ("LimeSurvey (codes)", {"id", "submitdate", "lastpage"}, "id"),
    ("LimeSurvey", {"responseid", "datesubmitted", "lastpage"}, "responseid"),
    ("REDCap", {"redcapeventname"}, ""),
    ("REDCap", {"redcaprepeatinstance"}, ""),
    ("REDCap", {"recordid", "eventname"}, ""),
    ("Qualtrics (one header row)", {"startdate", "enddate", "progress", "responseid"}, "responseid"),
)
_CODE_AND_TEXT = re.compile(r"\w+(\[\w+\])?\. .")  # LimeSurvey's "affSat1. I find real enjoyment in my job"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the first rows say: who made the file, its headings, and how many rows come before the answers.

    Parameters
    ----------
    headings : list of str
        One per column, made unique.
    labels : mapping
        Heading to question text.
    identifier : str, optional
        Heading of the response number.
    """

    source: str
    headings: list[str]
    labels: dict[str, str]
    header_rows: int = 1
    identifier: str | None = None

    def personal(self) -> list[str]:
        """Headings of what identifies a person and no analysis needs."""
        names = NAMES if self.source != PLAIN else set()
        return [heading for heading in self.headings if _bare(heading) in PERSONAL | names]


PLAIN = "a table"


def recognise(top: list[list[str]]) -> Layout:
    """Tell the tool from the first rows, the first of which holds the headings."""
    for look in (_qualtrics, _qualtrics_legacy, _surveymonkey, _one_row_tool):
        layout = look(top)
        if layout:
            return layout
    return _layout(PLAIN, top[0])


def find_header(top: list[list[str]]) -> int:
    """Index of the row of headings in a workbook, below any notes: the first full row of distinct words."""
    filled = [[cell for cell in row if cell.strip()] for row in top]
    fullest = max((len(cells) for cells in filled), default=0)
    for i, cells in enumerate(filled):
        if len(cells) >= max(0.8 * fullest, 1) and len(set(cells)) == len(cells) and not any(map(_number, cells)):
            return i
    return 0


def _qualtrics(top: list[list[str]]) -> Layout | None:
    if len(top) < 3 or not any("ImportId" in cell for cell in top[2]):
        return None
    return _layout("Qualtrics", top[0], top[1], header_rows=3, identifier="responseid")


def _qualtrics_legacy(top: list[list[str]]) -> Layout | None:
    if len(top) < 2 or top[0][:1] != ["V1"] or _bare(top[1][0]) != "responseid":
        return None
    named = [label if re.fullmatch(r"V\d+", code) else code for code, label in zip(top[0], top[1], strict=False)]
    return _layout("Qualtrics (legacy)", named, top[1], header_rows=2, identifier="responseid")


def _surveymonkey(top: list[list[str]]) -> Layout | None:
    """Row 1 holds the questions, blank for further options of the same one; row 2 the options."""
    if len(top) < 2 or _bare(top[0][0]) != "respondentid" or not {"Response", "Open-Ended Response"} & set(top[1]):
        return None
    headings, question = [], ""
    for asked, option in zip(top[0], top[1], strict=False):
        question = asked or question
        headings.append(question if option in ("", "Response", "Open-Ended Response") else f"{question} [{option}]")
    return _layout("SurveyMonkey", headings, header_rows=2, identifier="respondentid")


def _one_row_tool(top: list[list[str]]) -> Layout | None:
    bare = {_bare(cell) for cell in top[0]}
    for source, signs, identifier in _TOOLS:
        if signs <= bare:
            return _layout(source, top[0], identifier=identifier)
    if sum(bool(_CODE_AND_TEXT.match(cell)) for cell in top[0]) > len(top[0]) / 2:
        labels = [re.sub(r"^\w+(\[\w+\])?\. ?", "", cell) for cell in top[0]]
        return _layout("LimeSurvey (codes and texts)", top[0], labels)
    if any(cell.endswith("_complete") for cell in top[0]) and any("___" in cell for cell in top[0]):
        return _layout("REDCap", top[0])
    return None


def _layout(source: str, cells: list[str], labels: list[str] | None = None, header_rows=1, identifier="") -> Layout:
    headings = _unique(cells)
    texts = {h: label.strip() for h, label in zip(headings, labels or [], strict=False) if label.strip()}
    number = next((heading for heading in headings if identifier and _bare(heading) == identifier), None)
    return Layout(source=source, headings=headings, labels=texts, header_rows=header_rows, identifier=number)


def _unique(cells: list[str]) -> list[str]:
    """Headings without stray blanks; an empty one is numbered, a repeated one counted: `Score`, `Score (2)`."""
    seen: Counter[str] = Counter()
    headings = []
    for position, cell in enumerate(cells, start=1):
        heading = " ".join(cell.replace("\ufeff", "").split()) or f"(column {position})"
        seen[heading] += 1
        headings.append(heading if seen[heading] == 1 else f"{heading} ({seen[heading]})")
    return headings


def _bare(text: str) -> str:
    return re.sub(r"[\W_]", "", text.casefold())


def _number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", text.strip()) is not None
