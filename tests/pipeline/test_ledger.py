"""The ledger and the ways round it: whatever is renamed, deleted or replaced, a few people are not given away."""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from joyeval.disclosure import Rule
from joyeval.disclosure.ledger import people_told_apart
from joyeval.errors import DisclosureError
from joyeval.intake.keys import settings
from joyeval.intake.tables import take_in
from joyeval.pipeline import released
from joyeval.pipeline.chain import Chain
from joyeval.study import load_study
from tests.conftest import ROOT

STUDY = """\
study: {study}
title: Small
programme: {{name: Small, aim: More}}
data: ../data/raw
cohorts:
  - {{cohort: "1", title: One, start: 2024-01-01, end: 2024-12-31}}
  - {{cohort: "2", title: Two, start: 2024-01-01, end: 2024-12-31}}
organisations: [{{code: T, name: Trust}}]
teams: {{file: teams.csv, columns: {{team: Team}}}}
waves:
  - {{wave: {wave}, file: a.csv, cohorts: ["1", "2"], instruments: [cbi], start: 2024-03-01, end: 2024-03-31,
     columns: {{team: Team}}}}
pulses:
  - {{measure: good_day, title: G, file: p.csv, columns: {{team: T}}, cohorts: ["1", "2"], period: week}}
"""
PROGRAMME = (
    "disclosure:\n  audiences: [public, programme]\n"
    "  programme: {readers: the programme team, reason: agreed, date: 2024-01-02}\n"
)
ITEMS = [f"cbi_{i}" for i in range(1, 8)]
WEEKS = pd.date_range("2024-02-05", periods=12, freq="7D")


def survey(people, *, key="k", wave="spring", team="Alder", items=ITEMS):
    """Answers of people, who answer the same whatever key their pseudonyms are made with; half in a second team."""
    rows = []
    for person in people:
        drawn = hashlib.sha256(f"answers {person}".encode()).digest()
        name = hashlib.sha256(f"{key} {person}".encode()).hexdigest()[:32]
        given = {item: float(1 + drawn[i] % 5) for i, item in enumerate(items)}
        rows.append(
            {"person": name, "team": team if person % 2 else "Birch", "role": "nurse", "wave": wave} | given
            | {"cbi_work": np.mean([*given.values()]), "cbi_work_answered": len(given)}
        )  # fmt: skip
    return pd.DataFrame(rows)


def pulses(*, team="Alder", late=0, week=4, seed=1):
    """Answers by week of two teams: 20 to 30 of the first, 4 to 9 of the second; some late ones in one week."""
    rng = np.random.default_rng(seed)
    rows = []
    for name, low, high in ((team, 20, 31), ("Birch", 4, 10)):
        answers = rng.integers(low, high, len(WEEKS))
        positive = rng.binomial(answers, 0.6)
        rows.append(pd.DataFrame({"team": name, "period": WEEKS, "positive": positive, "answers": answers}))
    table = pd.concat(rows, ignore_index=True).astype({"positive": float, "answers": float})
    table.loc[week, ["positive", "answers"]] += late
    return table.assign(measure="good_day", opportunities=np.nan, mean=np.nan)


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def workspace(home, *, study="small", wave="spring", cohort="1", team="Alder", staff=25.0, **tables):
    """Write what a run of cohort 1 would have stored."""
    (home / "pipelines").mkdir(parents=True, exist_ok=True)
    path = home / "pipelines" / "small.yml"
    path.write_text(STUDY.format(study=study, wave=wave))
    loaded = load_study(path)
    folder = loaded.store(cohort).folder
    shutil.rmtree(folder, ignore_errors=True)
    teams = pd.DataFrame({"team": [team, "Birch"], "organisation": "T", "headcount": [staff, 7.0]})
    loaded.store(cohort, out=folder).save(teams=teams, **tables)
    return loaded


def refused(study, what="release", cohorts=("1",)):
    """Both the commands that only look and those that enter refuse, with exit code 3, and enter nothing."""
    chain = released.chain_of(study)
    before = chain.path.read_bytes() if chain.path.exists() else b""
    with pytest.raises(DisclosureError):
        released.consult(study, cohorts)
    with pytest.raises(DisclosureError) as caught:
        released.enter(study, cohorts, what)
    assert caught.value.exit_code == 3
    assert (chain.path.read_bytes() if chain.path.exists() else b"") == before
    return caught.value


