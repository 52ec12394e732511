"""How good and how fast `groundedness_lexical` is: `python benchmarks/grounding.py`.

Prints the tables of `docs/grounding.md`. The answers made for evalgate come from
`tests/data/grounding`; HaluEval's from `../shared/data/grounding`, left out where that is absent.
"""

import json
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalgate.scorers.grounding import (
    THRESHOLD,
    Contexts,
    Grounding,
    NoContexts,
    ground,
    prepare,
)

Ready = Contexts | NoContexts | Sequence[str]

ROOT = Path(__file__).parents[1]
OWN = ROOT / "tests" / "data" / "grounding" / "made_for_evalgate.jsonl"
HALUEVAL = ROOT / ".." / "shared" / "data" / "grounding" / "halueval_qa_200.json"
CONTRADICTIONS = ("number", "swap", "conflict", "negation", "wrong_condition", "attribute")


@dataclass(frozen=True)
class Row:
    """One labelled answer, or claim, with what was measured of it."""

    weight: float
    """Unsupported weight; 0 where the scorer abstains."""
    mean: float
    """1 - mean score of the claims."""
    words: int
    bad: bool
    kind: str = ""
    part: str = ""


def auroc(rows: Iterable[Row], by: Callable[[Row], float] = lambda row: row.weight) -> float:
    """Return the chance that a hallucinated answer weighs more than a grounded one."""
    bad: list[float] = []
    good: list[float] = []
    for row in rows:
        (bad if row.bad else good).append(by(row))
    pairs = len(bad) * len(good)
    won = sum((high > low) + (high == low) / 2 for high in bad for low in good)
    return won / pairs if pairs else float("nan")


def at_threshold(rows: Sequence[Row], limit: float = THRESHOLD) -> tuple[float, float, float]:
    """Return recall, false alarm rate and F1 of the hallucinated class at a threshold."""
    hits = sum(row.bad and row.weight >= limit for row in rows)
    alarms = sum(not row.bad and row.weight >= limit for row in rows)
    bad = sum(row.bad for row in rows)
    good = len(rows) - bad
    f1 = 2 * hits / (hits + alarms + bad) if bad else float("nan")
    return hits / max(1, bad), alarms / max(1, good), f1


def f1_at_base_rate(recall: float, alarms: float, rate: float) -> float:
    """Return F1 where `rate` of the answers are hallucinated."""
    hits, false = rate * recall, (1 - rate) * alarms
    return 2 * hits / (hits + false + rate)


def measure(answer: str, contexts: Ready, question: str) -> tuple[float, float]:
    """Return the unsupported weight of an answer and 1 - the mean score of its claims."""
    found = ground(answer, contexts, question)
    if not isinstance(found, Grounding):
        return 0.0, 0.0
    mean = sum(claim.score for claim in found.claims) / len(found.claims)
    return found.unsupported_weight, 1 - mean


def own_cases() -> list[dict]:  # type: ignore[type-arg]  # plain JSON
    """Return the cases made for evalgate."""
    return [json.loads(line) for line in OWN.read_text(encoding="utf-8").splitlines()]


def own_answers(cases: Iterable[dict]) -> list[Row]:  # type: ignore[type-arg]  # plain JSON
    """Measure every answer made for evalgate."""
    rows = []
    for case in cases:
        ready = prepare(case["contexts"])
        for answer in case["answers"]:
            weight, mean = measure(answer["text"], ready, case["question"])
            words = len(answer["text"].split())
            row = Row(weight, mean, words, answer["hallucinated"], answer["kind"], case["part"])
            rows.append(row)
    return rows


def own_claims(cases: Iterable[dict]) -> list[Row]:  # type: ignore[type-arg]  # plain JSON
    """Measure every claim: it is bad where a marked span touches it."""
    rows = []
    for case in cases:
        ready = prepare(case["contexts"])
        for answer in case["answers"]:
            found = ground(answer["text"], ready, case["question"])
            if not isinstance(found, Grounding):
                continue
            for claim in found.claims:
                bad = any(start < claim.end and end > claim.start for start, end in answer["spans"])
                words = len(claim.text.split())
                rows.append(
                    Row(claim.unsupported_weight, 1 - claim.score, words, bad, part=case["part"])
                )
    return rows


def halueval() -> list[Row]:
    """Measure HaluEval's short answers; empty where the data is absent."""
    if not HALUEVAL.exists():
        return []
    rows = []
    for item in json.loads(HALUEVAL.read_text(encoding="utf-8")):
        weight, mean = measure(item["response"], item["documents"], item["query"])
        rows.append(Row(weight, mean, len(item["response"].split()), item["label"] == 1))
    return rows


def perturbed(cases: Iterable[dict]) -> dict[str, float]:  # type: ignore[type-arg]  # plain JSON
    """Change grounded answers by program; return how often the weight rises by half a word."""
    rng = random.Random(2026)
    grounded = [
        (case, answer["text"])
        for case in cases
        for answer in case["answers"]
        if not answer["hallucinated"] and case["part"] == "held_out"
    ]
    rises: dict[str, list[bool]] = {"a number changed": [], "a foreign sentence added": []}
    for case, text in grounded:
        ready = prepare(case["contexts"])
        before = measure(text, ready, case["question"])[0]
        digits = [place for place, char in enumerate(text) if char.isdigit()]
        if digits:
            place = rng.choice(digits)
            digit = str((int(text[place]) + rng.randint(1, 9)) % 10)
            changed = text[:place] + digit + text[place + 1 :]
            after = measure(changed, ready, case["question"])[0]
            rises["a number changed"].append(after > before + 0.5)
        other = rng.choice([entry for entry in grounded if entry[0] is not case])[1]
        sentence = max(other.split(". "), key=len)
        after = measure(f"{text} {sentence}.", ready, case["question"])[0]
        rises["a foreign sentence added"].append(after > before + 0.5)
    return {name: sum(found) / len(found) for name, found in rises.items()}


