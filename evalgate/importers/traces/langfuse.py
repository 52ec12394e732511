"""Langfuse: traces with their observations, rows of the v2 API, and the nested seed form.

    {"trace": {...}, "observations": [...]}      an export, or the trace object of the API
    [{"traceId": .., "type": ..}, ...]           flat rows, one an observation
    {"id": .., "spans": [...], "scores": [...]}  the nested form of seeds and examples

Several of them may stand in a list. A recorded cost is kept as it is and wins over a computed one.
Whatever has no field of its own is kept as metadata.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from evalgate.errors import DataError
from evalgate.importers.answers import messages_in
from evalgate.importers.exported import restored_score, restored_trace
from evalgate.importers.imported import (
    Imported,
    Options,
    case_id_at,
    check_options,
    list_at,
    number_or_none,
    object_at,
    reading,
    text_or_none,
)
from evalgate.importers.observed import (
    cost_of,
    data_of,
    draft_case,
    feedback_of,
    in_order,
    said,
    tagged,
    unread_notes,
)
from evalgate.importers.parts import Call, read_message
from evalgate.importers.times import moment, rfc3339, seconds_since
from evalgate.importers.told import told_calls, with_told
from evalgate.importers.traces.langfuse_steps import (
    echoes,
    first_of,
    has_tokens,
    is_generation,
    is_plain,
    model_call,
    never_run,
    plain_step,
    restored_row,
    span_attributes,
    step_of,
    times_of,
    tool_names,
)
from evalgate.schema.base import Json
from evalgate.schema.trace import LlmCall, RecordedScore, Step, Trace

if TYPE_CHECKING:
    from evalgate.schema.golden import Case


_FIELDS: Final = frozenset(
    {
        *("id", "timestamp", "observations", "spans", "scores", "metadata", "tags", "input"),
        *("output", "sessionId", "session_id", "userId", "user_id", "environment", "totalCost"),
    }
)
_META_FIELDS: Final = ("channel", "intent", "case_id")
_SCORE_FIELDS: Final = frozenset({"name", "value", "stringValue", "comment", "source", "metadata"})


@dataclass(frozen=True, slots=True)
class _Source:
    """One trace in whichever shape it came."""

    where: str
    trace: dict[str, Json]
    observations: list[dict[str, Json]]
    scores: list[dict[str, Json]]


def import_langfuse(data: Json, options: Options) -> Imported:
    """Read Langfuse traces.

    Args:
        data: One of the shapes above, or a list of them.
        options: None are known.

    Returns:
        One trace each, and a draft case each that proposes the calls that were made. The case is
        named by `case_id` of the trace's metadata, else by the trace's id.

    Raises:
        DataError: For anything else, with its JSON pointer.
        ConfigError: For an unknown option.
    """
    check_options(options, [])
    cases: dict[str, Case] = {}
    trials: Counter[str] = Counter()
    traces: list[Trace] = []
    for source in _sources(data):
        with reading(source.where):
            trace, asked = _trace(source, trials)
            case = draft_case(trace.case_id, asked, trace.steps, "langfuse")
        trials[trace.case_id] += 1
        traces.append(trace)
        cases.setdefault(case.id, case)
    notes = ("expectations are the calls that were made, as a proposal: review the drafts",)
    return Imported(tuple(cases.values()), tuple(traces), (*notes, *unread_notes(traces)))


def _sources(data: Json) -> list[_Source]:
    if isinstance(data, dict) and isinstance(data.get("data"), list):
        data = data["data"]
    if isinstance(data, dict):
        return [_source(data, "")]
    rows = [object_at(row, f"/{i}") for i, row in enumerate(list_at(data, ""))]
    if rows and all("traceId" in row and "observations" not in row for row in rows):
        return _from_rows(rows)
    return [_source(row, f"/{i}") for i, row in enumerate(rows)]


def _source(data: dict[str, Json], where: str) -> _Source:
    trace = object_at(data.get("trace", data), f"{where}/trace")
    for key in ("observations", "spans"):
        rows = data.get(key, trace.get(key))
        if rows is not None:
            observations = _objects(rows, f"{where}/{key}")
            scores = _objects(data.get("scores", trace.get("scores")) or [], f"{where}/scores")
            return _Source(where, trace, observations, scores)
    raise DataError(
        f"{where or '/'}: found neither `observations` nor `spans`; expected a Langfuse trace"
    )


def _from_rows(rows: list[dict[str, Json]]) -> list[_Source]:
    """Group flat rows by trace; the trace's own fields stand in each row."""
    grouped: defaultdict[str, list[dict[str, Json]]] = defaultdict(list)
    for row in rows:
        grouped[str(row["traceId"])].append(row)
    sources: list[_Source] = []
    for trace_id, group in grouped.items():
        root = next((row for row in group if _is_root(row)), group[0])
        fields = ("sessionId", "userId", "environment", "tags", "release")
        trace = {key: root[key] for key in fields if root.get(key) is not None}
        named: dict[str, Json] = {"id": trace_id, "name": root.get("traceName")}
        sources.append(_Source("", named | trace, group, []))
    return sources


