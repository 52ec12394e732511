"""What a model or an agent said, made harmless for each place it is shown in.

Every function takes hostile text and a cap in characters, and says what it cut. The caller adds
the surroundings: `html` gives the content of an element, `xml` leaves `&` and `<` to the writer.
"""

import re
from typing import Final

_ESCAPE_SEQUENCES: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC and the other strings
    r"|\x9b[0-?]*[ -/]*[@-~]"  # CSI as one C1 character
    r"|\x9d[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC as one C1 character
    r"|\x1b[ -/]*[0-~]"  # two-character sequences
)
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_INVISIBLE: Final = re.compile(
    "[\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"  # direction marks, zero widths, and tag characters
)
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_LINE_BREAKS: Final = re.compile(r"\r\n?")
_BLANKS: Final = re.compile(r"\s+")
_BACKTICKS: Final = re.compile(r"`+")
_MARKDOWN: Final = re.compile(r"[\\`*_{}\[\]()|~!^$]")
_LINE_START: Final = re.compile(r"^([-+=#]|\d+(?=[.)]))")
_REFERENCES: Final = re.compile(
    r"(?<=@)(?=[\w-])"  # @someone, and mail addresses
    r"|(?<=#)(?=\d)"  # #123
    r"|(?<=GH-)(?=\d)|(?<=gh-)(?=\d)"  # GH-123
    r"|(?<=:)(?=//)"  # bare links
    r"|(?<=www)(?=\.)|(?<=WWW)(?=\.)"
)
_HTML: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
_BREAK: Final = "&#8203;"
"""A zero-width space: shows nothing, and ends a mention, a reference or a link."""

_MIN_FENCE: Final = 3


def cap(text: str, limit: int) -> str:
    """Cut a text to `limit` characters and say how many were cut.

    Args:
        text: Any text.
        limit: Characters of it that are kept, at least 0.
    """
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… (+{len(text) - limit:,} characters)"


def plain(text: str) -> str:
    """Drop what is not shown: escape sequences, control and direction characters.

    Line breaks become LF; tabs stay; lone surrogates become U+FFFD.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _LINE_BREAKS.sub("\n", _ESCAPE_SEQUENCES.sub("", text))
    return _SURROGATES.sub("\ufffd", _INVISIBLE.sub("", _CONTROLS.sub("", text)))


def terminal(text: str, *, limit: int = 2_000) -> str:
    """Make a text safe to print: it moves no cursor, sets no colour and turns no line round."""
    return cap(plain(text), limit)


def markdown_cell(text: str, *, limit: int = 300) -> str:
    """Make a text one line of literal Markdown, fit for a table cell.

    Nothing in it is markup, HTML, a mention, an issue reference, a link or an image.
    """
    line = cap(_BLANKS.sub(" ", plain(text)).strip(), limit)
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = _MARKDOWN.sub(lambda match: f"\\{match.group()}", line)
    return _LINE_START.sub(rf"{_BREAK}\1", _REFERENCES.sub(_BREAK, line))


def markdown_html(text: str, *, limit: int = 300) -> str:
    """Make a text one line of an HTML element inside Markdown, such as a `summary`.

    Nothing in it is markup, a mention, an issue reference or a link.
    """
    line = cap(_BLANKS.sub(" ", plain(text)).strip(), limit)
    return _REFERENCES.sub(_BREAK, line.translate(_HTML).replace("&#39;", "'"))


def markdown_fence(text: str, *, info: str = "text", limit: int = 4_000) -> str:
    """Put a text into a Markdown fence that is longer than any run of backticks inside.

    Args:
        text: Hostile text.
        info: The language of the fence; letters, digits and `-` are kept.
        limit: Characters that are kept.

    Returns:
        The fence with the text, without a line break after it.
    """
    body = cap(plain(text), limit)
    longest = max((len(run) for run in _BACKTICKS.findall(body)), default=0)
    fence = "`" * max(_MIN_FENCE, longest + 1)
    language = re.sub(r"[^A-Za-z0-9-]", "", info)
    return f"{fence}{language}\n{body}\n{fence}"


def html(text: str, *, limit: int = 20_000) -> str:
    """Make a text the content of an HTML element, or of a quoted attribute."""
    return cap(plain(text), limit).translate(_HTML)


def xml(text: str, *, limit: int = 20_000) -> str:
    """Replace what XML 1.0 cannot hold, by U+FFFD; an XML writer escapes the rest."""
    return cap(_NOT_XML.sub("\ufffd", _LINE_BREAKS.sub("\n", text)), limit)


def workflow_value(text: str, *, limit: int = 4_000) -> str:
    """Make a text the message of a GitHub workflow command: one line, no further command.

    Args:
        text: Hostile text.
        limit: Characters that are kept before escaping; GitHub shows 4,096.
    """
    line = cap(_unbracketed(plain(text)), limit)
    return line.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def workflow_property(text: str, *, limit: int = 300) -> str:
    """Make a text a property (`title`, `file`) of a GitHub workflow command.

    Args:
        text: Hostile text.
        limit: Characters that are kept before escaping.
    """
    value = workflow_value(text, limit=limit)
    return value.replace(":", "%3A").replace(",", "%2C")


def workflow_log(text: str, *, limit: int = 20_000) -> str:
    """Make a text safe to print into a workflow's log: no line of it is a command.

    The runner obeys `::name::` at the start of a line, blanks before it or not, and matches
    `##[name]` anywhere.
    """
    safe = _unbracketed(cap(plain(text), limit))
    return re.sub(r"^(\s*):(?=:)", "\\1:\u200b", safe, flags=re.MULTILINE)


def _unbracketed(text: str) -> str:
    return text.replace("##[", "##\u200b[")
