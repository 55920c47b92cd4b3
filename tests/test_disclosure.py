"""What may leave: not a statistic over fewer than 11 answers, nor what gives one away."""

from __future__ import annotations

import zipfile
from base64 import b64encode
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.optimize import linprog

from joyeval.disclosure import (
    GIVES_AWAY,
    THRESHOLD,
    Rule,
    check_release,
    may_show,
    protect,
    protect_counts,
    protect_shares,
    suppressed,
)
from joyeval.disclosure.margins import hide, widths
from joyeval.disclosure.proof import prove, ranges
from joyeval.disclosure.release import file_problems
from joyeval.errors import DisclosureError, UsageError

FEW = "suppressed (fewer than 11)"


def teams(n, **columns):
    return pd.DataFrame({"team": [f"T{i}" for i in range(len(n))], **columns, "n": n})


# ---- statistics -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "shown"), [(10, False), (11, True), (0, False), (None, False)])
def test_the_threshold_is_eleven_valid_answers(n, shown):
    got = protect(teams([n], mean=[3.5]), n="n")
    assert got.loc[0, "mean"] == (3.5 if shown else FEW)


def test_the_words_name_the_threshold():
    assert suppressed() == FEW
    assert suppressed(20) == "suppressed (fewer than 20)"
    assert THRESHOLD == 11


def test_the_count_is_hidden_with_its_statistic_and_rounded_beside_it():
    got = protect(teams([4, 11, 13, 30], mean=[1.0, 2, 3, 4]), n="n", within=None)
    assert got["n"].tolist() == [FEW, 10, 15, 30]


def test_each_statistic_goes_by_its_own_count():
    data = pd.DataFrame({"joy": [1.0, 2, 3], "voice": [4.0, 5, 6], "n_joy": [11, 12, 9], "n_voice": [9, 12, 30]})
    got = protect(data, n={"joy": "n_joy", "voice": "n_voice"}, within=None)
    assert got["joy"].tolist() == [1, 2, FEW]
    assert got["voice"].tolist() == [FEW, 5, 6]


def test_one_hidden_group_hides_the_next_smallest_since_the_total_is_known():
    """8 answers, 75% good; a part of 7 with 6 good: the one left is known."""
    got = protect(teams([4, 60, 13], mean=[1.0, 2, 3]), n="n")
    assert got["mean"].tolist() == [FEW, 2, GIVES_AWAY]


@pytest.mark.parametrize(
    ("n", "hidden"),
    [([6, 6, 40], [1, 1, 0]), ([6, 4, 40], [1, 1, 1]), ([0, 12, 40], [1, 0, 0]), ([1, 1, 11, 12], [1, 1, 1, 0])],
)
def test_what_is_hidden_makes_one_group_large_enough(n, hidden):
    got = protect(teams(n, mean=np.arange(len(n)) + 0.5), n="n")
    assert [isinstance(value, str) for value in got["mean"]] == [bool(h) for h in hidden]


def test_parts_are_hidden_within_their_own_whole():
    data = pd.DataFrame(
        {"wave": ["1", "1", "2", "2"], "team": list("abab"), "mean": [1.0, 2, 3, 4], "n": [5, 20, 20, 30]}
    )
    assert protect(data, n="n", within=["wave"])["mean"].tolist() == [FEW, GIVES_AWAY, 3, 4]
    assert protect(data, n="n", within=None)["mean"].tolist() == [FEW, 2, 3, 4]


@pytest.mark.parametrize(("of", "shown"), [(34, True), (35, False), (44, False), (45, True)])
def test_a_group_is_hidden_if_the_rest_of_its_whole_is_small(of, shown):
    assert may_show(34, of=of) is shown
    got = protect(teams([34], mean=[2.5], whole=[of]), n="n", of="whole")
    assert got.loc[0, "mean"] == (2.5 if shown else GIVES_AWAY)


@pytest.mark.parametrize(("largest", "shown"), [(30, True), (20, False), (19, True), (6, True)])
def test_a_group_is_hidden_if_the_others_are_few_for_who_belongs_to_its_largest_part(largest, shown):
    pooled = pd.DataFrame({"group": ["A"], "joy": [3.21], "n": [30], "largest": [largest]})
    found = protect(pooled, n="n", by=["group"], within=None, largest="largest", words=False)["joy"]
    assert found.notna().item() is shown


def test_numbers_that_name_a_group_stay():
    got = protect(pd.DataFrame({"wave": [1, 2], "mean": [3.0, 4], "n": [5, 50]}), n="n", by=["wave"])
    assert got["wave"].tolist() == [1, 2]


