"""Hostile text in Markdown: a parser finds no mark in it, and shows it as it is."""

from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from daemon.core.workspace.jobs import escape, one_line
from daemon.reports.markdown import LONGEST, QUOTED, code, code_cell, fenced, plain

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
MARKS = "\\`*_{}[]<>#|~$@&;:/.!-+=()\"' \t\n19aw"
HOSTILE = [
    "<script>alert(1)</script>",
    "<!-- everything after this",
    "![x](http://a.example/x) [y](javascript:alert(1)) <http://a.example>",
    "a | b \\| c \\",
    "``` a `b` ``",
    "# heading #",
    "- item",
    "1234567. item",
    "---",
    "= = =",
    "> quoted",
    "    indented",
    "two\nlines\r\n\r\n# of text",
    "&lt;b&gt; &#60; &amp;amp;",
    "*a* **b** _c_ __d__ ~~e~~ training.clip_norm",
    "[x]: http://a.example",
    "\x1b[2J\x00\u202egnp.exe\u2066\ud800",
]


def rendered(shown: str) -> str:
    """Return the page of a text in a heading, a list, a paragraph and a table."""
    page = f"# {shown}\n\n- {shown}\n\n{shown}\n\n| a | b |\n| --- | --- |\n| {shown} | z |\n"
    return str(PARSER.render(page)).replace("\n", "")


def page_of(content: str) -> str:
    return (
        f"<h1>{content}</h1><ul><li>{content}</li></ul><p>{content}</p><table><thead><tr>"
        "<th>a</th><th>b</th></tr></thead><tbody><tr>"
        f"<td>{content}</td><td>z</td></tr></tbody></table>"
    )


def holds_only(text: str) -> None:
    assert unescape(rendered(plain(text))) == page_of(escape(text.strip(), LONGEST))
    assert "<script" not in rendered(plain(text))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_it_is_in_every_place(text: str) -> None:
    """Fault: a bar in a name ended the cell, and a file's name could hold a whole page."""
    holds_only(f"x{text}")
    holds_only(text)


@given(st.text(MARKS, min_size=1, max_size=40).filter(str.strip) | st.text(min_size=1, max_size=9))
def test_no_text_at_all_has_a_mark_that_takes_effect(text: str) -> None:
    if text.strip():
        holds_only(text)


def test_names_of_settings_and_figures_stay_readable() -> None:
    assert plain("training.clip_norm is -0.5 (p = 0.02)") == (
        "training.clip_norm is -0.5 (p = 0.02)"
    )


def test_an_address_is_no_link() -> None:
    """GitHub makes links of bare addresses, and mails people who are named."""
    assert plain("see http://a.example, www.a.example, a@b.example") == (
        "see http\\://a.example, www\\.a.example, a\\@b.example"
    )


@given(st.text(MARKS, max_size=40))
def test_code_holds_any_text(text: str) -> None:
    shown = one_line(text, QUOTED)
    found = unescape(str(PARSER.render(code(text)))).strip()
    assert found.strip() in (f"<p><code>{shown}</code></p>", f"<p><code> {shown} </code></p>")


@given(st.text(MARKS, min_size=1, max_size=40).filter(str.strip))
def test_code_in_a_table_stays_in_its_cell(text: str) -> None:
    """Fault: a bar in a saved setting ended the cell."""
    shown = one_line(text.strip(), QUOTED)
    page = PARSER.render(f"| a | b |\n| --- | --- |\n| {code_cell(text.strip())} | z |\n")
    assert f"<td><code>{shown}</code></td><td>z</td>" in unescape(page).replace("\n", "")


def test_a_block_of_code_ends_where_its_text_ends() -> None:
    found = fenced('keys = ["```"]\n# <b>\n', "toml")
    assert found == '````toml\nkeys = ["```"]\n# <b>\n````'
