"""Google Gemini: what its own servers did is a call, wherever a response tells of it."""

from typing import Any

import pytest

from evalgate.gateway.wire.base import Reply
from evalgate.gateway.wire.google_generate import WIRE

SEARCH = {"groundingMetadata": {"webSearchQueries": ["a", "b"]}}
CALL = {"toolCall": {"id": "1", "toolType": "GOOGLE_SEARCH_WEB", "args": {"queries": ["a", "b"]}}}
ANSWER = {"toolResponse": {"id": "1", "toolType": "GOOGLE_SEARCH_WEB", "response": {"n": 2}}}
FILES = {"groundingMetadata": {"groundingChunks": [{"retrievedContext": {"title": "t"}}]}}
PAGES = {"urlContextMetadata": {"urlMetadata": [{"retrievedUrl": "https://a.example"}]}}
CODE = {"executableCode": {"language": "PYTHON", "code": "1"}}
RAN = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}}


def read(*parts: dict[str, Any], **candidate: Any) -> Reply:  # noqa: ANN401  # any JSON
    """Read a response of one candidate."""
    content = {"role": "model", "parts": [*parts, {"text": "So."}]}
    return WIRE.read({"candidates": [{"content": content, "finishReason": "STOP", **candidate}]})


@pytest.mark.parametrize(
    ("parts", "candidate", "names"),
    [
        ((), SEARCH, ["google_search"]),
        ((CALL, ANSWER), SEARCH, ["google_search"]),
        ((), FILES, ["file_search"]),
        (({"toolCall": {"id": "1", "toolType": "FILE_SEARCH"}},), FILES, ["file_search"]),
        ((), PAGES, ["url_context"]),
        ((CODE, RAN, CODE, RAN), {}, ["code_execution", "code_execution"]),
        ((CALL, CODE), PAGES, ["google_search", "code_execution", "url_context"]),
    ],
)
def test_tools_of_the_provider(
    parts: tuple[dict[str, Any], ...], candidate: dict[str, Any], names: list[str]
) -> None:
    """Each is a call of the provider, once, also where two places tell of it."""
    reply = read(*parts, **candidate)
    assert (names, ()) == ([tool.name for tool in reply.tools], reply.unknown)
    assert all(tool.by_provider for tool in reply.tools)


def test_results_of_the_providers_tools() -> None:
    """A result belongs to the call of its id; that of code to the code before it."""
    search, code = read(CALL, CODE, RAN, ANSWER).tools
    assert search.result is not None
    assert code.result is not None
    assert ({"n": 2}, "1") == (search.result.content, code.result.content)


def test_a_tool_without_a_type_is_unknown() -> None:
    """It may be anything."""
    (item,) = read({"toolCall": {"id": "1"}}).unknown
    assert "part.toolCall" == item.type
