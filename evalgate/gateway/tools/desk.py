"""Decides what becomes of a call of a tool, and keeps what came of it."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from shlex import quote

from evalgate.gateway.exchange import Delivered
from evalgate.gateway.miss import Miss, RecordedRequest, those, times
from evalgate.gateway.request_key import prepare_call, recognised, written
from evalgate.gateway.sessions import GatewaySettings, Mode
from evalgate.gateway.tool_calls import ToolAnswer, ToolRun, tool_entry
from evalgate.gateway.tool_faults import SPOILT, WITHHELD, FaultScript
from evalgate.gateway.tool_rules import Course
from evalgate.gateway.tools.faults import Faulted, spoilt, withheld
from evalgate.gateway.tools.mock import Mocked, answer_of
from evalgate.gateway.trial_log import TrialLog
from evalgate.gateway.wire.base import Body, as_body
from evalgate.gateway.wire.errors import ProviderError
from evalgate.schema.base import Json
from evalgate.schema.cassette import RecordedResponse, ToolFailure, ToolVia
from evalgate.text.diff import json_diff

__all__ = ["Asked", "Refusal", "begin", "failed", "finish"]

_SHOWN = 200
_MOCKED_SERVER: dict[Mode, Course] = {
    "record": "live",
    "off": "live",
    "replay": "replay",
    "auto": "auto",
}
"""What becomes of the list of a mocked server's tools: the real one has it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that an agent wants to make."""

    via: ToolVia
    """How the tool is reached."""
    name: str
    """The tool; `SERVER/TOOL` for an MCP server."""
    arguments: Json
    """Its arguments."""
    effects: bool | None = None
    """Whether the tool says that it changes something; null: it says nothing."""
    target: str | None = None
    """Where the function is found."""
    inside: str | None = None
    """The tool whose function makes the call."""
    method: str | None = None
    """A method of MCP that calls no tool; its last answer is given again and again."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that is not made."""

    code: str
    """Class of the error."""
    message: str
    """What the agent is told."""


Answer = ToolAnswer | Mocked | Refusal | None
"""What becomes of a call; None: the tool is to be called."""


def begin(
    log: TrialLog, settings: GatewaySettings, asked: Asked
) -> tuple[ToolRun, Answer | Faulted]:
    """Decide what becomes of a call.

    Returns:
        The call, and its answer; null: the tool is to be called, and `finish` told.
    """
    rules = settings.tools
    call: Body = {"via": asked.via, "tool": asked.name, "arguments": asked.arguments}
    if asked.method is not None:
        call["method"] = asked.method
    ignore = rules.policy(asked.name).ignore
    prepared = prepare_call(call, ignore, uuids=settings.matching.uuids)
    run = ToolRun(prepared, "live", log.now(), target=asked.target, inside=_inside(log, asked))
    log.desk.runs.append(run)
    if log.blocked is not None or log.not_measured is not None:
        message = log.blocked.message if log.blocked else f"evalgate: {log.not_measured}"
        return _refused(log, run, Refusal("not_measured", message))
    if log.faults is not None and asked.method is None:
        return _faulted(log, settings, run, asked, log.faults)
    return _answered(log, settings, run, asked)


def _faulted(
    log: TrialLog, settings: GatewaySettings, run: ToolRun, asked: Asked, script: FaultScript
) -> tuple[ToolRun, Answer | Faulted]:
    """Answer a call of a session in which calls go wrong."""
    if script.endless is not None:
        message = f"evalgate: {script.endless!r} was called too often after it had failed"
        log.blocked = ProviderError(400, "fault_limit", message)  # the model ends it, too
        return _refused(log, run, Refusal("fault_limit", message))
    key, fault = run.prepared.key, script.due(asked.name)
    if fault is not None and fault.kind in WITHHELD:
        script.hit(asked.name, key, fault)
        return run, _spoilt_run(log, run, withheld(fault))
    _, answer = _answered(log, settings, run, asked)
    if not isinstance(answer, ToolAnswer | Mocked):
        if fault is not None:
            script.unfit.append(f"{asked.name}: {fault.kind}: no answer of it is at hand")
        elif answer is None:
            script.worked(asked.name, key)
        return run, answer
    if fault is None:
        if answer.error is None:
            script.worked(asked.name, key)
        return run, answer
    older = _older(log, run, answer) if fault.kind == "stale" else ()
    found = spoilt(fault, asked.via, answer, older)
    if isinstance(found, str):
        script.unfit.append(f"{asked.name}: {fault.kind}: {found}")
        return run, answer
    if fault.kind in SPOILT and run.order is not None:
        log.desk.served[run.prepared.key] = run.order  # whoever asks again gets it whole
    script.hit(asked.name, key, fault)
    return run, _spoilt_run(log, run, found)