def _objects(value: Json, where: str) -> list[dict[str, Json]]:
    return [object_at(row, f"{where}/{i}") for i, row in enumerate(list_at(value, where))]


def _is_root(row: Mapping[str, Json]) -> bool:
    if isinstance(row.get("isRootObservation"), bool):
        return row["isRootObservation"] is True
    return first_of(row, "parentObservationId", "parent_span_id") is None


def _trace(source: _Source, trials: Mapping[str, int]) -> tuple[Trace, Json]:
    """Return the trace, and what the agent was asked."""
    exported = _exported(source, trials)
    if exported is not None:
        return exported
    own, rows = source.trace, source.observations
    start = _start(rows)
    steps = _steps(rows, start)
    meta_data = data_of(own.get("metadata"))
    meta = meta_data if isinstance(meta_data, dict) else {}
    case_id = case_id_at(text_or_none(meta.get("case_id")) or own.get("id"), f"{source.where}/id")
    tags = tuple(str(tag) for tag in list_at(own.get("tags") or [], f"{source.where}/tags"))
    roots = [row for row in rows if _is_root(row)]
    failed = next((row for row in roots if row.get("level") == "ERROR"), None)
    scores = tuple(score for row in source.scores if (score := _score(row)) is not None)
    recorded = number_or_none(own.get("totalCost"))
    answer = _answer(own, roots, steps)
    trace = Trace(
        case_id=case_id,
        trial=trials[case_id],
        status="finished" if failed is None else "crashed",
        error=None if failed is None else str(failed.get("statusMessage") or "error"),
        output=said(answer),
        steps=steps,
        started_at=rfc3339(start or moment(own.get("timestamp"))),
        duration=_duration(rows, start),
        session_id=text_or_none(first_of(own, "sessionId", "session_id")),
        user_id=text_or_none(first_of(own, "userId", "user_id")),
        environment=text_or_none(own.get("environment")) or tagged(tags, "environment"),
        intent=text_or_none(meta.get("intent")),
        channel=text_or_none(meta.get("channel")),
        agent_name=tagged(tags, "agent_name") or _agent_name(meta, rows),
        prompt_version=_prompt_version(tags, rows),
        tags=tags,
        cost_usd=recorded or cost_of(steps),
        scores=scores,
        feedback=feedback_of(scores),
        metadata=_kept(own, meta_data, meta),
    )
    return trace, _whole(own, roots, "input") or _first_question(steps)


def _exported(source: _Source, trials: Mapping[str, int]) -> tuple[Trace, Json] | None:
    """Read a trial that evalgate exported: its own observation is no step of it."""
    found = [(row, span_attributes(row)) for row in source.observations]
    told = [(row, values, own) for row, values in found if (own := restored_trace(values))]
    if not told:
        return None
    root, values, fields = told[0]
    start = times_of(root)[0]
    rows = [row for row in source.observations if row is not root]
    steps = in_order(restored_row(row, start) for row in rows)
    case_id = case_id_at(values.get("evalgate.case_id"), f"{source.where}/observations")
    scores = tuple(score for row in source.scores if (score := _score(row)) is not None)
    fixed = {"case_id": case_id, "trial": trials[case_id], "steps": steps, "scores": scores}
    kept = {"langfuse": {"id": source.trace.get("id")}}
    trace = Trace.model_validate({**fields, **fixed, "metadata": kept})
    return trace, _first_question(steps)


