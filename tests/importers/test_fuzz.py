"""Mutated real exports: no importer ends in a bug, and no call is lost without a word."""

import json
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalgate.commands.importing import ImportFiles, import_file
from evalgate.errors import EvalgateError
from evalgate.importers.sources import read_source
from evalgate.registry import resolve
from evalgate.schema.base import Json
from evalgate.schema.trace import ToolCall, Trace, Unread
from evalgate.store.golden_sets.golden import load_golden
from evalgate.store.traces import load_traces
from evalgate.text.redact import Redactor

_SOURCES = {
    "adk": ("cases/importers/events.evalset.json", "data/foreign/adk/dice_agent.eval_set.json"),
    "bfcl": ("cases/importers/bfcl_prompt_mode/q.questions.jsonl",),
    "chat": ("cases/importers/chat_same_call_id.json", "cases/importers/chat_no_call_id.json"),
    "inspect": ("data/foreign/inspect/log_formats.eval", "data/foreign/inspect/log_formats.json"),
    "langfuse": (
        "data/langfuse/claude-agent-2025-12-22.trace.json",
        "data/langfuse/openai-agents-2025-09-30.trace.json",
        "data/langfuse/nested_example.json",
    ),
    "otel": (
        "cases/importers/otel_calls_only_in_messages.json",
        "cases/importers/openinference.otlp.json",
        "data/foreign/otlp/adk_openinference.otlp.jsonl",
        "data/foreign/otlp/agentevals_k8s.json",
    ),
    "tau-bench": ("data/tau_bench/gpt-4o-airline.json",),
    "tau2": ("data/tau2/airline_gpt-4.1.json",),
}
_FEW = 2
"""Rows of a long list that are kept: a mutation is to hit what matters."""
_ODD: tuple[Json, ...] = (
    None, True, 0, -1, 1.5, 10**300, "", "x", "\ud800", "y" * 201, [], {}, ["x"], [[]], {"a": 1},
    {"type": "hologram"}, [{"role": "robot"}], "2026-13-45", "9" * 40, "[f(a=1)]", "{'a': 1}",
)  # fmt: skip


def _small(data: Any) -> Any:  # noqa: ANN401  # any JSON
    """Cut long lists of rows, so that a file of megabytes is one of kilobytes."""
    if isinstance(data, list):
        kept = data if len(data) < 40 else data[:_FEW]
        return [_small(item) for item in kept]
    if isinstance(data, dict):
        return {
            key: [_small(item) for item in value[:_FEW]]
            if key in ("tasks", "simulations", "samples") and isinstance(value, list)
            else _small(value)
            for key, value in data.items()
        }
    return data


