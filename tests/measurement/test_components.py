"""Components of joy in work and the spread of answers, by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from joyeval.instruments import load
from joyeval.measurement import components as module
from joyeval.measurement.components import component_scores
from joyeval.measurement.spread import answer_counts


def test_a_component_is_the_mean_of_its_scales_on_0_to_100_with_100_the_better_end(monkeypatch):
    """WHO-5 60 of 100 stays; burnout 2 of 1 to 5 with lower better is 75: wellness is their mean."""
    answers = pd.DataFrame({"wave": ["1"] * 12, "who5": [60.0] * 12, "burnout": [2.0] * 12})
    monkeypatch.setattr(module, "respondents", lambda store: answers)
    monkeypatch.setattr(module, "instruments", lambda study, cohort: [load("who5"), load("burnout_item")])
    found = component_scores(None, "1", None)
    table = found.tidy().set_index("component")
    assert table.loc["wellness", ["estimate", "scales", "n"]].tolist() == [pytest.approx(67.5), 2, 12]
    assert len(table) == 9
    assert table["estimate"].notna().sum() == 1
    assert "inform 1 of the 9 components" in found.sentence()
    few = answers.head(10)
    monkeypatch.setattr(module, "respondents", lambda store: few)
    assert component_scores(None, "1", None).tidy()["estimate"].isna().all()


def test_answers_are_counted_by_wave_and_item_and_unscored_ones_left_out():
    instrument = load("sops")
    item, other = list(instrument.items)[:2]
    wave = pd.DataFrame({"wave": ["1", "1", "2"], item: [1, 9, 2], other: [1, 1, None]})
    counts = answer_counts(wave, instrument, instrument.items[item].responses)
    assert next(iter(counts.columns)) == "Strongly disagree"
    assert counts.loc["1"].sum(axis=1).tolist() == [1, 2]
    assert counts.loc[("2", instrument.items[item].topic), "Disagree"] == 1


class Shelf:
    """Tables of a store whose waves have no days."""

    def __init__(self, **tables):
        self.held = tables

    def tables(self):
        return list(self.held)

    def table(self, name):
        return self.held[name]


def test_waves_without_days_stand_in_the_order_of_the_study_file():
    from joyeval.measurement.surveys import respondents

    who = {"person": ["b", "a", "c"], "cohort": "1", "team": "A", "role": None, "wave": ["spring", "autumn", "spring"]}
    answers = pd.DataFrame(who | {"date": pd.Series([pd.NaT] * 3), "who5": [50.0, 60.0, 70.0]})
    shelf = Shelf(response=pd.DataFrame({"wave": ["spring", "autumn"]}), wave_who5=answers)
    assert respondents(shelf)["wave"].tolist() == ["spring", "spring", "autumn"]
