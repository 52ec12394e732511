"""What became of a case, and what is said of it."""

from collections.abc import Sequence

import pytest

from evalgate.gate.case_changes import SUCCESS, case_changes
from evalgate.gate.comparison import CaseSets
from evalgate.metrics.registry import METRICS
from evalgate.schema.result import TrialUsage
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.schema.status import TraceStatus
from evalgate.schema.verdict import CaseChange
from evalgate.stats.pairing import pair_cases
from evalgate.stats.summary import CaseSummary, RunSummary

ONE, ZERO = Scored(1.0), Scored(0.0)
Calls = Sequence[tuple[str, ...]]


def _case(
    success: Sequence[Score],
    statuses: Sequence[TraceStatus] | None = None,
    *,
    calls: Calls = (),
    usage: Sequence[TrialUsage] = (),
    **columns: Sequence[Score],
) -> CaseSummary:
    given = {"task_success": tuple(success), **{k: tuple(v) for k, v in columns.items()}}
    return CaseSummary(
        id="c",
        digest="d",
        numbers=tuple(range(len(success))),
        statuses=tuple(statuses or ["finished"] * len(success)),
        columns={name: column for name, column in given.items() if column},
        calls=tuple(calls),
        usage=tuple(usage),
    )


def _change(old: CaseSummary, new: CaseSummary, *metrics: str) -> CaseChange:
    """Return what became of one common case, sorted by task success and further metrics."""
    definitions = [SUCCESS, *(METRICS[name] for name in metrics)]
    kept = [m for m in definitions if m.score in old.columns]
    paired = {m.score: pair_cases(m, [(old, new)]) for m in kept}
    sets = CaseSets(("c",), (), (), (), ())
    side = RunSummary("x", cases={"c": new})
    (change,) = case_changes(sets, [(old, new)], side, paired)
    return change


@pytest.mark.parametrize(
    ("old", "new", "outcome", "moved"),
    [
        ([ONE, ONE], [ONE, ZERO], "regressed", ("task_success",)),
        ([ONE, ZERO], [ONE, ONE], "improved", ("task_success",)),
        ([ONE, ZERO], [ZERO, ONE], "unchanged", ()),
        ([ONE], [Broken("b")], "errored", ("task_success",)),
        ([Abstained("a")], [ONE], "unchanged", ()),
    ],
)
def test_success_decides(
    old: list[Score], new: list[Score], outcome: str, moved: tuple[str, ...]
) -> None:
    """The mean over trials, whatever their order; a missing score counts at its worst."""
    change = _change(_case(old), _case(new))
    assert (change.outcome, change.metrics) == (outcome, moved)


def test_other_scores_decide_where_success_is_unknown() -> None:
    """With task success on both sides it alone decides; the others are named."""
    low, high = [Scored(0.5)], [Scored(0.9)]
    with_success = _change(
        _case([ONE], faithfulness=high), _case([ONE], faithfulness=low), "faithfulness"
    )
    assert (with_success.outcome, with_success.metrics) == ("unchanged", ("faithfulness",))
    silent = [Abstained("a")]
    for old, new, outcome in ((high, low, "regressed"), (low, high, "improved")):
        pair = [_case([ONE], faithfulness=column) for column in (old, new)]
        sides = [
            CaseSummary(
                **{**_fields(one), "columns": {"faithfulness": one.columns["faithfulness"]}}
            )
            for one in pair
        ]
        assert _change(*sides, "faithfulness").outcome == outcome
    assert _change(_case(silent), _case(silent)).baseline is None


def _fields(case: CaseSummary) -> dict[str, object]:
    return {name: getattr(case, name) for name in CaseSummary.__slots__}


def test_lower_is_better_the_other_way() -> None:
    """A cost that rises is worse, also where it rises by less than floats resolve."""
    sides = [
        CaseSummary(**{**_fields(_case([ONE])), "columns": {"cost_usd": (Scored(cost),)}})
        for cost in (0.1, 0.2)
    ]
    assert _change(*sides, "cost_per_interaction").outcome == "regressed"
    assert _change(*reversed(sides), "cost_per_interaction").outcome == "improved"