def show(name: str, rows: Sequence[Row]) -> None:
    """Print one row of the table of answers."""
    recall, alarms, f1 = at_threshold(rows)
    print(
        f"| {name} | {len(rows)} | {sum(row.bad for row in rows)} | {auroc(rows):.3f} "
        f"| {auroc(rows, lambda row: row.mean):.3f} | {auroc(rows, lambda row: row.words):.3f} "
        f"| {(recall + 1 - alarms) / 2:.2f} | {recall:.2f} | {alarms:.2f} | {f1:.2f} |"
    )


def show_by_length(name: str, rows: Sequence[Row], edges: Sequence[int]) -> None:
    """Print AUROC and balanced accuracy by length in words."""
    for low, high in zip(edges, [*edges[1:], 10**9], strict=True):
        chosen = [row for row in rows if low <= row.words < high]
        if sum(row.bad for row in chosen) == 0:
            continue
        label = f"{low} to {high - 1}" if high < 10**9 else f"{low} and more"
        best = max(
            ((recall + 1 - alarms) / 2, limit)
            for limit in (0.25, 0.5, 1.0, 1.5, 2.0, THRESHOLD)
            for recall, alarms, _ in [at_threshold(chosen, limit)]
        )
        recall, alarms, _ = at_threshold(chosen, 1.0)
        print(
            f"| {name} | {label} | {len(chosen)} | {sum(row.bad for row in chosen)} "
            f"| {auroc(chosen):.3f} | {(recall + 1 - alarms) / 2:.2f} "
            f"| {best[0]:.2f} at {best[1]} |"
        )


def speed(cases: Iterable[dict]) -> None:  # type: ignore[type-arg]  # plain JSON
    """Print the time of an answer of 150 words against 3 contexts of 300 words."""
    cases = list(cases)
    words = " ".join(text for case in cases for text in case["contexts"]).split()
    contexts = [" ".join(words[start : start + 300]) for start in (0, 1000, 2000)]
    answer = " ".join(words[100:200] + words[3000:3050])
    ready = prepare(contexts)
    print(f"\n150 words against 3 x 300: {best_of(lambda: ground(answer, contexts)):.2f} ms")
    print(f"  with contexts prepared:   {best_of(lambda: ground(answer, ready)):.2f} ms")


def best_of(work: Callable[[], object], repeats: int = 200) -> float:
    """Return the least CPU time of one call in milliseconds."""
    times = []
    for _ in range(repeats):
        begun = time.process_time_ns()
        work()
        times.append(time.process_time_ns() - begun)
    return min(times) / 1e6


def main() -> None:
    """Print every table."""
    cases = own_cases()
    rows = own_answers(cases)
    print(f"threshold: {THRESHOLD}\n")
    print("| answers | n | bad | AUROC | by mean claim | by length | balanced | recall", end=" ")
    print("| alarms | F1 |\n|---|---|---|---|---|---|---|---|---|---|")
    for part in ("choose", "held_out"):
        chosen = [row for row in rows if row.part == part]
        good = [row for row in chosen if not row.bad]
        close = [row for row in good if row.kind != "loose"]
        bad = [row for row in chosen if row.bad]
        swapped = [row for row in bad if row.kind in CONTRADICTIONS]
        subtle = [row for row in bad if row.kind == "subtle"]
        added = [row for row in bad if row not in swapped and row not in subtle]
        show(f"{part}: all", chosen)
        show(f"{part}: added statements", good + added)
        show(f"{part}: contradictions", good + swapped)
        show(f"{part}: one short addition in a long copy", good + subtle)
        show(f"{part}: without wholly reworded answers", close + bad)
    if found := halueval():
        show("HaluEval QA", found)
    held = [row for row in rows if row.part == "held_out"]
    recall, alarms, _ = at_threshold(held)
    rates = {rate: round(f1_at_base_rate(recall, alarms, rate), 2) for rate in (0.2, 0.3, 0.45)}
    print(f"\nF1 on held_out by base rate: {rates}")
    for limit in (1.5, 2.0, THRESHOLD, 4.0, 5.0):
        recall, alarms, _ = at_threshold(held, limit)
        print(f"  threshold {limit}: recall {recall:.2f}, false alarms {alarms:.2f}", end="; F1 ")
        print({rate: round(f1_at_base_rate(recall, alarms, rate), 2) for rate in (0.2, 0.3, 0.45)})
    print("\n| claims | words | n | hallucinated | AUROC | balanced accuracy at 1 | best |")
    print("|---|---|---|---|---|---|---|")
    claims = [row for row in own_claims(cases) if row.part == "held_out"]
    show_by_length("held_out", claims, [1, 8, 14, 20, 28])
    show_by_length("HaluEval QA", found, [1, 8, 14, 20])
    print()
    for name, share in perturbed(cases).items():
        print(f"{name}: noticed in {share:.0%} of the grounded answers")
    speed(cases)


if __name__ == "__main__":
    main()