def test_means_have_one_decimal_and_models_all_of_theirs():
    data = teams([30, 40], mean=[3.14159, 2.71828], cbi=[48.25, 51.75], slope=[0.1234, 0.5678])
    got = protect(data, n="n", places={"slope": None})
    assert got["mean"].tolist() == [3.1, 2.7]
    assert got["cbi"].tolist() == [48, 52]
    assert got["slope"].tolist() == [0.1234, 0.5678]


def test_percentages_come_from_rounded_counts_and_never_speak_of_everyone():
    data = teams([42, 100, 100, 40, 40, 12], good=[18, 100, 0, 39, 0, 10])
    got = protect(data, n="n", percents={"percent": ("good", "n")})
    assert got["percent"].tolist() == [50, "95% or more", "5% or less", 94, 6, 75]  # ten of twelve are no 95 %
    assert got["good"].tolist() == [20, 100, FEW, 40, FEW, FEW]
    drawn = protect(data, n="n", percents={"percent": ("good", "n")}, words=False)
    assert drawn["percent"].tolist() == [50, 95, 5, 94, 6, 75]


def test_who_reads_95_or_more_is_not_told_of_less():
    """Whatever counts stand behind it: rounding both may turn 87 % into all."""
    whole, part = (grid.ravel() for grid in np.meshgrid(np.arange(11, 240), np.arange(0, 240)))
    data = teams(whole[part <= whole], good=part[part <= whole])
    told = protect(data, n="n", within=None, percents={"percent": ("good", "n")})["percent"].astype(str)
    share = 100 * data["good"] / data["n"]
    assert share[told == "95% or more"].min() >= 95
    assert share[told == "5% or less"].max() <= 5


def test_whole_numbers_are_taken_for_counts_of_people():
    got = protect(teams([30, 30], left=[3, 28], runs=[3, 28]), n="n", places={"runs": None})
    assert got["left"].tolist() == [FEW, 30]
    assert got["runs"].tolist() == [3, 28]


def test_for_drawing_what_is_hidden_is_missing():
    got = protect(teams([4, 60], mean=[1.0, 2.5]), n="n", words=False, within=None)
    assert got["mean"].tolist() == pytest.approx([np.nan, 2.5], nan_ok=True)


def test_a_statistic_without_a_count_is_refused():
    with pytest.raises(UsageError, match="voice"):
        protect(pd.DataFrame({"joy": [1.0], "voice": [1.0], "n_joy": [20]}), n={"joy": "n_joy"})
    with pytest.raises(UsageError, match="people"):
        protect(teams([20]), n="people")


def test_a_lower_threshold_needs_a_reason():
    with pytest.raises(DisclosureError, match="needs a reason"):
        Rule(threshold=8)
    assert Rule(threshold=8, reason="agreed").threshold == 8


def test_an_empty_table_stays_empty():
    assert protect(teams([], mean=[]), n="n").empty


@given(st.lists(st.integers(0, 60), min_size=1, max_size=12), st.integers(11, 20))
def test_nothing_small_is_shown_nor_left_alone(n, threshold):
    got = protect(teams(n, mean=[2.5] * len(n)), n="n", rule=Rule(threshold=threshold))
    hidden = np.array([isinstance(value, str) for value in got["mean"]])
    n = np.array(n)
    assert hidden[n < threshold].all()
    assert hidden.all() or n[hidden].sum() == 0 or n[hidden].sum() >= threshold
    assert (got["n"][~hidden] % 5 == 0).all()


# ---- tables with totals ---------------------------------------------------------------------------------------------


def interval(exact, few, hidden, cell, rule):
    """What linear programming finds that a reader can work out about a cell: an oracle for the flows."""
    rows, columns = exact.shape
    sums = []
    for i in range(rows):
        line = np.zeros(exact.shape)
        line[i, :-1], line[i, -1] = 1, -1
        sums.append(line.ravel())
    for j in range(columns):
        line = np.zeros(exact.shape)
        line[:-1, j], line[-1, j] = 1, -1
        sums.append(line.ravel())
    least = np.where(hidden, np.where(few, 0, rule.threshold), exact).ravel()
    most = np.where(hidden, np.where(few, rule.threshold - 1, exact.sum()), exact).ravel()
    aim = np.zeros(exact.size)
    aim[np.ravel_multi_index(cell, exact.shape)] = 1
    ends = [
        sign
        * linprog(
            sign * aim, A_eq=np.array(sums), b_eq=np.zeros(len(sums)), bounds=list(zip(least, most, strict=True))
        ).fun
        for sign in (1, -1)
    ]
    return ends[1] - ends[0]