def _spoilt_run(log: TrialLog, run: ToolRun, found: Faulted) -> Faulted:
    run.how = "faulted"
    run.end = log.now() if run.end is None else run.end
    run.result = found.answer.result
    if found.answer.error is not None:
        kind = "timeout" if found.timeout else "error"
        run.error = ToolFailure(type=kind, message=str(found.answer.error))
    return found


def _older(log: TrialLog, run: ToolRun, due: ToolAnswer | Mocked) -> list[ToolAnswer]:
    """Return other answers of a tool, the latest before the due one first."""
    name, here = run.prepared.canonical.get("tool"), run.start
    found = [
        (trial != log.recorded_trial, answer.start > here, -answer.start, trial, answer)
        for trial, keys in log.cassette.tools.items()
        for answers in keys.values()
        for answer in answers
        if answer.request.get("tool") == name and answer.error is None
    ]
    found.sort(key=lambda each: each[:4])
    return [each[4] for each in found if not _alike(each[4], due)]


def _alike(one: ToolAnswer, other: ToolAnswer | Mocked) -> bool:
    if isinstance(other, ToolAnswer) and one.response is not None and other.response is not None:
        return _content(one.response) == _content(other.response)
    return one.result == other.result


def _content(sent: Delivered) -> bytes:
    return b"".join(chunk for _, chunk in sent.chunks)


def _answered(
    log: TrialLog, settings: GatewaySettings, run: ToolRun, asked: Asked
) -> tuple[ToolRun, Answer]:
    """Answer a call as the rules of its tool say."""
    rules = settings.tools
    course = rules.course(asked.name, settings.mode, effects=asked.effects)
    if course == "mock" and asked.method is not None:
        course = _MOCKED_SERVER[settings.mode]
    if course == "refuse":
        message = f"evalgate: tool {asked.name!r} may not run here{_why(settings, asked)}"
        log.desk.undeclared.append(message)
        return _refused(log, run, Refusal("tool_refused", message))
    if course == "mock":
        return _mocked(log, settings, run, asked)
    if course in ("replay", "auto"):
        again = asked.method is not None or log.faults is not None
        answer = _recorded(log, settings, run, again=again)
        if answer is not None:
            return run, answer
        if course == "replay":
            return _missed(log, settings, run)
    run.records = log.writer is not None
    if run.records:
        run.order = log.desk.served[run.prepared.key]
        log.desk.served[run.prepared.key] += 1
    return run, None


def _inside(log: TrialLog, asked: Asked) -> str | None:
    """Name the Python tool that makes a call: of one over a socket only the time can tell."""
    if asked.via == "python":
        return asked.inside
    running = (r for r in reversed(log.desk.runs) if r.end is None and r.how == "live")
    calls = (r.prepared.canonical for r in running)
    return next((str(call["tool"]) for call in calls if call.get("via") == "python"), None)


def _why(settings: GatewaySettings, asked: Asked) -> str:
    if settings.tools.policy(asked.name).mode == "refuse":
        return f": gateway.tools.{asked.name} is `refuse`"
    return " live: it has effects, and trust.live_effects of the base does not name it"


def _refused(log: TrialLog, run: ToolRun, refusal: Refusal) -> tuple[ToolRun, Refusal]:
    run.how, run.end = "refused", log.now()
    run.error = ToolFailure(type=refusal.code, message=refusal.message)
    return run, refusal


def _recorded(
    log: TrialLog, settings: GatewaySettings, run: ToolRun, *, again: bool
) -> ToolAnswer | None:
    """Take the answer that is due; `again`: the last one once all are used up."""
    known = log.cassette.tools.get(log.recorded_trial, {})
    if run.prepared.key not in known:
        veiled = log.cassette.veiled.get(log.recorded_trial, ())
        run.prepared = recognised(run.prepared, veiled, settings.redactor)
    key = run.prepared.key
    answers = known.get(key, ())
    order = log.desk.served[key]
    if again and answers:
        order = min(order, len(answers) - 1)
    if order >= len(answers):
        return None
    answer = answers[order]
    log.desk.served[key] = order + 1
    run.how, run.order = "replayed", order
    run.result, run.error = answer.result, answer.error
    log.replay_tool(run, answer.start, answer.end)
    return answer


