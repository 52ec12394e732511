"""Berkeley function-calling leaderboard: questions, allowed answers and a model's results.

An answer lists the allowed values of each parameter; an empty text among them means that the
parameter may be left out. The rules of its checker are those of the preset `bfcl`, which needs the
parameter schema of the function.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from evalgate.errors import DataError
from evalgate.importers.imported import (
    Imported,
    Options,
    case_id_at,
    check_options,
    list_at,
    number_or_none,
    object_at,
    once,
    reading,
    text_at,
    tokens_or_none,
)
from evalgate.importers.messages import arguments_of
from evalgate.importers.traces.bfcl_text import decoded, looks_like_a_call
from evalgate.matching.bfcl import variables
from evalgate.schema.base import Json
from evalgate.schema.golden import Case, Expected, ExpectedCall, Message, OneOf
from evalgate.schema.trace import LlmCall, ToolCall, Trace, Unread
from evalgate.text.counts import number_of

_OPTIONAL: Final = ""
_FAILED: Final = "Error during inference"
"""How the leaderboard's runner begins the result of a call that failed."""


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
    seen: dict[str, str] = {}
    for where, row in _rows(files.get("questions"), "questions"):
        case_id = case_id_at(row.get("id"), f"{where}/id")
        once(seen, case_id, where, f"the id {case_id!r}")
        _refuse_language(case_id, where)
        if case_id not in truths:
            raise DataError(f"{where}/id: found {case_id!r}, to which there is no answer")
        with reading(where):
            cases[case_id] = _case(case_id, where, row, *truths[case_id])
    traces: list[Trace] = []
    for where, row in _rows(files.get("results", []), "results"):
        with reading(where):
            trace = _trace(where, row, cases, options.get("model"))
        once(seen, f"result of {trace.case_id}", where, f"a result of {trace.case_id!r}")
        traces.append(trace)
    return Imported(tuple(cases.values()), tuple(traces), _notes(cases, traces))


def _refuse_language(case_id: str, where: str) -> None:
    """Refuse questions about Java and JavaScript, whose values are source text of the language."""
    parts = re.split(r"[_-]", case_id.lower())
    for language, name in (("java", "Java"), ("javascript", "JavaScript")):
        if language in parts:
            raise DataError(
                f"{where}/id: found {case_id!r}; {name} is not supported, expected questions of "
                "the Python categories",
                fix="import simple_python, multiple, parallel or parallel_multiple",
            )


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
        tags=(
            "bfcl",
            case_id.rpartition("_")[0] or case_id,
            *(("ambiguous",) if _is_ambiguous(calls) or any(map(variables, calls)) else ()),
        ),
        metadata={"functions": functions},
    )


def _is_ambiguous(calls: tuple[ExpectedCall, ...]) -> bool:
    """Whether one call could be taken for either of two that are expected."""
    return any(
        one.name == other.name and one != other and _overlap(one, other)
        for one, other in combinations(calls, 2)
    )


def _overlap(one: ExpectedCall, other: ExpectedCall) -> bool:
    """Whether some arguments are right for both."""
    for name in {*one.rules, *other.rules}:
        allowed = [_allowed(call, name) for call in (one, other)]
        if not allowed[0] & allowed[1]:
            return False
    return True


def _allowed(call: ExpectedCall, name: str) -> set[str]:
    """Return the values a parameter may have, as text; an empty one stands for its absence."""
    rule = call.rules.get(name)
    values = rule.values if isinstance(rule, OneOf) else (_OPTIONAL,)
    return {str(value).casefold() for value in values}


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
    read = _Result.of(row.get("result"), _names(cases[case_id]))
    failed = read.said is not None and read.said.startswith(_FAILED)
    call = LlmCall(
        id="m0",
        start=None if seconds is None else 0.0,
        end=seconds,
        model=model,
        input_tokens=tokens_or_none(row.get("input_token_count")),
        output_tokens=tokens_or_none(row.get("output_token_count")),
        error=read.said if failed else None,
        output=read.said,
    )
    calls = [_call(name, raw, n, seconds) for n, (name, raw) in enumerate(read.calls)]
    odd = [Unread(id=f"m0.odd{n}", type=kind, item=item) for n, (kind, item) in enumerate(read.odd)]
    return Trace(
        case_id=case_id,
        status="crashed" if failed else "finished",
        error=read.said if failed else None,
        output=read.said,
        steps=(call, *calls, *odd),
        duration=seconds,
    )


