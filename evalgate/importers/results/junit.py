"""JUnit XML of any tool: one case a `testcase`, by class and name.

`failure` is a fail, `error` errored, `skipped` unscored. An expected failure counts as skipped in
JUnit, and a test that passed against expectation looks like a pass; properties may hold scores
and a cost.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from evalgate.importers.results.documents import Document, XmlDocument
from evalgate.importers.results.pytest_json import cost_of, scores_of
from evalgate.importers.results.rows import (
    SUCCESS,
    UNSCORED,
    ReadOptions,
    ResultRow,
    Results,
    ScoreKind,
    broken,
    case_id,
    number,
    unexpected,
)
from evalgate.schema.score import Score, Scored

if TYPE_CHECKING:
    from evalgate.schema.base import Json

_ROOTS = ("testsuites", "testsuite")


def detect(document: Document) -> bool:
    """Say whether the document is JUnit XML."""
    return isinstance(document, XmlDocument) and _tag(document.root) in _ROOTS


def read(document: Document, options: ReadOptions) -> Results:  # noqa: ARG001  # one contract
    """Read JUnit XML."""
    if not detect(document) or not isinstance(document, XmlDocument):
        raise unexpected(None, "", "JUnit XML: `testsuites` or `testsuite`")
    found = [
        (suite, _row(case, f"testcase {i}"))
        for i, (suite, case) in enumerate(_cases(document.root, ""), 1)
    ]
    # The same test may be run in several suites; then their names belong to the id.
    times = Counter(row.case for _, row in found)
    rows = tuple(
        replace(row, case=case_id(suite, row.case)) if times[row.case] > 1 and suite else row
        for suite, row in found
    )
    kinds = {name: ScoreKind(direction=None) for row in rows for name in row.scores}
    kinds.pop(SUCCESS, None)
    failed = sum(row.scores[SUCCESS] == Scored(0.0) for row in rows)
    errors = sum(row.error is not None for row in rows)
    skipped = sum(row.scores[SUCCESS] == UNSCORED for row in rows)
    note = f"{len(rows)} tests: {failed} failed, {errors} errored, {skipped} skipped (unscored)"
    return Results(rows, kinds, errors=True, notes=(note,))


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _cases(element: Element, suite: str) -> Iterator[tuple[str, Element]]:
    for child in element:
        match _tag(child):
            case "testsuite":
                yield from _cases(child, child.get("name") or suite)
            case "testcase":
                yield suite or element.get("name") or "", child
            case _:
                pass


def _row(case: Element, place: str) -> ResultRow:
    named = [case.get("classname") or case.get("file"), case.get("name")]
    ends = {_tag(child): child for child in case}
    reason = ""
    score: Score
    if "error" in ends:
        reason = ends["error"].get("message") or ends["error"].text or "error"
        score = broken(reason)
    elif "failure" in ends:
        score = Scored(0.0)
    elif "skipped" in ends or case.get("status") in ("notrun", "skipped", "disabled"):
        score = UNSCORED
    else:
        score = Scored(1.0)
    properties: dict[str, Json] = {
        each.get("name") or "": each.get("value") or each.text
        for child in case
        if _tag(child) == "properties"
        for each in child
    }
    return ResultRow(
        case=case_id("::".join(name for name in named if name)),
        place=place,
        scores={SUCCESS: score, **scores_of(properties)},
        error=reason or None,
        cost_usd=cost_of(properties),
        seconds=number(case.get("time")),
        output=(ends["system-out"].text or "") if "system-out" in ends else "",
    )