def test_the_same_again_and_eleven_more_are_no_news(home):
    study = workspace(home, wave_cbi=survey(range(40)), pulse=pulses())
    for _ in range(2):
        released.enter(study, ["1"], "release")
    assert len(released.chain_of(study).entries()) == 1
    study = workspace(home, wave_cbi=survey(range(62)), pulse=pulses())
    released.enter(study, ["1"], "release")
    assert len(released.chain_of(study).entries()) == 2


@pytest.mark.parametrize("people", [range(41), range(39), range(45), range(1, 41)])
def test_a_late_answer_or_one_taken_back_is_refused(home, people):
    released.enter(workspace(home, wave_cbi=survey(range(40))), ["1"], "release")
    error = refused(workspace(home, wave_cbi=survey(people)))
    assert {problem.found.split(" differs")[0] for problem in error.problems} >= {"everyone cohort 1"}
    assert not any(name in str(error) for name in survey([40])["person"])


# the seven ways round it


def test_1_a_deleted_ledger_is_noticed(home):
    released.enter(workspace(home, wave_cbi=survey(range(40))), ["1"], "release")
    study = workspace(home, wave_cbi=survey(range(41)))
    shutil.rmtree(released.chain_of(study).folder)
    assert "is missing: 1 entries were made" in str(refused(study))


def test_2_a_renamed_wave(home):
    released.enter(workspace(home, wave_cbi=survey(range(40))), ["1"], "release")
    refused(workspace(home, wave="autumn", wave_cbi=survey(range(41), wave="autumn")))


def test_3_a_renamed_study(home):
    released.enter(workspace(home, wave_cbi=survey(range(40))), ["1"], "release")
    refused(workspace(home, study="other", wave_cbi=survey(range(41), key="other study in the hash")))


def test_4_a_renamed_team(home):
    released.enter(workspace(home, wave_cbi=survey(range(40)), pulse=pulses()), ["1"], "release")
    study = workspace(home, team="Oak", wave_cbi=survey([*range(40), 41], team="Oak", key="team in the hash"))
    assert "team Oak differs by a few answers from team Alder then" in str(refused(study))
    study = workspace(home, team="Oak", wave_cbi=survey(range(40), team="Oak"), pulse=pulses(team="Oak", late=1))
    assert "team Oak has a few answers" in str(refused(study))


def test_5_a_new_key(home):
    released.enter(workspace(home, wave_cbi=survey(range(40))), ["1"], "release")
    refused(workspace(home, wave_cbi=survey(range(41), key="new")))


@pytest.mark.parametrize("late", [1, 3, 5])
def test_6_a_late_answer_to_a_pulse(home, late):
    released.enter(workspace(home, pulse=pulses()), ["1"], "release")
    error = refused(workspace(home, pulse=pulses(late=late)))
    assert {problem.found.split(" has")[0] for problem in error.problems} == {"cohort 1", "team Alder"}
    error = refused(workspace(home, pulse=pulses(late=late, week=14)))  # of the small team: in the cohort's total
    assert {problem.found.split(" has")[0] for problem in error.problems} == {"cohort 1"}


def test_7_an_anonymous_survey(home):
    """No codes: pseudonyms are made of the answers, so that a sorted export is the same people."""
    released.enter(workspace(home, wave_cbi=survey(range(40))), ["1"], "release")
    again = survey(range(40)).sample(frac=1, random_state=3)
    released.enter(workspace(home, wave_cbi=again), ["1"], "release")
    refused(workspace(home, wave_cbi=survey(range(41)).sample(frac=1, random_state=3)))


def test_8_all_of_it_at_once(home):
    released.enter(workspace(home, wave_cbi=survey(range(40)), pulse=pulses()), ["1"], "release")
    answers = survey(range(41), key="new", wave="autumn", team="Oak").sample(frac=1, random_state=3)
    refused(workspace(home, study="other", wave="autumn", team="Oak", cohort="2", wave_cbi=answers), cohorts=["2"])


# brothers of the seven


def test_an_answer_that_was_corrected_is_a_difference_too(home):
    released.enter(workspace(home, wave_cbi=survey(range(40))), ["1"], "release")
    corrected = survey(range(40))
    corrected.loc[3, "cbi_1"] = 6 - corrected.loc[3, "cbi_1"] + (corrected.loc[3, "cbi_1"] == 3)
    refused(workspace(home, wave_cbi=corrected))


