"""Every result computed in R is held against the library by some test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import golden_ids

TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def written() -> str:
    """All tests but this one, as text."""
    return "\n".join(path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py") if path != Path(__file__))


@pytest.mark.parametrize("name", golden_ids("models/cases"))
def test_a_case_is_named_by_a_test(name, written):
    assert f'"{name}"' in written or f'"{name}.json"' in written


def test_no_case_was_lost():
    assert len(golden_ids("models/cases")) in (0, 84)