def test_what_is_said_of_a_worse_case() -> None:
    """How trials ended, the first other call, tokens and cost; nothing of an unchanged case."""
    old = _case(
        [ONE, ZERO],
        ["finished", "crashed"],
        calls=[("search", "refund"), ("search",)],
        usage=[TrialUsage(10, 5), TrialUsage(20, 5)],
        cost_usd=[Scored(0.01), Scored(0.03)],
    )
    new = _case(
        [ZERO, ZERO],
        ["finished", "timed_out"],
        calls=[("search", "close"), ("search", "refund")],
        usage=[TrialUsage(30, 5), TrialUsage(30, 15)],
        cost_usd=[Scored(0.02), Scored(0.04)],
    )
    change = _change(old, new)
    assert (change.baseline, change.candidate) == (0.5, 0.0)
    assert change.what == (
        "trials that did not finish: timed_out (1 of 2 in the baseline)",
        "tool call 2: refund -> close",
        "tokens a trial: 20 -> 40",
        "cost a trial: $0.02 -> $0.03",
    )
    assert _change(old, old).what == ()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ([("a", "b")], [("a",)], ("tool call 2: b -> no further call",)),
        ([("a",)], [("a", "b")], ("tool call 2: no further call -> b",)),
        ([()], [("b",)], ("tool call 1: no further call -> b",)),
        ([("a",)], [("a",)], ()),
        ([], [("a",)], ()),
        ([("a",)], [], ()),
    ],
)
def test_the_first_call_that_differs(old: Calls, new: Calls, told: tuple[str, ...]) -> None:
    """Of the first failing trial, against what passed before."""
    change = _change(_case([ONE], calls=old), _case([ZERO], calls=new))
    assert told == change.what


def test_the_nearest_passing_trial_is_compared() -> None:
    """The trial that agrees longest; where none passed before, any trial."""
    before = _case([ONE, ONE, ZERO], calls=[("x",), ("a", "b", "c"), ("a", "b", "d")])
    after = _case([ONE, ZERO, ZERO], calls=[("x",), ("a", "b", "d"), ("y",)])
    assert _change(before, after).what == ("tool call 3: c -> d",)
    bare = CaseSummary(**{**_fields(before), "columns": {}, "statuses": ("finished",) * 3})
    crashed = _case([ZERO] * 3, ["crashed"] * 3, calls=[("a", "b", "e")] * 3)
    lost = CaseSummary(**{**_fields(crashed), "columns": {"task_success": (Broken("b"),) * 3}})
    assert "tool call 3: c -> e" in _change(bare, lost).what


@pytest.mark.parametrize(
    "unknown", [TrialUsage(None, 5), TrialUsage(5, None), TrialUsage(None, None)]
)
def test_unknown_tokens_and_costs_are_not_compared(unknown: TrialUsage) -> None:
    """One unknown trial, on either side: no figure."""
    known = [TrialUsage(1, 1)] * 2
    some = _case([ONE] * 2, usage=[unknown, *known[1:]], cost_usd=[Abstained("a"), ONE])
    lost = _case([ZERO] * 2, usage=known, cost_usd=[ZERO, ZERO])
    assert _change(some, lost).what == ()
    whole = _case([ONE] * 2, usage=known, cost_usd=[ONE, ONE])
    gone = _case([ZERO] * 2, usage=[unknown, *known[1:]], cost_usd=[Abstained("a"), ZERO])
    assert _change(whole, gone).what == ()


def test_new_changed_and_missing_cases() -> None:
    """Changed cases say why they are not compared; the worst come first, then by name."""
    cases = {
        "asks": _case([ONE, ZERO]),
        "fresh": _case([ONE]),
        "lost": _case([ONE], ["not_measured"]),
        "empty": _case([]),
    }
    sets = CaseSets((), ("asks",), ("gone",), ("empty", "fresh", "lost"), ())
    found = case_changes(sets, [], RunSummary("x", cases=cases), {})
    assert [(one.id, one.outcome, one.candidate, one.what) for one in found] == [
        ("empty", "errored", None, ()),
        ("lost", "errored", 1.0, ()),
        ("gone", "missing", None, ()),
        ("asks", "new", 0.5, ("the case asks something else than in the baseline",)),
        ("fresh", "new", 1.0, ()),
    ]