def _steps(rows: list[dict[str, Json]], start: datetime | None) -> tuple[Step, ...]:
    """Turn observations into steps, with the calls that stand only in what models answered."""
    parents = {
        own: text_or_none(first_of(row, "parentObservationId", "parent_span_id"))
        for row in rows
        if (own := text_or_none(row.get("id"))) is not None
    }
    wrapped = _wrapped(rows, parents)
    inside = Counter(str(outer.get("id")) for outer in wrapped.values())
    rows = [_answered(row, wrapped, inside) for row in rows]
    others = _graders(rows, parents) | echoes(rows)
    plain = others | _wrappers(wrapped, rows)
    ordered = sorted(rows, key=lambda row: str(first_of(row, "startTime", "start_time") or ""))
    agents = [row for row in ordered if text_or_none(row.get("id")) not in others]
    told = told_calls((model_call(row) for row in agents if is_generation(row)), parents)
    called = tool_names(told)
    steps = [
        plain_step(row, start)
        if text_or_none(row.get("id")) in plain
        else step_of(row, start, called)
        for row in rows
    ]
    whole = with_told(in_order(steps), told)
    return in_order([*whole, *never_run(rows, whole, start)])


def _graders(rows: list[dict[str, Json]], parents: Mapping[str, str | None]) -> set[str | None]:
    """Return the ids of evaluators and of all that lies in them."""
    found: set[str | None] = {
        text_or_none(row.get("id")) for row in rows if str(row.get("type")).upper() == "EVALUATOR"
    }
    found.discard(None)
    for _ in range(len(parents) if found else 0):
        inner = {own for own, parent in parents.items() if parent in found and own not in found}
        if not inner:
            break
        found |= inner
    return found


def _wrapped(
    rows: list[dict[str, Json]], parents: Mapping[str, str | None]
) -> dict[str, dict[str, Json]]:
    """Return the generation around each generation, if nothing but spans lies between.

    Some SDKs record one call of a model as a generation within another.
    """
    index = {own: row for row in rows if (own := text_or_none(row.get("id"))) is not None}
    around = {
        own: _generation_around(own, index, parents)
        for own, row in index.items()
        if is_generation(row)
    }
    return {own: index[outer] for own, outer in around.items() if outer is not None}


def _answered(
    row: dict[str, Json], wrapped: Mapping[str, dict[str, Json]], inside: Mapping[str, int]
) -> dict[str, Json]:
    """Give a generation the answer that only the one around it recorded, if it is alone in it."""
    outer = wrapped.get(str(row.get("id")))
    if outer is None or row.get("output") or inside[str(outer.get("id"))] > 1:
        return row
    return {**row, "output": outer.get("output")}


def _wrappers(
    wrapped: Mapping[str, dict[str, Json]], rows: list[dict[str, Json]]
) -> set[str | None]:
    """Return the ids of generations that are no calls of their own.

    The inner one of two counts, unless the tokens stand only in the outer one.
    """
    index = {text_or_none(row.get("id")): row for row in rows}
    return {
        text_or_none(outer.get("id")) if has_tokens(index[own]) or not has_tokens(outer) else own
        for own, outer in wrapped.items()
    }


def _generation_around(
    own: str, index: Mapping[str, Mapping[str, Json]], parents: Mapping[str, str | None]
) -> str | None:
    at = parents[own]
    for _ in index:
        if at is None or at not in index or at == own:
            return None
        if is_generation(index[at]):
            return at
        if not is_plain(index[at]):
            return None
        at = parents[at]
    return None


