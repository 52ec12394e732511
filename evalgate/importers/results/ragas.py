"""Ragas metric annotations: metric -> rows with `metric_input`, `metric_output`, `is_accepted`.

What the metric said is the score. Whether a person agreed is a second, informational one.
"""

from evalgate.importers.results.documents import Document, JsonDocument
from evalgate.importers.results.rows import (
    UNSCORED,
    ReadOptions,
    ResultRow,
    Results,
    ScoreKind,
    case_id,
    first,
    mapping,
    objects,
    score_of,
    text_of,
)

_KEYS = {"metric_input", "metric_output"}


def detect(document: Document) -> bool:
    """Say whether the document holds annotations of Ragas."""
    if not isinstance(document, JsonDocument):
        return False
    lists = [value for value in mapping(document.value).values() if isinstance(value, list)]
    return any(mapping(row).keys() >= _KEYS for rows in lists for row in rows[:1])


def read(document: Document, options: ReadOptions) -> Results:  # noqa: ARG001  # one contract
    """Read annotations of Ragas."""
    data = mapping(document.value) if isinstance(document, JsonDocument) else {}
    rows: dict[str, ResultRow] = {}
    kinds: dict[str, ScoreKind] = {}
    notes: list[str] = []
    for metric, listed in data.items():
        accepted = edited = count = 0
        seen: dict[str, int] = {}
        for where, row in objects(listed, f"/{metric}"):
            asked = mapping(row.get("metric_input"))
            case = case_id(first(asked, "user_input", "question") or asked)
            seen[case] = seen.get(case, 0) + 1
            case = case if seen[case] == 1 else f"{case} ({seen[case]})"
            agreed = row.get("is_accepted")
            count += 1
            accepted += agreed is True
            edited += any(
                mapping(prompt).get("edited_output") is not None
                for prompt in mapping(row.get("prompts")).values()
            )
            score = score_of(row.get("metric_output"))
            kinds[metric] = ScoreKind(bounds=(0.0, 1.0))
            kinds[f"{metric} accepted"] = ScoreKind(bounds=(0.0, 1.0), informational=True)
            human = score_of(agreed) if isinstance(agreed, bool) else UNSCORED
            old = rows.get(case)
            rows[case] = ResultRow(
                case=case,
                place=where,
                scores={
                    **({} if old is None else old.scores),
                    metric: score,
                    f"{metric} accepted": human,
                },
                asks=text_of(first(asked, "user_input", "question") or asked),
                output=text_of(asked.get("response")),
            )
        notes.append(
            f"{metric}: people accepted {accepted} of {count} verdicts and edited {edited} prompts"
        )
    return Results(tuple(rows.values()), kinds, notes=tuple(notes))
