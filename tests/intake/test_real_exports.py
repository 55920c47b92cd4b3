"""Exports that real survey tools and public bodies wrote; skipped where they are not at hand."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pytest

from joyeval import load_study
from joyeval.errors import DataError
from joyeval.intake import WaveFile, clean, propose_map, read
from joyeval.intake.cohort import wave_files
from tests.conftest import ROOT, reference


@pytest.mark.parametrize(
    ("file", "source", "height", "width"),
    [
        ("job_satisfaction_waves/2016_uk_public_data.csv", "LimeSurvey (codes and texts)", 273, 67),
        ("job_satisfaction_waves/2017_uk_public_data.csv", "LimeSurvey (codes and texts)", 253, 245),
        ("job_satisfaction_waves/2017_us_public_data.csv", "LimeSurvey (codes and texts)", 164, 242),
        ("job_satisfaction_waves/2017_can_public_data.csv", "LimeSurvey (codes and texts)", 110, 62),
        ("job_satisfaction_waves/2017_zaf_public_data.csv", "LimeSurvey (codes and texts)", 22, 277),
        ("health_staff_surveys/apha_cpd_survey.csv", "a table", 237, 38),
        ("health_staff_surveys/notts_synthESR.csv", "a table", 39, 5),
        ("health_staff_surveys/notts_synthSurvey.csv", "a table", 1945, 14),
        ("health_staff_surveys/nurses_evalBurnout.csv", "a table", 62, 55),
        ("export_formats/limesurvey_survey_100001.csv", "LimeSurvey", 3, 646),
        ("export_formats/limesurvey_survey_998192.csv", "LimeSurvey", 7, 71),
        ("nhs_staff_survey/NSS_2021_2024_data_trusts_well-being - organisational results.csv", "a table", 1075, 74),
        ("nhs_staff_survey/peoplepulse_pulse_ts_data.csv", "a table", 565, 15),
    ],
)
def test_every_row_and_column_is_read(file, source, height, width):
    raw = read(reference("data", *file.split("/")))
    assert (raw.source, raw.frame.shape, raw.set_aside.height) == (source, (height, width), 0)


@pytest.mark.parametrize(
    ("file", "source", "kept", "previews", "first_row"),
    [
        ("excluder_qualtrics_raw.csv", "Qualtrics", 98, 2, 6),  # three rows of headings, then two previews
        ("excluder_qualtrics_text.csv", "Qualtrics (one header row)", 98, 2, 4),
        ("qualtrics_3row_header_german_sample.csv", "Qualtrics", 1, 0, 4),
        ("qualtrics_legacy_sample.csv", "Qualtrics (legacy)", 1, 0, 3),
    ],
)
def test_qualtrics_rows_previews_and_row_numbers(file, source, kept, previews, first_row):
    raw = read(reference("data", "export_formats", file), unfinished=True)
    assert (raw.source, raw.frame.height, raw.set_aside.height) == (source, kept, previews)
    assert raw.rows[0] == first_row


def test_unfinished_qualtrics_responses_are_set_aside_and_counted():
    """Six of the 100 responses say FALSE under Finished."""
    raw = read(reference("data", "export_formats", "excluder_qualtrics_raw.csv"))
    assert (raw.frame.height, raw.set_aside["rule"].value_counts(sort=True).rows()) == (
        92,
        [("unfinished", 6), ("preview", 2)],
    )


@pytest.mark.parametrize("file", ["excluder_qualtrics_raw.csv", "qualtrics_legacy_sample.csv"])
def test_network_addresses_and_places_are_dropped(file):
    raw = read(reference("data", "export_formats", file))
    assert not {"IPAddress", "LocationLatitude", "LocationLongitude", "EmailAddress", "Name"} & set(raw.frame.columns)


@pytest.mark.parametrize(("quarter", "trusts"), [("202223Q1", 184), ("202223Q2", 187)])
def test_people_pulse_headings_stand_in_row_seven(quarter, trusts):
    path = reference("data", "nhs_staff_survey", f"peoplepulse_{quarter}.xlsm")
    raw = read(path, sheet="Engagement Score Breakdown")
    assert raw.frame.columns[4:6] == ["Org Code", "Org Name"]
    assert (raw.rows[0], raw.frame.height) == (9, trusts + 1)  # row 8 is blank, row 9 is England


def test_people_pulse_suppressed_cells_stay_as_they_are():
    raw = read(reference("data", "nhs_staff_survey", "peoplepulse_202223Q1.xlsm"), sheet="Advocacy")
    assert (raw.frame["Advocacy Score"].cast(pl.String) == "-").sum() == 1


def test_people_pulse_stack_has_no_quarter_in_187_rows():
    raw = read(reference("data", "nhs_staff_survey", "peoplepulse_pulse_ts_data.csv"))
    assert (raw.frame["time"].cast(pl.String) == "NA").sum() == 187


@pytest.mark.parametrize(("sheet", "height", "first_row"), [("Acute", 88, 3), ("Combined MH LD and Community", 32, 2)])
def test_staff_survey_workbook_with_a_note_above_some_headings(sheet, height, first_row):
    path = reference("data", "nhs_staff_survey", "ST19-Organisation-Data-2019-Only-v1f.xlsx")
    raw = read(path, sheet=sheet)
    assert (raw.frame.columns[0], raw.rows[0], raw.frame.height) == ("trust", first_row, height)


# ---- job satisfaction of research software engineers, 2016 and 2017, four countries ---------------

DEGREES = {"Strongly disagree": 1, "Disagree": 2, "Neither agree or disagree": 3, "Agree": 4, "Strongly Agree": 5}
TIMES = {"Never": 1, "Never ": 1, "Sometimes": 2, "Often": 3, "Very Often": 4, "Always": 5}


def job_satisfaction():
    folder = reference("data", "job_satisfaction_waves")
    study = load_study(ROOT / "pipelines" / "job_satisfaction.yml", data=folder)
    return clean(wave_files(study, "international"), cohort="international", key=bytes(32))


def by_hand(file: str, item: str, codes: dict) -> pd.Series:
    """An item straight from the file: every heading of these files holds the code of its item."""
    table = pd.read_csv(reference("data", "job_satisfaction_waves", file))
    return table[next(column for column in table if item in column)].map(codes)


@pytest.mark.parametrize(
    ("file", "wave", "team"),
    [
        ("2016_uk_public_data.csv", "2016", "United Kingdom"),
        ("2017_uk_public_data.csv", "2017", "United Kingdom"),
        ("2017_us_public_data.csv", "2017", "United States"),
        ("2017_zaf_public_data.csv", "2017", "South Africa"),
    ],
)
def test_three_scales_of_every_country_as_by_hand(file, wave, team):
    table = job_satisfaction().table("wave_job_satisfaction").set_index(["wave", "team"]).loc[(wave, team)]
    satisfaction = pd.DataFrame({i: by_hand(file, f"affSat{i}", DEGREES) for i in range(1, 5)})
    recognition = pd.DataFrame({i: by_hand(file, f"affRec{i}", DEGREES) for i in range(1, 6)})
    leaving = pd.DataFrame({i: by_hand(file, f"turnOver{i}", TIMES if i < 5 else DEGREES) for i in range(1, 7)})
    leaving[[2, 5]] = 6 - leaving[[2, 5]]
    for scale, items, fewest in (
        ("satisfaction", satisfaction, 2),
        ("recognition", recognition, 3),
        ("leaving", leaving, 3),
    ):
        expected = items.mean(axis=1).where(items.count(axis=1) >= fewest).dropna()
        assert table[scale].count() == len(expected)
        assert table[scale].mean() == pytest.approx(expected.mean())


def test_which_rows_of_the_job_satisfaction_waves_are_lost_and_why():
    done = job_satisfaction()
    flow = done.table("flow")
    assert flow[flow["step"] == "read"].set_index("wave")["n_out"].to_dict() == {"2016": 273, "2017": 549}
    lost = done.table("quarantine")
    assert lost.groupby("file").size().to_dict() == {
        "2017_can_public_data.csv": 110,
        "2017_uk_public_data.csv": 28,
        "2017_us_public_data.csv": 24,
        "2017_zaf_public_data.csv": 8,
    }
    assert set(lost["rule"]) == {"no answers"}
    assert len(done.table("wave_job_satisfaction")) == 273 + 549 - 170


def test_an_earlier_wave_proposes_the_map_of_a_later_one():
    """2016 to 2017: other headings, another order. Every proposal for the 15 items is right."""
    folder = reference("data", "job_satisfaction_waves")
    study = load_study(ROOT / "pipelines" / "job_satisfaction.yml", data=folder)
    first, second, third = wave_files(study, "international")[:3]
    for later in (second, third):
        asked = {name: heading for name, heading in first.columns.items() if name in later.columns}
        table = propose_map(read(later.path), [], asked)
        assert dict(zip(table["name"], table["heading"], strict=True)) == {n: later.columns[n] for n in asked}


# ---- staff surveys --------------------------------------------------------------------------------


STAFF_FFT = {"staff_fft_care_answer": "FandFOrgCare", "staff_fft_work_answer": "FandFOrgWork", "role": "Pay"}


def staff_fft(**answers):
    path = reference("data", "health_staff_surveys", "notts_synthSurvey.csv")
    file = WaveFile(path=path, wave="1", instruments=("staff_fft",), columns=STAFF_FFT, answers={"staff_fft": answers})
    return clean([file], cohort="1", key=bytes(32)), pd.read_csv(path)


def test_a_label_that_no_table_knows_stops_the_run_where_it_is_common():
    """The trust wrote "Neither Likely or Unlikely", NHS England "nor": one in five answers, so not a slip."""
    with pytest.raises(DataError) as caught:
        staff_fft()
    assert [(p.column, p.rule) for p in caught.value.problems] == [
        ("FandFOrgCare", "unknown answer"),
        ("FandFOrgWork", "unknown answer"),
    ]


def test_staff_friends_and_family_answers_of_a_trust():
    """Synthetic answers modelled on a real trust: words and blanks; counted again with pandas."""
    done, raw = staff_fft(**{"Neither Likely or Unlikely": 3})
    expected = 100 * raw["FandFOrgCare"].dropna().isin(["Extremely Likely", "Likely"]).mean()
    table = done.table("wave_staff_fft")
    assert table["staff_fft_care"].mean() == pytest.approx(expected)
    assert len(table) == raw[["FandFOrgCare", "FandFOrgWork"]].notna().any(axis=1).sum()


def test_people_pulse_workbook_as_a_table_of_organisations():
    """The England row has no code, the suppressed cell is `-`: both are what the study file says they are."""
    path = reference("data", "nhs_staff_survey", "peoplepulse_202223Q1.xlsm")
    raw = read(path, sheet="Advocacy", header_row=7)
    organisations = raw.frame.filter(pl.col("Org Code").is_not_null())
    scores = organisations["Advocacy Score"].cast(pl.String)
    assert (organisations.height, (scores == "-").sum()) == (185, 1)


# ---- every other file into something right ------------------------------------------------------


BURNOUT_ES = """
id: burnout_es
title: Consequences of burnout (Spanish nurses)
about: Fourteen items of a published data set without wording.
source: data set nurses_evalBurnout
licence: {terms: not known, wording: keys only, commercial: not known}
responses:
  often:
    codes: [0, 4]
    labels: {0: Nunca, 1: Pocas veces al ano, 2: Una vez al mes o menos, 3: Una vez a la semana, 4: Todos los dias}