def _start(rows: list[dict[str, Json]]) -> datetime | None:
    return min((start for row in rows if (start := times_of(row)[0]) is not None), default=None)


def _duration(rows: list[dict[str, Json]], start: datetime | None) -> float | None:
    ends = [end for row in rows if (end := times_of(row)[1]) is not None]
    return seconds_since(start, max(ends, default=None))


def _whole(own: Mapping[str, Json], roots: list[dict[str, Json]], key: str) -> Json:
    """Return what went in or came out of the whole: of the trace, else of its root."""
    values = [own.get(key), *(root.get(key) for root in roots)]
    return next((value for value in values if value not in (None, "")), None)


def _answer(own: Mapping[str, Json], roots: list[dict[str, Json]], steps: tuple[Step, ...]) -> Json:
    """Return what the whole answered, else the last text that a model said."""
    around = [row for row in roots if not is_generation(row)]
    whole = _whole(own, around, "output")
    if whole is not None and not _only_calls(whole):
        return whole
    outputs = [step.output for step in steps if isinstance(step, LlmCall) and step.output]
    for output in reversed(outputs):
        texts = [read_message(row).text for row in messages_in(output)]
        if any(texts):
            return "\n".join(text for text in texts if text)
    return None


def _only_calls(answer: Json) -> bool:
    """Say whether what came out is a wish to call tools, and no answer."""
    data = data_of(answer)
    rows = [read_message(row) for row in messages_in(data)] if isinstance(data, list | dict) else []
    items = [item for row in rows for item in row.items]
    return bool(items) and all(isinstance(item, Call) for item in items)


def _first_question(steps: tuple[Step, ...]) -> Json:
    inputs = [step.input for step in steps if isinstance(step, LlmCall) and step.input]
    return inputs[0] if inputs else None


def _agent_name(meta: Mapping[str, Json], rows: list[dict[str, Json]]) -> str | None:
    if isinstance(meta.get("agent_name"), str):
        return text_or_none(meta["agent_name"])
    agents = [text_or_none(row.get("name")) for row in rows if row.get("type") == "AGENT"]
    return agents[-1] if agents else None


def _prompt_version(tags: tuple[str, ...], rows: list[dict[str, Json]]) -> str | None:
    tag = tagged(tags, "prompt_version")
    if tag is not None:
        return tag
    for row in rows:
        meta = data_of(row.get("metadata"))
        version = meta.get("prompt_version") if isinstance(meta, dict) else None
        version = row.get("promptVersion") if version is None else version
        if isinstance(version, str | int):
            return str(version)
    return None


def _kept(own: Mapping[str, Json], raw: Json, meta: Mapping[str, Json]) -> dict[str, Json]:
    """Keep what has no field: the trace's metadata, and under `langfuse` its own other fields."""
    rest: dict[str, Json] = {"id": own.get("id")}
    rest |= {key: own[key] for key in own if key not in _FIELDS and own[key] is not None}
    moved = {key for key in _META_FIELDS if isinstance(meta.get(key), str)}
    kept = {key: value for key, value in meta.items() if key not in moved}
    if raw is not None and not isinstance(raw, dict):
        rest["metadata"] = raw
    return kept | {"langfuse": rest}


def _score(row: Mapping[str, Json]) -> RecordedScore | None:
    name, value = text_or_none(row.get("name")), row.get("value")
    if row.get("dataType") == "BOOLEAN" and value in (0, 1):
        value = bool(value)
    elif row.get("dataType") == "CATEGORICAL" or value is None:
        value = row.get("stringValue")
    if name is None or not isinstance(value, bool | int | float | str):
        return None
    metadata = data_of(row.get("metadata"))
    ours = restored_score(metadata) if isinstance(metadata, dict) else None
    if ours is not None:
        return ours
    kept = {key: row[key] for key in row if key not in _SCORE_FIELDS and row[key] is not None}
    return RecordedScore(
        name=name,
        value=value,
        comment=text_or_none(row.get("comment")),
        source=text_or_none(row.get("source")),
        metadata=kept | ({"metadata": metadata} if metadata else {}),
    )
