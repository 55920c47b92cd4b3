"""Every instrument, scored by hand from its published key and by us."""

from __future__ import annotations

import pandas as pd
import pytest

from joyeval import instruments
from joyeval.instruments import load, names, percent_positive, score


def one(name: str, answers: dict[str, float | None], **options) -> dict:
    """Scores of one respondent."""
    wave = pd.DataFrame({item: [answers.get(item)] for item in load(name).items}, dtype="float")
    return score(wave, name, **options).iloc[0].to_dict()


def numbered(prefix: str, codes) -> dict[str, float]:
    return {f"{prefix}_{i}": code for i, code in enumerate(codes, start=1)}


HAND = {  # instrument: answers, scores worked by hand, where the key stands
    "good_day_4": ({"good_day_item": 3}, {"good_day": 100}, "ELFT Luton 2018: agree and strongly agree are good"),
    "good_day_5": ({"good_day_item": 3}, {"good_day": 0}, "the middle answer is not a good day"),
    "burnout_item": ({"burnout_answer": 4}, {"burnout": 4}, "Dolan 2015: the code is the score"),
    "mini_z_1": ({"mz1_1": 5, "mz1_2": 2, "mz1_3": 1}, {"mz1_burnout": 1, "mz1_satisfaction": 5}, "Linzer 2016"),
    "mini_z_2": (
        numbered("mz2", [4, 5, 4, 3, 4, 2, 3, 4, 1, 5]),
        {"mz2_joy": 35, "mz2_supportive": 20, "mz2_pace": 15, "mz2_burnout": 5},
        "Linzer 2022: 4+5+4+3+4 = 20, 2+3+4+1+5 = 15",
    ),
    "cbi": (
        numbered("cbi", [5, 4, 3, 2, 1, 3, 5, 4, 3, 2, 1, 3, 5, 1, 2, 3, 4, 5, 3]),
        {
            "cbi_personal": (100 + 75 + 50 + 25 + 0 + 50) / 6,
            "cbi_work": (100 + 75 + 50 + 25 + 0 + 50 + 0) / 7,  # the last item is reversed: always energy is 0
            "cbi_client": (0 + 25 + 50 + 75 + 100 + 50) / 6,
        },
        "Kristensen 2005, English version of the PUMA study",
    ),
    "olbi": (
        numbered("olbi", [1, 1, 2, 2, 3, 3, 4, 4, 1, 2, 3, 4, 1, 2, 3, 4]),
        {
            # disengagement 1, 3r, 6r, 7, 9r, 11r, 13, 15 = 1, 5-2, 5-3, 4, 5-1, 5-3, 1, 3
            "olbi_disengagement": (1 + 3 + 2 + 4 + 4 + 2 + 1 + 3) / 8,
            # exhaustion 2r, 4r, 5, 8r, 10, 12r, 14, 16 = 5-1, 5-2, 3, 5-4, 2, 5-4, 2, 4
            "olbi_exhaustion": (4 + 3 + 3 + 1 + 2 + 1 + 2 + 4) / 8,
            "olbi_total": (20 / 8 + 20 / 8) / 2,
        },
        "Halbesleben and Demerouti 2005",
    ),
    "mbi_hss": (
        numbered("mbi", [6, 5, 4, 3, 2, 1, 0, 6, 5, 4, 3, 2, 1, 0, 6, 5, 4, 3, 2, 1, 0, 6]),
        {
            "mbi_ee": 6 + 5 + 4 + 1 + 6 + 1 + 0 + 5 + 1,  # 1 2 3 6 8 13 14 16 20
            "mbi_dp": 2 + 4 + 3 + 6 + 6,  # 5 10 11 15 22
            "mbi_pa": 3 + 0 + 5 + 2 + 4 + 3 + 2 + 0,  # 4 7 9 12 17 18 19 21
        },
        "Maslach and Jackson 1981",
    ),
    "ambi": (
        {"ambi_ee1": 6, "ambi_ee2": 5, "ambi_ee3": 4, "ambi_dp1": 0, "ambi_dp2": 1, "ambi_dp3": 2}
        | {"ambi_pa1": 6, "ambi_pa2": 6, "ambi_pa3": 5},
        {"ambi_ee": 15, "ambi_dp": 3, "ambi_pa": 17},
        "McManus 2002: sums of three",
    ),
    "pfi": (
        numbered("pfi", [4, 3, 3, 2, 3, 3, 1, 2, 1, 2, 0, 1, 0, 2, 1, 0]),
        {"pfi_fulfilment": 18 / 6, "pfi_exhaustion": 6 / 4, "pfi_disengagement": 4 / 6, "pfi_burnout": 10 / 10},
        "Trockel 2018",
    ),
    "uwes9": (
        numbered("uwes", [6, 5, 4, 3, 4, 2, 5, 1, 6]),
        {"uwes9": 36 / 9, "uwes9_vigour": 15 / 3, "uwes9_dedication": 12 / 3, "uwes9_absorption": 9 / 3},
        "Schaufeli 2006",
    ),
    "uwes3": ({"uwes_1": 6, "uwes_3": 4, "uwes_8": 2}, {"uwes3": 4}, "Schaufeli 2019"),
    "who5": (numbered("who5", [3, 2, 3, 2, 3]), {"who5": 52}, "Topp 2015: raw sum 13 times 4"),
    "psychological_safety_7": (
        numbered("psafety", [2, 6, 1, 5, 3, 6, 7]),
        {"psychological_safety": ((8 - 2) + 6 + (8 - 1) + 5 + (8 - 3) + 6 + 7) / 7},
        "Edmondson 1999: items 1, 3 and 5 are worded negatively",
    ),
    "psychological_safety_5": (
        numbered("psafety", [1, 5, 1, 5, 1, 5, 5]),
        {"psychological_safety": 5},
        "the best answer to every item gives the top",
    ),
    "saq": (
        {f"saq_{i}": 5 for i in range(1, 7)},
        {"saq_teamwork": (100 * 5 + 0) / 6},  # item 2 is reversed: 5 becomes 0
        "UTHealth key: (mean - 1) x 25 with items 2, 11 and 36 reversed",
    ),
    "sops": (
        {"sops_a1": 5, "sops_a8": 4, "sops_a9": 1, "sops_c7": 1, "sops_c4": 9},
        {"sops_teamwork": (5 + 4 + 5) / 3, "sops_openness_answered": 1},
        "AHRQ 19-0076: A9 and C7 are worded negatively; 9 is not an answer",
    ),
    "nss": (
        {"nss_q2a": 5, "nss_q2b": 4, "nss_q2c": 3, "nss_q3c": 5, "nss_q3d": 5, "nss_q3f": 5}
        | {"nss_q25a": 1, "nss_q25c": 2, "nss_q25d": 3, "nss_q12a": 1, "nss_q13a": 1},
        {
            "nss_motivation": (10 + 7.5 + 5) / 3,
            "nss_involvement": 10,
            "nss_advocacy": 2.5,
            "nss_engagement": (7.5 + 10 + 2.5) / 3,
        },
        "nssurveys: mean of 0, 2.5, 5, 7.5, 10; engagement is the mean of its three parts",
    ),
    "nqps": (
        numbered("nqps", [5, 5, 5, 3, 3, 3, 1, 1, 1]),
        {"nqps_motivation": 10, "nqps_involvement": 5, "nqps_advocacy": 0, "nqps_engagement": 5},
        "NHS England, the nine engagement items",
    ),
    "enps": ({"enps_answer": 6}, {"enps": -100}, "0 to 6 are detractors"),
    "staff_fft": (
        {"staff_fft_care_answer": 2, "staff_fft_work_answer": 6},
        {"staff_fft_care": 100, "staff_fft_work": 0},
        "likely counts, don't know does not",
    ),
    "fft": ({"fft_answer": 4}, {"fft_positive": 0, "fft_negative": 100}, "NHS England: poor and very poor"),
    "imatter": (
        numbered("imatter", [6] * 14 + [3] * 14),
        {"imatter_eei": 4.5 / 6 * 100},
        "gov.scot 2020: mean divided by 6",
    ),
    "dialog": (
        numbered("dialog", [4, 5, 3, 4, 5, 3, 4, 4, 6, 5, 7]),
        {"dialog_life": 32 / 8, "dialog_treatment": 6},
        "ELFT: eight of life, three of treatment",
    ),
    "rc": (
        {"freq": 4, "time": 3, "accu": 5, "prob": 4, "goal": 2, "know": 3, "resp": 4},
        {"rc": 25 / 7, "com": 16 / 4, "rel": 9 / 3},
        "BMC Med Educ 2006;6:23: (4 com + 3 rel) / 7",
    ),
}


