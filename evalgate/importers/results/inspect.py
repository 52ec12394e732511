"""Inspect logs, `.json` and `.eval`: one case a sample id, one trial an epoch.

Values are read as Inspect's `value_to_float` reads them: C is 1, P is .5, I and N are 0. A sample
without scores is unscored; one with an error is errored; a log that was cut short says so.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from evalgate.importers.results.documents import ArchiveDocument, Document, JsonDocument
from evalgate.importers.results.rows import (
    RATIO,
    UNSCORED,
    ReadOptions,
    ResultRow,
    Results,
    ScoreKind,
    broken,
    case_id,
    first,
    items,
    mapping,
    number,
    objects,
    score_of,
    text_of,
    tokens,
    unexpected,
)
from evalgate.schema.base import Json
from evalgate.schema.result import TrialUsage
from evalgate.schema.score import Score, Scored

_LETTERS: Final[Mapping[str, float]] = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
_MAX_EPOCHS: Final = 1000


def detect(document: Document) -> bool:
    """Say whether the document is an Inspect log."""
    match document:
        case ArchiveDocument(files):
            return "header.json" in files or "_journal/start.json" in files
        case JsonDocument(dict() as data):
            return {"eval", "plan"} <= data.keys() or {"eval", "samples", "status"} <= data.keys()
        case _:
            return False


def read(document: Document, options: ReadOptions) -> Results:  # noqa: ARG001  # one contract
    """Read an Inspect log."""
    match document:
        case ArchiveDocument(files):
            header = mapping(files.get("header.json")) or mapping(files.get("_journal/start.json"))
            samples = [
                (name, mapping(files[name]))
                for name in sorted(files)
                if name.startswith("samples/")
            ]
            cut = "header.json" not in files
        case JsonDocument(dict() as header):
            samples = list(objects(header.get("samples") or [], "/samples"))
            cut = False
        case _:
            raise unexpected(None, "", "an Inspect log")
    results = mapping(header.get("results"))
    names = dict.fromkeys(
        text_of(first(mapping(scorer), "name", "scorer")) for scorer in items(results.get("scores"))
    )
    scorers = tuple(filter(None, names))
    held = [_row(sample, where, scorers) for where, sample in samples]
    rows = (*held, *_lost(header, held, scorers))
    # Only what Inspect itself turned into 0 to 1 has these bounds; a number may be anything.
    letters = {
        name
        for _, sample in samples
        for name, score in mapping(sample.get("scores")).items()
        if _is_letter(mapping(score).get("value"))
    }
    kinds = {name: RATIO if name in letters else ScoreKind() for row in rows for name in row.scores}
    return Results(
        rows, kinds, errors=True, notes=tuple(_notes(header, results, len(held), cut=cut))
    )


def _notes(
    header: Mapping[str, Json], results: Mapping[str, Json], held: int, *, cut: bool
) -> list[str]:
    notes = []
    status = header.get("status")
    if cut or status != "success":
        notes.append(f"the log's status is {'cut off' if cut else repr(status)}")
    said = tokens(results.get("total_samples"))
    if said is not None and said != held:
        notes.append(f"the header says {said} samples, and the log holds {held}")
    if results.get("early_stopping"):
        notes.append("the run stopped early")
    return notes


def _lost(
    header: Mapping[str, Json], held: list[ResultRow], scorers: tuple[str, ...]
) -> Iterator[ResultRow]:
    """Yield an unscored row for each sample and epoch that the header names and the log lacks."""
    evaluated = mapping(header.get("eval"))
    ids = items(mapping(evaluated.get("dataset")).get("sample_ids"))
    limit = mapping(evaluated.get("config")).get("limit")
    epochs = tokens(mapping(evaluated.get("config")).get("epochs")) or 1
    known = {(row.case, row.trial) for row in held}
    said = tokens(mapping(header.get("results")).get("total_samples"))
    if said is not None and said <= len(held):
        return  # a limit or a filter left the others out on purpose
    chosen = ids[:limit] if isinstance(limit, int) else ids
    for case in map(case_id, chosen):
        for epoch in range(1, min(epochs, _MAX_EPOCHS) + 1):
            if (case, epoch) not in known:
                lost = dict.fromkeys(scorers or ("score",), UNSCORED)
                yield ResultRow(case=case, place="header", trial=epoch, scores=lost)


def _row(sample: Mapping[str, Json], where: str, scorers: tuple[str, ...]) -> ResultRow:
    error, limit = sample.get("error"), sample.get("limit")
    failed = text_of(first(mapping(error), "message") or error)
    scores = mapping(sample.get("scores")) or mapping(
        sample.get("score") and {"score": sample["score"]}
    )
    given: dict[str, Score] = {}
    for name, score in scores.items():
        given |= _named(name, score)
    if not scores:
        given = {name: broken(failed) if failed else UNSCORED for name in scorers or ("score",)}
    output = mapping(sample.get("output"))
    by_model = mapping(sample.get("model_usage")) or {"": output.get("usage")}
    used = [mapping(usage) for usage in by_model.values()]
    return ResultRow(
        case=case_id(sample.get("id")),
        place=where,
        trial=tokens(sample.get("epoch")),
        scores=given,
        asks=text_of(_asked(sample.get("input"))),
        error=failed
        or (f"limit: {text_of(mapping(limit).get('type'))}" if _hit(limit, scores) else None),
        usage=TrialUsage(_sum(used, "input_tokens"), _sum(used, "output_tokens")),
        seconds=number(sample.get("total_time")),
        output=text_of(output.get("completion")) or _completion(output),
    )


def _hit(limit: Json, scores: Mapping[str, Json]) -> bool:
    """Say whether a limit left the sample without scores."""
    return bool(limit) and not scores


def _named(name: str, score: Json) -> dict[str, Score]:
    """Read one scorer's value; a dictionary of values gives one score each."""
    value = mapping(score).get("value") if isinstance(score, dict) else score
    if isinstance(value, dict):
        return {f"{name}/{part}": _value(each) for part, each in value.items()} or {name: UNSCORED}
    if isinstance(value, list):
        return {f"{name}/{i}": _value(each) for i, each in enumerate(value)} or {name: UNSCORED}
    return {name: _value(value)}


def _value(value: Json) -> Score:
    if isinstance(value, str) and value in _LETTERS:
        return Scored(_LETTERS[value])
    return score_of(value)


def _is_letter(value: Json) -> bool:
    return isinstance(value, bool) or (isinstance(value, str) and value in _LETTERS)


def _asked(value: Json) -> Json:
    """Leave out the ids that Inspect gives messages anew in each run."""
    if not isinstance(value, list):
        return value
    return [
        {key: part for key, part in mapping(row).items() if key in ("role", "content")}
        for row in value
    ]


def _sum(rows: list[dict[str, Json]], key: str) -> int | None:
    counts = [tokens(row.get(key)) for row in rows]
    return sum(c for c in counts if c is not None) if counts and None not in counts else None


def _completion(output: Mapping[str, Json]) -> str:
    choices = items(output.get("choices"))
    message = mapping(mapping(choices[0]).get("message")) if choices else {}
    content = message.get("content")
    return content if isinstance(content, str) else text_of(content)