def with_totals(cells):
    table = np.pad(np.asarray(cells), (0, 1))
    table[-1] = table.sum(axis=0)
    table[:, -1] = table.sum(axis=1)
    return table


tables = st.integers(1, 4).flatmap(
    lambda columns: st.lists(st.lists(st.integers(0, 30), min_size=columns, max_size=columns), min_size=1, max_size=5)
)


@given(tables)
def test_no_suppressed_count_can_be_worked_out_from_the_totals(cells):
    exact, rule = with_totals(cells), Rule()
    few, hidden = hide(exact, rule)
    assert hidden[exact < THRESHOLD].all()
    found = widths(exact, few, hidden, rule)
    assert ranges([(exact, few, hidden)], rule=rule)[0].tolist() == found[few].tolist()
    for cell in zip(*np.nonzero(few), strict=True):
        assert found[cell] == round(interval(exact, few, hidden, cell, rule))
        assert found[cell] >= rule.vague or hidden.all()


def test_a_table_of_large_counts_loses_nothing():
    got = protect_counts(pd.DataFrame([[20, 31], [44, 57]], index=["a", "b"], columns=["x", "y"]))
    assert got.to_numpy().tolist() == [[20, 30, 50], [45, 55, 100], [65, 90, 150]]
    assert list(got.columns) == ["x", "y", "All"]


def test_a_lone_small_count_takes_a_square_with_it():
    got = protect_counts(pd.DataFrame([[4, 20, 31], [44, 57, 62], [50, 23, 80]]))
    assert got.iloc[0, 0] == FEW
    assert (got == GIVES_AWAY).to_numpy().sum() == 3
    assert not (got.iloc[-1] == GIVES_AWAY).any()


@pytest.mark.parametrize("bad", [[[1.5]], [[-1]], [[None]]])
def test_counts_must_be_whole(bad):
    with pytest.raises(UsageError, match="whole"):
        protect_counts(pd.DataFrame(bad))


def test_what_can_be_worked_out_is_not_proved():
    """A lone small count between known totals."""
    exact = with_totals([[3, 20], [25, 30]])
    few = exact < THRESHOLD
    with pytest.raises(DisclosureError, match="1 suppressed counts can be worked out") as refused:
        prove([(exact, few, few)], rule=Rule())
    assert refused.value.exit_code == 3
    prove([(exact, *hide(exact, Rule()))], rule=Rule())
    prove([], rule=Rule())


@given(tables)
def test_every_audience_has_tables_that_keep_something(cells):
    """Where fewer than 5 are too few, a hidden count has at most 5 values: it cannot be less certain than that."""
    exact, rule = with_totals(np.asarray(cells) + 20), Rule(threshold=5, reason="agreed")
    exact[0, 0], exact[-1, 0], exact[0, -1], exact[-1, -1] = (
        3,
        *(sum_ - exact[0, 0] + 3 for sum_ in (exact[-1, 0], exact[0, -1], exact[-1, -1])),
    )
    few, hidden = hide(exact, rule)
    prove([(exact, few, hidden)], rule=rule)
    assert min(exact.shape) < 3 or not hidden.all()


COUNTS = pd.DataFrame({"A": [30, 3, 40], "B": [25, 20, 18]}, index=["x", "y", "z"])


@pytest.mark.parametrize("name", ["All", "total", "Grand total", "Subtotal", "All staff", "sum", "whole cohort"])
def test_totals_are_refused_as_categories(name):
    """Taken for one more category they double every sum; 'whole cohort' is told by its numbers alone."""
    rows = pd.concat([COUNTS.assign(C=[5, 6, 7]), COUNTS.assign(C=[5, 6, 7]).sum().to_frame(name).T])
    with pytest.raises(UsageError, match=f"row '{name}' is a total"):
        protect_counts(rows)
    with pytest.raises(UsageError, match=f"column '{name}' is a total"):
        protect_counts(rows.T)
    both = rows.assign(**{name: rows.sum(axis=1)})
    with pytest.raises(UsageError, match=f"row '{name}' and column '{name}' are totals"):
        protect_counts(both, total="Overall")


