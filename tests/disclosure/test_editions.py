"""The demonstration attacked: five cohorts and the network, each edition alone and together, with the gate and without.

What a run prints of each cohort is made here from its raw files by the sections of its notebooks, once with the gate
and once without; a stranger reads the files. A quick version on generated pulses stands in test_attacks.py.
"""

from __future__ import annotations

import shutil

import pandas as pd
import pytest

from joyeval.study import load_study
from tests.conftest import ROOT
from tests.disclosure import editions
from tests.disclosure.stranger import beyond_chance, recovered, truth_of

pytestmark = pytest.mark.slow
EDITIONS = ("public", "programme")
COHORTS = ("1", "2", "3", "4", "5")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    home = tmp_path_factory.mktemp("editions")
    shutil.copytree(ROOT / "pipelines", home / "pipelines")
    (home / "data").mkdir()
    (home / "data" / "raw").symlink_to(ROOT / "data" / "raw")
    return load_study(home / "pipelines" / "enjoying_work.yml")


@pytest.fixture(scope="module")
def made(study, tmp_path_factory):
    """Finished files with the gate (`on`) and without (`off`) of a cohort, or of the network."""
    home, done = tmp_path_factory.mktemp("finished"), {}

    def of(cohort):
        if cohort not in done:
            store = editions.prepare(study, cohort)
            editions.write(study, cohort, store, home / cohort / "on", EDITIONS)
            with editions.without_gate():
                editions.write(study, cohort, store, home / cohort / "off", ("public",))
            done[cohort] = (home / cohort, store)
        return done[cohort]

    return of


@pytest.mark.parametrize("cohort", COHORTS)
def test_a_stranger_recovers_nothing_of_few_people_and_much_without_the_gate(made, study, cohort):
    folder, store = made(cohort)
    for held in (["public"], ["programme"], ["public", "programme"]):
        threshold = editions.threshold_of(study, held)
        truth = truth_of(store, threshold)
        places = [folder / "on" / ("" if name == "public" else name) for name in held]
        found = pd.concat([recovered(place, truth, threshold) for place in places])
        assert not found.loc[found["kind"].isin(["share", "count"]), "right"].any(), held
        assert beyond_chance(found) == [], held
    without = recovered(folder / "off", truth_of(store, 11), 11)
    assert (without.groupby("route")["right"].sum()[["coordinates", "source data"]] > 100).all()
    assert {"coordinates", "source data"} <= set(beyond_chance(without))


def test_the_network_report_beside_the_cohorts_gives_nothing_away(made, study, tmp_path):
    stores = [made(cohort)[1] for cohort in COHORTS]
    editions.write_network(study, tmp_path / "on", EDITIONS)
    for name in EDITIONS:
        threshold = editions.threshold_of(study, [name])
        place = tmp_path / "on" / ("" if name == "public" else name)
        for store in stores:
            found = recovered(place, truth_of(store, threshold), threshold)
            assert not found.loc[found["kind"].isin(["share", "count"]), "right"].any()
            assert beyond_chance(found) == []
