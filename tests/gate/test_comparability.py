"""Which cases can be compared, and what measured a metric differently."""

from dataclasses import replace

import pytest

from evalgate.gate.comparability import case_sets, differing_scorer, name_some, set_problem
from evalgate.gate.comparison import CaseSets, CompareOptions
from evalgate.metrics.registry import METRICS
from evalgate.schema.result import Pricing
from evalgate.stats.summary import CaseSummary, JudgeId, RunSummary

PLAIN = CompareOptions()
GONE = "1 case is gone from the golden set (r0): leaving out a hard case must not improve a score"


def _case(name: str, digest: str = "d", *, draft: bool = False) -> CaseSummary:
    return CaseSummary(
        id=name, digest=digest, numbers=(0,), statuses=("finished",), columns={}, draft=draft
    )


def _side(*cases: CaseSummary, source: str = "base.json", **fields: object) -> RunSummary:
    return RunSummary(source, cases={case.id: case for case in cases}, **fields)  # type: ignore[arg-type]


def test_five_cases_are_named() -> None:
    """The sixth is counted."""
    ids = ("a", "b", "c", "d", "e", "f", "g")
    assert name_some(ids[:5]) == "a, b, c, d, e"
    assert name_some(ids) == "a, b, c, d, e and 2 more"


@pytest.mark.parametrize(
    ("golden", "selection", "removed", "unselected"),
    [
        (None, False, ("draft", "gone"), ()),
        (None, True, ("draft",), ("gone",)),
        (("gone", "not run"), False, ("draft",), ("gone", "not run")),
        (("draft", "new"), False, ("draft", "gone"), ()),
    ],
)
def test_cases_are_sorted(
    golden: tuple[str, ...] | None,
    *,
    selection: bool,
    removed: tuple[str, ...],
    unselected: tuple[str, ...],
) -> None:
    """What is gone was removed, unless it is in the golden set or the run is a selection."""
    old = _side(_case("same"), _case("changed"), _case("gone"), _case("draft"))
    new = _side(
        *(_case("same"), _case("changed", "e"), _case("new"), _case("draft", draft=True)),
        selection=selection,
    )
    options = CompareOptions(golden_ids=None if golden is None else frozenset(golden))
    expected = CaseSets(("same",), ("changed",), removed, ("new",), unselected)
    assert case_sets(old, new, options) == expected


def test_without_a_baseline_every_case_is_new() -> None:
    """Sorted by name, drafts aside."""
    new = _side(_case("b"), _case("a"), _case("draft", draft=True))
    assert case_sets(None, new, PLAIN) == CaseSets((), (), (), ("a", "b"), ())


@pytest.mark.parametrize(
    ("common", "changed", "removed", "reason"),
    [
        (9, 1, 0, None),
        (
            *(8, 1, 0),
            "only 8 of 9 cases of the baseline still ask the same; a comparison takes 90 %",
        ),
        (
            *(0, 3, 0),
            "base.json is a baseline of another golden set: none of its 2 cases asks the same now",
        ),
        (
            *(9, 0, 1),
            GONE,
        ),
    ],
)
def test_too_little_in_common(common: int, changed: int, removed: int, reason: str | None) -> None:
    """Nine tenths must ask the same; what is removed must be allowed to be."""
    names = {"c": common, "x": changed, "r": removed}
    parts = [tuple(f"{key}{i}" for i in range(count)) for key, count in names.items()]
    sets = CaseSets(parts[0], parts[1], parts[2], (), ())
    side = _side(_case("a"), _case("b"))
    found = set_problem(side, side, sets, PLAIN)
    assert reason == (None if found is None else found.reason)
    if found is not None:
        assert found.kind == "comparison"
        assert found.fix is not None
        assert "`evalgate baseline update --reason WHY`" in found.fix
        flat = replace(side, means_only=True)
        assert set_problem(flat, side, sets, PLAIN) is None
        assert set_problem(side, flat, sets, PLAIN) is None
    if removed:
        assert set_problem(side, side, sets, CompareOptions(allow_removed=True)) is None


def test_removed_cases_count_in_the_share() -> None:
    """Allowed to go, they still were asked in the baseline: 8 of 10 is too few."""
    sets = CaseSets(tuple("abcdefgh"), (), ("x", "y"), (), ())
    found = set_problem(_side(_case("a")), _side(), sets, CompareOptions(allow_removed=True))
    assert found is not None
    assert found.reason.startswith("only 8 of 10 cases")


def _differs(metric: str, old: dict[str, object], new: dict[str, object], **owner: str) -> str:
    sides = [RunSummary("x", **fields) for fields in (old, new)]  # type: ignore[arg-type]
    found = differing_scorer(METRICS[metric], *sides, CompareOptions(scorer_of=owner))
    assert found is None or (found.fix is not None and "evalgate score RUN" in found.fix)
    return "" if found is None else found.reason


def test_a_scorer_is_found_by_owner_score_or_metric() -> None:
    """Its own version counts; where nobody knows which scorer it is, every one does."""
    rate = "task_success_rate"

    def told(name: str, **owner: str) -> str:
        return _differs(rate, {"scorers": {name: "1"}}, {"scorers": {name: "2"}}, **owner)

    assert told("task_success") == "scorer 'task_success' is another version (1, now 2)"
    assert told(rate) == f"scorer {rate!r} is another version (1, now 2)"
    assert told("mine", task_success="mine") == "scorer 'mine' is another version (1, now 2)"
    assert told("other") == "scorer 'other' is another version (1, now 2)"
    assert told("mine", task_success="other") == ""
    both = {"task_success": "1", "other": "1"}
    assert _differs(rate, {"scorers": both}, {"scorers": {**both, "other": "2"}}) == ""
    assert _differs(rate, {"scorers": {"task_success": "1"}}, {}) == ""


def test_a_judge_is_named_by_model_and_prompts() -> None:
    """Only where the metric is judged, and both sides know their judge."""
    digest = "sha256:0123456789abcdef"
    judged = frozenset({"faithfulness"})
    old = {"judge": JudgeId("m-1", digest), "judged": judged}
    told = "the judge is another (m-1, prompts sha256:0123456789ab, now unknown model, "
    told += "prompts unknown)"
    assert _differs("faithfulness", old, {"judge": JudgeId(None, None)}) == told
    assert _differs("faithfulness", {"judge": JudgeId("m-2", digest)}, old) != ""
    assert _differs("faithfulness", old, {"judge": JudgeId("m-1", digest)}) == ""
    assert _differs("faithfulness", old, {}) == ""
    assert _differs("faithfulness", {"judged": judged}, {"judge": JudgeId("m", None)}) == ""
    assert _differs("task_success_rate", old, {"judge": JudgeId("m-2", digest)}) == ""


def test_a_price_table_matters_to_computed_money() -> None:
    """Another digest, on both sides known, of a metric in USD that was not recorded."""

    def table(digest: str) -> dict[str, object]:
        return {"pricing": Pricing(source="table", version=f"v{digest}", digest=digest)}

    cost, old, new = "cost_per_interaction", table("1"), table("2")
    assert _differs(cost, old, new) == "the price table is another (v1, now v2)"
    assert _differs(cost, old, {**new, "recorded": frozenset({cost})}) == ""
    assert _differs(cost, old, old) == ""
    assert _differs(cost, {}, new) == ""
    assert _differs(cost, old, {}) == ""
    assert _differs("task_success_rate", old, new) == ""
