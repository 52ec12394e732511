"""How many trajectories of 3 tool calls, arguments included, are matched in a second.

Run `python benchmarks/matching.py`. The published figures are of the peers on the same work, on
two cores; they are not measured here.
"""

import time
from collections.abc import Callable

from evalgate.matching import compile_expected
from evalgate.schema.golden import Case, Expected, ExpectedCall, MatchMode, MatchPreset
from evalgate.schema.trace import ToolCall, Trace
from evalgate.scorers.tools import compile_case, score_tools

_GOAL = 100_000
_PUBLISHED = (
    ("ADK", "120,000"),
    ("Ragas collections", "103,000"),
    ("pydantic-evals", "37,000"),
    ("DeepEval", "5,000"),
    ("agentevals", "2,500 to 5,000"),
)
_ARGUMENTS = (
    ("find_user", {"email": "mei.kovacs@example.com", "active": True}),
    ("get_order", {"order_id": "#W6390527", "fields": ["items", "total"]}),
    ("refund", {"order_id": "#W6390527", "amount": 49.99, "reason": {"code": 3, "text": "late"}}),
)
_EXPECTED = tuple(ExpectedCall(name=name, arguments=dict(args)) for name, args in _ARGUMENTS)
_SAME = tuple(ToolCall(name=name, arguments=dict(args)) for name, args in _ARGUMENTS)
_WRONG = (*_SAME[:2], ToolCall(name="refund", arguments={"order_id": "#W1", "amount": 5}))


def _rate(work: Callable[[], object], seconds: float = 0.4) -> float:
    """Return how often `work` runs in a second of CPU, the best of five."""
    best = 0.0
    for _ in range(5):
        count, start = 0, time.process_time()
        while (spent := time.process_time() - start) < seconds / 5:
            for _ in range(200):
                work()
            count += 200
        best = max(best, count / spent)
    return best


def _matching(mode: MatchMode | MatchPreset, actual: tuple[ToolCall, ...]) -> float:
    matcher = compile_expected(_EXPECTED, mode)
    return _rate(lambda: matcher.match(actual))


def _scoring() -> float:
    case = Case(id="bench", input="x", expected=Expected(tool_calls=_EXPECTED))
    trace = Trace(case_id="bench", steps=_SAME)
    matcher = compile_case(case)
    return _rate(lambda: score_tools(case, trace, matcher))


def main() -> None:
    """Print the table."""
    modes: tuple[MatchMode | MatchPreset, ...] = (
        "exact",
        "in_order",
        "any_order",
        "subset",
        "superset",
        "tau2",
    )
    rows = [(f"match, equal, {mode}", _matching(mode, _SAME)) for mode in modes]
    rows += [
        ("match, equal but reversed, any_order", _matching("any_order", _SAME[::-1])),
        ("match, wrong arguments, any_order", _matching("any_order", _WRONG)),
        ("match, wrong arguments, exact", _matching("exact", _WRONG)),
        ("compile and match, any_order", _rate(lambda: compile_expected(_EXPECTED, "any_order"))),
        ("all eight scores of a trial, any_order", _scoring()),
    ]
    print(f"{'evalgate':<42}{'trajectories/s of CPU':>24}")
    for name, rate in rows:
        print(f"{name:<42}{rate:>24,.0f}")
    met = "met" if min(rate for _, rate in rows[: len(modes)]) >= _GOAL else "MISSED"
    print(f"{'goal: equal, any mode':<42}{_GOAL:>24,}  {met}")
    print(f"\n{'peer':<42}{'published':>24}")
    for name, figure in _PUBLISHED:
        print(f"{name:<42}{figure:>24}")


if __name__ == "__main__":
    main()
