"""The pages say what the code does, and every command on them runs."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
from support.blocks import ROOT, Block, blocks, first_missing, run_page, scratch
from support.source import modules, pages

from evalgate.cli.main import main
from evalgate.errors import ExitCode
from evalgate.metrics.registry import METRICS
from evalgate.schema.published import schema_of

_RUN = [
    page
    for page in pages()
    if page.exists() and any(block.commands for block in blocks(page.read_text(encoding="utf-8")))
]
_FIRST = ("README.md", "docs/first_gate.md")
"""Pages whose commands are run in a quick run too."""
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_SECTION = re.compile(r"^##+ `evalgate ([^`]+)`\n(.*?)(?=^##|\Z)", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#+ +(.*?) *#*$", re.MULTILINE)


@pytest.fixture(scope="module")
def publisher() -> ModuleType:
    """Load the script that writes the generated parts of pages."""
    path = ROOT / "scripts" / "publish_docs.py"
    spec = importlib.util.spec_from_file_location("publish_docs", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def text(name: str) -> str:
    """Return the text of a page."""
    return (ROOT / name).read_text(encoding="utf-8")


def options(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """List command and option of everything that can be asked for."""
    context = click.Context(command)
    found = [(" ".join(path), name) for option in command.params for name in option.opts]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            found += options(child, (*path, name))
    return found


def keys(schema: Any) -> set[str]:  # noqa: ANN401  # a JSON Schema
    """Collect the names of all properties of a schema."""
    parts = [schema, *schema.get("$defs", {}).values()]
    return {name for part in parts for name in part.get("properties", {})}


@pytest.mark.parametrize("name", ["docs/cli.md", "docs/config.md"])
def test_generated_parts_are_up_to_date(publisher: ModuleType, name: str) -> None:
    """`python scripts/publish_docs.py` changes nothing."""
    assert publisher.published(name, text(name)) == text(name)


def test_every_option_is_named() -> None:
    """Each option stands in the section of its command."""
    page = text("docs/cli.md")
    sections = {found[1]: found[2] for found in _SECTION.finditer(page)}
    missing = [
        (command, option)
        for command, option in options(main)
        if option.startswith("-")
        and f"`{option}`" not in (sections.get(command, "") if command else page)
    ]
    assert [] == missing


def test_every_key_is_named() -> None:
    """Each key of the configuration stands on its page."""
    page = text("docs/config.md")
    assert [] == [key for key in sorted(keys(schema_of("config-1"))) if f"`{key}`" not in page]


def test_every_metric_is_named() -> None:
    """Each metric stands on the page of metrics; pass^k and pass@k share rows."""
    page = text("docs/metrics.md")
    assert [] == [
        name
        for name, metric in METRICS.items()
        if f"`{name}`" not in page and not (name.startswith("pass_") and metric.k > 1)
    ]


def test_every_exit_code_is_named() -> None:
    """Each code of the frozen table has its row."""
    rows = re.findall(r"^\| (\d+) \|", text("docs/exit_codes.md"), re.MULTILINE)
    assert sorted(int(code) for code in ExitCode) == [int(code) for code in rows]


def test_every_page_is_in_the_index() -> None:
    """A page that nobody finds is no page."""
    index = text("docs/README.md")
    names = [path.name for path in (ROOT / "docs").glob("*.md") if path.name != "README.md"]
    assert [] == [name for name in sorted(names) if f"({name})" not in index]
    notes = text("docs/design/README.md")
    found = [path.name for path in (ROOT / "docs" / "design").glob("*.md")]
    assert [] == [name for name in found if name != "README.md" and f"({name})" not in notes]


@pytest.mark.parametrize("page", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link names a file that is there, and a heading of it."""
    broken = []
    for target in _LINK.findall(without_code(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert [] == broken


def without_code(page: str) -> str:
    """Drop fenced blocks, in which brackets mean something else."""
    return re.sub(r"^```.*?^```$", "", page, flags=re.DOTALL | re.MULTILINE)


def anchors(file: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = _HEADING.findall(without_code(file.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_pages_that_the_code_names_are_there() -> None:
    """A message that sends a reader to a page does not send them nowhere."""
    named = {
        name
        for path in modules().values()
        for name in re.findall(r"docs/[\w/]+\.md", path.read_text(encoding="utf-8"))
    }
    assert [] == sorted(name for name in named if not (ROOT / name).exists())


def test_replay_is_explained_where_a_user_meets_it() -> None:
    """What replay can and cannot judge stands on the first pages (DESIGN: law 4)."""
    for name in ("README.md", "docs/first_gate.md"):
        words = " ".join(re.sub(r"[*_]", "", text(name)).split())
        assert "Replay judges code" in words
        assert "a changed prompt, model or tool schema is better or worse" in words


def test_the_readme_names_the_two_commands() -> None:
    """`make gate` and `make test`, with the plain pip lines beside them."""
    page = text("README.md")
    for line in ("make gate", "make test", "-m pip install", "-m pytest", "pip install agent-ev"):
        assert line in page


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=name, marks=() if name in _FIRST else pytest.mark.slow)
        for page in _RUN
        for name in (page.relative_to(ROOT).as_posix(),)
    ],
)
def test_commands_on_a_page_run(page: Path, tmp_path: Path) -> None:
    """Each command does what the page says, in a copy of the example."""
    words = page.read_text(encoding="utf-8")
    run_page(words, scratch(tmp_path, words))


def test_blocks_that_are_not_run_say_why() -> None:
    """`not run` needs a reason."""
    found = [block for page in pages() for block in blocks(page.read_text(encoding="utf-8"))]
    assert [] == [block.line for block in found if block.said.get("not run") == ""]


PAGE = """\
<!-- exits: 3 -->
```console
$ first
$ second \\
  --more
shown
...
```

<!-- file: a.py -->
```python
x = 1
```

<!-- not run: needs a key -->
```sh
third
```
"""


def test_blocks_are_read() -> None:
    """Commands, what they show, their codes, files and blocks that are not run."""
    console, file, idle = blocks(PAGE)
    first, second = console.commands
    assert ("first", 0, ()) == (first.text, first.exits, first.shown)
    assert ("second \\\n  --more", 3, ("shown", "...")) == (
        second.text,
        second.exits,
        second.shown,
    )
    assert ("a.py", "x = 1\n", ()) == (file.said["file"], file.text, file.commands)
    assert () == idle.commands
    assert isinstance(idle, Block)


def test_what_is_not_printed_is_missed() -> None:
    """Lines count in order, blanks and line breaks aside."""
    printed = "a  b\nc\nd\n"
    assert first_missing(("a b", "...", "d"), printed) is None
    assert first_missing(("b c",), printed) is None
    assert "a" == first_missing(("d", "a"), printed)
    assert "e" == first_missing(("a", "e"), printed)