def test_every_instrument_has_an_example():
    assert sorted(HAND) == sorted(names())


@pytest.mark.parametrize("name", sorted(HAND))
def test_scored_as_by_hand(name):
    answers, expected, _source = HAND[name]
    got = one(name, answers)
    assert {scale: got[scale] for scale in expected} == pytest.approx(expected)


# ---- traps ---------------------------------------------------------------------------------------


def test_olbi_both_codings_give_one_score():
    """With 4 = strongly agree, the other eight items would be reversed: the same score."""
    codes = HAND["olbi"][0]
    mirrored = {item: 5 - code for item, code in codes.items()}
    by_mirror, by_ours = one("olbi", mirrored, coding="agree_is_4"), one("olbi", codes)
    assert {s: by_mirror[s] for s in load("olbi").scales} == {s: by_ours[s] for s in load("olbi").scales}
    reversed_others = sum(
        5 - mirrored[f"olbi_{i}"] if i in {1, 5, 7, 10, 13, 14, 15, 16} else mirrored[f"olbi_{i}"] for i in range(1, 17)
    )
    assert one("olbi", codes)["olbi_total"] == pytest.approx(reversed_others / 16)


def test_mini_z_burnout_runs_opposite_ways_in_its_two_versions():
    assert load("mini_z_1").scales["mz1_burnout"].better == "lower"
    assert load("mini_z_2").scales["mz2_burnout"].better == "higher"
    assert load("mini_z_1").scales["mz1_burnout"].cutoffs[0].at_least == 3
    assert load("mini_z_2").scales["mz2_burnout"].cutoffs[0].at_most == 2


