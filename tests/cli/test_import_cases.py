"""Inputs that once came out wrong, with the right values from the command line.

Each names the public report it stands for, as project and number.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from support.cli import Cli, Result

from evalgate.schema.base import Json


@pytest.fixture
def source(shared_cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder; return the folder of inputs."""
    monkeypatch.chdir(tmp_path)
    return shared_cases / "importers"


def _imported(cli: Cli, name: str, path: Path) -> Result:
    return cli("import", name, path, "--golden", "g.jsonl", "--traces", "t.jsonl")


def _lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(name).read_text(encoding="utf-8").splitlines()]


def _run(cli: Cli, **expected: Json) -> Result:
    """Run what was imported, with every case reviewed."""
    rows = [
        row | {"status": "reviewed", "expected": row.get("expected", {}) | expected}
        for row in _lines("g.jsonl")
    ]
    Path("g.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return cli("run", "--golden", "g.jsonl", "--agent", "recorded:t.jsonl", "--format", "json")


def _values(result: Result, *names: str) -> list[float | None]:
    metrics = result.json["metrics"]
    return [metrics[name]["value"] for name in names]


@pytest.mark.parametrize(
    ("name", "path", "calls"),
    [
        ("otel", "otel_calls_only_in_messages.json", 1),  # kagent 2734
        ("otel", "openinference.otlp.json", 1),  # openinference-instrumentation-openai 0.1.66
        ("otel", "traceloop.otlp.json", 1),  # Traceloop's instrumentation
        ("chat", "chat_same_call_id.json", 2),  # smolagents 2683
        ("chat", "chat_no_call_id.json", 2),  # xinference 4237
        ("bfcl", "bfcl_prompt_mode/q.questions.jsonl", 1),  # BFCL's own checker accepts it
        ("bfcl", "bfcl_dots/q.questions.jsonl", 1),  # BFCL maps the name back
    ],
)
def test_calls_are_seen(name: str, path: str, calls: int, source: Path, cli: Cli) -> None:
    """What was done is what the draft expects; where none is allowed it fails."""
    assert 0 == _imported(cli, name, source / path).code
    done = _run(cli)
    assert (3, [calls, 1]) == (done.code, _values(done, "tool_invocations", "tool_call_accuracy"))
    forbidden = _run(cli, tool_calls=[], tool_match="any_order")
    assert [0] == _values(forbidden, "task_success_rate")


@pytest.mark.parametrize("name", ["chat_same_call_id", "chat_no_call_id"])
def test_one_of_two_calls_failed(name: str, source: Path, cli: Cli) -> None:
    """Each has its own result."""
    _imported(cli, "chat", source / f"{name}.json")
    assert [0.5] == _values(_run(cli), "tool_failure_rate")


@pytest.mark.parametrize(
    ("name", "path", "success", "cost"),
    [
        ("inspect", "inspect_limit_but_scored.json", 0.75, 0.000021),
        # inspect_ai 5528: 1,000 in at $.15 and 2,010 out at $.60 a million
        ("inspect", "inspect_reasoning_outside_output.json", 1.0, 0.001356),
        # langfuse 15856: 100 in at $1.25, 900 cached at $.125, 2,010 out at $10 a million
        ("langfuse", "langfuse_usage_template.json", 1.0, 0.0203375),
    ],
)
def test_success_and_cost(  # two fixtures beside the row
    name: str, path: str, success: float, cost: float, source: Path, cli: Cli
) -> None:
    """As the scorers of the source said, and as the parts of the usage add up."""
    assert 0 == _imported(cli, name, source / path).code
    done = _run(cli)
    assert pytest.approx([success, cost]) == _values(
        done, "task_success_rate", "cost_per_interaction"
    )


@pytest.mark.parametrize(
    ("model", "usage", "cost"),
    [
        (
            "claude-sonnet-4-5-20250929",
            {
                "input": 100,
                "input_cache_creation_5m": 50000,
                "input_cache_creation_1h": 50000,
                "output": 10,
                "total": 100110,
            },
            0.48795,
        ),
        (
            "gpt-4o-audio-preview",
            {
                "input": 10,
                "input_audio_tokens": 1000,
                "output": 20,
                "output_audio_tokens": 500,
                "total": 1530,
            },
            0.080225,
        ),
    ],
    ids=["cache lifetimes", "audio"],
)
def test_parts_of_a_usage_have_their_own_price(
    model: str, usage: dict[str, Json], cost: float, source: Path, cli: Cli
) -> None:
    """Langfuse 15856; a part without a price leaves the cost unknown, never too low."""
    data = json.loads((source / "langfuse_usage_template.json").read_text())
    data["observations"][0] |= {"model": model, "usageDetails": usage}
    Path("trace.json").write_text(json.dumps(data))
    assert 0 == _imported(cli, "langfuse", Path("trace.json")).code
    (found,) = _values(_run(cli), "cost_per_interaction")
    assert found is None or pytest.approx(cost) == found


@pytest.mark.parametrize(
    ("name", "path", "place"),
    [
        ("adk", "adk_collide.json", "/eval_cases/0/eval_id: found 201 characters"),
        ("adk", "adk_empty_id.json", "/eval_cases/0/eval_id: found ''"),
        ("tau2", "tau2_long_id.json", "/tasks/0/id: found 214 characters"),
        ("bfcl", "role.questions.jsonl", "/questions/0: found 'function' as role"),
    ],
)
def test_bad_ids_and_names_are_named_by_place(
    name: str, path: str, place: str, source: Path, cli: Cli
) -> None:
    """Exit 2, no half id, no two cases of one id, and nothing is written."""
    done = _imported(cli, name, source / path)
    assert (2, True, False) == (done.code, place in done.err, Path("g.jsonl").exists())


def test_a_name_of_another_type_is_left_out(source: Path, cli: Cli) -> None:
    """The observation stays."""
    assert 0 == _imported(cli, "langfuse", source / "langfuse_list_name.json").code
    assert "name" not in _lines("t.jsonl")[0]["steps"][0]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("events.evalset.json", [("reviewed", ["roll_die"])]),
        ("rubric_only.evalset.json", [("draft", None)]),
        ("scenario.evalset.json", [("draft", None), ("draft", None)]),
    ],
)
def test_adk_sets_say_what_they_say(
    path: str, expected: list[object], source: Path, cli: Cli
) -> None:
    """A turn without `intermediate_data` forbids no call; a scenario has no fixed turns."""
    assert 0 == _imported(cli, "adk", source / path).code
    found = [
        (
            row.get("status", "reviewed"),
            [call["name"] for call in row["expected"]["tool_calls"]]
            if row.get("expected", {}).get("tool_calls") is not None
            else None,
        )
        for row in _lines("g.jsonl")
    ]
    assert expected == found


@pytest.mark.parametrize(
    "case_id", ["zh", "ja", "ko", "th", "ar_glued", "fullwidth", "arab", "leading_dot"]
)
def test_numbers_beside_any_script_are_found(case_id: str, source: Path, cli: Cli) -> None:
    """Vibe-Trading 1122: also in full-width and Arabic digits, and `.5`."""
    golden, traces = (source.parent / "golden" / f"numbers_{part}.jsonl" for part in "gt")
    given = ("--golden", golden, "--agent", f"recorded:{traces}", "--case", case_id)
    assert [1.0] == _values(cli("run", *given, "--format", "json"), "task_success_rate")
