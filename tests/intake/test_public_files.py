"""Every table of the reference data is read, or refused in words, as the page on files says."""

from __future__ import annotations

import re
from fnmatch import fnmatch

import pytest

from joyeval.errors import DataError
from joyeval.intake import read
from tests.conftest import REFERENCE_DATA, ROOT

PAGE = (ROOT / "docs" / "files.md").read_text(encoding="utf-8")
TAKEN_FOR = re.findall(r"^\| `([^`]+)` \| ([^|]+?) \|$", PAGE.partition("## What public files")[2], re.MULTILINE)
NO_DATA = {".md", ".xsd", ".json", ".txt"}
FILES = sorted(
    path.relative_to(REFERENCE_DATA / "data").as_posix()
    for path in (REFERENCE_DATA / "data").rglob("*.*")
    if path.is_file() and path.suffix not in NO_DATA
)


@pytest.mark.skipif(not FILES, reason="reference data not at hand (set JOYEVAL_REFERENCE_DATA)")
def test_every_file_is_taken_for_what_the_page_says():
    wrong = []
    for file in FILES:
        said = next((what for pattern, what in TAKEN_FOR if fnmatch(file, pattern)), "nothing on the page")
        try:
            found = read(REFERENCE_DATA / "data" / file).source
        except DataError as error:
            found = "refused: " + ", ".join(problem.rule for problem in error.problems)
        if found != said:
            wrong.append((file, found, said))
    assert wrong == []
    assert len(FILES) > 120
