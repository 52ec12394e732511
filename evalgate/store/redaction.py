"""Takes secrets out of a trial before it is written, quickly where there are none."""

import json
from dataclasses import replace
from typing import Any

from evalgate.schema.golden import Case
from evalgate.schema.result import TrialResult
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.schema.trace import Trace
from evalgate.text.redact import Redactor


def clean_trace(trace: Trace, redactor: Redactor) -> Trace:
    """Return the trace without secrets; the same object where it holds none."""
    text = trace.model_dump_json()
    if "\\" not in text and redactor.redact(text) == text:
        return trace
    data: Any = json.loads(text)
    clean = redactor.redact_json(data)
    return trace if clean == data else Trace.model_validate(clean)


def clean_case(case: Case, redactor: Redactor) -> Case:
    """Return the case without secrets."""
    data: Any = case.model_dump(mode="json")
    clean = redactor.redact_json(data)
    return case if clean == data else Case.model_validate(clean)


def clean_result(result: TrialResult, redactor: Redactor) -> TrialResult:
    """Return the result with what the agent and its scorers said redacted."""
    reasons = (words for score in result.scores.values() if (words := _words(score)))
    said = "\0".join(
        (result.error or "", result.output, *result.details, *result.calls, *dict.fromkeys(reasons))
    )
    if redactor.redact(said) == said:
        return result
    return replace(
        result,
        error=None if result.error is None else redactor.redact(result.error),
        output=redactor.redact(result.output),
        details=tuple(redactor.redact(line) for line in result.details),
        calls=tuple(redactor.redact(name) for name in result.calls),
        scores={name: _clean_score(score, redactor) for name, score in result.scores.items()},
    )


def _words(score: Score) -> str:
    match score:
        case Scored():
            return ""
        case Abstained(reason):
            return reason
        case Broken(error):
            return error


def _clean_score(score: Score, redactor: Redactor) -> Score:
    match score:
        case Scored():
            return score
        case Abstained(reason, is_unknown):
            return Abstained(redactor.redact(reason), unknown=is_unknown)
        case Broken(error):
            return Broken(redactor.redact(error))
