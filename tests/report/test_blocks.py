"""Blocks: refused when they cannot be understood, escaped when shown, the same after a round trip."""

from __future__ import annotations

import pandas as pd
import pytest

from joyeval.errors import StepError, UsageError
from joyeval.figures import style
from joyeval.report import blocks
from joyeval.report.blocks import MIME
from joyeval.report.document import document, markdown
from tests.report.samples import emitted, notebook
from tests.shown import as_shown, layout, report

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "</script><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    '"><script>alert(1)</script>',
]


def drawing():
    fig, ax = style.new(height_mm=40)
    ax.plot([1, 2])
    return fig


TABLE = pd.DataFrame({"team": ["A", "B"], "mean": [3.25, 4.5]})


@pytest.mark.parametrize("alt", ["", "  ", "\n"])
def test_a_figure_without_alt_text_is_refused(alt):
    with pytest.raises(UsageError, match="alt text"):
        report.figure(drawing(), alt=alt, caption="Means")


@pytest.mark.parametrize("caption", ["", " "])
def test_a_table_without_caption_is_refused(caption):
    with pytest.raises(UsageError, match="caption"):
        report.table(TABLE, caption=caption)


def test_a_heading_has_level_two_to_four():
    with pytest.raises(UsageError, match="level 1"):
        report.heading("Aims", level=1)


def every_kind():
    return [
        blocks.Title("Report", cohort="3"),
        blocks.Heading("Who took part?"),
        blocks.Text((blocks.Run("a", bold=True, link="https://example.org"), *blocks.plain("b"))),
        blocks.Note((blocks.plain("few teams"),)),
        blocks.Items((blocks.plain("one"), blocks.plain("two")), ordered=True),
        layout(TABLE, caption="Means", footnotes=["One wave."]),
        *emitted(lambda: report.figure(drawing(), alt="A line", caption="Means", data=TABLE)),
    ]


def test_every_block_survives_the_round_trip():
    assert [blocks.read(blocks.dump(block)) for block in every_kind()] == every_kind()


def test_a_block_of_unknown_kind_is_refused():
    with pytest.raises(UsageError, match="Run the notebook again"):
        blocks.read({"kind": "script", "text": "x"})
    with pytest.raises(UsageError, match=r"note\.items"):
        blocks.read({"kind": "note", "runs": []})


def test_a_stored_link_that_could_run_something_is_refused():
    stored = blocks.dump(blocks.Text((blocks.Run("x", link="https://example.org"),)))
    stored["runs"][0]["link"] = "javascript:alert(1)"
    with pytest.raises(UsageError, match=r"text\.runs\.0"):
        blocks.read(stored)


def test_blocks_are_shown_when_called_and_not_again():
    shown = emitted(lambda: report.text("one", "two"))
    assert [block.runs[0].text for block in shown] == ["one", "two"]
    assert report.text() is None


@pytest.mark.parametrize("text", HOSTILE)
def test_jupyterlab_shows_hostile_text_as_text(text):
    data = pd.DataFrame({text: [text]}, index=pd.Index([text], name=f"{text} "))
    shown = emitted(lambda: report.table(data, caption=text, footnotes=[text], labels={text: text}))
    shown += emitted(lambda: (report.heading(text), report.text(text), report.items([text]), report.note(text)))
    shown += emitted(lambda: report.figure(drawing(), alt=text, caption=text, data=data))
    for block in shown:
        html = block._repr_mimebundle_()["text/html"]
        assert "<script" not in html
        assert "<img src=x" not in html
        assert "<svg" not in html


def test_a_result_is_emitted_as_sentence_and_caveats():
    class Answer:
        notes = ("Few teams.",)

        def sentence(self):
            return "Joy rose."

    text, note = emitted(lambda: report.result(as_shown(Answer())))
    assert (text.runs[0].text, note.items[0][0].text) == ("Joy rose.", "Few teams.")


def test_long_data_of_a_figure_stay_out_of_the_document():
    long = pd.DataFrame({"x": range(blocks.DATA_ROWS + 1)})
    (figure,) = emitted(lambda: report.figure(drawing(), alt="A line", caption="Means", data=long))
    assert figure.data is None


def test_a_document_numbers_tables_and_figures_and_names_sections():
    table = layout(TABLE, caption="Means")
    doc = document(notebook(blocks.Heading("Aim"), table, blocks.Heading("Aim"), table))
    assert [b.number for b in doc.blocks if isinstance(b, blocks.Table)] == [1, 2]
    assert [heading.anchor for heading in doc.contents] == ["aim", "aim-2"]


def test_levels_of_headings_have_no_gap():
    doc = document(notebook(blocks.Heading("A", 4), blocks.Heading("B", 4), blocks.Heading("C", 2)))
    assert [block.level for block in doc.blocks] == [2, 3, 2]


def test_the_question_of_a_notebook_is_the_title_unless_one_is_given():
    asked = notebook("# Did joy change?", blocks.Heading("Aim"))
    assert document(asked).title.title == "Did joy change?"
    named = document(notebook("# Did joy change?", blocks.Title("Enjoying Work")))
    assert (named.title.title, named.blocks) == ("Enjoying Work", ())


def test_only_blocks_and_markdown_enter_the_document():
    book = notebook(blocks.Text(blocks.plain("kept")))
    book["cells"][0]["outputs"] += [
        {"output_type": "stream", "name": "stderr", "text": "/home/someone/secret"},
        {"output_type": "execute_result", "data": {"text/html": "<b>no</b>"}, "metadata": {}, "execution_count": 1},
    ]
    book["cells"].append({"cell_type": "raw", "source": "<script>alert(1)</script>", "metadata": {}})
    book["cells"].append(
        {**notebook(blocks.Note((blocks.plain("no"),)))["cells"][0], "metadata": {"tags": ["remove_cell"]}}
    )
    assert document(book).blocks == (blocks.Text(blocks.plain("kept")),)


def test_a_failed_notebook_is_not_reported():
    book = notebook(blocks.Text(blocks.plain("kept")))
    book["cells"][0]["outputs"].append(
        {"output_type": "error", "ename": "ValueError", "evalue": "secret", "traceback": []}
    )
    with pytest.raises(StepError, match=r"cell 1 .*ValueError") as caught:
        document(book)
    assert "secret" not in str(caught.value)


def test_markdown_becomes_blocks():
    heading, text, items, note = markdown(
        "## Aim\n\nTo *find* **joy** [here](https://example.org).\n\n1. one\n2. two\n\n> Care."
    )
    assert (heading.text, heading.level) == ("Aim", 2)
    assert [(run.text, run.bold, run.italic, run.link) for run in text.runs if run.text.strip(" .To")] == [
        ("find", False, True, ""),
        ("joy", True, False, ""),
        ("here", False, False, "https://example.org"),
    ]
    assert "".join(run.text for run in text.runs) == "To find joy here."
    assert items.ordered
    assert [runs[0].text for runs in items.items] == ["one", "two"]
    assert note.items[0][0].text == "Care."


@pytest.mark.parametrize(
    "text", [*HOSTILE, "[a](javascript:alert(1))", "[a](data:text/html,x)", "![x](https://a/b.png)"]
)
def test_markdown_carries_no_html_script_or_picture(text):
    from joyeval.report.html import page

    html = page(document(notebook(f"Said: {text} end")))
    body = html[html.index("<main") :]
    for forbidden in ("<script", "<img", "<svg", "javascript:", 'href="data:'):
        assert forbidden not in body


def test_the_notebook_stores_blocks_under_their_own_type():
    assert set(blocks.Heading("A")._repr_mimebundle_()) == {"text/html", "text/plain", MIME}
