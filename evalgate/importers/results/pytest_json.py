"""pytest-json-report: one case a test; `user_properties` may hold scores and a cost.

`error` (a fixture failed) is errored, `skipped` unscored, `xfailed` is the failure it was marked
for and unscored, `xpassed` a pass.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from evalgate.importers.results.documents import Document, JsonDocument
from evalgate.importers.results.rows import (
    SUCCESS,
    UNSCORED,
    ReadOptions,
    ResultRow,
    Results,
    ScoreKind,
    broken,
    case_id,
    items,
    mapping,
    number,
    objects,
    score_of,
    text_of,
)
from evalgate.schema.base import Json
from evalgate.schema.score import Score, Scored

COSTS: Final = ("cost", "cost_usd")
"""Properties that are a cost, not a score."""

_OUTCOMES: Final[Mapping[str, Score]] = {
    "passed": Scored(1.0),
    "xpassed": Scored(1.0),
    "failed": Scored(0.0),
}


def detect(document: Document) -> bool:
    """Say whether the document is a report of pytest-json-report."""
    if not isinstance(document, JsonDocument):
        return False
    data = mapping(document.value)
    return "tests" in data and {"summary", "exitcode"} <= data.keys()


def read(document: Document, options: ReadOptions) -> Results:  # noqa: ARG001  # one contract
    """Read a report of pytest-json-report."""
    data = mapping(document.value) if isinstance(document, JsonDocument) else {}
    tests = list(objects(data.get("tests"), "/tests"))
    rows = tuple(_row(test, where) for where, test in tests)
    counts = Counter(text_of(test.get("outcome")) for _, test in tests)
    told = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    kinds = {name: ScoreKind(direction=None) for row in rows for name in row.scores}
    kinds.pop(SUCCESS, None)
    return Results(rows, kinds, errors=True, notes=(f"{len(rows)} tests: {told}",))


def _row(test: Mapping[str, Json], where: str) -> ResultRow:
    outcome = text_of(test.get("outcome"))
    failed = outcome == "error"
    stages = [mapping(test.get(stage)) for stage in ("setup", "call", "teardown")]
    reason = next(
        (text for stage in stages if (text := text_of(mapping(stage.get("crash")).get("message")))),
        "error",
    )
    properties = {
        name: value
        for part in items(test.get("user_properties"))
        for name, value in _pair(part).items()
    }
    times = [number(stage.get("duration")) for stage in stages if stage]
    return ResultRow(
        case=case_id(test.get("nodeid")),
        place=where,
        scores={
            SUCCESS: broken(reason) if failed else _OUTCOMES.get(outcome, UNSCORED),
            **scores_of(properties),
        },
        error=reason if failed else None,
        cost_usd=cost_of(properties),
        seconds=sum(t for t in times if t is not None) if times and None not in times else None,
        output=text_of(mapping(test.get("call")).get("stdout")),
    )


def _pair(part: Json) -> dict[str, Json]:
    if isinstance(part, list) and len(part) == 2:  # name and value
        return {text_of(part[0]): part[1]}
    return mapping(part)


def scores_of(properties: Mapping[str, Json]) -> dict[str, Score]:
    """Return the properties that are numbers or truth values and no cost."""
    return {
        name: found
        for name, value in properties.items()
        if name not in COSTS and isinstance(found := score_of(value), Scored)
    }


def cost_of(properties: Mapping[str, Json]) -> float | None:
    """Return the cost in USD that a property states."""
    return next((c for name in COSTS if (c := number(properties.get(name))) is not None), None)
