"""Reads the fenced blocks of a page and runs the commands in them.

A block of `sh` or `bash` is run as one script; of a `console` block the lines that start with `$ `
are run, and what stands below each must occur in what it prints, in order (`...` skips lines).
Comments directly above a block say what is special about it:

    <!-- file: PATH -->       its text is written to PATH
    <!-- exits: 1 -->         its last command exits 1
    <!-- not run: REASON -->  it is not run
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ("examples", "golden_sets", "baselines", "scripts", "evalgate.yaml", "Makefile")
_BLOCK = re.compile(
    r"(?P<above>(?:^<!--(?:(?!-->).)*-->\n)*)^```(?P<kind>\w*)[^\n]*\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_DIRECTIVE = re.compile(r"<!-- (file|exits|not run): (.*?) -->", re.DOTALL)
_SHELL = ("sh", "bash", "shell")


@dataclass(frozen=True)
class Command:
    """One command of a page, and what is said to come of it."""

    text: str
    exits: int = 0
    shown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Block:
    """One fenced block with what is said about it."""

    kind: str
    text: str
    line: int
    said: dict[str, str] = field(default_factory=dict)

    @property
    def commands(self) -> tuple[Command, ...]:
        """What is to be run."""
        if "not run" in self.said:
            return ()
        exits = int(self.said.get("exits", "0"))
        if self.kind in _SHELL:
            return (Command("set -e\n" + self.text, exits),)
        if self.kind != "console":
            return ()
        asked = re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]
        found = [_console(text) for text in asked]
        return (*found[:-1], Command(found[-1].text, exits, found[-1].shown))


def _console(text: str) -> Command:
    command, shown = [], text.splitlines()
    while shown:
        command.append(shown.pop(0))
        if not command[-1].endswith("\\"):
            break
    return Command("\n".join(command), 0, tuple(shown))


def blocks(page: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page in order."""
    for found in _BLOCK.finditer(page):
        said = {name: value.strip() for name, value in _DIRECTIVE.findall(found["above"])}
        line = page.count("\n", 0, found.start()) + 1
        yield Block(found["kind"], found["text"], line, said)


def scratch(folder: Path, page: str) -> Path:
    """Make what a page's commands work in: the example under git, or an empty folder."""
    if "<!-- scratch: empty -->" not in page:
        for name in EXAMPLE:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / name)
        (folder / ".gitignore").write_text(".evalgate/\n__pycache__/\n")
        run(Command("git init -q . && git add -A && git commit -q -m start"), folder)
    return folder


def run(command: Command, folder: Path) -> str:
    """Run one command; its code and what it shows must be as they are said to be."""
    done = subprocess.run(
        ["bash", "-c", command.text],
        cwd=folder,
        env=_environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert command.exits == done.returncode, f"$ {command.text}\n{done.stdout}"
    missing = first_missing(command.shown, done.stdout)
    assert missing is None, f"$ {command.text}\nis said to show: {missing}\n\n{done.stdout}"
    return done.stdout


def first_missing(shown: tuple[str, ...], printed: str) -> str | None:
    """Return the first line that is shown and was not printed, blanks and breaks aside."""
    rest = " ".join(printed.split())
    for line in shown:
        words = " ".join(line.split())
        if words in ("", "..."):
            continue
        _, found, rest = rest.partition(words)
        if not found:
            return line
    return None


def run_page(page: str, folder: Path) -> None:
    """Write the files of a page and run its commands, in order."""
    for block in blocks(page):
        if "file" in block.said:
            target = folder / block.said["file"]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
        for command in block.commands:
            run(command, folder)


def _environment(folder: Path) -> dict[str, str]:
    """Return an environment with this Python's programs first, and without keys or a home."""
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com"}
    who |= {name.replace("AUTHOR", "COMMITTER"): value for name, value in who.items()}
    return {
        **who,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