def test_cbi_reverses_one_item_and_maps_both_vocabularies_to_0_to_100():
    cbi = load("cbi")
    assert [item for item, about in cbi.items.items() if about.reverse] == ["cbi_13"]
    assert cbi.responses["frequency"].scored == cbi.responses["degree"].scored == {1: 0, 2: 25, 3: 50, 4: 75, 5: 100}
    assert one("cbi", {f"cbi_{i}": 75 for i in range(1, 7)}, coding="percent")["cbi_personal"] == 75


def test_cbi_has_no_total():
    assert list(load("cbi").scales) == ["cbi_personal", "cbi_work", "cbi_client"]


def test_imatter_cannot_fall_below_a_sixth_but_the_staff_survey_has_a_true_zero():
    assert load("imatter").ranges["imatter_eei"] == pytest.approx((100 / 6, 100))
    assert load("nss").ranges["nss_engagement"] == (0, 10)


def test_saq_percent_positive_counts_respondents_and_sops_counts_answers():
    """Two respondents, 4 and 5 to everything: SAQ scores 75 and 100 are both positive. One who disagrees with
    two of three SOPS items but scores 3.3 on average adds one positive answer of three, not a respondent."""
    saq = pd.DataFrame({f"saq_{i}": [4, 5, 3] for i in range(15, 20)})
    got = percent_positive(saq, "saq").set_index("scale").loc["saq_satisfaction"]
    assert (got["level"], got["n"], got["percent"]) == ("respondent", 3, pytest.approx(200 / 3))
    sops = pd.DataFrame({"sops_a1": [5, 4], "sops_a8": [3, 5], "sops_a9": [3, 1]})
    got = percent_positive(sops, "sops").set_index("scale").loc["sops_teamwork"]
    assert (got["level"], got["n"], got["percent"]) == ("item", 6, pytest.approx((100 + 50 + 50) / 3))