def test_categories_that_only_sound_like_totals_are_no_totals():
    got = protect_counts(COUNTS.rename(index={"x": "All-age team", "y": "Totalled", "z": "Allied"}))
    assert got.loc["All", "B"] == 65


@pytest.mark.parametrize("bad", ["3", "fewer than 11", None, -1, 0.5])
def test_a_count_that_is_none_is_named_by_its_place(bad):
    with pytest.raises(UsageError, match=r"row 'y', column 'A' is not") as refused:
        protect_counts(COUNTS.astype(object).replace(3, bad))
    assert "fewer than" not in str(refused.value)


def test_counts_as_text_are_refused_in_words():
    with pytest.raises(UsageError, match=r"protect: \['n'\] hold text where counts of people are expected"):
        protect(pd.DataFrame({"team": ["a", "b"], "n": ["12", "40"], "mean": [1.0, 3.2]}), n="n")


# ---- distributions --------------------------------------------------------------------------------------------------

FIVE = ["never", "rarely", "sometimes", "often", "always"]


@pytest.mark.parametrize(("people", "columns"), [(29, 3), (30, 5), (11, 3), (10, 5)])
def test_answers_of_fewer_than_30_people_are_merged_first(people, columns):
    counts = pd.DataFrame([[people - 4 * (people // 5), *[people // 5] * 4], [20, 20, 20, 20, 20]], columns=FIVE)
    got = protect_shares(counts)
    assert got.shape[1] == columns
    if columns == 3:
        assert list(got) == ["never or rarely", "sometimes", "often or always"]
        assert got.iloc[1].tolist() == [0.4, 0.2, 0.4]
    assert got.iloc[0].isna().all() == (people < 11)


def test_shares_have_bounds_at_both_ends():
    got = protect_shares(pd.DataFrame([[0, 2, 48, 50, 0], [0, 1, 0, 99, 0]], columns=FIVE))
    assert got.iloc[0].tolist() == pytest.approx([np.nan, np.nan, 0.5, 0.5, np.nan], nan_ok=True)
    assert got.iloc[1].isna().all()


@given(st.lists(st.lists(st.integers(0, 40), min_size=5, max_size=5), min_size=1, max_size=4))
def test_no_share_speaks_of_a_few_or_of_everyone(counts):
    counts = pd.DataFrame(counts, columns=FIVE)
    got = protect_shares(counts)
    seen = got.melt()["value"].dropna()
    assert ((seen >= 0.05) & (seen <= 0.95)).all()
    assert got[counts.sum(axis=1) < THRESHOLD].isna().all(axis=None)
    small = counts.sum(axis=1).between(THRESHOLD, 29)
    assert not small.any() or got.shape[1] == 3


# ---- differencing ---------------------------------------------------------------------------------------------------


def recovered(places, nearest, *, trials=150, seed=5):
    """Share of late answers (1 to 5) that two published means give away to who knows that one person joined."""
    rng = np.random.default_rng(seed)
    rule, found = Rule(nearest=nearest), 0
    for _ in range(trials):
        answers = rng.integers(0, 5, rng.integers(12, 60))
        n = len(answers) - 1
        first, second = answers[:n].mean().round(places), answers.mean().round(places)
        possible = set()
        for k in range(max(n - 3, 1), n + 4):
            if rule.rounded(k) == rule.rounded(n) and rule.rounded(k + 1) == rule.rounded(n + 1):
                sums = np.arange(4 * k + 1)
                sums = sums[np.isclose((sums / k).round(places), first)]
                possible |= {x for x in range(5) if np.isclose(((sums + x) / (k + 1)).round(places), second).any()}
        found += len(possible) == 1
    return found / trials


def test_one_decimal_and_rounded_counts_keep_a_late_answer_and_two_decimals_do_not():
    """Why means have one decimal: rounding counts alone does nothing (96 to 100% recovered)."""
    assert recovered(2, 5) > 0.95
    assert recovered(1, 5) < 0.08


# ---- the finished files ---------------------------------------------------------------------------------------------


def html(body):
    return f"<!doctype html><html lang='en'><head><style>p {{x: 7 people}}</style></head><body>{body}</body></html>"


def table_html(*rows):
    return html(
        "<table>" + "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in rows) + "</table>"
    )


GOOD = {
    "report.html": html("<p>The mean rose (n = 288; 34 respondents; fewer than 10 staff elsewhere; 3.5 people).</p>"),
    "table.html": table_html(["Team", "n", "Mean"], ["A", "10", "3.4"], ["B", FEW, FEW], ["C", "1,205", "3.1"]),
    "source.csv": "team,n,mean\nA,25,3.4\nB,suppressed (fewer than 11),suppressed (fewer than 11)\n",
    "fig1.alt.txt": "Line chart: good days rose in 7 of 12 teams; fewer than three of 90 persons.",
    "manifest.json": '{"sha256": "' + "a" * 64 + '"}',
}
BAD = {
    "count.html": table_html(["Team", "n"], ["A", "9"]),
    "answers.html": table_html(["Team", "Answers (valid)"], ["A", "4"]),
    "beside.html": table_html(["Team", "n", "Mean"], ["B", FEW, "3.4"]),
    "share.html": table_html(["Team", "Respondents", "Response rate"], ["B", FEW, "45%"]),
    "sentence.html": html("<p>Joy rose (n = 7).</p>"),
    "words.txt": "It was said by 3 respondents.",
    "share.txt": "7 of 1,120 persons answered both waves.",
    "alt.html": html("<img src='data:,' alt='Bars: 4 staff said yes'>"),
    "source.csv": "team,n_in,mean\nA,5,3.4\n",
    "people.csv": "person,joy\n" + "0a1b" * 8 + ",3\n",
    "mail.md": "Ask jo@nhs.example",
    "book.ipynb": "{}",
    "wave.parquet": "x",
    "n = 5.svg": "<svg/>",
}


def test_a_clean_release_passes(tmp_path):
    for name, text in GOOD.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    Image.new("RGB", (2, 2)).save(tmp_path / "fig1.png")
    assert len(check_release(tmp_path)) == len(GOOD) + 1


@pytest.mark.parametrize("name", ["fig1.png", "fig1.tiff"])
@pytest.mark.parametrize("kept", [0, 8, 20, 0.7])
def test_a_damaged_picture_is_told_in_words(name, kept, tmp_path):
    noise = np.random.default_rng(1).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: kept if kept >= 1 else int(kept * len(whole))])
    with pytest.raises(DisclosureError, match="a picture that cannot be read") as caught:
        check_release(tmp_path)
    assert [problem.file for problem in caught.value.problems] == [name]


@pytest.mark.parametrize("name", BAD)
def test_what_may_not_leave_is_found(name, tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / name).write_text(BAD[name], encoding="utf-8")
    with pytest.raises(DisclosureError) as caught:
        check_release(tmp_path)
    assert len(caught.value.problems) == 1
    assert caught.value.exit_code == 3


def test_every_problem_is_told_and_no_number_repeated(tmp_path):
    for name in ("count.html", "words.txt"):
        (tmp_path / name).write_text(BAD[name], encoding="utf-8")
    with pytest.raises(DisclosureError) as caught:
        check_release(tmp_path)
    assert [problem.file for problem in caught.value.problems] == ["count.html", "words.txt"]
    assert "9" not in str(caught.value)


def test_a_word_document_is_read(tmp_path):
    word = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    row = "<w:tr>{}</w:tr>".format("".join("<w:tc><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:tc>" for _ in range(2)))
    body = f"<w:tbl>{row.format('Team', 'n')}{row.format('A', '6')}</w:tbl>"
    with zipfile.ZipFile(tmp_path / "report.docx", "w") as parts:
        parts.writestr("word/document.xml", f"<w:document {word}><w:body>{body}</w:body></w:document>")
    with pytest.raises(DisclosureError, match="row 2, column n"):
        check_release(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no folder"):
        check_release(tmp_path / "nowhere")


def test_a_drawing_of_many_millions_of_letters_is_read_back_like_any_other(tmp_path):
    """libxml2 leaves out attributes of more than ten million letters, without a word, unless it is asked not to."""
    Image.new("RGB", (1, 1)).save(picture := BytesIO(), "png")
    pixels = b64encode(picture.getvalue() + bytes(9_000_000)).decode()
    filler = f'<image width="1" height="1" href="data:image/png;base64,{pixels}"/>'
    words = "<!-- Joy rose (n = 7). --><g/>"
    drawn = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1">{words}{{}}</svg>'
    told = []
    for name, more in {"short": "", "long": filler}.items():
        page = f'<img alt="bars" src="data:image/svg+xml;base64,{b64encode(drawn.format(more).encode()).decode()}">'
        (tmp_path / f"{name}.html").write_text(f"<p>Long</p>{page}")
        told.append([problem.found for problem in file_problems(tmp_path / f"{name}.html", "page", Rule())])
    assert told[0] == told[1] != []
