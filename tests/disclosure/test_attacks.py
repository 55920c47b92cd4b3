"""The gate held against attacks by coordinates, source data, difference to the whole and prose; and without it."""

from __future__ import annotations

from array import array
from base64 import b64encode
from datetime import date
from decimal import Decimal
from fractions import Fraction
from io import BytesIO
from unittest import mock
from urllib.parse import quote
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, OutlineItem, Pdf
from PIL import Image, TiffImagePlugin
from PIL.PngImagePlugin import PngInfo

from joyeval import disclosure, figures, improvement, report
from joyeval.disclosure import RULES, Rule, show
from joyeval.disclosure.drawings import read_drawing
from joyeval.disclosure.hidden import MEANS, Hidden
from joyeval.disclosure.release import file_problems
from joyeval.errors import DisclosureError
from joyeval.figures.door import drawing
from joyeval.figures.render import pictures
from joyeval.outcomes.sensitivity import LeaveOneOut
from tests.disclosure.attacks import candidates, claims, rest, solved
from tests.shown import as_shown

PROGRAMME_RULE, TEAM_RULE = RULES["programme"], RULES["team"]
STAFF = pd.Series({"Ash": 6.0, "Birch": 7, "Cedar": 8, "Dale": 12, "Elm": 14, "Fir": 20, "Gorse": 13, "Holly": 16})
WEEKS = 30
XMLNS = 'xmlns="http://www.w3.org/2000/svg"'