def test_sops_composite_is_the_mean_of_item_percentages_not_the_pooled_one():
    wave = pd.DataFrame({"sops_d1": [5, 5, 5, 5], "sops_d2": [1, None, None, None]})
    got = percent_positive(wave, "sops").set_index("scale").loc["sops_reporting"]
    assert got["percent"] == pytest.approx((100 + 0) / 2)  # pooled it would be 80


def test_maslach_is_never_added_into_one():
    for name in ("mbi_hss", "ambi"):
        scales = load(name).scales.values()
        assert not any(scale.scales for scale in scales)
        assert max(len(scale.items) for scale in scales) < len(load(name).items)


def test_who5_below_13_and_at_most_50_say_the_same():
    line = load("who5").scales["who5"].cutoffs[0].at_most
    for raw in range(26):
        codes = [min(5, max(0, raw - 5 * i)) for i in range(5)]
        assert (one("who5", numbered("who5", codes))["who5"] <= line) == (raw < 13)


def test_every_cutoff_names_its_source_and_population():
    for name in names():
        for scale in load(name).scales.values():
            for cutoff in scale.cutoffs:
                assert cutoff.source
                assert cutoff.population
                assert (cutoff.at_least is None) != (cutoff.at_most is None)


# ---- published values ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "positive", "negative"),
    [
        ((211, 132, 12, 6, 2, 1), 94.23, 2.20),
        ((250, 127, 18, 6, 6, 1), 92.40, 2.94),
        ((196, 86, 10, 5, 1, 0), 94.63, 2.01),
        ((165, 101, 15, 5, 3, 2), 91.41, 2.75),
    ],
)
def test_friends_and_family_four_published_months(counts, positive, negative):
    """Orchard practice, Dec 2014 to Mar 2015; two decimals are printed, so half of the second is the tolerance."""
    answers = [code for code, n in enumerate(counts, start=1) for _ in range(n)]
    scored = score(pd.DataFrame({"fft_answer": answers}), "fft")
    assert scored["fft_positive"].mean() == pytest.approx(positive, abs=0.005)
    assert scored["fft_negative"].mean() == pytest.approx(negative, abs=0.005)


def test_luton_55_percent_of_185_answers():
    wave = pd.DataFrame({"good_day_item": [3] * 102 + [2] * 83})
    assert score(wave, "good_day_4")["good_day"].mean() == pytest.approx(55, abs=0.5)


def test_net_promoter_score_is_promoters_minus_detractors():
    wave = pd.DataFrame({"enps_answer": [10, 9, 9, 8, 7, 6, 0, 5]})
    assert score(wave, "enps")["enps"].mean() == pytest.approx(100 * (3 - 3) / 8)


def test_relational_coordination_published_table():
    """BMC Med Educ 2006;6:23 table 1 weighs communication 4 and relationship 3: the index is the mean of 7 items."""
    got = one("rc", HAND["rc"][0])
    assert got["rc"] == pytest.approx((4 * got["com"] + 3 * got["rel"]) / 7)


def test_answered_is_beside_every_score():
    for name in names():
        wave = score(pd.DataFrame({item: [None] for item in load(name).items}, dtype="float"), name)
        for scale in instruments.scales_of(name):
            assert wave[scale].isna().all()
            assert wave[f"{scale}_answered"].tolist() == [0]