def test_a_pulse_answer_that_was_corrected(home):
    released.enter(workspace(home, pulse=pulses()), ["1"], "release")
    table = pulses()
    table.loc[5, "positive"] -= 2
    refused(workspace(home, pulse=table))


def test_a_team_moved_to_another_cohort(home):
    released.enter(workspace(home, wave_cbi=survey(range(40)), pulse=pulses()), ["1"], "release")
    study = workspace(home, cohort="2", wave_cbi=survey(range(41), key="cohort in the hash"), pulse=pulses(late=2))
    assert "cohort 2" in str(refused(study, cohorts=["2"]))


def test_a_small_team_left_out_of_the_pulses(home):
    """The total without it gives its weeks away."""
    released.enter(workspace(home, pulse=pulses()), ["1"], "release")
    refused(workspace(home, pulse=pulses().query("team == 'Alder'")))


def test_the_network_report_is_one_of_the_readers(home):
    two = {"wave_cbi": survey(range(100, 140))}
    workspace(home, cohort="2", **two)
    study = workspace(home, wave_cbi=survey(range(40)))
    released.enter(study, ["1", "2"], "network")
    workspace(home, cohort="2", **two)
    refused(workspace(home, wave_cbi=survey(range(41))))
    study = workspace(home, wave_cbi=survey(range(40)))
    released.enter(study, ["1"], "release")  # the same people are no news
    released.enter(study, ["1", "2"], "network")
    refused(workspace(home, wave_cbi=survey(range(41))), what="network", cohorts=["1", "2"])


def test_an_edition_for_the_programme_is_held_to_its_own_threshold(home):
    """It shows groups of 5 to 10 people too: a release of 12 beside 9 of them gives 3 away."""
    released.enter(workspace(home, wave_cbi=survey(range(24))), ["1"], "release")
    fewer = survey([*range(0, 24, 2), *range(1, 18, 2)])  # 3 of the team of 12 are gone
    study = workspace(home, wave_cbi=fewer.query("team == 'Alder'"))
    released.consult(study, ["1"])  # nothing of 9 people is public
    study.path.write_text(study.path.read_text() + PROGRAMME)
    with pytest.raises(DisclosureError, match="team Alder differs by a few"):
        released.consult(load_study(study.path), ["1"])


def of_two_audiences(home, people):
    """Teams of 14 and more, and roles of 4 to 10 people of whom a few are in another team than most."""
    answers = survey(range(people))
    team = ["Birch" if number < 14 else "Alder" for number in range(people)]
    role = ["porter" if not n % 11 else "nurse" if n % 4 else "doctor" for n in range(people)]
    study = workspace(home, wave_cbi=answers.assign(team=team, role=role), pulse=pulses())
    study.path.write_text(study.path.read_text() + PROGRAMME)
    return load_study(study.path)


def test_an_unchanged_study_of_two_audiences_passes_again_and_a_late_answer_does_not(home):
    """Groups of 5 to 10 that the programme sees were not held to be known, so that they stood against larger ones."""
    for _ in range(2):
        study = of_two_audiences(home, 40)
        released.consult(study, ["1"])
        released.enter(study, ["1"], "release")
    assert len(released.chain_of(study).entries()) == 1
    refused(of_two_audiences(home, 41))


def test_a_group_that_was_published_as_it_is_is_no_news_beside_any_other_entry():
    """Who holds both entries learns nothing from the second once more."""

    def group(people, **more):
        about = {"item": "joy", "wave": "1", "first": pd.NaT, "last": pd.NaT, "group": "everyone", "answers": None}
        return pd.DataFrame({"person": [f"p{number}" for number in range(people)]}).assign(**about, **more)

    before = [group(40, entry="first"), group(41, entry="second")]
    assert [problem.file for problem in people_told_apart(group(41), before[0], rule=Rule())] == ["first"]
    assert not people_told_apart(group(41), pd.concat(before), rule=Rule())
    told = people_told_apart(group(42), pd.concat(before), rule=Rule())
    assert sorted(problem.file for problem in told) == ["first", "second"]