def _places(data: Json, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List every place of a document."""
    found = [path]
    if isinstance(data, dict):
        for key, value in data.items():
            found += _places(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            found += _places(value, (*path, index))
    return found


def _mutated(data: Any, seed: int, times: int) -> Json:  # noqa: ANN401  # any JSON
    """Replace, remove, repeat or rename something, some times."""
    whole: Any = [deepcopy(data)]
    rng = Random(seed)  # noqa: S311  # mutations, no secrets
    for _ in range(times):
        path = rng.choice(_places(whole[0]))
        parent: Any = whole
        for step in (0, *path)[:-1]:
            parent = parent[step]
        last = (0, *path)[-1]
        match rng.randrange(5):
            case 0 if isinstance(parent, dict):
                del parent[last]
            case 1 if isinstance(parent, list) and path:
                parent.insert(last, deepcopy(parent[last]))
            case 2 if isinstance(parent, dict):
                parent[rng.choice(("id", "name", "type", "role", "content", "x"))] = parent[last]
            case _:
                parent[last] = deepcopy(rng.choice(_ODD))
    return whole[0]


@cache
def _documents(name: str, folder: Path) -> tuple[Json, ...]:
    """Return small versions of the sources of a format."""
    return tuple(_small(read_source(folder / path, name)) for path in _SOURCES[name])


def _import(name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = resolve("importers", name)
    return found


def _written(data: Json, name: str, folder: Path) -> tuple[Path, dict[str, Path]]:
    if name != "bfcl" or not isinstance(data, dict):
        path = folder / "data.json"
        path.write_bytes(json.dumps(data).encode())
        return path, {}
    for part, rows in data.items():
        lines = rows if isinstance(rows, list) else [rows]
        text = "".join(f"{json.dumps(row)}\n" for row in lines)
        (folder / f"q.{part}.jsonl").write_text(text)
    return folder / "q.questions.jsonl", {"answers": folder / "q.answers.jsonl"}


@pytest.mark.parametrize("name", sorted(_SOURCES))
@given(seed=st.integers(0, 2**32), times=st.integers(1, 6))
@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_no_file_is_a_bug(
    name: str, seed: int, times: int, shared_data: Path, tmp_path: Path
) -> None:
    """A mutated export is read, or refused as a user's error; what is written can be read."""
    sources = _documents(name, shared_data.parent)
    data = _mutated(sources[seed % len(sources)], seed, times)
    path, parts = _written(data, name, tmp_path)
    golden, traces = tmp_path / "golden.jsonl", tmp_path / "traces.jsonl"
    redactor = Redactor.build({})
    try:
        import_file(name, ImportFiles(path, golden, traces, parts), {}, redactor)
    except EvalgateError:
        return
    known = {case.id for case in load_golden(golden).cases}
    assert {trace.case_id for trace in load_traces(traces)} <= known


def _counted(trace: Trace) -> int | None:
    """Return the calls of a trace; null where it says that they are not measured."""
    if any(isinstance(step, Unread) and "tool_calls" in step.parts for step in trace.steps):
        return None
    return sum(isinstance(step, ToolCall) for step in trace.steps)


_CALLS: dict[str, Callable[[int], Json]] = {
    "openai": lambda n: {"tool_calls": [{"id": f"c{n}", "function": {"name": "f"}}]},
    "same id": lambda n: {"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": n}}]},
    "anthropic": lambda n: {"content": [{"type": "tool_use", "id": f"c{n}", "name": "f"}]},
    "gemini": lambda n: {"parts": [{"functionCall": {"name": "f", "args": {"n": n}}}]},
    "otel": lambda n: {"parts": [{"type": "tool_call", "id": f"c{n}", "name": "f"}]},
    "no name": lambda n: {"tool_calls": [{"id": f"c{n}", "function": {"arguments": "{}"}}]},
    "to come": lambda n: {"content": [{"type": "summon_tool", "id": f"c{n}"}]},
}  # fmt: skip


@given(kinds=st.lists(st.sampled_from(sorted(_CALLS)), max_size=6), answered=st.booleans())
@settings(max_examples=60)
def test_as_many_calls_come_out_as_went_in(kinds: list[str], *, answered: bool) -> None:
    """Of chat transcripts in mixed shapes, or the trace says that it cannot tell."""
    messages: list[Json] = [{"role": "user", "content": "hi"}]
    for number, kind in enumerate(kinds):
        message = _CALLS[kind](number)
        assert isinstance(message, dict)
        messages.append({"role": "assistant", **message})
        if answered:
            messages.append({"role": "tool", "tool_call_id": f"c{number}", "content": "ok"})
    messages.append({"role": "assistant", "content": "done"})
    (trace,) = _import("chat")(messages, {}).traces
    assert _counted(trace) in (None, len(kinds))
    if not {"no name", "to come"} & set(kinds) and not answered:
        assert len(kinds) == _counted(trace)


@pytest.mark.parametrize("name", ["langfuse", "otel"])
@given(kinds=st.lists(st.sampled_from(sorted(_CALLS)), min_size=1, max_size=6))
@settings(max_examples=40)
def test_as_many_calls_come_out_as_models_asked_for(name: str, kinds: list[str]) -> None:
    """Of recorded model calls, one after another."""
    answers = [{"role": "assistant", **dict(_CALLS[kind](n))} for n, kind in enumerate(kinds)]  # type: ignore[arg-type]
    if name == "langfuse":
        data: Json = [
            {
                "traceId": "t",
                "id": f"g{n}",
                "type": "GENERATION",
                "startTime": f"2026-01-01T00:00:0{n}Z",
                "output": json.dumps(answer),
            }
            for n, answer in enumerate(answers)
        ]
    else:
        spans: Json = [
            {
                "traceId": "t",
                "spanId": f"g{n}",
                "startTimeUnixNano": f"{10**18 + n}",
                "attributes": {
                    "gen_ai.operation.name": "chat",
                    "gen_ai.output.messages": json.dumps([answer]),
                },
            }
            for n, answer in enumerate(answers)
        ]
        data = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
    (trace,) = _import(name)(data, {}).traces
    expected = None if {"no name", "to come"} & set(kinds) else len(kinds)
    assert expected == _counted(trace)
