"""The line that names an agent, parsed: `python:`, `command:`, `http:`, `recorded:`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PythonLine:
    """A Python function or object."""

    target: str
    """`MODULE:NAME`."""
    kind: str = "python"
    """The prefix."""


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A program that is started for each trial, or once."""

    target: str
    """The command line."""
    kind: str = "command"
    """The prefix."""


@dataclass(frozen=True, slots=True)
class HttpLine:
    """A service that answers over HTTP."""

    target: str
    """The whole URL."""
    kind: str = "http"
    """The prefix: `http` or `https`."""


@dataclass(frozen=True, slots=True)
class RecordedLine:
    """Traces that were recorded elsewhere."""

    target: str
    """The file."""
    kind: str = "recorded"
    """The prefix."""


@dataclass(frozen=True, slots=True)
class PluginLine:
    """An agent of a kind that a plug-in brings, or that nobody knows."""

    target: str
    """What stands after the prefix."""
    kind: str = ""
    """The prefix."""


AgentLine = PythonLine | CommandLine | HttpLine | RecordedLine | PluginLine


def parse_agent_line(run: str) -> AgentLine:
    """Parse the line that names an agent; a kind that nobody knows is a plug-in's."""
    kind, _, target = run.partition(":")
    match kind:
        case "python":
            return PythonLine(target)
        case "command":
            return CommandLine(target)
        case "http" | "https":
            return HttpLine(run, kind)
        case "recorded":
            return RecordedLine(target)
        case _:
            return PluginLine(target, kind)