def pulse(seed=1, most=2, teams=STAFF):
    """Weekly answers of teams; people may answer up to `most` times a week."""
    rng = np.random.default_rng(seed)
    rows = [
        (team, week, answers := int(rng.integers(staff // 2, most * staff)), int(rng.binomial(answers, 0.6)))
        for team, staff in teams.items()
        for week in pd.date_range("2024-01-01", periods=WEEKS, freq="W-MON")
    ]
    return pd.DataFrame(rows, columns=["team", "period", "answers", "positive"])


def charted(rows, by="team"):
    options = {"x": "period", "y": "positive", "n": "answers", "multiply": 100, "improve": "increase"}
    return improvement.chart(rows, by=by, freeze=12, **options)


@pytest.fixture(scope="module")
def rows():
    return pulse()


@pytest.fixture(scope="module")
def charts(rows):
    return charted(rows)


def page_of(shown):
    return figures.small_multiples(shown, columns=3, rows=8, ylabel="%")[0]


def drawn(shown):
    return read_drawing(pictures(page_of(shown))["svg"].encode(), ".svg")


def values(drawing):
    return solved(drawing, STAFF.index)["value"].to_numpy()


def few(rows, threshold=11):
    """Exact shares of points behind which too few people stand."""
    people = np.minimum(rows["answers"], rows["team"].map(STAFF))
    small = rows[people < threshold]
    return {Fraction(k, n) for k, n in zip(small["positive"], small["answers"], strict=True)}


def test_coordinates_give_exact_shares_away_without_the_gate(charts, rows):
    found = values(drawn(as_shown(charts)))
    assert len(found) == len(rows)
    assert len(few(rows) & claims(found)) > 0.8 * len(few(rows))  # nearly every one of them


@pytest.mark.parametrize(("rule", "named"), [(Rule(), 5), (PROGRAMME_RULE, 8)], ids=["public", "programme"])
def test_coordinates_hold_whole_percentages_of_rounded_counts_of_enough_people(charts, rule, named):
    shown = show(charts, audience=rule, people=STAFF)
    with disclosure.reading(rule):
        drawing = drawn(shown)
    found = values(drawing)
    assert len(found)
    assert np.abs(found - np.round(found)).max() < 0.001
    words = {word for word, _, _ in drawing.words}
    assert [team for team in STAFF.index if team in words] == list(STAFF.index[-named:])
    limits = shown.what.points.groupby(["team", "part"])[["centre", "lower", "upper"]].nunique()
    assert (limits <= 1).all(axis=None)  # limits that follow the answers give their number


@pytest.mark.parametrize("rule", [Rule(), PROGRAMME_RULE], ids=["public", "programme"])
@pytest.mark.parametrize("seed", range(6))
def test_what_is_hidden_of_a_week_is_nobody_or_enough_people(rule, seed):
    rows = pulse(seed, most=1)
    shown = show(charted(rows), audience=rule, people=STAFF).what.points.dropna(subset="value")
    people = np.minimum(rows["answers"], rows["team"].map(STAFF)).rename("people")
    marks = rows.assign(people=people).merge(shown[["team", "period", "value"]], on=["team", "period"], how="left")
    rest = marks[marks["value"].isna()].groupby("period")["people"].sum()
    assert (rest >= rule.threshold).all()
    assert (marks.loc[marks["value"].notna(), "people"] >= rule.threshold).all()


def test_a_share_beside_its_number_fits_many_counts():
    rule, unique = Rule(), 0
    for n in range(11, 24):
        for k in range(n + 1):
            fits = sum(
                1
                for other in range(1, 45)
                if rule.rounded(other) == rule.rounded(n)
                for j in range(other + 1)
                if rule.percent([j], [other])[0] == rule.percent([k], [n])[0]
            )
            assert fits >= 5
            unique += candidates(round(100 * k / n, 1), round(n / 5) * 5) == 1
    assert unique > 100  # the exact share beside the same number


def test_answers_are_not_people():
    many = pd.DataFrame(
        {"team": "Ash", "period": pd.date_range("2024-01-01", periods=20), "answers": 30, "positive": 12}
    )
    shown = show(charted(many), people=STAFF)
    assert shown.what.points.empty
    assert "fewer than 11" in shown.what.notes[-1]


def test_two_editions_side_by_side_say_the_same_of_the_same_point(charts):
    public, programme = (show(charts, audience=rule, people=STAFF).what.points for rule in (Rule(), PROGRAMME_RULE))
    both = public.dropna(subset="value").merge(programme, on=["team", "period"], suffixes=("", "_other"))
    assert len(both)
    assert (both["value"] == both["value_other"]).all()


def test_a_team_sees_its_own_weeks_but_none_in_which_all_of_few_agreed():
    weeks = pd.date_range("2024-01-01", periods=4, freq="W-MON")
    own = pd.DataFrame({"team": "Ash", "period": weeks, "answers": [2, 4, 5, 4], "positive": [1, 4, 5, 3]})
    shown = show(charted(own), audience=TEAM_RULE, people=STAFF).what.points
    assert shown["value"].tolist() == pytest.approx([np.nan, np.nan, 100, 75], nan_ok=True)


# ---- what is held together -------------------------------------------------------------------------------------------

EXACT_RULE = Rule(threshold=11, nearest=1)  # few people are hidden, and nothing is rounded


def together(rows, rule, *, editions, own=None):
    """For every week: positive answers of all that is hidden from who holds these editions, and maybe one sheet."""
    charts, whole = (
        charted(rows),
        charted(rows.groupby("period", as_index=False)[["positive", "answers"]].sum(), by=None),
    )
    total = show(whole, audience=rule, people=STAFF.sum()).what.points.set_index("period")["value"]
    seen = [
        show(charts, audience=one, people=STAFF).what.points.set_index(["team", "period"])["value"] for one in editions
    ]
    table = rows.set_index(["team", "period"])
    table["shown"] = pd.concat(seen).groupby(level=[0, 1]).first().reindex(table.index)
    table["known"] = table["positive"].where(table.index.get_level_values("team") == own).astype(float)
    for period, parts in table.groupby(level="period"):
        every = pd.Series({"shown": total[period], "answers": parts["answers"].sum()})
        hidden = parts[parts["shown"].isna() & parts["known"].isna()]
        people = np.minimum(hidden["answers"], hidden.index.get_level_values("team").map(STAFF)).sum()
        yield people, hidden["positive"].sum(), hidden["answers"].sum(), every, rest(every, parts, rule)


def worked_out(weeks, threshold):
    """Weeks in which few are left, of these the ones worked out exactly, and those guessed right with and without."""
    few = [(k, n, every, ends) for people, k, n, every, ends in weeks if 0 < people < threshold]
    exact = sum(low == high == k for k, _, _, (low, high) in few)
    guessed = sum(round((low + high) / 2) == k for k, _, _, (low, high) in few)
    at_random = sum(round(n * every["shown"] / 100) == k for k, n, every, _ in few)
    return len(few), exact, guessed, at_random


HOLDERS = {
    "public": (["public"], None),
    "programme": (["programme"], None),
    "both": (["public", "programme"], None),
    "public and the sheet of Ash": (["public"], "Ash"),
    "programme and the sheet of Ash": (["programme"], "Ash"),
    "everything and the sheet of Birch": (["public", "programme"], "Birch"),
}
TWO_SMALL = pd.Series(
    {"Ash": 6.0, "Birch": 7, "Dale": 12, "Elm": 14, "Fir": 20}
)  # two that are only ever seen together


@pytest.mark.parametrize("teams", [STAFF, TWO_SMALL], ids=["three small teams", "two small teams"])
@pytest.mark.parametrize("holder", HOLDERS)
def test_what_is_left_of_the_whole_cannot_be_worked_out_by_who_knows_how_many_answered(holder, teams):
    names, own = HOLDERS[holder]
    editions, many = [RULES[name] for name in names], [pulse(seed, most=1, teams=teams) for seed in range(2)]
    weeks = [week for rows in many for week in together(rows, editions[-1], editions=editions, own=own)]
    few, exact, guessed, at_random = worked_out(weeks, 11)
    assert exact == 0
    assert guessed <= at_random + 3 * np.sqrt(few / 4)  # no better than chance would do


def test_what_is_left_of_the_whole_is_worked_out_where_nothing_is_rounded():
    many = [pulse(seed, most=1, teams=TWO_SMALL) for seed in range(2)]
    weeks = [week for rows in many for week in together(rows, EXACT_RULE, editions=[EXACT_RULE], own="Ash")]
    few, exact, guessed, _ = worked_out(weeks, 11)
    assert few > 10
    assert exact > 0.8 * few
    assert guessed >= exact


# ---- doors ----------------------------------------------------------------------------------------------------------

EXACT = pd.DataFrame({"team": ["A", "B"], "mean": [3.1, 4.2], "n": [2, 3]})


@pytest.mark.parametrize("exact", [EXACT, EXACT["mean"].to_numpy(), EXACT["mean"], None], ids=str)
@pytest.mark.parametrize(
    "door",
    [
        lambda exact: report.table(exact, caption="Means"),
        lambda exact: report.save_table(exact, "unused", caption="Means"),
        lambda exact: figures.forest(exact, xlabel="x"),
        lambda exact: figures.small_multiples(exact),
        lambda exact: figures.scores_over_waves(exact, titles={}, better={}, ranges={}),
    ],
    ids=["table", "save_table", "forest", "small_multiples", "scores"],
)
def test_what_did_not_come_through_the_gate_is_refused_with_the_way(door, exact):
    with pytest.raises(DisclosureError, match=r"disclosure\.show\(it, audience=…, people=…\)") as refused:
        door(exact)
    assert "\n" not in str(refused.value).strip()
    assert refused.value.exit_code == 3


class Ours(pd.DataFrame):
    """A table under another name."""


@pytest.mark.parametrize(
    "beside",
    [
        Ours(EXACT), np.ma.masked_array([3.1, 4.2]), pd.array([3.1, 4.2]), iter([3.1]), [3.1], (1, (2, 3.1)),
        {"A": 3.1}, {3.1}, {"A": {"B": [3.1]}}, {"A": EXACT}, [EXACT["mean"]], [np.float32(3.1)], [Decimal("3.1")],
        [np.array([3])], EXACT.to_dict(), pd.Index([3.1]), EXACT["mean"].to_dict().values(), array("d", [3.1]),
    ],
    ids=lambda beside: type(beside).__name__,
)  # fmt: skip
def test_nothing_exact_passes_beside_what_may_be_shown(beside):
    shown = show(EXACT.assign(n=[20, 30]), people="n")
    with pytest.raises(DisclosureError, match=r"figures\.bare takes what may be shown, not a"):
        drawing(bare)(shown, beside)
    with pytest.raises(DisclosureError, match=r"figures\.bare takes what may be shown, not a"):
        drawing(bare)(shown, beside=beside)


@pytest.mark.parametrize(
    "beside",
    [["a", "b"], (1, 2), {"a": "b"}, [("baseline", pd.Timestamp("2024-01-01"), None)], range(3), 0.5, [True], [], b"a",
     {"a": (1, 7)}, pd.Index(["a"]), [date(2024, 1, 1)]],
    ids=lambda beside: type(beside).__name__,
)  # fmt: skip
def test_words_days_and_whole_numbers_lay_out_a_drawing(beside):
    assert drawing(bare)(show(EXACT.assign(n=[20, 30]), people="n"), beside) == "A line."


def bare(table, beside=None):
    return "A line."


def test_a_result_is_no_table_of_people_either(charts):
    with pytest.raises(DisclosureError, match="not a Charts"):
        figures.small_multiples(charts)
    with pytest.raises(DisclosureError, match="name in `people`"):
        show(EXACT)


def test_drawings_of_something_else_are_neither_saved_nor_reported(tmp_path):
    fig, ax = figures.new()
    ax.plot([1, 2], [3.1, 4.2])
    for door in (
        lambda: figures.save(fig, tmp_path / "fig", alt="A line.", caption="A line."),
        lambda: report.figure(fig, alt="A line.", caption="A line."),
    ):
        with pytest.raises(DisclosureError, match=r"figures\.from_shown"):
            door()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "other", [EXACT, EXACT["mean"], EXACT["mean"].to_numpy(), [EXACT], {"a": 3.14159}, iter([3.1])]
)
def test_nothing_exact_stands_beside_what_is_shown(other):
    shown = show(EXACT.assign(n=30), people="n")
    assert len(shown.pipe(lambda table, names: table[names], ["mean"]).what)
    for call in (lambda: shown.pipe(lambda _, more: more, other), lambda: shown.pipe(lambda _, more: more, more=other)):
        with pytest.raises(DisclosureError, match=r"Shown\.pipe takes what may be shown"):
            call()


def test_what_was_made_for_the_programme_does_not_pass_where_the_public_reads():
    shown = show(EXACT.assign(n=[7, 30]), audience="programme", people="n")
    with pytest.raises(DisclosureError, match="made for the programme"):
        report.table(shown, caption="Means")


def test_readers_nobody_knows_are_refused():
    with pytest.raises(DisclosureError, match="no audience 'board'"):
        show(EXACT, audience="board", people="n")


def test_a_team_list_without_staff_in_post_is_refused():
    with pytest.raises(DisclosureError, match="1 of 2 teams"):
        disclosure.in_post(pd.DataFrame({"team": ["A", "B"], "headcount": [12.0, np.nan]}))


def test_the_team_without_which_an_estimate_moves_is_not_named():
    rows = pd.DataFrame(
        {"left_out": ["Ash", "Fir"], "estimate": [0.2, 0.1], "ci_low": 0.0, "ci_high": 0.3, "change": 0.1}
    )
    found = LeaveOneOut(term="within", estimate=0.15, estimates=rows, n=2)
    assert "Ash" in found.sentence()
    shown = show(found, people=96)
    assert "leaving out one team moves it most" in shown.sentence()
    assert "Ash" not in str(shown.frame())
    assert shown.what.tidy()["estimate"].tolist() == [0.1, 0.2], "in no order of teams"


@pytest.fixture(scope="module")
def saved(charts, tmp_path_factory):
    """The drawing in every format, as it is and as the gate lets it pass."""
    folder = tmp_path_factory.mktemp("saved")
    for name, shown in (("exact", as_shown(charts)), ("shown", show(charts, people=STAFF))):
        figures.save(page_of(shown), folder / name, alt="Charts.", caption="Charts.")
    return lambda name, kind: read_drawing((folder / f"{name}{kind}").read_bytes(), kind)


@pytest.mark.parametrize("kind", [".svg", ".pdf", ".eps"])
def test_every_format_says_the_same_and_is_read_back(kind, saved, rows):
    """A drawing that went round the gate is noticed by its names, and without names by its coordinates."""
    hidden = STAFF.index[STAFF < 11]
    drawing = saved("exact", kind)
    panel = solved(drawing, STAFF.index).query("panel == 'Birch'")
    truth = rows.query("team == 'Birch'")
    assert panel["value"].to_numpy() == pytest.approx(100 * (truth["positive"] / truth["answers"]).to_numpy(), abs=0.01)
    assert "beside the name" in Hidden(hidden).drawn(drawing)
    shares = np.unique([100 * float(share) for share in few(rows) if (1000 * share) % 1])
    assert "exact values" in Hidden(shares=shares).drawn(drawing)
    assert Hidden(hidden, shares=shares).drawn(saved("shown", kind)) == ""


@pytest.mark.parametrize(("alt", "told"), [("Charts of a good day.", True), ("Charts of falls per month.", False)])
def test_points_beside_a_small_team_are_of_the_people_it_serves_only_where_the_picture_says_so(
    charts, tmp_path, alt, told
):
    svg = pictures(figures.small_multiples(as_shown(charts), columns=3, rows=8, ylabel="%")[0])["svg"]
    coded = b64encode(svg.encode()).decode()
    (tmp_path / "a.html").write_text(f'<img alt="{alt}" src="data:image/svg+xml;base64,{coded}">', encoding="utf-8")
    hidden = Hidden(set(STAFF.index[STAFF < 11]), outcomes={"Falls per month": STAFF.index})
    problems = list(file_problems(tmp_path / "a.html", "a.html", Rule(), hidden))
    assert ["beside the name" in problem.found for problem in problems] == [True] * told


# ---- the read-back ---------------------------------------------------------------------------------------------------


def coded(content: bytes) -> str:
    return b64encode(content).decode()


def png_that_says(words: str) -> bytes:
    told, content = PngInfo(), BytesIO()
    told.add_text("Description", words)
    Image.new("RGB", (4, 4)).save(content, "png", pnginfo=told)
    return content.getvalue()


PNG_SAYS, SVG_SAYS = coded(png_that_says("Ash stands at 38 %")), f"<svg {XMLNS}><text>Ash 38%</text></svg>"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.html", "<p>Response ran from 38% (Ash) to 100% (Fir).</p>"),
        ("a.html", '<p>Fine.</p><img alt="Ash stands at 3.4.">'),
        ("a.html", "<table><tr><th>Team<th>Mean</tr><tr><td>Ash<td>3.4</tr></table>"),
        ("a.svg", "<svg><!-- Ash 38% --></svg>"),
        ("a.csv", "team,value\nAsh,38.5\n"),
        ("a.txt", "Of Ash 38 % said so."),
        ("Ash_38%.txt", "Fine."),
        ("a.txt", "Ash: 1 of 4."),
        ("a.html", "<table><tr><th>Team<th>Share<th></tr><tr><td>Ash:<td>25<td>%</tr></table>"),
        ("a.html", "<table><tr><th>Team<th>Yes<th><th>All</tr><tr><td>Ash<td>1<td>of<td>4</tr></table>"),
        ("a.html", "<p>Fine.</p><!-- Ash 38% -->"),
        ("a.html", '<p data-note="Ash 38%">Fine.</p>'),
        ("a.html", '<p aria-label="Ash 38%">Fine.</p>'),
        ("a.html", """<iframe srcdoc="<table><tr><th>T<th>M</tr><tr><td>Ash<td>3.4</tr></table>"></iframe>"""),
        ("a.html", """<iframe srcdoc="<p>Ash 38%</p>"></iframe>"""),
        ("a.svg", f"<svg {XMLNS}><text>Ash <tspan>3</tspan><tspan>8%</tspan></text></svg>"),
        ("a.svg", f"<svg {XMLNS}><desc>Ash 38%</desc></svg>"),
        ("a.svg", f'<svg {XMLNS}><g aria-label="Ash 38%"/></svg>'),
        ("a.svg", f"<svg {XMLNS}><metadata>Ash 38%</metadata></svg>"),
        ("a.html", "<table><tr><th>Team<th>Share (%)</tr><tr><td>Ash<td>38</tr></table>"),
        ("a.html", "<table><tr><th>Team<th colspan=2>Per cent</tr><tr><td>Ash<td>38<td>41</tr></table>"),
        ("a.html", "<table><caption>Rates (%)</caption><tr><th>Team<th>Last</tr><tr><td>Ash<td>38</tr></table>"),
        ("a.csv", "team,percent\nAsh,38\n"),
        ("a.csv", "wave,Ash\nspring,3.4\n"),
        ("a.html", f'<img src="data:image/svg+xml,{quote(SVG_SAYS)}">'),
        ("a.html", f"<div style=\"background:url('data:image/svg+xml;base64,{coded(SVG_SAYS.encode())}') 2x\">"),
        ("a.svg", f'<svg {XMLNS}><image href="data:image/png;base64,{PNG_SAYS}"/></svg>'),
        ("a.html", f'<img src="data:image/png;base64,{PNG_SAYS}">'),
    ],
)
def test_a_number_beside_a_group_of_too_few_is_found(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert disclosure.check_release(tmp_path, hidden={"Gorse"})
    with pytest.raises(DisclosureError, match="too few people"):
        disclosure.check_release(tmp_path, hidden={"Ash"})


@pytest.mark.parametrize(
    "inside", ["data:text/csv,team;joy", "data:,team", "data:application/json;base64,e30=", "DATA:text/html,rows"]
)
def test_a_file_inside_a_page_is_refused(tmp_path, inside):
    page = '<p title="Data: and more, of all">Rows</p>'
    (tmp_path / "a.html").write_text(page)
    assert disclosure.check_release(tmp_path)
    (tmp_path / "a.html").write_text(f'{page}<a href="{inside}">of all</a>')
    with pytest.raises(DisclosureError, match="a file inside the file"):
        disclosure.check_release(tmp_path)


def test_words_of_a_form_stand_where_they_are_drawn(tmp_path):
    with Pdf.new() as pdf:
        pdf.add_blank_page()
        formed(pdf)
        pdf.save(tmp_path / "a.pdf")
    assert ("Ash 3", 21.0, 31.0) in read_drawing((tmp_path / "a.pdf").read_bytes(), ".pdf").words


def test_a_finished_pdf_is_opened_once(tmp_path):
    with Pdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(tmp_path / "a.pdf")
    with mock.patch("pikepdf.open", wraps=pikepdf.open) as opened:
        assert disclosure.check_release(tmp_path)
    assert opened.call_count == 1


@pytest.mark.parametrize(
    "text",
    [
        "Ash rose, as 7 of 12 teams did.",
        "Ash answered in 3 of 12 weeks.",
        "Ash and 4 others",
        "In Ash 3 cycles, of all",
    ],
)
def test_counts_of_teams_and_weeks_beside_a_small_team_may_stand(tmp_path, text):
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    assert disclosure.check_release(tmp_path, hidden={"Ash"})


def test_words_of_a_drawing_under_another_name_are_refused(tmp_path):
    entity = f'<!DOCTYPE svg [<!ENTITY said "Ash 38%">]><svg {XMLNS}><text>&said;</text></svg>'
    (tmp_path / "a.svg").write_text(entity, encoding="utf-8")
    with pytest.raises(DisclosureError, match="cannot be read"):
        disclosure.check_release(tmp_path, hidden={"Ash"})


def test_a_text_of_a_drawing_stands_where_it_says():
    drawing = read_drawing(f'<svg {XMLNS} viewBox="0 0 9 9"><text x="2" y="3">Ash</text></svg>'.encode(), ".svg")
    assert ("Ash", 2.0, 6.0) in drawing.words


WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
SAID = "<w:p><w:r><w:t>Ash 3</w:t></w:r><w:r><w:t>8%</w:t></w:r></w:p>"


@pytest.mark.parametrize(
    ("part", "content", "told"),
    [
        (
            "word/comments.xml",
            f"<w:comments {WORD}><w:comment w:id='1'>{SAID}</w:comment></w:comments>",
            "too few people",
        ),
        ("word/footnotes.xml", f"<w:footnotes {WORD}><w:footnote>{SAID}</w:footnote></w:footnotes>", "too few people"),
        ("word/endnotes.xml", f"<w:endnotes {WORD}><w:endnote>{SAID}</w:endnote></w:endnotes>", "too few people"),
        ("customXml/item1.xml", "<a>Ash 38%</a>", "too few people"),
        ("customXml/item1.xml", "<a said='Ash 38%'/>", "too few people"),
        ("word/settings.xml", f"<w:s {WORD}><w:docVar w:name='a' w:val='Ash 38%'/></w:s>", "too few people"),
        ("word/embeddings/sheet.xlsx", "rows", "a file inside the file"),
        ("word/afchunk.html", "Ash 38%", "a file inside the file"),
    ],
)
def test_what_lies_beside_the_text_of_a_word_document_is_read(tmp_path, part, content, told):
    with ZipFile(tmp_path / "a.docx", "w") as parts:
        parts.writestr("word/document.xml", f"<w:document {WORD}><w:body/></w:document>")
        parts.writestr("_rels/.rels", "<a/>")
    assert disclosure.check_release(tmp_path, hidden={"Ash"})
    with ZipFile(tmp_path / "a.docx", "a") as parts:
        parts.writestr(part, content)
    with pytest.raises(DisclosureError, match=told):
        disclosure.check_release(tmp_path, hidden={"Ash"})


def noted(pdf):
    note = {"/Type": Name.Annot, "/Subtype": Name.Text, "/Rect": [0, 0, 1, 1], "/Contents": "Ash 38%"}
    pdf.pages[0].Annots = Array([Dictionary(note)])


def outlined(pdf):
    with pdf.open_outline() as outline:
        outline.root.append(OutlineItem("Ash 38%", 0))


def described(pdf):
    with pdf.open_metadata(update_docinfo=False) as about:
        about["dc:description"] = "Ash 38%"


def form(pdf, **more):
    """A form that says it, set in a font of its own."""
    font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
    made = pdf.make_stream(b"BT /F1 9 Tf 1 1 Td (Ash 3) Tj (8%) Tj ET", **more)
    made.Resources = Dictionary(Font=Dictionary(F1=font))
    return made


def formed(pdf):
    drawn = form(pdf, Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, 99, 99])
    pdf.pages[0].Resources = Dictionary(XObject=Dictionary(X1=drawn))
    pdf.pages[0].Contents = pdf.make_stream(b"1 0 0 1 20 30 cm /X1 Do")


