"""Shared by all tests: the reference data, and a quiet, fixed environment."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np  # noqa: F401  loaded before its threads are counted
import pytest
import scipy.linalg  # noqa: F401
from hypothesis import settings
from threadpoolctl import threadpool_limits

from joyeval.pipeline.door import skip_iri_grammar
from joyeval.pipeline.threads import cores

skip_iri_grammar()  # as a run does; else whichever test module comes to it first pays seconds for it
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # processes of the tests would compile all of the library, each anew
os.environ.setdefault("JOYEVAL_KEY", hashlib.sha256(b"the people of these tests were made up").hexdigest())
os.environ["XDG_CONFIG_HOME"] = tempfile.mkdtemp(prefix="joyeval-tests-")  # no test leaves marks with the settings
settings.register_profile("joyeval", deadline=None, max_examples=10)  # a busy machine is no fault of the code
settings.register_profile("thorough", deadline=None, max_examples=200)
settings.load_profile("joyeval")
threadpool_limits(max(1, cores() // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))))  # the rule of kernels
ROOT = Path(__file__).resolve().parents[1]
REFERENCE_DATA = Path(os.environ.get("JOYEVAL_REFERENCE_DATA", ROOT.parent / "shared"))


def reference(*parts: str) -> Path:
    """A file or folder of the reference data, or a skip that says what is missing."""
    path = REFERENCE_DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"reference data not at hand: {path} (set JOYEVAL_REFERENCE_DATA)")
    return path


def golden(*parts: str) -> dict:
    """A result computed in R, kept outside the project."""
    return json.loads(reference("reference", "golden", *parts).read_text(encoding="utf-8"))


def golden_ids(folder: str, pattern: str = "*.json") -> list[str]:
    """Names of the golden cases at hand (none: the parametrised test is skipped)."""
    return sorted(path.stem for path in (REFERENCE_DATA / "reference" / "golden" / folder).glob(pattern))


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(autouse=True)
def the_folder_stays():
    """A test that leaves the process in another folder would fail its neighbours: it fails itself."""
    before = Path.cwd()
    yield
    after = Path.cwd()
    os.chdir(before)
    assert after == before, f"this test left the process in {after}"


@pytest.fixture(autouse=True)
def nobody_is_read_for():
    """What a notebook says of its readers in this process is no concern of the next test."""
    yield
    if "joyeval.report.audiences" in sys.modules:
        from joyeval import disclosure
        from joyeval.report import audiences

        disclosure.read_for(disclosure.Rule())
        disclosure.know(())
        audiences._STORES.clear()