def _mocked(
    log: TrialLog, settings: GatewaySettings, run: ToolRun, asked: Asked
) -> tuple[ToolRun, Mocked | Refusal]:
    found = answer_of(settings.tools.policy(asked.name), as_body(asked.arguments), log.desk.state)
    if isinstance(found, str):
        shown = json.dumps(asked.arguments, ensure_ascii=False)[:_SHOWN]
        shown = settings.redactor.redact(shown)
        message = f"evalgate: mock {asked.name!r}: {found}: {shown}"
        log.desk.undeclared.append(message)
        return _refused(log, run, Refusal("mock_undeclared", message))
    log.desk.state = found.state
    run.how, run.end, run.result = "mocked", log.now(), found.result
    if found.error is not None:
        run.error = ToolFailure(type="error", message=found.error)
    return run, found


def _missed(log: TrialLog, settings: GatewaySettings, run: ToolRun) -> tuple[ToolRun, Refusal]:
    command = settings.rerecord.format(case_id=quote(log.case_id))
    canonical, _ = written(run.prepared, settings.redactor)
    miss = tool_miss(
        log.case_id, log.recorded_trial, canonical, log.cassette.recorded_tools(), command
    )
    log.miss = log.miss or miss
    _refused(log, run, Refusal("cassette_miss", f"evalgate: {miss}"))
    run.how = "missed"
    return run, Refusal("cassette_miss", f"evalgate: {miss}")


def tool_miss(
    case_id: str, trial: int, call: Body, entries: Iterable[RecordedRequest], command: str
) -> Miss:
    """Explain why no recording answers a call, with the nearest recorded one."""
    place = f"case {case_id!r}, trial {trial}: "
    recorded = tuple(entries)
    same = [e for e in recorded if e.request.get("tool") == call.get("tool")]
    if not same:
        names = sorted({str(e.request.get("tool")) for e in recorded})
        there = f"; recorded are {', '.join(names[:10])}" if names else ""
        reason = f"{place}no call of tool {call.get('tool')!r} is recorded{there}"
        return Miss(case_id, trial, reason, command=command)
    nearest = max(same, key=lambda e: (_likeness(e.request, call), e.trial == trial, -e.order))
    if nearest.request == call:
        trials = [e.trial for e in same if e.request == call]
        said = f"is recorded with these arguments for {those(trials)} only"
        if trial in trials:
            often = times(trials.count(trial))
            said = f"was called with these arguments more than the {often} recorded"
        return Miss(
            case_id, trial, f"{place}tool {call.get('tool')!r} {said}", nearest, (), command
        )
    diff = json_diff(nearest.request.get("arguments"), call.get("arguments"))
    reason = f"{place}tool {call.get('tool')!r} was called with other arguments than recorded"
    return Miss(case_id, trial, reason, nearest, diff, command)


def _likeness(one: Body, other: Body) -> int:
    first, second = as_body(one.get("arguments")), as_body(other.get("arguments"))
    return sum(name in second and second[name] == value for name, value in first.items())


def finish(
    log: TrialLog,
    settings: GatewaySettings,
    run: ToolRun,
    *,
    response: Callable[[], RecordedResponse] | None = None,
    events: tuple[Body, ...] = (),
) -> None:
    """Keep what came of a live call; `run` holds it.

    Args:
        log: The trial.
        settings: How calls are treated.
        run: The call, with its result or error.
        response: Makes the response of an HTTP service as it is recorded.
        events: Notifications that came before the result.
    """
    if run.end is not None:
        return
    run.end = log.now()
    log.latest = max(log.latest, run.end)
    if not run.records or log.writer is None:
        return
    redactor, trial = settings.redactor, log.trial
    if response is None:
        log.writer.append(partial(tool_entry, trial, run, redactor, None, events))
    else:
        log.writer.append(lambda: tool_entry(trial, run, redactor, response(), events))


def failed(log: TrialLog, run: ToolRun, kind: str, message: str) -> None:
    """End a live call that nobody can tell the outcome of; nothing is recorded of it."""
    if run.end is None:
        run.end = log.now()
        run.error = ToolFailure(type=kind, message=message)
