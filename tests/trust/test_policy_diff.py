"""What a change would alter is said, place by place."""

from evalgate.schema.config import SuiteConfig
from evalgate.schema.golden import Case
from evalgate.trust.policy_diff import config_diff, golden_diff


def suite(**given: object) -> SuiteConfig:
    """Make a suite's configuration."""
    return SuiteConfig.model_validate({"golden": "g.jsonl", "agent": "python:a:b", **given})


def case(name: str, **given: object) -> Case:
    """Make a case."""
    fields = {"id": name, "input": "x", "expected": {"output": {"equals": "y"}}}
    return Case.model_validate(fields | given)


def test_settings() -> None:
    """Each setting with its place, old and new; one that is gone or new is not set on a side."""
    old = suite(gate={"threshold": "5%", "metrics": {"error_rate": {"max": 0.1}}})
    new = suite(gate={"threshold": "50%"}, noise="none")
    assert [
        "gate.metrics.error_rate.gate: 'standard' -> (not set)",
        "gate.metrics.error_rate.max: 0.1 -> (not set)",
        "gate.threshold.value: 0.05 -> 0.5",
        "noise: 'trials' -> 'none'",
    ] == list(config_diff(old, new))
    assert [] == list(config_diff(old, old))


def test_cases() -> None:
    """Deleted, changed, counted otherwise, added."""
    old = [case("a"), case("b"), case("c", must_pass=True), case("d")]
    new = [case("b", input="z"), case("c"), case("d"), case("e")]
    assert [
        ("deletes 1 case (a)", "they ran anyway"),
        ("changes what is asked or expected in 1 case (b)", "they ran as the base has them"),
        ("changes how it counts: 1 case (c)", "they counted as on the base"),
        ("adds 1 case (e)", "they ran as drafts, which do not gate"),
    ] == [tuple(line.split("; ")) for line in golden_diff(old, new)]
    assert [] == list(golden_diff(old, old))
