"""The published trajectory-match cases of agentevals, in our modes and rules.

`unordered` is `any_order`, `subset` and `superset` are what they are, and `strict` compares
message by message: the roles in order, the calls within a message in any order. Arguments:
`ignore` compares no argument, `superset` those of the reference, and `subset` lets every
argument be left out. Callable overrides are code and are left out.
"""

import json
from pathlib import Path
from typing import Any

from evalgate.matching import match
from evalgate.schema.golden import ExpectedCall, MatchMode
from evalgate.schema.trace import ToolCall

_ROLES = {"human": "user", "ai": "assistant"}
_MODES: dict[str, MatchMode] = {
    "unordered": "any_order",
    "subset": "subset",
    "superset": "superset",
}

Turn = tuple[str, list[tuple[str, dict[str, Any]]]]


def _turns(messages: list[dict[str, Any]]) -> list[Turn]:
    """Return role and calls of each message, in the OpenAI or the LangChain shape."""
    return [
        (
            _ROLES.get(role := str(message.get("role", message.get("type"))), role),
            [_call(call) for call in message.get("tool_calls") or []],
        )
        for message in messages
    ]


def _call(call: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if "function" in call:
        return call["function"]["name"], json.loads(call["function"]["arguments"])
    return call["name"], call["args"]


def _expect(name: str, arguments: dict[str, Any], mode: str, overrides: Any) -> ExpectedCall:  # noqa: ANN401
    """Translate argument modes and overrides into `rules` and `compare_args`."""
    override = overrides.get(name, mode)
    data: dict[str, Any] = {"name": name, "arguments": arguments}
    if isinstance(override, list):
        roots = {path.split(".")[0] for path in override}
        data["arguments"] = {
            root: _part(arguments[root], [p.split(".")[1:] for p in override if p.startswith(root)])
            for root in roots
        }
        data["rules"] = {root: {"rule": "keys"} for root in roots}
        data["compare_args"] = sorted(roots)
    elif override == "ignore":
        data["compare_args"] = []
    elif override == "superset":
        data["compare_args"] = list(arguments)
    elif override == "subset":
        data["rules"] = {
            key: {"rule": "one_of", "values": [value], "or_absent": True}
            for key, value in arguments.items()
        }
    return ExpectedCall.model_validate(data)


def _part(value: dict[str, Any], paths: list[list[str]]) -> dict[str, Any]:
    return {path[0]: value[path[0]] for path in paths}


def _matches(row: dict[str, Any]) -> bool:
    outputs, references = _turns(row["outputs"]), _turns(row["reference_outputs"])
    if row["trajectory_match_mode"] == "strict":
        return [role for role, _ in outputs] == [role for role, _ in references] and all(
            _calls_match(made, wanted, "any_order", row)
            for (_, made), (_, wanted) in zip(outputs, references, strict=True)
        )
    flat = [[call for _, calls in turns for call in calls] for turns in (outputs, references)]
    return _calls_match(flat[0], flat[1], _MODES[row["trajectory_match_mode"]], row)


def _calls_match(
    made: list[tuple[str, dict[str, Any]]],
    wanted: list[tuple[str, dict[str, Any]]],
    mode: MatchMode,
    row: dict[str, Any],
) -> bool:
    expected = [
        _expect(name, arguments, row["tool_args_match_mode"], row["overrides"])
        for name, arguments in wanted
    ]
    actual = [ToolCall(name=name, arguments=arguments) for name, arguments in made]
    return match(expected, actual, mode).matches


def test_every_case_without_a_callable_override(shared_data: Path) -> None:
    """All 56 cases that are data have the published result; 8 of the 64 carry code."""
    text = (shared_data / "agentevals" / "trajectory_match_cases.jsonl").read_text()
    rows = [json.loads(line) for line in text.splitlines()]
    data = [row for row in rows if "<callable>" not in row["overrides"].values()]
    wrong = [row["test"] for row in data if _matches(row) != row["score"]]
    assert (64, 56, []) == (len(rows), len(data), wrong)
