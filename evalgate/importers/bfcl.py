"""Berkeley function-calling leaderboard: questions, allowed answers and a model's results.

An answer lists the allowed values of each parameter; an empty text among them means that the
parameter may be left out. The rules of its checker are those of the preset `bfcl`, which needs the
parameter schema of the function.
"""

from collections.abc import Mapping
from typing import Final

from evalgate.errors import DataError
from evalgate.importers.imported import (
    Imported,
    Options,
    check_options,
    list_at,
    number_or_none,
    object_at,
    text_at,
    tokens_or_none,
)
from evalgate.importers.messages import arguments_of
from evalgate.schema.base import Json
from evalgate.schema.golden import Case, Expected, ExpectedCall, Message, OneOf
from evalgate.schema.trace import LlmCall, Step, ToolCall, Trace

__all__ = ["import_bfcl"]

_OPTIONAL: Final = ""


def import_bfcl(data: Json, options: Options) -> Imported:
    """Read questions and answers of a category, with a model's results where they are there.

    Args:
        data: `{"questions": [...], "answers": [...], "results": [...]}`, the lines of the three
            files; `results` may be missing.
        options: `model`: the model that was run, which the files do not name.

    Returns:
        One case a question and one trace a result.

    Raises:
        DataError: For anything else, with its JSON pointer; for a question without an answer.
        ConfigError: For an unknown option.
    """
    check_options(options, ["model"])
    files = object_at(data, "")
    truths = {
        text_at(row, "id", where): (where, row)
        for where, row in _rows(files.get("answers"), "answers")
    }
    cases: dict[str, Case] = {}
    for where, row in _rows(files.get("questions"), "questions"):
        case_id = text_at(row, "id", where)
        if case_id not in truths:
            raise DataError(f"{where}/id: found {case_id!r}, to which there is no answer")
        cases[case_id] = _case(case_id, where, row, *truths[case_id])
    results = _rows(files.get("results", []), "results")
    traces = [_trace(where, row, cases, options.get("model")) for where, row in results]
    return Imported(tuple(cases.values()), tuple(traces), _notes(cases, traces))


def _rows(value: Json, name: str) -> list[tuple[str, dict[str, Json]]]:
    rows = list_at(value, f"/{name}")
    return [(f"/{name}/{i}", object_at(row, f"/{name}/{i}")) for i, row in enumerate(rows)]


def _case(
    case_id: str, where: str, question: dict[str, Json], answer_at: str, answer: dict[str, Json]
) -> Case:
    functions = list_at(question.get("function"), f"{where}/function")
    schemas = _schemas(functions, f"{where}/function")
    truth = list_at(answer.get("ground_truth"), f"{answer_at}/ground_truth")
    calls = tuple(
        _gold(object_at(call, f"{answer_at}/ground_truth/{i}"), schemas, answer_at)
        for i, call in enumerate(truth)
    )
    return Case(
        id=case_id,
        input=_messages(question.get("question"), f"{where}/question"),
        expected=Expected(tool_calls=calls, tool_match="bfcl"),
        tags=("bfcl", case_id.rpartition("_")[0] or case_id),
        metadata={"functions": functions},
    )


def _schemas(functions: list[Json], where: str) -> dict[str, dict[str, Json]]:
    rows = [object_at(function, f"{where}/{i}") for i, function in enumerate(functions)]
    return {
        text_at(row, "name", where): object_at(row.get("parameters"), f"{where}/parameters")
        for row in rows
    }


def _messages(turns: Json, where: str) -> tuple[Message, ...]:
    listed = list_at(turns, where)
    if len(listed) != 1:
        raise DataError(
            f"{where}: found {len(listed)} turns; expected one (multi-turn is not read)"
        )
    rows = [object_at(row, f"{where}/0/{i}") for i, row in enumerate(list_at(listed[0], where))]
    return tuple(Message.model_validate(row) for row in rows)


def _gold(
    truth: dict[str, Json], schemas: Mapping[str, dict[str, Json]], where: str
) -> ExpectedCall:
    if len(truth) != 1:
        raise DataError(f"{where}/ground_truth: found {len(truth)} names in a call; expected one")
    ((name, allowed),) = truth.items()
    if name not in schemas:
        raise DataError(f"{where}/ground_truth: found {name!r}, which is no function of the case")
    rules = {
        parameter: OneOf(rule="one_of", values=tuple(values), or_absent=_OPTIONAL in values)
        for parameter, value in object_at(allowed, f"{where}/ground_truth/{name}").items()
        if (values := list_at(value, f"{where}/ground_truth/{name}/{parameter}"))
    }
    return ExpectedCall(name=name, rules=dict(rules), parameters=schemas[name])


def _trace(where: str, row: dict[str, Json], cases: Mapping[str, Case], model: str | None) -> Trace:
    case_id = text_at(row, "id", where)
    if case_id not in cases:
        raise DataError(f"{where}/id: found {case_id!r}, which is no question")
    seconds = number_or_none(row.get("latency"))
    result = row.get("result")
    made = result if isinstance(result, list) else []
    said = result if isinstance(result, str) else None
    call = LlmCall(
        id="m0",
        start=None if seconds is None else 0.0,
        end=seconds,
        model=model,
        input_tokens=tokens_or_none(row.get("input_token_count")),
        output_tokens=tokens_or_none(row.get("output_token_count")),
        output=said,
    )
    calls: list[Step] = [
        _call(name, raw, number, seconds)
        for number, item in enumerate(made)
        for name, raw in object_at(item, f"{where}/result/{number}").items()
    ]
    return Trace(case_id=case_id, output=said, steps=(call, *calls), duration=seconds)


def _call(name: str, raw: Json, number: int, at: float | None) -> ToolCall:
    """Keep a call that was never run: it was asked for when the model had answered."""
    arguments = arguments_of(raw)
    error = "unparsable" if isinstance(arguments, str) else None
    return ToolCall(
        id=f"m0.{number}", name=name, start=at, end=at, arguments=arguments, error=error
    )


def _notes(cases: Mapping[str, Case], traces: list[Trace]) -> tuple[str, ...]:
    notes = ["the calls were asked for and never run: they have no result"] if traces else []
    missing = len(cases) - len({trace.case_id for trace in traces})
    if traces and missing:
        notes.append(f"{missing} questions have no result in the file")
    return tuple(notes)
