"""Google ADK evaluation sets: the `eval_cases` forms, and the older lists of queries.

They are golden sets without runs: questions, the calls to make in order, and a reference answer.
ADK compares answers by word overlap; there is no such expectation here, so the reference answers
are kept as metadata and the calls are what is judged. A turn without `intermediate_data` says
nothing of tools, which is not the same as none. Results (`*.evalset_result.json`) are read too.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from evalgate.errors import DataError
from evalgate.importers.imported import (
    Imported,
    Options,
    case_id_at,
    check_options,
    fingerprint,
    list_at,
    object_at,
    once,
    reading,
    text_at,
)
from evalgate.importers.traces.adk_results import import_results
from evalgate.importers.traces.adk_turns import Turn, expected_of, field, read_turn
from evalgate.schema.base import Json
from evalgate.schema.golden import Case, Script
from evalgate.text.counts import number_of

_ID_DIGITS: Final = 12
_KEPT: Final = (
    *("rubrics", "rubric_groups", "session_input", "sessionInput", "session_inputs"),
    *("final_session_state",),
)
"""Fields of a case that become metadata."""
_RUBRICS: Final = ("rubrics", "rubric_groups", "turn_rubrics")


@dataclass(frozen=True, slots=True)
class _Found:
    """A case, and what its author should know."""

    case: Case
    is_scenario: bool = False
    silent: int = 0
    """Turns that say nothing of tools."""
    odd: tuple[str, ...] = ()
    """Types of items that are not understood."""


def import_adk(data: Json, options: Options) -> Imported:
    """Read an ADK evaluation set, or the results of one.

    Args:
        data: The file, parsed.
        options: None are known.

    Returns:
        One case a conversation, with the calls of all its turns: in exact order where every turn
        says what it expects of tools, in order with others between where some do, and a draft
        that expects nothing where none does. No traces, unless it is a file of results.

    Raises:
        DataError: For anything else, with its JSON pointer.
        ConfigError: For an unknown option.
    """
    check_options(options, [])
    if isinstance(data, list) and any(isinstance(row, dict) and "data" in row for row in data):
        read = _cases(data, "", _older_session)
    elif isinstance(data, list):
        with reading(""):
            read = [_session(data, "")]
    else:
        root = object_at(data, "")
        if field(root, "eval_case_results") is not None:
            return import_results(root)
        rows = list_at(field(root, "eval_cases"), "/eval_cases")
        read = _cases(rows, "/eval_cases", _conversation)
    return Imported(tuple(each.case for each in read), (), _notes(read))


def _cases(
    rows: list[Json], place: str, read_case: Callable[[dict[str, Json], str], _Found]
) -> list[_Found]:
    seen: dict[str, str] = {}
    read: list[_Found] = []
    for index, value in enumerate(rows):
        where = f"{place}/{index}"
        row = object_at(value, where)
        with reading(where):
            found = read_case(row, where)
        once(seen, found.case.id, where, f"the id {found.case.id!r}")
        read.append(found)
    return read


def _session(rows: list[Json], place: str, name: str | None = None) -> _Found:
    turns: list[Turn] = []
    for i, value in enumerate(rows):
        where = f"{place}/{i}"
        row = object_at(value, where)
        turns.append(read_turn(row | {"query": text_at(row, "query", where)}, where))
    asked = [turn.asked for turn in turns]
    return _read(name or f"adk-{fingerprint(chr(10).join(asked))[:_ID_DIGITS]}", turns, {})


def _older_session(row: dict[str, Json], where: str) -> _Found:
    """Read a named list of queries, as the first evaluation sets had them."""
    name = case_id_at(row.get("name"), f"{where}/name")
    return _session(list_at(row.get("data"), f"{where}/data"), f"{where}/data", name)


def _conversation(row: dict[str, Json], where: str) -> _Found:
    keys = ("eval_id", "case_id", "eval_case_id")
    key = next((name for name in keys if field(row, name) is not None), "eval_id")
    case_id = case_id_at(field(row, key), f"{where}/{key}")
    kept: dict[str, Json] = {key: row[key] for key in _KEPT if row.get(key)}
    scenario = field(row, "conversation_scenario")
    if scenario is not None and not field(row, "conversation"):
        return _scenario(case_id, object_at(scenario, f"{where}/conversation_scenario"), kept)
    prompt = row.get("prompt")
    if prompt is not None and not field(row, "conversation"):
        if field(row, "conversation_history"):
            raise DataError(f"{where}: a conversation_history before the prompt is not supported")
        asked: dict[str, Json] = {"user_content": prompt, "reference": row.get("reference")}
        return _read(case_id, [read_turn(asked, f"{where}/prompt")], kept)
    place = f"{where}/conversation"
    rows = list_at(field(row, "conversation"), place)
    turns = [read_turn(object_at(v, f"{place}/{i}"), f"{place}/{i}") for i, v in enumerate(rows)]
    return _read(case_id, turns, kept)


def _scenario(case_id: str, scenario: dict[str, Json], kept: dict[str, Json]) -> _Found:
    """Keep what starts a conversation whose turns a simulated user makes up."""
    case = Case(
        id=case_id,
        input=text_at(scenario, "starting_prompt", f"case {case_id!r}")
        if "starting_prompt" in scenario
        else text_at(scenario, "startingPrompt", f"case {case_id!r}"),
        tags=("adk",),
        status="draft",
        metadata={**kept, "conversation_scenario": scenario},
    )
    return _Found(case, is_scenario=True)


def _read(case_id: str, turns: list[Turn], kept: dict[str, Json]) -> _Found:
    if not turns:
        raise DataError(f"case {case_id!r}: found no turn; expected at least one")
    asked = tuple(turn.asked for turn in turns)
    expected = expected_of(turns)
    rubrics: list[Json] = [rubric for turn in turns for rubric in turn.rubrics]
    beside: Mapping[str, Json] = {"turn_rubrics": rubrics} if rubrics else {}
    case = Case(
        id=case_id,
        input=asked[0] if len(asked) == 1 else Script(turns=asked),
        expected=expected,
        tags=("adk",),
        status="draft" if expected.tool_calls is None else "reviewed",
        metadata={**kept, **beside, "references": [turn.reference for turn in turns]},
    )
    silent = sum(turn.calls is None for turn in turns)
    return _Found(case, silent=silent, odd=tuple(kind for turn in turns for kind in turn.odd))


def _notes(read: Iterable[_Found]) -> tuple[str, ...]:
    rows = list(read)
    notes = ["reference answers are kept as metadata: add an output expectation to judge them"]
    scenarios = sum(each.is_scenario for each in rows)
    if scenarios:
        notes.append(
            f"{number_of(scenarios, 'case is a scenario', 'cases are scenarios')}, whose turns "
            "a simulated user makes up: only the first prompt is kept, as a draft"
        )
    silent = sum(each.silent > 0 for each in rows)
    if silent:
        notes.append(
            f"{number_of(silent, 'case has', 'cases have')} turns that say nothing of tools: "
            "calls in them are not judged"
        )
    rubrics = sum(any(name in each.case.metadata for name in _RUBRICS) for each in rows)
    if rubrics:
        notes.append(
            f"rubrics of {number_of(rubrics, 'case')} are kept as metadata: a judge asks about "
            "what stands under `expected.criteria`"
        )
    odd = list(dict.fromkeys(kind for each in rows for kind in each.odd))
    if odd:
        notes.append(f"items of types that are not understood: {', '.join(map(repr, odd[:5]))}")
    return tuple(notes)
