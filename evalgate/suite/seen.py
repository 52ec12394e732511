"""What the source of an agent tells: model SDKs it imports, variables it reads; nothing is run."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from evalgate.schema.agent_line import AgentLine, CommandLine, PythonLine

SDKS: Final = {
    "openai": ("OPENAI_API_KEY",),
    "langchain_openai": ("OPENAI_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "langchain_anthropic": ("ANTHROPIC_API_KEY",),
    **dict.fromkeys(
        (
            *("agents", "autogen", "crewai", "dspy", "instructor", "langchain", "litellm"),
            *("llama_index", "pydantic_ai", "smolagents"),
        ),
        ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"),
    ),
}
"""Model SDKs and frameworks whose calls a base URL leads through the gateway, and their keys."""

_MOST_FILES: Final = 200
_NAME: Final = r"([A-Z][A-Z0-9_]{2,})"
_VARIABLE: Final = re.compile(
    rf"""(?:environ(?:\.get)?|getenv|process\.env)\s*[\[(.]\s*["']?{_NAME}"""
)
_IMPORTED: Final = re.compile(r"""(?:from|import|require)\s*\(?\s*["']?@?(openai|anthropic)\b""")


@dataclass(frozen=True, slots=True)
class Seen:
    """What the source of an agent tells."""

    sdks: tuple[str, ...] = ()
    """Model SDKs that it imports."""
    variables: tuple[str, ...] = ()
    """Environment variables that it reads."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Variables of which one has to hold a key of a provider."""
        return tuple(dict.fromkeys(key for sdk in self.sdks for key in SDKS[sdk]))


def look_at(line: AgentLine, root: Path) -> Seen:
    """Read the source of an agent, and of its modules beside it."""
    match line:
        case PythonLine(target):
            texts = list(_modules(target.partition(":")[0], root))
            sdks = {name for text in texts for name in _imports(text)} & SDKS.keys()
            sdks = {name for name in sdks if _source(name, root) is None}  # a module of one's own
        case CommandLine(target):
            files = (root / word for word in target.split())
            texts = [_text(file) for file in files if file.is_file()]
            sdks = {name for text in texts for name in _IMPORTED.findall(text)}
        case _:
            return Seen()
    variables = {name for text in texts for name in _VARIABLE.findall(text)}
    return Seen(tuple(sorted(sdks)), tuple(sorted(variables)))


def _modules(first: str, root: Path) -> Iterator[str]:
    """Yield the text of a module and of those it imports, where they are files of this folder."""
    waiting, done = [first], set[str]()
    while waiting and len(done) < _MOST_FILES:
        name = waiting.pop()
        if name in done:
            continue
        done.add(name)
        file = _source(name, root)
        if file is not None:
            text = _text(file)
            yield text
            package = name if file.stem == "__init__" else name.rpartition(".")[0]
            waiting += _imports(text, whole=True, package=package)


def _source(module: str, root: Path) -> Path | None:
    path = Path(*module.split("."))
    if not path.name:  # `python::answer`, `from . import x` outside of a package
        return None
    for base in (root, root / "src"):
        for file in (base / path.with_suffix(".py"), base / path / "__init__.py"):
            if file.is_file():
                return file
    return None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _imports(text: str, *, whole: bool = False, package: str = "") -> list[str]:
    """List the modules that a text imports, anywhere in it; its first name, or all of it."""
    try:
        nodes = [*ast.walk(ast.parse(text))]
    except (SyntaxError, ValueError, RecursionError):
        return []
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            above = package.rsplit(".", node.level - 1)[0] if node.level else ""
            module = ".".join(part for part in (above, node.module or "") if part)
            names += [module, *(f"{module}.{alias.name}" for alias in node.names)]
    return names if whole else [name.partition(".")[0] for name in names]
