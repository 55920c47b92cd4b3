"""REDCap: a local server that speaks its API, and exports with events, repeats and checkboxes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from joyeval import load_study
from joyeval.errors import DataError, StudyError, UsageError
from joyeval.intake import WaveFile, clean_file, propose_map, read
from joyeval.intake.redcap import changed, fetch, read_token
from tests.intake.files import csv

TOKEN = "0123456789ABCDEF0123456789ABCDEF"
CHOICES = "0, At no time | 1, Some of the time | 2, Less than half of the time | 5, All of the time"
WORDS = ("cheerful and in good spirits", "calm and relaxed", "active and vigorous", "", "")
DICTIONARY = [
    {"field_name": "record_id", "form_name": "who", "field_type": "text", "field_label": "Record"},
    {"field_name": "mail", "form_name": "who", "field_type": "text", "field_label": "E-mail", "identifier": "y"},
    *(
        {
            "field_name": f"q{i}",
            "form_name": "pulse",
            "field_type": "radio",
            "field_label": f"<b>I have felt {words}</b>",
            "select_choices_or_calculations": CHOICES,
        }
        for i, words in enumerate(WORDS[:3], 1)
    ),
    {"field_name": "why", "form_name": "pulse", "field_type": "checkbox", "field_label": "Why?"},
]


def record(number, event, instance, *answers, ticked=()):
    ticks = {f"why___{i}": "1" if i in ticked else "0" for i in (1, 2, 3)}
    return {
        "record_id": str(number),
        "redcap_event_name": event,
        "redcap_repeat_instrument": "pulse" if instance else "",
        "redcap_repeat_instance": instance,
        "redcap_survey_identifier": "someone@example.org",
        "mail": "" if instance else f"p{number}@example.org",
        **{f"q{i}": answer for i, answer in enumerate(answers or ("", "", ""), 1)},
        **ticks,
    }


RECORDS = [
    record(1, "baseline_arm_1", ""),
    record(1, "baseline_arm_1", "1", "0", "1", "5", ticked=(1, 3)),
    record(1, "baseline_arm_1", "2", "1", "1", "1"),
    record(2, "end_arm_1", "1", "5", "5", "9", ticked=(2,)),
]


class Api(BaseHTTPRequestHandler):
    """What a REDCap server says to `content=metadata` and `content=record`; paths that misbehave."""

    def do_POST(self):
        sent = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if "slow" in self.path:
            time.sleep(1.5)
        if "moved" in self.path:
            return self._send(307, b"", "text/html", {"Location": "http://127.0.0.1:9/api/"})
        if "page" in self.path:
            return self._send(200, b"<html>please log in</html>", "text/html")
        if sent["token"] != [TOKEN]:
            words = f"You do not have permissions to use the API ({sent['token'][0]})"
            return self._send(403, json.dumps({"error": words}).encode(), "application/json")
        content = DICTIONARY if sent["content"] == ["metadata"] else [] if "empty" in self.path else RECORDS
        wanted = {value for key, values in sent.items() if key.startswith("events[") for value in values}
        rows = [row for row in content if not wanted or row.get("redcap_event_name", next(iter(wanted))) in wanted]
        return self._send(200, json.dumps(rows).encode(), "application/json")

    def _send(self, status, body, kind, headers=None):
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    api = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=api.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{api.server_port}"
    api.shutdown()
    api.server_close()


def test_records_are_frozen_with_their_hash_and_never_fetched_twice(server, tmp_path):
    path = tmp_path / "surveys" / "pulse.csv"
    done = fetch(f"{server}/api/", TOKEN, path)
    assert (done.rows, len(done.sha256)) == (4, 64)
    source = json.loads(path.with_suffix(".source.json").read_text())
    assert (source["sha256"], source["rows"], source["url"]) == (done.sha256, 4, f"{server}/api/")
    everything = "".join(p.read_text() for p in path.parent.iterdir())
    assert TOKEN not in everything
    assert "someone@example.org" not in everything
    with pytest.raises(UsageError, match="fetched before"):
        fetch(f"{server}/api/", TOKEN, path)
    assert fetch(f"{server}/api/", TOKEN, path, force=True).sha256 == done.sha256
    assert changed(path) == []
    path.write_text(path.read_text().replace("5", "4"))
    assert [problem.rule for problem in changed(path)] == ["changed"]


def test_what_was_fetched_is_read_with_events_repeats_checkboxes_and_words(server, tmp_path):
    path = tmp_path / "pulse.csv"
    fetch(f"{server}/api/", TOKEN, path)
    raw = read(path)
    assert raw.source == "REDCap"
    assert "mail" not in raw.frame.columns
    assert raw.frame["why"].to_list() == [None, "1;3", None, "2"]
    assert raw.labels["q1"] == "I have felt cheerful and in good spirits"
    assert raw.answer_labels["q1"]["5"] == "All of the time"
    told = " ".join(raw.notices)
    assert "events: baseline_arm_1 (3 rows), end_arm_1 (1 rows)" in told
    assert "identifiers: mail" in told
    assert read(path, keep=["mail"]).frame["mail"][0] == "p1@example.org"
    proposed = propose_map(raw, ["who5"])
    found = dict(proposed.select("name", "heading").rows())
    assert [found[f"who5_{i}"] for i in (1, 2, 3)] == ["q1", "q2", "q3"]


def test_a_wave_keeps_one_event_and_one_repeat(server, tmp_path):
    path = tmp_path / "pulse.csv"
    fetch(f"{server}/api/", TOKEN, path)
    columns = {"person": "record_id", "reasons": "why"} | {f"who5_{i}": f"q{i}" for i in (1, 2, 3)}
    where = {"redcap_event_name": "baseline_arm_1", "redcap_repeat_instance": 1}
    plan = {"path": path, "wave": "1", "instruments": ("who5",), "columns": columns, "not_asked": ("who5_4", "who5_5")}
    done = clean_file(WaveFile(**plan, where=where))
    assert done.rows.select("row", "person", "who5_1", "who5_2", "who5_3", "reasons").rows() == [
        (3, "1", 0, 1, 5, "1;3")
    ]
    blank = clean_file(WaveFile(**plan, where={"redcap_repeat_instrument": ""}))  # the form that is not repeated
    assert [row["n_out"] for row in blank.account.flow if row["step"] == "read"] == [1]


def test_only_some_events(server, tmp_path):
    assert fetch(f"{server}/api/", TOKEN, tmp_path / "end.csv", events=["end_arm_1"]).rows == 1


@pytest.mark.parametrize(
    ("where", "token", "said"),
    [
        ("/api/", TOKEN.lower().replace("a", "b"), "a refusal: You do not have permissions to use the API ((token))"),
        ("/page/api/", TOKEN, "an answer that is not that of a REDCap API"),
        ("/moved/api/", TOKEN, "an answer that is not that of a REDCap API"),
        ("/empty/api/", TOKEN, "no records"),
        ("/slow/api/", TOKEN, "no answer within 0.2 seconds"),
        (None, TOKEN, "no connection"),
    ],
)
def test_every_trouble_is_told_in_plain_words_without_the_token(server, tmp_path, where, token, said):
    url = f"{server}{where}" if where else "http://127.0.0.1:9/api/"
    with pytest.raises(DataError) as caught:
        fetch(url, token, tmp_path / "w.csv", seconds=0.2 if where and "slow" in where else 5)
    (problem,) = caught.value.problems
    assert problem.found == said
    assert token not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["http://redcap.example.org/api/", "https://redcap.example.org/", "redcap/api/"])
def test_a_token_goes_over_an_encrypted_line_to_an_api_only(tmp_path, url):
    with pytest.raises(UsageError, match="https://"):
        fetch(url, TOKEN, tmp_path / "w.csv")


def test_the_token_comes_from_the_environment_only(monkeypatch):
    monkeypatch.delenv("JOYEVAL_REDCAP_TOKEN", raising=False)
    with pytest.raises(UsageError, match="set JOYEVAL_REDCAP_TOKEN"):
        read_token("JOYEVAL_REDCAP_TOKEN")
    monkeypatch.setenv("JOYEVAL_REDCAP_TOKEN", "my secret")
    with pytest.raises(UsageError) as caught:
        read_token("JOYEVAL_REDCAP_TOKEN")
    assert "my secret" not in str(caught.value)


STUDY = """\
study: small
title: Small
programme: {{name: Small, aim: More}}
data: ../raw
synthetic: true
cohorts:
  - {{cohort: one, title: One, start: 2024-01-01, end: 2024-12-31}}
