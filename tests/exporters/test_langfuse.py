"""Tests of the export to Langfuse against a local server that doubles a repeated span."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from support.langfuse_server import KEYS, Langfuse, langfuse_server

from evalgate.commands.operations.export import (
    Done,
    Outside,
    export_langfuse,
    langfuse_target,
)
from evalgate.exporters.otlp import request_data
from evalgate.exporters.spans import SentTrace, SpanContext, sent_trace
from evalgate.importers.traces.langfuse import import_langfuse
from evalgate.importers.traces.otel import import_otel
from evalgate.schema.score import Scored
from evalgate.schema.trace import LlmCall, RecordedScore, Trace
from evalgate.text.redact import Redactor

SHARED = Path(__file__).resolve().parents[3] / "shared/data/langfuse"
FILES = sorted(SHARED.glob("*.json"))
NOTHING = Redactor.build({})
OWN = ("llm_call", "tool_call", "retrieval")


def traces_of(path: Path) -> tuple[Trace, ...]:
    """Import a shared export."""
    return import_langfuse(json.loads(path.read_text()), {}).traces


def facts(trace: Trace) -> dict[str, Any]:
    """Return all of a trace but the metadata, which names its source."""
    data = trace.model_dump(mode="json", exclude={"metadata"})
    for step in data["steps"]:
        step.pop("metadata")
    return data


def sent(trace: Trace) -> SentTrace:
    """Turn a trace into spans."""
    return sent_trace(trace, SpanContext(1_780_000_000.0), NOTHING)


@pytest.fixture
def server() -> Iterator[Langfuse]:
    """Serve a project."""
    with langfuse_server() as project:
        yield project


@pytest.fixture
def export(server: Langfuse, tmp_path: Path) -> Iterator[Any]:
    """Return a function that exports traces."""
    with httpx2.Client() as client:

        def run(traces: list[Trace], *, resend: bool = False) -> Done:
            outside = Outside(client, lambda _s: None, 1_780_000_000, tmp_path, resend)
            return export_langfuse(
                [sent(t) for t in traces], langfuse_target(KEYS, server.url), outside
            )

        yield run


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_is_lost_or_doubled(path: Path, server: Langfuse, export: Any) -> None:  # noqa: ANN401
    """Import, export, import again: steps, tokens, cost and scores are the same."""
    before = list(traces_of(path))
    first, second = export(before), export(before)
    after = import_langfuse(server.traces(), {}).traces
    assert [facts(one) for one in before] == [facts(one) for one in after]
    assert (len(before), 0, len(before)) == (first.traces, second.traces, second.known)
    assert 0 == second.scores + len(first.problems) + len(second.problems)
    calls = [s for t in before for s in t.steps if isinstance(s, LlmCall)]
    cost = sum(call.cost_usd or 0.0 for call in calls) or sum(t.cost_usd or 0.0 for t in before)
    assert pytest.approx(cost) == sum(one["totalCost"] for one in server.traces())
    used = [row["usageDetails"] for one in server.traces() for row in one["observations"]]
    assert sum((c.input_tokens or 0) + (c.output_tokens or 0) for c in calls) == sum(
        sum(row.values()) for row in used
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_plain_otlp_loses_nothing_either(path: Path) -> None:
    """The same spans read by the importer of OpenTelemetry."""
    before = traces_of(path)
    after = import_otel(request_data([sent(one) for one in before]), {}).traces
    assert [facts(one) for one in before] == [facts(one) for one in after]


def test_there_is_something_to_export() -> None:
    """The six shared traces are found."""
    assert 6 == len(FILES)


@pytest.mark.parametrize(("code", "requests"), [(401, 1), (400, 1), (500, 1), (429, 2), (503, 2)])
def test_what_was_refused_is_sent_by_the_next_export(
    code: int,
    requests: int,
    server: Langfuse,
    export: Any,  # noqa: ANN401
) -> None:
    """What waiting cures is tried again; the rest is named, and is no doubt."""
    server.codes = [code]
    trace = Trace(case_id="a", output="yes")
    first = export([trace])
    assert (requests, [], requests == 1) == (server.requests, first.doubts, bool(first.problems))
    export([trace])
    assert 1 == len(server.spans)


def test_an_answer_that_got_lost_is_a_doubt(server: Langfuse, export: Any) -> None:  # noqa: ANN401
    """After a 504 nothing is sent again unless asked."""
    server.codes = [504]
    trace = Trace(case_id="a")
    assert (1, 1) == (len(export([trace]).doubts), len(export([trace]).doubts))
    assert 1 == server.requests
    assert 1 == export([trace], resend=True).traces


def test_too_large_a_batch_is_halved(server: Langfuse, export: Any) -> None:  # noqa: ANN401
    """Each trace that fits is sent, once; the one that never fits is named."""
    server.most_bytes = 80_000
    traces = [Trace(case_id=f"c{n}", output="x" * 10_000 * n) for n in range(4)]
    done = export(traces)
    assert 1 == len(done.problems)
    assert "case 'c3'" in done.problems[0]
    assert 3 == len(server.spans)


def test_a_trial_of_a_run_is_an_experiments_item(server: Langfuse, tmp_path: Path) -> None:
    """A run is an experiment; its scores are in the score API, once, and change in place."""
    trace = Trace(
        case_id="refund",
        agent_name="support",
        session_id="s1",
        user_id="u1",
        scores=(
            RecordedScore(name="helpful", value=True),
            RecordedScore(name="tone", value="kind"),
        ),
    )
    with httpx2.Client() as client:
        outside = Outside(client, lambda _s: None, 1_780_000_000, tmp_path)
        for value in (1.0, 0.5, 0.5):
            scores = {"task_success": Scored(value)}
            one = sent_trace(trace, SpanContext(1.7e9, "run-1", "support", scores), NOTHING)
            export_langfuse([one], langfuse_target(KEYS, server.url), outside)
    (_, span), *more = server.spans
    assert [] == more
    assert "run-1" == span.attributes["langfuse.experiment.id"]
    assert span.id == span.attributes["langfuse.experiment.item.root_observation_id"]
    assert ["agent_name:support"] == span.attributes["langfuse.trace.tags"]
    values = {s["name"]: (s["value"], s["dataType"]) for s in server.scores.values()}
    assert {
        "task_success": (0.5, "NUMERIC"),
        "helpful": (1.0, "BOOLEAN"),
        "tone": ("kind", "CATEGORICAL"),
    } == values
    assert 3 == len(server.scores)


def test_no_secret_in_an_attribute() -> None:
    """A key that a tool returned stands in no span."""
    secret = "sk-live-5f3a9c1b7d2e4f608a9b1c2d"
    redactor = Redactor.build({"SHOP_API_KEY": secret})
    trace = Trace(case_id="a", output=f"use {secret}", tags=(f"key:{secret}",))
    assert secret not in json.dumps(request_data([sent_trace(trace, SpanContext(1.7e9), redactor)]))
