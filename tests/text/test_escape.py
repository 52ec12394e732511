"""Hostile text in each place it is shown in."""

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from evalgate.text import escape

_HOSTILE = st.text(
    st.sampled_from(list("\x1b[]31m;\x07\x9b\x00\r\n\t`*_|<>&\"'%:,#@!()\\~ ab1.-+=/hwtps"))
    | st.characters(),
    max_size=80,
)


@given(text=_HOSTILE)
def test_a_terminal_gets_no_control(text: str) -> None:
    """No escape, C0, C1 or direction character is left."""
    shown = escape.terminal(text)
    assert re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown) is None
    shown.encode("utf-8")


def test_a_whole_escape_sequence_goes() -> None:
    """The text of a colour or title sequence does not stay behind."""
    assert escape.terminal("\x1b[31mred\x1b[0m \x1b]0;owned\x07plain") == "red plain"
    assert escape.terminal("a\u202eb") == "ab"
    assert escape.terminal("a\r\nb\rc") == "a\nb\nc"


def test_a_cut_is_told() -> None:
    """The number of characters that were cut is shown."""
    assert escape.terminal("a" * 10, limit=3) == "aaa… (+7 characters)"


@example(text="| a | `b` | <!-- x --> ![i](http://x) [l](javascript:x)")
@given(text=_HOSTILE)
def test_a_cell_is_one_line_of_plain_text(text: str) -> None:
    """A Markdown parser finds nothing but text in a table of one cell."""
    cell = escape.markdown_cell(text)
    assert "\n" not in cell
    rendered = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")
    tokens = rendered.parse(f"| a | b |\n| - | - |\n| {cell} | end |\n")
    inline = [token for token in tokens if token.type == "inline"]
    kinds = {child.type for token in inline for child in token.children or ()}
    assert len(inline) == 4
    assert inline[-1].content == "end"
    assert kinds <= {"text", "text_special"}


@pytest.mark.parametrize(
    "text",
    ["@octocat", "see #123", "GH-12", "https://evil.example", "www.evil.example", "a@b.example"],
)
def test_mentions_references_and_links_are_defused(text: str) -> None:
    """GitHub links none of these once a zero-width space stands inside."""
    cell = escape.markdown_cell(text)
    assert "&#8203;" in cell
    assert text == cell.replace("&#8203;", "")


@example(text="a\n```\n# out")
@example(text="`````")
@given(text=_HOSTILE)
def test_nothing_leaves_a_fence(text: str) -> None:
    """A Markdown parser finds one fence, with the whole text inside."""
    fence = escape.markdown_fence(text)
    tokens = MarkdownIt().parse(f"{fence}\n\nafter\n")
    assert [t.type for t in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]


def test_the_info_of_a_fence_is_cleaned() -> None:
    """A language cannot end the line or open another fence."""
    assert escape.markdown_fence("a", info="diff`\nx") == "```diffx\na\n```"


@given(text=_HOSTILE)
def test_html_holds_no_markup(text: str) -> None:
    """No angle bracket or quote is left, and every ampersand starts an entity."""
    content = escape.html(text)
    assert not set(content) & set("<>\"'")
    assert re.search("&(?!amp;|lt;|gt;|quot;|#39;)", content) is None


@given(text=st.text())
def test_xml_can_be_written_and_read(text: str) -> None:
    """What a writer makes of it is well-formed."""
    element = ET.Element("a")
    element.text = escape.xml(text)
    again = ET.fromstring(ET.tostring(element, encoding="unicode"))  # noqa: S314 - our own bytes
    assert (element.text or "") == (again.text or "")


def test_xml_loses_only_what_it_cannot_hold() -> None:
    """NUL, escape and lone surrogates become U+FFFD."""
    assert escape.xml("a\x00b\x1bc\ud800") == "a\ufffdb\ufffdc\ufffd"


@example(text="##[error]x %0A\r\n::set-output name=a::b")
@given(text=_HOSTILE)
def test_a_workflow_command_stays_one_line(text: str) -> None:
    """No value breaks out of the line or forges a bracket command."""
    value = escape.workflow_value(text)
    assert len(value.splitlines()) <= 1
    assert "##[" not in value
    assert re.search("%(?!25|0D|0A)", value) is None
    assert not set(escape.workflow_property(text)) & set(":,\r\n")


def test_workflow_properties_follow_the_runner() -> None:
    """Percent, line breaks, colon and comma, as actions/toolkit escapes them."""
    assert escape.workflow_value("50%\nb: c, d") == "50%25%0Ab: c, d"
    assert escape.workflow_property("50%\nb: c, d") == "50%25%0Ab%3A c%2C d"


@example(text="x ##[error]y\n  ::set-output name=a::b\n::stop-commands::x")
@given(text=_HOSTILE)
def test_no_line_of_a_log_is_a_command(text: str) -> None:
    """Neither form the runner obeys is left."""
    log = escape.workflow_log(text)
    assert "##[" not in log
    assert re.search(r"^\s*::", log, re.MULTILINE) is None