def stamped(pdf):
    look = Dictionary(N=form(pdf))
    pdf.pages[0].Annots = Array([Dictionary(Type=Name.Annot, Subtype=Name.Stamp, Rect=[0, 0, 9, 9], AP=look)])


def attached(pdf):
    pdf.attachments["rows.csv"] = b"person,joy"


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        *((spoil, "too few people") for spoil in (noted, outlined, described, formed, stamped)),
        (attached, "a file inside the file"),
    ],
)
def test_what_lies_beside_the_pages_of_a_pdf_is_read(tmp_path, spoil, told):
    with Pdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(tmp_path / "a.pdf")
        assert disclosure.check_release(tmp_path, hidden={"Ash"})
        spoil(pdf)
        pdf.save(tmp_path / "a.pdf")
    with pytest.raises(DisclosureError, match=told):
        disclosure.check_release(tmp_path, hidden={"Ash"})


MANAGERS = pd.DataFrame([("Manager", "Burnout", False, 3.43), ("Manager", "Nurse", True, 2.71)], columns=MEANS)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Of managers nothing is said; Burnout of Manager staff was 3.4 in autumn.", True),
        ("<table><tr><th>Score<th>Role<th>Mean</tr><tr><td>Burnout<td>Manager<td>3.43</tr></table>", True),
        ("<table><tr><th>From<th>To<th>Tie</tr><tr><td>Manager<td>Nurse<td>2.7</tr></table>", True),
        ("<table><tr><th>From<th>To<th>Tie</tr><tr><td>Nurse<td>Manager<td>2.7</tr></table>", False),  # not their own
        ("Burnout of Manager staff was 3.6 elsewhere.", False),
        ("Burnout was 3.4.", False),
    ],
)
def test_numbers_of_roles_and_workgroups_are_worked_out_again(tmp_path, text, told):
    (tmp_path / "a.html").write_text(f"<p>{text}</p>", encoding="utf-8")
    if not told:
        assert disclosure.check_release(tmp_path, hidden=Hidden(means=MANAGERS))
        return
    with pytest.raises(DisclosureError, match="statistic of a group of too few"):
        disclosure.check_release(tmp_path, hidden=Hidden(means=MANAGERS))


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_what_a_picture_says_of_itself_is_read(tmp_path, kind):
    text, tags = PngInfo(), TiffImagePlugin.ImageFileDirectory_v2()
    text.add_itxt("Description", "Ash stands at 38 %")
    tags[270] = "Ash stands at 38 %"
    options = {"pnginfo": text} if kind == "png" else {"tiffinfo": tags}
    Image.new("RGB", (4, 4)).save(tmp_path / f"a.{kind}", **options)
    with pytest.raises(DisclosureError, match="too few people"):
        disclosure.check_release(tmp_path, hidden={"Ash"})