def test_single_questions_of_other_people_at_the_same_time_are_no_difference(home):
    """Answers of 1 to 5 agree by chance in most of a group: they are not taken for the same people."""
    one = workspace(home, wave_cbi=survey(range(40), items=["cbi_1"]))
    released.enter(one, ["1"], "release")
    other = survey(range(200, 239), items=["cbi_1"]).replace({"team": {"Birch": "Yew", "Alder": "Elm"}})
    released.enter(workspace(home, cohort="2", wave_cbi=other), ["2"], "release")


def test_a_later_wave_of_the_same_people_is_no_difference(home):
    both = pd.concat([survey(range(40)), survey(range(40), wave="autumn").assign(**dict.fromkeys(ITEMS[:5], 3.0))])
    released.enter(workspace(home, wave_cbi=survey(range(40))), ["1"], "release")
    released.enter(workspace(home, wave_cbi=both.iloc[:-3]), ["1"], "release")


# the demonstration


def test_the_demonstration_may_come_and_go_until_somebody_puts_rows_into_it(tmp_path, monkeypatch):
    """It has no people; from the first row that joyeval did not make, its releases count like all others."""
    raw = tmp_path / "raw"
    shutil.copytree(ROOT / "data" / "raw" / "enjoying_work", raw)
    (tmp_path / "home" / "pipelines").mkdir(parents=True)
    path = shutil.copy(ROOT / "pipelines" / "enjoying_work.yml", tmp_path / "home" / "pipelines")

    def taken(*more):
        pulse = raw / "pulses" / "good-day_1.csv"
        pulse.write_bytes(pulse.read_bytes() + "".join(more).encode())
        study = load_study(path, data=raw)
        store = study.store("1", out=study.store("1").folder)
        store.save(**{name: table for name, table in take_in(study, "1").tables.items() if name in ("pulse", "teams")})
        return study

    study = taken()
    ledger = released.chain_of(study)
    for _ in range(2):
        released.enter(study, ["1"], "release")
        released.consult(study, ["1"])
        shutil.rmtree(ledger.folder)
    released.enter(study, ["1"], "release")
    last = (raw / "pulses" / "good-day_1.csv").read_text().splitlines(keepends=True)[-1]
    study = taken(last)  # one answer more
    refused(study)
    shutil.rmtree(ledger.folder)
    assert "is missing" in str(refused(study))


# the chain


def entered(home, entries=3):
    for number in range(entries):
        released.enter(workspace(home, wave_cbi=survey(range(40 + 24 * number))), ["1"], "release")
    study = workspace(home, wave_cbi=survey(range(40 + 24 * (entries - 1))))
    assert len(released.chain_of(study).entries()) == entries
    return study, released.chain_of(study)


def spoil_last_line(chain):
    chain.path.write_bytes(b"".join(chain.path.read_bytes().splitlines(keepends=True)[:-1]))


def spoil_first_line(chain):
    chain.path.write_bytes(b"".join(chain.path.read_bytes().splitlines(keepends=True)[1:]))


def spoil_words(chain):
    chain.path.write_bytes(chain.path.read_bytes().replace(b'"release"', b'"nothing"', 1))


def spoil_all_lines(chain):
    chain.path.write_bytes(b"")


def spoil_half_a_line(chain):
    chain.path.write_bytes(chain.path.read_bytes()[:-40])


def spoil_table(chain):
    table = pd.read_parquet(chain.folder / "0002.people.parquet")
    table.iloc[:-5].to_parquet(chain.folder / "0002.people.parquet")


def spoil_by_deleting_a_table(chain):
    (chain.folder / "0001.pulses.parquet").unlink()


def spoil_by_another(chain):
    """A ledger of one's own, with the right number of entries and no mark."""
    shutil.rmtree(chain.folder)
    marks = settings() / "joyeval" / "ledgers"
    kept = {path.name: path.read_bytes() for path in marks.iterdir()}
    for _ in range(3):
        chain.add({"kind": "release"}, {})
    for path in marks.iterdir():
        path.unlink()
    for name, content in kept.items():
        (marks / name).write_bytes(content)


def spoil_secret(chain):
    """Another secret would make other hashes of the same answers."""
    (chain.folder / "secret").write_bytes(bytes(32))


def spoil_by_deleting_the_secret(chain):
    (chain.folder / "secret").unlink()


