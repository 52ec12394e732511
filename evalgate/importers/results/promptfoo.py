"""promptfoo results: JSON (`-o results.json`), JSON lines and CSV.

A case is one test with its variables, in one prompt and provider; where a file has a single
prompt or provider, that is left out of the id, so that another one can be compared. Equal tests
are trials (`--repeat`).
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from evalgate.importers.results.documents import (
    Document,
    JsonDocument,
    LinesDocument,
    TableDocument,
)
from evalgate.importers.results.rows import (
    RATIO,
    SUCCESS,
    ReadOptions,
    ResultRow,
    Results,
    ScoreKind,
    broken,
    case_id,
    first,
    mapping,
    number,
    objects,
    passed,
    score_of,
    text_of,
    tokens,
    unexpected,
)
from evalgate.schema.base import Json
from evalgate.schema.result import TrialUsage

if TYPE_CHECKING:
    from evalgate.schema.score import Score

_ERROR: Final = 2
_OUTPUT: Final = re.compile(r"^\[(?P<provider>.*?)\] (?P<prompt>.*)$", re.DOTALL)
_MARK: Final = re.compile(r"^\[(?P<status>PASS|FAIL|ERROR)\](?: \((?P<score>[\d.]+)\))? ?")
_METRIC: Final = "Metric: "
_LABEL: Final = 60


def detect(document: Document) -> bool:
    """Say whether the document is promptfoo's."""
    match document:
        case JsonDocument(dict() as data):
            return _table_of(data) is not None
        case LinesDocument(((_, dict() as row), *_)):
            return {"promptIdx", "testIdx"} <= row.keys()
        case TableDocument(header):
            marked = any(_MARK.match(cell) for _, cells in document.rows[:20] for cell in cells)
            return any(map(_OUTPUT.match, header)) and ("Status" in header or marked)
        case _:
            return False


def read(document: Document, options: ReadOptions) -> Results:  # noqa: ARG001  # one contract
    """Read promptfoo results."""
    match document:
        case JsonDocument(dict() as data):
            found = _table_of(data)
            where, rows = ("", data) if found is None else found
            return _results(list(objects(rows, where)))
        case LinesDocument(values):
            return _results(
                [(f"line {n}", row) for n, row in values if isinstance(row, dict)]
                if all(isinstance(row, dict) for _, row in values)
                else list(objects([row for _, row in values], ""))
            )
        case TableDocument():
            return _from_table(document)
        case _:
            raise unexpected(None, "", "promptfoo results")


def _table_of(data: Mapping[str, Json]) -> tuple[str, Json] | None:
    """Find the rows: `results.results` since version 3, `results` or `results.table` before."""
    inner = data.get("results")
    if isinstance(inner, dict) and isinstance(inner.get("results"), list):
        return "/results/results", inner["results"]
    if isinstance(inner, list) and inner and "vars" in mapping(inner[0]):
        return "/results", inner
    return None


def _results(rows: list[tuple[str, dict[str, Json]]]) -> Results:
    providers = {_provider(row) for _, row in rows}
    in_order = sorted((row for _, row in rows), key=lambda row: tokens(row.get("promptIdx")) or 0)
    prompts = _prompt_names(map(_label, in_order))
    known: dict[str, dict[str, None]] = {}
    read = []
    for where, row in rows:
        prompt = prompts[_label(row)] if len(prompts) > 1 else None
        provider = _provider(row) if len(providers) > 1 else None
        read.append(_row(row, where, _id(row, prompt, provider, known)))
    silent = {
        name
        for _, row in rows
        for name, weight in mapping(
            mapping(row.get("gradingResult")).get("namedScoreWeights")
        ).items()
        if weight == 0
    }
    return Results(
        tuple(read),
        kinds={"score": RATIO, **{name: ScoreKind(informational=True) for name in silent}},
        errors=True,
        repeats=True,
        notes=_notes(read),
    )


def _notes(rows: Iterable[ResultRow]) -> tuple[str, ...]:
    counts = Counter(
        "errored" if row.error is not None else "passed" if _is_pass(row) else "failed"
        for row in rows
    )
    told = ", ".join(f"{counts[word]} {word}" for word in ("passed", "failed", "errored"))
    return (f"{counts.total()} rows: {told}",)


def _is_pass(row: ResultRow) -> bool:
    return getattr(row.scores[SUCCESS], "value", 0.0) == 1.0


def _provider(row: Mapping[str, Json]) -> str:
    provider = row.get("provider")
    data = mapping(provider)
    return text_of(first(data, "label", "id") if data else provider)


def _label(row: Mapping[str, Json]) -> str:
    prompt = mapping(row.get("prompt"))
    return text_of(first(prompt, "label", "display", "raw"))


def _prompt_names(labels: Iterable[str]) -> dict[str, str]:
    """Name each prompt: by its label, or by its number where the label is the template itself."""
    return {
        label: f"prompt {i}" if "{{" in label or not label or len(label) > _LABEL else label
        for i, label in enumerate(dict.fromkeys(labels), 1)
    }


