"""From calls of tools that went through the gateway to steps and to words: pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from evalgate.gateway.tool_calls import ToolAnswer, ToolDesk, ToolRun, failure_text
from evalgate.gateway.tool_rules import ToolRules
from evalgate.gateway.wire.base import Body, as_body
from evalgate.matching.equality import json_equal
from evalgate.schema.base import Json
from evalgate.schema.trace import Span, ToolCall
from evalgate.text.counts import number_of
from evalgate.text.diff import json_diff
from evalgate.text.tame_json import tame

_NAMED = 5
"""Calls that one message names."""


def with_runs(
    asked: Sequence[ToolCall], runs: Iterable[ToolRun], *, by_model: bool
) -> list[ToolCall | Span]:
    """Join what a model asked for with the calls that were made.

    What a model asks for is the trajectory; a call that the agent's code makes by itself is a span
    beside it. Where no model was asked, the calls of Python tools and MCP servers are the
    trajectory.

    Args:
        asked: Calls that a model asked for.
        runs: Calls that were made.
        by_model: Whether a model was asked at all.
    """
    made = [run for run in runs if "method" not in run.prepared.canonical]
    left = [*made]
    steps: list[ToolCall | Span] = []
    for step in asked:
        run = _made_for(step, left)
        if run is not None:
            left.remove(run)
            step = step.model_copy(update={"metadata": {**step.metadata, **_noted(run)}})  # noqa: PLW2901  # the same step, with what is known of it
        steps.append(step)
    for number, run in enumerate(left):
        is_call = not by_model and run.prepared.canonical.get("via") != "http"
        steps.append(_call(run, number) if is_call else _span(run, number))
    return steps


def _made_for(step: ToolCall, left: Sequence[ToolRun]) -> ToolRun | None:
    """Find the call that was made for what a model asked, by name, rather with equal arguments."""
    same = [run for run in left if _is_named(step.name, run.prepared.canonical)]
    equal = (
        run for run in same if json_equal(run.prepared.canonical.get("arguments"), step.arguments)
    )
    return next(equal, same[0] if same else None)


def _is_named(name: str, call: Body) -> bool:
    """Frameworks put a server's name before that of its tool, in ways of their own."""
    if call.get("via") == "http":
        return False
    server, _, tool = str(call.get("tool")).rpartition("/")
    return name == tool or (bool(server) and server in name and name.endswith(tool))


def _noted(run: ToolRun) -> dict[str, Json]:
    call = run.prepared.canonical
    return {"via": call.get("via"), "tool": call.get("tool"), "run": run.how}


def _call(run: ToolRun, number: int) -> ToolCall:
    call = run.prepared.canonical
    arguments = tame(call.get("arguments"))
    return ToolCall(
        id=f"run-{number}",
        name=str(call.get("tool")).rpartition("/")[2],
        start=run.start,
        end=run.end,
        arguments=arguments if isinstance(arguments, dict) else {"input": arguments},
        result=tame(run.result),
        error=None if run.error is None else failure_text(run.error),
        metadata=_noted(run),
    )


def _span(run: ToolRun, number: int) -> Span:
    call = run.prepared.canonical
    failed: dict[str, Json] = {} if run.error is None else {"error": run.error.message}
    return Span(
        id=f"run-{number}",
        name=f"tool {call.get('tool')}",
        start=run.start,
        end=run.end,
        input=tame(call.get("arguments")),
        output=tame(run.result),
        metadata={**_noted(run), **failed},
    )


def tool_summary(runs: Iterable[ToolRun]) -> dict[str, tuple[str, ...]]:
    """Return the names of tools by what became of their calls."""
    found: dict[str, set[str]] = {}
    for run in runs:
        call = run.prepared.canonical
        if "method" not in call:
            found.setdefault(run.how, set()).add(str(call.get("tool")))
    return {how: tuple(sorted(names)) for how, names in sorted(found.items())}


def unmade(
    answers: Mapping[str, Sequence[ToolAnswer]], desk: ToolDesk, rules: ToolRules, command: str
) -> str | None:
    """Say which recorded calls a replay did not make, and what it made in their place.

    Args:
        answers: Recorded calls by key.
        desk: The calls that were made.
        rules: What tools do; only those that are replayed count.
        command: How to record the case again.
    """
    missing = [*_missing(answers, desk, rules)]
    if not missing:
        return None
    names = ", ".join(f"{call.get('tool')} {_short(call)}" for call in missing[:_NAMED])
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    count = number_of(len(missing), "recorded tool call was", "recorded tool calls were")
    lines = [f"{count} not made: {names}{more}"]
    first = missing[0]
    instead = [run.prepared.canonical for run in desk.runs if run.order is None]
    same = next((c for c in instead if c.get("tool") == first.get("tool")), None)
    if same is not None:
        lines += [f"  {d}" for d in json_diff(first.get("arguments"), same.get("arguments"))]
    else:
        lines += [f"  - {first.get('tool')} {_short(first)}"]
    return "\n".join([*lines, f"  fix: {command}"])


def _missing(
    answers: Mapping[str, Sequence[ToolAnswer]], desk: ToolDesk, rules: ToolRules
) -> Iterator[Body]:
    for key, recorded in answers.items():
        for answer in recorded[desk.served[key] :]:
            call = as_body(answer.request)
            name = str(call.get("tool"))
            if "method" in call or rules.course(name, "replay") != "replay":
                continue
            outer = answer.inside
            if outer is None or rules.course(outer, "replay") != "replay":
                yield call


def _short(call: Body) -> str:
    return str(call.get("arguments"))[:120]
