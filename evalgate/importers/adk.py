"""Google ADK evaluation sets: the `eval_cases` form, and the older list of queries.

They are golden sets without runs: questions, the calls to make in order, and a reference answer.
ADK compares answers by word overlap; there is no such expectation here, so the reference answers
are kept as metadata and the calls are what is judged.
"""

from collections.abc import Mapping

from evalgate.errors import DataError
from evalgate.importers.imported import (
    Imported,
    Options,
    check_options,
    fingerprint,
    list_at,
    object_at,
    text_at,
    text_or_none,
)
from evalgate.schema.base import Json
from evalgate.schema.golden import Case, Expected, ExpectedCall, Script

__all__ = ["import_adk"]

_ID_DIGITS = 12


def import_adk(data: Json, options: Options) -> Imported:
    """Read an ADK evaluation set.

    Args:
        data: The file, parsed.
        options: None are known.

    Returns:
        One case a conversation, with the calls of all its turns in exact order, and no traces.

    Raises:
        DataError: For anything else, with its JSON pointer.
        ConfigError: For an unknown option.
    """
    check_options(options, [])
    if isinstance(data, list):
        cases: tuple[Case, ...] = (_session(data),)
    else:
        rows = list_at(object_at(data, "").get("eval_cases"), "/eval_cases")
        cases = tuple(
            _conversation(object_at(row, f"/eval_cases/{i}"), f"/eval_cases/{i}")
            for i, row in enumerate(rows)
        )
    notes = ("reference answers are kept as metadata: add an output expectation to judge them",)
    return Imported(cases, (), notes)


def _session(rows: list[Json]) -> Case:
    turns = [object_at(row, f"/{i}") for i, row in enumerate(rows)]
    asked = [text_at(turn, "query", f"/{i}") for i, turn in enumerate(turns)]
    calls = [
        _call(object_at(call, f"/{i}/expected_tool_use"), f"/{i}/expected_tool_use")
        for i, turn in enumerate(turns)
        for call in list_at(turn.get("expected_tool_use") or [], f"/{i}/expected_tool_use")
    ]
    case_id = f"adk-{fingerprint(chr(10).join(asked))[:_ID_DIGITS]}"
    return _case(case_id, asked, calls, [turn.get("reference") for turn in turns])


def _conversation(row: dict[str, Json], where: str) -> Case:
    asked: list[str] = []
    calls: list[ExpectedCall] = []
    references: list[Json] = []
    for index, value in enumerate(list_at(row.get("conversation"), f"{where}/conversation")):
        place = f"{where}/conversation/{index}"
        turn = object_at(value, place)
        asked.append(_text(turn.get("user_content"), f"{place}/user_content") or "")
        references.append(_text(turn.get("final_response") or {}, f"{place}/final_response"))
        between = object_at(turn.get("intermediate_data") or {}, f"{place}/intermediate_data")
        uses = list_at(between.get("tool_uses") or [], f"{place}/intermediate_data/tool_uses")
        calls += [_call(object_at(use, f"{place}/tool_uses"), f"{place}/tool_uses") for use in uses]
    return _case(text_at(row, "eval_id", where), asked, calls, references)


def _case(
    case_id: str, asked: list[str], calls: list[ExpectedCall], references: list[Json]
) -> Case:
    if not asked:
        raise DataError(f"case {case_id!r}: found no turn; expected at least one")
    return Case(
        id=case_id[:200],
        input=asked[0] if len(asked) == 1 else Script(turns=tuple(asked)),
        expected=Expected(tool_calls=tuple(calls), tool_match="exact"),
        tags=("adk",),
        metadata={"references": references},
    )


def _call(use: Mapping[str, Json], where: str) -> ExpectedCall:
    """Read a call in either spelling."""
    name = text_or_none(use.get("name")) or text_or_none(use.get("tool_name"))
    if name is None:
        raise DataError(f"{where}: found {sorted(use)!r}; expected a call with a name")
    arguments = use.get("args") if use.get("args") is not None else use.get("tool_input")
    return ExpectedCall(name=name, arguments=object_at(arguments or {}, f"{where}/args"))


def _text(content: Json, where: str) -> str | None:
    parts = list_at(object_at(content, where).get("parts") or [], f"{where}/parts")
    texts = [text_or_none(part.get("text")) for part in parts if isinstance(part, dict)]
    return "\n".join(text for text in texts if text) or None
