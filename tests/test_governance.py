"""SECURITY.md and the notes for information governance say what the program does."""

from __future__ import annotations

import re

from joyeval.cli import app
from joyeval.disclosure.distributions import MERGED_BELOW
from joyeval.disclosure.rule import RULES
from joyeval.intake import keys
from joyeval.pipeline.chain import FOLDER
from tests.conftest import ROOT

SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
NOTE = (ROOT / "docs" / "data-protection.md").read_text(encoding="utf-8")
DPIA = (ROOT / "docs" / "dpia.md").read_text(encoding="utf-8")


def test_commands_and_options_that_are_named_exist():
    commands = {command.name or command.callback.__name__ for command in app.registered_commands}
    named = set(re.findall(r"`joyeval (\w+)", SECURITY + NOTE + DPIA))
    assert named
    assert named <= commands
    options = set(re.findall(r"`[^`]*?(--[a-z]+)", SECURITY + NOTE + DPIA))
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "joyeval" / "cli").glob("*.py"))
    assert {option for option in options if option not in source} == set()


def test_numbers_are_those_of_the_program():
    assert f"at least {RULES['public'].threshold} people" in DPIA
    assert f"([{RULES['programme'].threshold}] for the programme team" in DPIA
    assert f"a team of at least {RULES['team'].threshold} " in DPIA
    assert f"fewer than {MERGED_BELOW} people" in DPIA
    assert f"draws {keys.KEY_BYTES} random bytes" in SECURITY
    assert f"data/processed/{FOLDER}/" in SECURITY


def test_there_is_a_threat_model_a_place_for_everything_and_a_way_to_report():
    for heading in ("Report a vulnerability", "What is defended, against whom", "What is stored where"):
        assert f"## {heading}" in SECURITY
    for place in ("data/raw", "data/processed", "notebooks", "run.json", ".key", "ledgers/"):
        assert place in SECURITY


def test_an_assessment_has_the_seven_steps_and_places_to_fill_in():
    steps = {
        int(number) for heading in re.findall(r"^## (.*)", DPIA, re.M) for number in re.findall(r"\b\d\b", heading)
    }
    assert steps == set(range(1, 8))
    assert DPIA.count("[") > 20


def test_pages_lead_to_each_other():
    for page, text in (("docs/data-protection.md", NOTE), ("docs/dpia.md", DPIA), ("SECURITY.md", SECURITY)):
        folder = (ROOT / page).parent
        assert all((folder / link).exists() for link in re.findall(r"\]\(([\w./-]+\.md)\)", text))
        assert page in (ROOT / "README.md").read_text(encoding="utf-8")
