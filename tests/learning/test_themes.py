"""Answers and people counted from coded segments, against the counts of the synthetic cohort."""

from __future__ import annotations

import pandas as pd
import pytest

from joyeval.errors import ModelError, UsageError
from joyeval.learning import agreement, answers_seen, read_project, themes
from tests.conftest import reference

# code: A and B (answers in which each saw it), kappa, alpha, AC1, interval of alpha, people in whom coder A saw it;
# computed outside this project with other software.
EXPECTED = {
    "energy and motivation": (19, 20, 0.847, 0.848, 0.943, (0.66, 1.00), 10),
    "learning from other teams": (19, 18, 0.840, 0.841, 0.944, (0.69, 0.96), 9),
    "no time": (31, 28, 0.843, 0.843, 0.907, (0.75, 0.93), 11),
    "outside our control": (15, 15, 0.543, 0.545, 0.872, (0.35, 0.76), 8),
    "talking differently": (21, 18, 0.664, 0.665, 0.874, (0.46, 0.84), 11),
    "leader presence": (12, 5, 0.562, 0.559, 0.933, (0.16, 0.81), 9),
    "belief that we can change things": (24, 26, 0.798, 0.799, 0.901, (0.66, 0.92), 11),
    "wanting to take part": (24, 22, 0.731, 0.732, 0.879, (0.56, 0.87), 11),
    "change is made together": (5, 6, 0.524, 0.526, 0.954, (-0.01, 0.79), 5),
    "seeing the system": (9, 9, 0.760, 0.761, 0.961, (0.49, 1.00), 7),
}


@pytest.fixture(scope="module")
def cohort():
    folder = reference("data", "learning", "synthetic_cohort")
    answers = pd.read_csv(folder / "answers.csv").rename(columns={"participant": "source"})
    return read_project(folder / "interviews.qdpx"), answers, pd.read_csv(folder / "participants.csv")


def test_agreement_of_two_coders_code_by_code(cohort):
    project, answers, _ = cohort
    seen = answers_seen(project.segments, answers)
    counts = seen.groupby(["code", "coder"])["seen"].sum()
    found = agreement(seen, unit=["source", "answer"], coder="coder", value="seen", by="code", source="source")
    assert (found.n, found.sources) == (10 * 120, 12)
    table = found.tidy().set_index(["code", "term"])
    for code, (a, b, kappa, alpha, ac1, (low, high), _people) in EXPECTED.items():
        assert (counts[code, "coder A"], counts[code, "coder B"]) == (a, b)
        for term, value in {"kappa": kappa, "alpha": alpha, "AC1": ac1}.items():
            assert table.loc[(code, term), "estimate"] == pytest.approx(value, abs=5e-4)
        # two sets of 1,000 resamples differ by chance; the least even code by the most
        assert table.loc[(code, "alpha"), "ci_low"] == pytest.approx(low, abs=0.08)
        assert table.loc[(code, "alpha"), "ci_high"] == pytest.approx(high, abs=0.04)


def test_people_not_segments_are_counted(cohort):
    project, _, participants = cohort
    found = themes(project.segments, participants["participant"], codebook=project.codebook, coder="coder A")
    assert found.n == 12
    table = found.tidy().set_index("code")
    assert table["people"].to_dict() == {code: values[-1] for code, values in EXPECTED.items()}
    assert (table["segments"] >= table["people"]).all()


def test_progress_scores_of_team_and_faculty():
    """166 team-months with both assessors: ordinal alpha .853, interval .865, the same score in 38 %."""
    progress = pd.read_csv(reference("data", "learning", "synthetic_cohort", "progress.csv"))
    for level, value in {"ordinal": 0.853, "interval": 0.865}.items():
        found = agreement(progress, unit=["team", "month"], coder="assessor", value="score", source="team", level=level)
        estimate = found.tidy().set_index("term")["estimate"]
        assert estimate["alpha"] == pytest.approx(value, abs=5e-4)
        assert estimate["percent agreement"] == pytest.approx(0.38, abs=5e-3)
        assert found.n == 166


def coded(**more) -> pd.DataFrame:
    table = {"case": ["a", "a", "b", "x"], "source": ["a", "a", "b", "x"], "code": ["rest", "rest", "time", "time"]}
    return pd.DataFrame({**table, "coder": ["A", "B", "A", "A"], "parent": None, "start": 0, "end": 5, **more})


def test_someone_unknown_is_counted_as_left_out_and_unused_codes_have_a_row():
    book = pd.DataFrame({"code": ["hope", "rest", "time"], "parent": None, "codable": True})
    found = themes(coded(), ["a", "b", "c"], codebook=book)
    assert found.n_dropped == 1
    assert found.notes == ("left out: 1 segments of sources that belong to nobody on the list of participants",)
    assert found.tidy()[["code", "people"]].to_numpy().tolist() == [["hope", 0], ["rest", 1], ["time", 1]]
    assert "rest" in found.sentence()


def test_a_source_that_a_coder_never_touched_is_not_a_no():
    spans = pd.DataFrame({"source": ["a", "b"], "answer": 1, "start": 0, "end": 9})
    seen = answers_seen(coded(), spans)
    assert seen.groupby("coder")["source"].unique().map(list).to_dict() == {"A": ["a", "b"], "B": ["a"]}


def test_touching_is_not_overlapping_and_a_whole_source_counts_everywhere():
    spans = pd.DataFrame({"source": "a", "answer": [1, 2], "start": [0, 5], "end": [5, 9]})
    one = coded().head(1)
    assert answers_seen(one, spans)["seen"].tolist() == [1, 0]
    whole = one.assign(start=pd.array([None], "Int64"), end=pd.array([None], "Int64"))
    assert answers_seen(whole, spans)["seen"].tolist() == [1, 1]


def test_bad_input_is_answered_in_words():
    with pytest.raises(UsageError, match="no column case, coder; did you mean code"):
        themes(pd.DataFrame({"code": ["a"]}), ["a"])
    with pytest.raises(UsageError, match="no segment of coder 'Z'"):
        themes(coded(), ["a"], coder="Z")
    with pytest.raises(ModelError, match="none of 4 segments belongs to one of the 1 people"):
        themes(coded(), ["nobody"])
    with pytest.raises(UsageError, match="no coder"):
        answers_seen(coded(coder=None), pd.DataFrame({"source": ["a"], "answer": 1, "start": 0, "end": 5}))
