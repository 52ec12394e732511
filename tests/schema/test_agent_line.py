"""Tests of the line that names an agent."""

import pytest

from evalgate.schema.agent_line import (
    AgentLine,
    CommandLine,
    HttpLine,
    PluginLine,
    PythonLine,
    RecordedLine,
    parse_agent_line,
)


@pytest.mark.parametrize(
    ("run", "line"),
    [
        ("python:my_agent:answer", PythonLine("my_agent:answer")),
        ("command:node agent.mjs --x=a:b", CommandLine("node agent.mjs --x=a:b")),
        ("http://localhost:80/ask", HttpLine("http://localhost:80/ask", "http")),
        ("https://agent.example", HttpLine("https://agent.example", "https")),
        ("recorded:traces.jsonl", RecordedLine("traces.jsonl")),
        ("crewai:my:crew", PluginLine("my:crew", "crewai")),
        ("nothing", PluginLine("", "nothing")),
    ],
)
def test_each_kind(run: str, line: AgentLine) -> None:
    """A prefix decides; what nobody knows is a plug-in's, never one of ours."""
    assert line == parse_agent_line(run)
