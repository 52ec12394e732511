"""What a message tells a reader to run is a command that exists, with options that exist."""

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache

import click
import pytest
from support.source import modules

from evalgate.cli.main import COMMANDS, main

FOREIGN = re.compile(r"\b(pip|git|iconv|sbatch|ray|npm|python)\b[^`;,]*")
"""Commands of others: their options are theirs."""
_MENTION = re.compile(r"(?<![\w./@:-])evalgate (?P<rest>[a-z][^`;\n]*)")
_END = re.compile(r"  | \(|, | or | and |: |\.\s|\.$|…|$")
_OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")
_FIX_NAME = re.compile(r"(^|_)fix", re.IGNORECASE)
_MANY = -1


def literals(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and text of every string that is no docstring; what is filled in is `X`."""
    inside = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    for node in ast.walk(tree):
        inside |= {
            id(child.value)
            for child in ast.iter_child_nodes(node)
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
        }
    for node in ast.walk(tree):
        if id(node) not in inside and (said := text_of(node)):
            yield node.lineno, said  # type: ignore[attr-defined]  # a literal has a line


def text_of(node: ast.AST) -> str:
    """Return the text of a literal; empty where it is none."""
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or "X" for part in node.values)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return ""


def mentions(text: str) -> Iterator[str]:
    """Yield what follows `evalgate` where a text names a command."""
    for found in _MENTION.finditer(text):
        rest = found["rest"]
        quoted = text[: found.start()].endswith("`")
        if rest.rstrip().endswith("\\"):
            rest = rest.rstrip(" \\") + " --help"  # goes on in the next line
        whole = rest if quoted else rest[: _END.search(rest).start()]  # type: ignore[union-attr]
        if quoted or whole.split()[0] in COMMANDS or found.start() == 0:
            yield whole.removesuffix(" ...").strip()


def words_of(said: str) -> list[str]:
    """Split a command line as a shell does; a lone quote stands for itself."""
    said = said.rstrip("\\ ")
    try:
        return shlex.split(said)
    except ValueError:
        return said.split()


def problem(words: list[str]) -> str:
    """Say what is wrong with a command line; empty where nothing is."""
    command: click.Command = main
    while isinstance(command, click.Group) and words:
        child = command.get_command(click.Context(command), words[0])
        if child is None:
            return f"no command {words[0]!r}"
        command, words = child, words[1:]
    params = command.get_params(click.Context(command))
    options = {name: p for p in params for name in (*p.opts, *p.secondary_opts)}
    free = [p.nargs for p in command.params if isinstance(p, click.Argument)]
    room = 10_000 if _MANY in free else sum(free)
    given, named = 0, set[str]()
    after: click.Option | None = None
    for word in words:
        if word == "X":
            continue
        if word.startswith("-") and word != "-":
            name = word.partition("=")[0].removesuffix("X")
            if name not in options:
                return f"no option {name}"
            found = options[name]
            named.add(found.name or "")
            flag = isinstance(found, click.Option) and (found.is_flag or found.count)
            after = found if isinstance(found, click.Option) and not flag else None
        elif after is not None:
            after = None
        else:
            given += 1
    if given > room:
        return f"{given} arguments, at most {room}"
    if not words or "--help" in words:
        return ""  # named, not to be run as it stands
    lacking = [p.opts[0] for p in params if p.required and p.opts[0] in options]
    lacking = [name for name in lacking if name[0] == "-" and options[name].name not in named]
    return f"lacks {' and '.join(lacking)}" if lacking else ""


@cache
def every_option() -> frozenset[str]:
    """Return the options of all commands."""

    def of(command: click.Command) -> Iterator[str]:
        yield from (name for p in command.params for name in (*p.opts, *p.secondary_opts))
        if isinstance(command, click.Group):
            for name in command.list_commands(click.Context(command)):
                child = command.get_command(click.Context(command), name)
                yield from of(child) if child else ()

    return frozenset(of(main)) | {"--help"}


def fixes(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield every text that is given as a fix, by keyword, or by a name that says so."""
    for node in ast.walk(tree):
        values: list[ast.AST] = []
        if isinstance(node, ast.keyword) and node.arg == "fix":
            values = [node.value]
        elif isinstance(node, ast.Assign):
            names = [t.id for t in node.targets if isinstance(t, ast.Name)]
            values = [node.value] if any(_FIX_NAME.search(name) for name in names) else []
        elif isinstance(node, ast.FunctionDef) and _FIX_NAME.search(node.name):
            values = [r.value for r in ast.walk(node) if isinstance(r, ast.Return) and r.value]
        elif isinstance(node, ast.Call) and len(node.args) > 2:
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            values = [node.args[2]] if name in ("_lack", "NoComparison") else []
        for value in values:
            yield from literals(ast.Module([ast.Return(value)], []))


@pytest.mark.parametrize("name", modules())
def test_what_a_message_names_can_be_run(name: str) -> None:
    """Each `evalgate ...` in a text is a command with its options, and no argument too many."""
    tree = ast.parse(modules()[name].read_text(encoding="utf-8"))
    wrong = [
        f"{line}: evalgate {said}: {why}"
        for line, text in literals(tree)
        for said in mentions(text)
        if (why := problem(words_of(said)))
    ]
    assert [] == wrong


@pytest.mark.parametrize("name", modules())
def test_options_a_fix_names_are_there(name: str) -> None:
    """An option that stands alone in a fix is one of some command."""
    tree = ast.parse(modules()[name].read_text(encoding="utf-8"))
    wrong = [
        f"{line}: {option}"
        for line, text in fixes(tree)
        for option in _OPTION.findall(FOREIGN.sub("", text))
        if option not in every_option()
    ]
    assert [] == wrong


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("evalgate run --baseline  (once more)", ""),
        ("make one with `evalgate baseline update --reason X`", ""),
        ("evalgate nothing", "no command 'nothing'"),
        ("`evalgate baseline undo` takes it back", "no command 'undo'"),
        ("evalgate run --quick", "no option --quick"),
        ("evalgate score RUN again", "2 arguments, at most 1"),
        ("`evalgate baseline update --trials 5`", "lacks --reason"),
    ],
)
def test_a_wrong_command_is_found(text: str, expected: str) -> None:
    """The reader of messages is no rubber stamp."""
    (said,) = mentions(text)
    assert expected == problem(words_of(said))


@pytest.mark.parametrize("name", modules())
def test_a_message_counts_as_people_do(name: str) -> None:
    """No text says `case(s)`: `number_of` finds the word that fits."""
    tree = ast.parse(modules()[name].read_text(encoding="utf-8"))
    assert [] == [(line, text) for line, text in literals(tree) if re.search(r"\w\(e?s\)", text)]
