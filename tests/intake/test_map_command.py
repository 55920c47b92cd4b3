"""`joyeval map` and `joyeval instruments`: what is proposed can be pasted, is right, and tells nobody's answer."""

from __future__ import annotations

import json
import random

import pytest
import yaml

from joyeval import load_study
from joyeval.errors import DataError, StudyError, UsageError
from joyeval.instruments import load, names
from joyeval.intake.map_text import propose_file
from tests.conftest import ROOT
from tests.intake.files import csv
from tests.test_cli import joyeval

STUDY = """\
study: small
title: Small
programme: {name: Small, aim: More}
data: ../raw
synthetic: true
cohorts:
  - {cohort: one, title: One, start: 2024-01-01, end: 2024-12-31}
teams: {file: teams.csv, columns: {team: Team}}
waves:
"""
TEXTS = [item.text for item in load("who5").items.values()]
OPTIONS = load("who5").responses["frequency" if "frequency" in load("who5").responses else "time"].labels


def who5_file(path, *, rows: int = 40, seed: int = 1, odd: str = "", order=None):
    """Answers in words under the wording of the items, columns in any order; `odd` is written for the top answer."""
    draw = random.Random(seed)
    words = [odd or text if code == max(OPTIONS) else text for code, text in OPTIONS.items()]
    heads = [*TEXTS, "Team", "End date"]
    lines = [[*draw.choices(words, k=5), "Alder", f"{draw.randint(13, 28)}/05/2024"] for _ in range(rows)]
    order = order or range(len(heads))
    return csv(path, *(",".join(f'"{row[i]}"' for i in order) for row in (heads, *lines)))


def pasted(tmp_path, text: str):
    """The study file with what was proposed pasted into it, the two things that a person must say filled in."""
    text = text.replace("name-of-the-wave", "first").replace("cohorts: []", "cohorts: [one]")
    for folder in ("pipelines", "raw"):
        (tmp_path / folder).mkdir(exist_ok=True)
    csv(tmp_path / "raw" / "teams.csv", "Team", "Alder")
    (tmp_path / "pipelines" / "small.yml").write_text(STUDY + text, encoding="utf-8")
    return tmp_path / "pipelines" / "small.yml"


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_proposed_can_be_pasted_and_passes_the_check(tmp_path, seed):
    (tmp_path / "raw").mkdir()
    order = random.Random(seed).sample(range(7), 7)
    file = who5_file(tmp_path / "raw" / "spring.csv", order=order)
    done = joyeval("map", file)
    assert done.returncode == 0, done.stderr
    assert "recognised: WHO-5" in done.stderr
    study = load_study(pasted(tmp_path, done.stdout))
    wave = study.waves[0]
    expected = {f"who5_{i}": text for i, text in enumerate(TEXTS, 1)} | {"team": "Team", "date": "End date"}
    assert dict(wave.columns) == expected
    assert (wave.instruments, wave.dates) == (("who5",), "%d/%m/%Y")
    assert joyeval("check", study.path).returncode == 0


def test_words_that_many_wrote_get_the_code_of_the_option_most_like_them(tmp_path):
    (tmp_path / "raw").mkdir()
    top = OPTIONS[max(OPTIONS)]
    file = who5_file(tmp_path / "raw" / "spring.csv", odd=top + "!!")
    _, text = propose_file(file)
    wave = load_study(pasted(tmp_path, text)).waves[0]
    assert wave.answers["who5"] == {top + "!!": max(OPTIONS)}


def test_rare_words_are_never_shown_whatever_column_they_stand_in(tmp_path):
    lines = ['"I have felt cheerful and in good spirits"', *["5"] * 30, "my manager bullies me"]
    _, text = propose_file(csv(tmp_path / "w.csv", *lines), names=["who5"])
    assert "bullies" not in text


def test_nothing_in_a_heading_can_leave_its_quotation_marks(tmp_path):
    odd = 'who5_1\u2028waves: ": {x}\u202e\x1b[31m#'
    file = csv(tmp_path / "w.csv", f'"{odd.replace(chr(34), chr(34) * 2)}",who5_2', *["1,2"] * 20)
    _, text = propose_file(file, names=["who5"])
    assert all(c.isprintable() or c == "\n" for c in text)
    wave = yaml.safe_load("waves:\n" + text)["waves"][0]
    assert wave["columns"]["who5_2"] == "who5_2"


def test_the_waves_of_a_study_show_the_way_whatever_tool_wrote_the_file():
    """Each demonstration file, some with a renamed heading, is proposed with the form that its wave uses."""
    study = load_study(ROOT / "pipelines" / "enjoying_work.yml")
    for wave in study.waves[1::4]:
        proposal, text = propose_file(study.folder / wave.file, study=study)
        made = yaml.safe_load("waves:\n" + text)["waves"][0]
        assert (made["form"], made["file"]) == (wave.form, wave.file)
        got = dict(wave.columns) | made.get("columns", {})
        asked = {name: heading for name, heading in wave.columns.items() if name not in wave.not_asked}
        assert {name: got[name] for name in asked} == asked
        assert proposal.columns.filter(sure="look")["heading"].drop_nulls().to_list() == []


