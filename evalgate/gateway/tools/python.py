"""Calls of Python tools: asked before they are made, told of afterwards."""

from typing import Any

from pydantic import ValidationError

from evalgate.gateway.sessions import GatewaySettings, Sessions
from evalgate.gateway.tool_calls import ToolAnswer
from evalgate.gateway.tools.desk import Asked, Refusal, begin, failed, finish
from evalgate.gateway.tools.faults import Faulted
from evalgate.gateway.tools.mock import Mocked
from evalgate.gateway.trial_log import TrialLog
from evalgate.schema.cassette import ToolFailure
from evalgate.text.tame_json import tame

__all__ = ["SessionPort", "call", "done"]


def call(log: TrialLog, settings: GatewaySettings, asked: dict[str, Any]) -> dict[str, Any]:
    """Say what becomes of a call.

    Args:
        log: The trial.
        settings: How calls are treated.
        asked: `name`, `arguments`, `effects`, `target`, and the tool that it is called `inside`.

    Returns:
        `do`: `return` with a `result`, `raise` with an `error`, `refuse` with a `message`, or
        `run`; the number of the `call`; `wait`: seconds that a recorded call took.
    """
    effects, target, inside = asked.get("effects"), asked.get("target"), asked.get("inside")
    wanted = Asked(
        "python",
        str(asked.get("name")),
        tame(asked.get("arguments")),
        effects if isinstance(effects, bool) else None,
        target if isinstance(target, str) else None,
        inside if isinstance(inside, str) else None,
    )
    _, answer = begin(log, settings, wanted)
    return {**_said(answer, settings), "call": len(log.desk.runs) - 1}


def _said(
    answer: ToolAnswer | Mocked | Refusal | Faulted | None, settings: GatewaySettings
) -> dict[str, Any]:
    match answer:
        case Faulted():
            return _faulted(answer, settings)
        case None:
            return {"do": "run"}
        case Refusal():
            return {"do": "refuse", "message": answer.message}
        case Mocked(error=None):
            return {"do": "return", "result": answer.result}
        case Mocked():
            error = {
                "type": "builtins:RuntimeError",
                "message": answer.error,
                "args": [answer.error],
            }
            return {"do": "raise", "error": error}
        case ToolAnswer():
            waits = {"wait": answer.end - answer.start} if settings.real_time else {}
            if answer.error is not None:
                return {"do": "raise", "error": answer.error.model_dump(mode="json"), **waits}
            return {"do": "return", "result": answer.result, **waits}


def _faulted(found: Faulted, settings: GatewaySettings) -> dict[str, Any]:
    said = _said(found.answer, settings)
    if found.timeout:
        said["error"]["type"] = "builtins:TimeoutError"
    return {**said, "wait": found.wait, "faulted": True}


def done(log: TrialLog, settings: GatewaySettings, told: dict[str, Any]) -> str | None:
    """Take what came of a call; what is wrong with it is returned in words."""
    number = told.get("call")
    if not isinstance(number, int) or not 0 <= number < len(log.desk.runs):
        return f"no call {number!r} was begun"
    run = log.desk.runs[number]
    name = run.prepared.canonical.get("tool")
    if "lost" in told:
        why = settings.redactor.redact(str(told["lost"]))
        log.not_measured = log.not_measured or f"tool {name!r}: {why}"
        return None
    if "unrecordable" in told:
        why = settings.redactor.redact(str(told["unrecordable"]))
        if run.records:
            log.problems.append(f"tool {name!r}: its result was not recorded: {why}")
        failed(log, run, "unrecordable", why)
        return None
    if "error" in told:
        try:
            run.error = ToolFailure.model_validate(told["error"])
        except ValidationError as error:
            return f"no failure: {error.errors()[0]['msg']}"
    else:
        run.result = tame(told.get("result"))
    finish(log, settings, run)
    return None


class SessionPort:
    """The port of an agent that runs in this process."""

    def __init__(self, sessions: Sessions, token: str) -> None:
        """Stand for the trial behind a session."""
        self._sessions = sessions
        self._token = token

    def call(self, asked: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON of the agent
        """Say what becomes of a call."""
        log = self._sessions.trial(self._token)
        if log is None:
            return {"do": "refuse", "message": "evalgate: the trial is over"}
        return call(log, self._sessions.settings, asked)

    def done(self, told: Any) -> None:  # noqa: ANN401  # JSON of the agent
        """Take what came of a call."""
        log = self._sessions.trial(self._token)
        if log is not None:
            done(log, self._sessions.settings, told)