@pytest.mark.parametrize("name", ["a.svg", "a.pdf"])
def test_a_damaged_drawing_is_told_in_words(tmp_path, name):
    (tmp_path / name).write_bytes(b"<svg><g>" if name == "a.svg" else b"%PDF-1.7 cut")
    with pytest.raises(DisclosureError, match="cannot be read"):
        disclosure.check_release(tmp_path)


def test_counts_of_people_in_sentences_are_rounded():
    told = "67 of 174 people answered twice; 4 people once; 50 people never; 12.5 people on average"
    assert disclosure.inexact(told) == (
        "about 65 of 175 people answered twice; fewer than 11 people once; 50 people never; 12.5 people on average"
    )


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("4 staff in post were offered it.", "fewer than 11 staff in post were offered it."),
        ("174 staff in post were offered it.", "174 staff in post were offered it."),
        ("12 respondents in 1 team", "about 10 respondents in 1 team"),
        ("4 of 7 people answered both.", "fewer than 11 people answered both."),
        ("0 of 7 people answered both.", "fewer than 11 people answered both."),
        ("4 of 12 people answered both.", "fewer than 11 of about 10 people answered both."),
        ("4 waves of 3 teams", "4 waves of 3 teams"),
    ],
)
def test_sentences_of_few_people_pass_the_last_look(tmp_path, told, said):
    assert disclosure.inexact(told) == said
    (tmp_path / "a.txt").write_text(disclosure.inexact(told), encoding="utf-8")
    assert disclosure.check_release(tmp_path)