def test_the_parts_of_a_self_made_code_are_linked_by(tmp_path):
    head = "CODE_DAY,CODE_MONTH,Your code: school,who5_1,who5_2,who5_3,Postcode,submitted"
    _, text = propose_file(csv(tmp_path / "w.csv", head, *["1,2,a,1,2,3,E1,2024-05-02"] * 20), names=["who5"])
    made = yaml.safe_load("waves:\n" + text)["waves"][0]
    assert made["link_by"] == ["code_1", "code_2", "code_3"]
    assert made["columns"]["code_3"] == "Your code: school"
    assert (made["columns"]["date"], str(made["start"])) == ("submitted", "2024-05-02")
    assert "Postcode" not in made["columns"].values()


def test_files_of_no_questionnaire_are_not_taken_for_one(tmp_path):
    proposal, text = propose_file(csv(tmp_path / "t.csv", "Team,Week,Good,All", *["Alder,2024-01-01,3,5"] * 20))
    assert proposal.instruments == ()
    assert "instruments: []" in text


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("absent.csv", None, "no such file"),
        ("empty.csv", b"", "an empty file"),
        ("page.xlsx", b"<html><body>log in</body></html>", "a web page"),
        ("cut.xlsx", b"PK\x03\x04 and then nothing", "cut.xlsx"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_in_words(tmp_path, name, content, said):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    done = joyeval("map", tmp_path / name)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert said in done.stdout + done.stderr


def test_a_proposal_for_machines_says_what_the_yaml_says(tmp_path):
    file = who5_file(tmp_path / "spring.csv")
    done = joyeval("map", file, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    made = yaml.safe_load("waves:\n" + told["yaml"])["waves"][0]
    assert {c["name"]: c["heading"] for c in told["columns"] if c["heading"]} == made["columns"]
    assert (told["instruments"], told["rows"], told["unused"]) == (made["instruments"], 40, [])
    assert told["yaml"] == joyeval("map", file).stdout


@pytest.mark.parametrize("command", ["map", "check"])
def test_what_stops_a_command_is_told_to_machines_as_json(tmp_path, command):
    file = tmp_path / "study.yml"
    file.write_text("<html><body>log in</body></html>" if command == "map" else "study: small\nstudies: 2\n")
    done = joyeval(command, file, "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert {"really HTML", "extra_forbidden"} & {problem["rule"] for problem in told}
    assert all(problem["fix"] for problem in told)


def test_usage(tmp_path):
    file = csv(tmp_path / "w.csv", "a", "1")
    with pytest.raises(UsageError, match="no instrument 'whoo5'"):
        propose_file(file, names=["whoo5"])
    with pytest.raises(DataError):
        propose_file(tmp_path / "absent.csv")
    assert joyeval("map").returncode == 2


# ---- joyeval instruments --------------------------------------------------------------------------


def test_every_instrument_is_listed_and_one_is_explained():
    listed = joyeval("instruments").stdout
    assert {line.split("\t")[0] for line in listed.splitlines()[1:]} == set(names())
    said = joyeval("instruments", "cbi").stdout
    for part in ("Licence:", "[unverified]", "Components of joy in work", "Wellness and resilience", "needs 4 of 7"):
        assert part in said


def test_a_faulty_instrument_of_ones_own_is_told_with_its_lines(tmp_path):
    text = (ROOT / "pipelines" / "instruments" / "job_satisfaction.yml").read_text(encoding="utf-8")
    file = tmp_path / "job_satisfaction.yml"
    file.write_text(text.replace("answered: 3", "answered: 30").replace("better: lower", "better: downwards"))
    with pytest.raises(StudyError) as caught:
        load(file)
    assert len(caught.value.problems) >= 2
    done = joyeval("instruments", file)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    line = next(i for i, row in enumerate(text.splitlines(), 1) if "better: lower" in row)
    assert f"job_satisfaction.yml\t{line}\t" in done.stdout


def test_the_question_beside_a_heading_is_shown_and_teams_that_only_one_side_knows_are_told(tmp_path):
    (tmp_path / "raw").mkdir()
    heads, texts = ["Q1", "Q2", "Q3", "Q4", "Q5", "Q6", "Q7"], [*TEXTS, "Team", "What would help?"]
    rows = [f"{1 + i % 5},{i % 6},2,3,4,{('Alder', 'Rowan', 'Alderr')[i % 3]},more staff {i}" for i in range(45)]
    quoted = ",".join(f'"{text}"' for text in texts)
    ids = ",".join(f'"{{""ImportId"":""{head}""}}"' for head in heads)
    file = csv(tmp_path / "raw" / "spring.csv", ",".join(heads), quoted, ids, *rows)
    study = pasted(tmp_path, "").read_text().replace("waves:\n", "")
    path = tmp_path / "pipelines" / "small.yml"
    path.write_text(study, encoding="utf-8")
    csv(tmp_path / "raw" / "teams.csv", "Team", "Alder", "Birch")
    _, text = propose_file(file, study=load_study(path))
    assert f'asked: "{TEXTS[0][:20]}' in text
    assert 'asked: "What would help?"' in text
    told = text.split("# Teams of the list")[1]
    assert '"Birch"' in told
    assert '"Rowan"' in told
    assert '"Alderr": perhaps "Alder"' in told
    assert "more staff" not in text