SPOILT = [
    spoil_secret, spoil_by_deleting_the_secret,
    spoil_last_line, spoil_first_line, spoil_words, spoil_all_lines, spoil_half_a_line, spoil_table,
    spoil_by_deleting_a_table, spoil_by_another,
]  # fmt: skip


@pytest.mark.parametrize("spoil", SPOILT)
def test_a_ledger_that_was_shortened_or_changed_is_refused_whatever_comes(home, spoil):
    study, chain = entered(home)
    spoil(chain)
    told = str(refused(study))
    assert "--withdraw REASON" in told
    assert "Traceback" not in told


def test_an_older_copy_of_the_ledger_is_noticed(home, tmp_path):
    study, chain = entered(home, 2)
    shutil.copytree(chain.folder, tmp_path / "older")
    study, chain = entered_more(home)
    shutil.rmtree(chain.folder)
    shutil.copytree(tmp_path / "older", chain.folder)
    assert "has 2 entries where 3 were made" in str(refused(study))


def entered_more(home):
    study = workspace(home, wave_cbi=survey(range(120)))
    released.enter(study, ["1"], "release")
    return study, released.chain_of(study)


def test_a_workspace_that_was_moved_keeps_its_ledger(home, tmp_path):
    entered(home)
    home.rename(tmp_path / "moved")
    study = load_study(tmp_path / "moved" / "pipelines" / "small.yml")
    released.consult(study, ["1"])
    refused(workspace(tmp_path / "moved", wave_cbi=survey(range(89))))


def test_the_ledger_is_for_its_owner_alone(home):
    _, chain = entered(home)
    assert stat.S_IMODE(chain.folder.stat().st_mode) == 0o700
    files = [path for path in chain.folder.iterdir() if path.name != ".lock"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    everything = b"".join(path.read_bytes() for path in files)
    assert b"cbi_1" not in everything


def test_what_was_withdrawn_is_kept_with_its_reason(home):
    released.enter(workspace(home, wave_cbi=survey(range(40))), ["1"], "release")
    late = workspace(home, wave_cbi=survey(range(41)))
    refused(late)
    for _ in range(2):  # said twice, it is written once
        released.withdraw(late, ["1"], "the archive was never sent")
    released.enter(late, ["1"], "release")
    assert [one["why"] for one in released.withdrawn(late)] == ["the archive was never sent"]
    kinds = [entry["kind"] for entry in released.chain_of(late).entries()]
    assert kinds == ["release", "withdrawn", "release"]
    released.consult(late, ["1"])
    refused(workspace(home, wave_cbi=survey(range(43))))


def test_a_damaged_ledger_is_begun_anew_with_a_reason_and_set_aside(home):
    study, chain = entered(home)
    spoil_last_line(chain)
    released.withdraw(study, ["1"], "disk failure; nothing had been sent")
    released.enter(study, ["1"], "release")
    assert "begun anew" in released.withdrawn(study)[0]["why"]
    assert [path.name for path in chain.folder.parent.glob(".ledger.until-*")]
    assert [entry["kind"] for entry in chain.entries()] == ["withdrawn", "release"]
    released.consult(study, ["1"])


def test_a_mark_that_cannot_be_read_is_told(home):
    study, _ = entered(home)
    (mark,) = (settings() / "joyeval" / "ledgers").glob("*.json")
    mark.write_text("{")
    assert "cannot be read" in str(refused(study))
    mark.unlink()


@pytest.mark.slow
def test_many_at_once_keep_the_chain_whole(home):
    """Two releases at one time wait for each other."""
    study = workspace(home, wave_cbi=survey(range(40)))
    code = (
        "import sys; from joyeval.study import load_study; from joyeval.pipeline import released;"
        f"released.enter(load_study({str(study.path)!r}), ['1'], sys.argv[1])"
    )
    jobs = [subprocess.Popen([sys.executable, "-c", code, f"release {n}"]) for n in range(3)]
    assert [job.wait() for job in jobs] == [0, 0, 0]
    assert len(Chain(home / "data" / "processed").entries()) == 1


def test_entries_say_what_they_are(home):
    _, chain = entered(home, 1)
    entry = json.loads(chain.path.read_text())
    assert (entry["kind"], entry["study"], entry["cohorts"], entry["number"]) == ("release", "small", ["1"], 1)


@pytest.fixture(autouse=True)
def marks(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