@dataclass(frozen=True, slots=True)
class _Result:
    """What a model answered: calls by name, texts, and what is neither."""

    calls: tuple[tuple[str, Json], ...]
    said: str | None
    odd: tuple[tuple[str, Json], ...]

    @classmethod
    def of(cls, result: Json, names: Mapping[str, str]) -> "_Result":
        """Read a result: calls, calls written as text, texts, or a list of them."""
        calls: list[tuple[str, Json]] = []
        said: list[str] = []
        odd: list[tuple[str, Json]] = []
        for item in result if isinstance(result, list) else [result]:
            if isinstance(item, dict) and item:
                calls += [(names.get(name, name), raw) for name, raw in item.items()]
            elif isinstance(item, str):
                found = _calls_in(item, frozenset(names))
                calls += [(names.get(name, name), raw) for name, raw in found]
                said += [item]
            elif item is not None or not isinstance(result, list):
                odd.append((f"result of type {type(item).__name__}", item))
        return cls(tuple(calls), "\n".join(said) or None, tuple(odd))


def _calls_in(text: str, names: frozenset[str]) -> list[tuple[str, Json]]:
    """Read the calls that a model in prompt mode writes; one nobody can parse stays a call."""
    found = decoded(text)
    if found:
        return [(name, dict(arguments)) for name, arguments in found]
    begun = looks_like_a_call(text, names)
    return [] if begun is None else [(begun, text)]


def _names(case: Case) -> dict[str, str]:
    """Map the names a model may have used to those of the functions.

    Interfaces for calling functions allow no dots: `math.factorial` becomes `math_factorial`.
    """
    functions = case.metadata.get("functions")
    rows = functions if isinstance(functions, list) else []
    own = [str(row.get("name")) for row in rows if isinstance(row, dict)]
    flat = Counter(name.replace(".", "_") for name in own)
    mapped = {name.replace(".", "_"): name for name in own if flat[name.replace(".", "_")] == 1}
    return mapped | {name: name for name in own}


def _call(name: str, raw: Json, number: int, at: float | None) -> ToolCall:
    """Keep a call that was never run: it was asked for when the model had answered."""
    arguments = arguments_of(raw)
    error = "unparsable" if isinstance(arguments, str) else None
    return ToolCall(
        id=f"m0.{number}", name=name, start=at, end=at, arguments=arguments, error=error
    )


def _notes(cases: Mapping[str, Case], traces: list[Trace]) -> tuple[str, ...]:
    notes = ["the calls were asked for and never run: they have no result"] if traces else []
    expected = {case.id: case.expected.tool_calls or () for case in cases.values()}
    unclear = [case_id for case_id, calls in expected.items() if _is_ambiguous(calls)]
    if unclear:
        notes.append(
            f"{number_of(len(unclear), 'case expects', 'cases expect')} calls that may be "
            f"taken for one another ({', '.join(unclear[:10])}): the leaderboard's checker "
            "takes the first that fits, here the best pairing counts"
        )
    typed = [
        f"{case_id}: {', '.join(dict.fromkeys(names))}"
        for case_id, calls in expected.items()
        if (names := [name for call in calls for name in variables(call)])
    ]
    if typed:
        notes.append(
            f"{number_of(len(typed), 'case allows', 'cases allow')} values of another type than "
            f"the function declares ({'; '.join(typed[:10])}): the leaderboard's checker takes "
            "them for names of variables, and so does the preset `bfcl`"
        )
    missing = len(cases) - len({trace.case_id for trace in traces})
    if traces and missing:
        lack = number_of(missing, "question has", "questions have")
        notes.append(f"{lack} no result in the file")
    return tuple(notes)