teams: {{file: teams.csv, columns: {{team: Team}}}}
redcap:
  - {{url: "{url}/api/", file: surveys/pulse.csv{more}}}
"""


def test_the_command_fetches_freezes_and_says_the_hash(server, tmp_path):
    (tmp_path / "pipelines").mkdir()
    csv(tmp_path / "teams.csv", "Team", "Alder")
    study = tmp_path / "pipelines" / "small.yml"
    study.write_text(STUDY.format(url=server, more=""), encoding="utf-8")
    command = [sys.executable, "-m", "joyeval.cli", "redcap", str(study)]
    bare = {name: value for name, value in os.environ.items() if name != "JOYEVAL_REDCAP_TOKEN"}
    refused = subprocess.run(command, capture_output=True, text=True, env=bare, check=False)
    assert (refused.returncode, "set JOYEVAL_REDCAP_TOKEN" in refused.stderr) == (2, True)
    env = bare | {"JOYEVAL_REDCAP_TOKEN": TOKEN}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    assert "pulse.csv\t4 rows\tsha256 " in done.stdout
    wrong = subprocess.run(
        [*command, "--force"], capture_output=True, text=True, env=bare | {"JOYEVAL_REDCAP_TOKEN": "F" * 32}
    )
    assert (wrong.returncode, "Traceback" in wrong.stderr) == (1, False)
    assert not any(t in done.stdout + done.stderr + wrong.stdout + wrong.stderr for t in (TOKEN, "F" * 32))


@pytest.mark.parametrize("more", [", token: 0123456789ABCDEF", f", token: {'A' * 32}", ", file: ../x.csv"])
def test_a_token_in_the_study_file_and_a_file_elsewhere_are_refused(tmp_path, more):
    (tmp_path / "pipelines").mkdir()
    study = tmp_path / "pipelines" / "small.yml"
    text = STUDY.format(url="https://r.example.org", more=more)
    study.write_text(text.replace("file: surveys/pulse.csv, file:", "file:"), encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        load_study(study)
    assert "0123456789ABCDEF" not in str(caught.value)
    assert "AAAA" not in str(caught.value)


def test_labels_in_an_export_of_the_web_pages(tmp_path):
    """Labels instead of codes; the dictionary as the web pages offer it, with its own headings."""
    head = "record_id,redcap_event_name,q1,why___1,why___2,pulse_complete"
    path = csv(
        tmp_path / "w.csv", head, "1,Baseline,All of the time,Checked,Unchecked,Complete", "2,Baseline,,Unchecked,,"
    )
    csv(
        tmp_path / "w.dictionary.csv",
        '"Variable / Field Name","Field Type","Field Label","Choices, Calculations, OR Slider Labels",Identifier?',
        f'q1,radio,"How cheerful?","{CHOICES}",',
    )
    raw = read(path)
    assert raw.frame["why"].to_list() == ["1", None]
    assert raw.labels["q1"] == "How cheerful?"
    done = clean_file(
        WaveFile(
            path=path,
            wave="1",
            instruments=("who5",),
            columns={"who5_1": "q1"},
            not_asked=("who5_2", "who5_3", "who5_4", "who5_5"),
        )
    )
    assert done.rows["who5_1"].to_list() == [5]
