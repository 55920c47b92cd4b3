"""Exports that real survey tools and public bodies wrote; skipped where they are not at hand."""

from __future__ import annotations

import polars as pl
import pytest

from joyeval.waves import read
from tests.conftest import reference


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
    raw = read(reference("data", "export_formats", file))
    assert (raw.source, raw.frame.height, raw.set_aside.height) == (source, kept, previews)
    assert raw.rows[0] == first_row


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