items:
ITEMS
scales:
  burn: {title: Burnout (0 to 4), items: [LIST], answered: 7, rule: ours, better: lower}
"""


def test_spanish_words_of_nurses_become_codes_and_small_services_stay_apart(tmp_path):
    """62 nurses, 14 items: mean code as pandas counts it; most services have fewer than eleven nurses."""
    path = reference("data", "health_staff_surveys", "nurses_evalBurnout.csv")
    names = [f"burn_{i}" for i in range(1, 15)]
    items = "\n".join(f"  {name}: {{topic: {name}, responses: often}}" for name in names)
    own = tmp_path / "burnout_es.yml"
    own.write_text(BURNOUT_ES.replace("ITEMS", items).replace("LIST", ", ".join(names)), encoding="utf-8")
    columns = {"team": "servicio"} | {name: f"burn.{i}" for i, name in enumerate(names, 1)}
    done = clean([WaveFile(path=path, wave="1", instruments=(own,), columns=columns)], cohort="1", key=bytes(32))
    raw = pd.read_csv(path)
    words = ["Nunca", "Pocas veces al ano", "Una vez al mes o menos", "Una vez a la semana", "Todos los dias"]
    codes = raw[[f"burn.{i}" for i in range(1, 15)]].apply(
        lambda c: c.str.strip().map({w: k for k, w in enumerate(words)})
    )
    scored = codes.mean(axis=1)[codes.count(axis=1) >= 7]
    table = done.table("wave_burnout_es")
    assert table["burn"].count() == len(scored)
    assert table["burn"].mean() == pytest.approx(scored.mean())
    assert (table["team"].value_counts() < 11).sum() >= 10


def test_times_and_words_of_the_analysts_survey():
    """237 analysts, begun and ended beside each other, `-` for no answer."""
    path = reference("data", "health_staff_surveys", "apha_cpd_survey.csv")
    columns = {"date": "form_started_dttm", "begun": "form_started_dttm", "ended": "form_ended_dttm"}
    columns |= {"good_day_item": "q07a_future_health_work_cat"}
    likely = {"Very unlikely": 1, "Somewhat unlikely": 2, "Somewhat likely": 3, "Very likely": 4, "Undecided": ""}
    file = WaveFile(
        path=path,
        wave="1",
        instruments=("good_day_4",),
        columns=columns,
        answers={"good_day_4": likely},
        missing=("-",),
    )
    done = clean([file], cohort="1", key=bytes(32))
    raw = pd.read_csv(path)
    counts = raw["q07a_future_health_work_cat"].value_counts()
    got = done.table("wave_good_day_4")["good_day_item"].value_counts()
    assert {code: got[code] for word, code in likely.items() if code} == {c: counts[w] for w, c in likely.items() if c}
    ends = pd.to_datetime(raw["form_ended_dttm"]) - pd.to_datetime(raw["form_started_dttm"])
    told = {p.rule for p in done.problems}
    answered = raw["q07a_future_health_work_cat"].map(likely).replace("", None).notna()
    assert ("impossible duration" in told) == bool(((ends.dt.total_seconds() <= 0) & answered).any())


def test_the_quarter_without_a_time_is_told_row_by_row_not_guessed():
    """187 rows of 2022/23 Q2 have no `time`; suppressed scores are `-`; both become gaps, and the numbers are kept."""
    from joyeval.intake.tabulate import tabulate
    from joyeval.study import RawTable

    part = RawTable(
        file="peoplepulse_pulse_ts_data.csv",
        columns={"team": "Org Code", "period": "time", "answers": "Total Responses", "score": "Advocacy"},
        missing=("", "-", "NA"),
    )
    fields = {"team": "text", "period": "text", "answers": "number", "score": "number"}
    done = tabulate(part, reference("data", "nhs_staff_survey"), fields)
    raw = pd.read_csv(reference("data", "nhs_staff_survey", "peoplepulse_pulse_ts_data.csv"), na_values=["-"])
    assert (done.n_read, done.problems) == (565, ())
    assert done.frame["period"].isna().sum() == raw["time"].isna().sum() == 187
    assert done.frame["score"].mean() == pytest.approx(pd.to_numeric(raw["Advocacy"]).mean())
    assert done.frame["answers"].sum() == raw["Total Responses"].sum()


def test_a_list_of_headings_is_no_table_of_answers():
    """2016_uk_header.csv maps codes to questions: its first line is read as heading, and no questionnaire is seen."""
    from joyeval.intake.mapping import propose

    raw = read(reference("data", "job_satisfaction_waves", "2016_uk_header.csv"))
    assert raw.source == "a table"
    assert propose(raw).instruments == ()