def _id(
    row: Mapping[str, Json],
    prompt: str | None,
    provider: str | None,
    known: dict[str, dict[str, None]],
) -> str:
    test = mapping(row.get("testCase"))
    variables = first(row, "vars") or test.get("vars")
    name = first(test, "description") or first(row, "description")
    base = case_id(name, variables, prompt, provider)
    # Two tests may share name and variables and assert different things: those are no trials.
    asserts = known.setdefault(base, {})
    checks = text_of(test.get("assert"))
    asserts.setdefault(checks)
    place = list(asserts).index(checks)
    return base if place == 0 else f"{base} ({place + 1})"


def _row(row: Mapping[str, Json], where: str, case: str) -> ResultRow:
    reason = row.get("failureReason")
    grading = mapping(row.get("gradingResult"))
    failed = text_of(row.get("error"))
    # An error has no grading; a plain failure has one, and its reason stands under `error` too.
    is_error = reason == _ERROR or (reason is None and bool(failed) and not grading)
    named = mapping(row.get("namedScores"))
    scores: dict[str, Score] = {
        SUCCESS: broken(failed) if is_error else passed(row.get("success")),
        "score": broken(failed) if is_error else score_of(row.get("score")),
        **{name: broken(failed) if is_error else score_of(value) for name, value in named.items()},
    }
    response = mapping(row.get("response"))
    used = mapping(first(response, "tokenUsage") or row.get("tokenUsage"))
    latency = number(row.get("latencyMs"))
    return ResultRow(
        case=case,
        place=where,
        scores=scores,
        asks=text_of(first(row, "vars") or mapping(row.get("testCase")).get("vars")),
        error=(failed or "error") if is_error else None,
        usage=TrialUsage(
            tokens(used.get("prompt")), tokens(used.get("completion")), tokens(used.get("cached"))
        ),
        cost_usd=number(first(row, "cost") if "cost" in row else response.get("cost")),
        seconds=None if latency is None else latency / 1000,
        output=text_of(response.get("output")),
    )


def _from_table(table: TableDocument) -> Results:
    groups = list(_groups(table.header))
    providers = {provider for provider, _, _, _ in groups}
    prompts = _prompt_names(prompt for _, prompt, _, _ in groups)
    first_output = groups[0][2]
    rows: list[ResultRow] = []
    for line, cells in table.rows:
        named = dict(zip(table.header[:first_output], cells, strict=False))
        name = named.pop("Description", None)
        variables: dict[str, Json] = dict(named)
        for provider, prompt, at, columns in groups:
            case = case_id(
                name,
                variables or None,
                prompts[prompt] if len(prompts) > 1 else None,
                provider if len(providers) > 1 else None,
            )
            rows.append(_cell_row(cells, at, columns, case, f"line {line}, column {at + 1}"))
    return Results(
        tuple(rows), kinds={"score": RATIO}, errors=True, repeats=True, notes=_notes(rows)
    )


def _groups(header: tuple[str, ...]) -> Iterator[tuple[str, str, int, dict[str, int]]]:
    """Yield provider, prompt, place of the output and places of what belongs to it."""
    starts = [
        (i, found)
        for i, name in enumerate(header)
        if (found := _OUTPUT.match(name))
        and ("Status" not in header or header[i + 1 : i + 2] == ("Status",))
    ]
    if not starts:
        raise unexpected(list(header), "line 1", "columns `[provider] prompt`, `Status`, `Score`")
    ends = [at for at, _ in starts[1:]] + [len(header)]
    for (at, found), end in zip(starts, ends, strict=True):
        yield found["provider"], found["prompt"], at, {header[i]: i for i in range(at + 1, end)}


def _cell_row(
    cells: tuple[str, ...], at: int, columns: Mapping[str, int], case: str, place: str
) -> ResultRow:
    # Older files mark the output itself: `[PASS] (0.80) text`.
    mark = _MARK.match(cells[at])
    status = cells[columns["Status"]] if "Status" in columns else mark["status"] if mark else ""
    status = status.strip().upper()
    reason = cells[columns["Grader Reason"]] if "Grader Reason" in columns else ""
    error = (reason or cells[at] or "error") if status == "ERROR" else None
    score = cells[columns["Score"]] if "Score" in columns else mark["score"] if mark else None
    given = {SUCCESS: passed(status)} | ({} if score is None else {"score": score_of(score)})
    named = {
        name.removeprefix(_METRIC): score_of(cells[i])
        for name, i in columns.items()
        if name.startswith(_METRIC) and cells[i].strip()
    }
    scores = {**given, **named}
    if error is not None:
        scores = {name: broken(error) for name in scores}
    return ResultRow(case=case, place=place, scores=scores, error=error, output=cells[at])
