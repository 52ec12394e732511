"""Small cases and traces for scorers."""

from collections.abc import Callable

import pytest

from evalgate.schema.golden import Case, Expected
from evalgate.schema.trace import LlmCall, Step, ToolCall, Trace


@pytest.fixture
def make_case() -> Callable[..., Case]:
    """Return a maker of cases: what is expected by keyword, the rest by `case_fields`."""

    def make(case_fields: dict[str, object] | None = None, **expected: object) -> Case:
        fields = {"id": "c", "input": "Where is my order?", **(case_fields or {})}
        return Case.model_validate({**fields, "expected": Expected.model_validate(expected)})

    return make


@pytest.fixture
def make_trace() -> Callable[..., Trace]:
    """Return a maker of traces of case `c`: steps by position, fields by keyword."""

    def make(*steps: Step, **fields: object) -> Trace:
        base = {"case_id": "c", "output": "On its way.", "steps": steps}
        return Trace.model_validate({**base, **fields})

    return make


@pytest.fixture
def busy_trace(make_trace: Callable[..., Trace]) -> Trace:
    """Return a finished trial of two LLM calls with tokens and one tool call."""
    return make_trace(
        LlmCall(
            provider="openai", model="gpt-4o", input_tokens=1000, output_tokens=50, cached_tokens=0
        ),
        ToolCall(name="get_order", arguments={"id": "7"}, result="shipped"),
        LlmCall(
            provider="openai",
            model="gpt-4o",
            input_tokens=1100,
            output_tokens=150,
            cached_tokens=1000,
        ),
        duration=2.5,
        started_at="2026-01-02T03:04:05Z",
    )
