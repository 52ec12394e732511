"""Tests of evalgate.store.config."""

from pathlib import Path

import pytest

from evalgate.errors import ConfigError
from evalgate.schema.config import Config
from evalgate.store.config import LoadedConfig, load_config, parse_config, select_suites

MINIMAL = "suites: {support: {golden: g.jsonl, agent: 'python:m:f'}}\n"


def problems(text: str) -> str:
    """Return the message a broken configuration ends in."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text, source="evalgate.yaml")
    return caught.value.message


def test_minimal_configuration_has_the_documented_defaults() -> None:
    """A suite needs a golden set and an agent; the rule is 5 % relative."""
    suite = parse_config(MINIMAL, source="c").suites["support"]
    assert ("python:m:f", 1, "plain", 0.05, "relative") == (
        suite.agent.run,
        suite.trials,
        suite.gate.mode,
        suite.gate.threshold.value,
        suite.gate.threshold.unit,
    )


@pytest.mark.parametrize(
    ("written", "value", "unit"),
    [("0.05", 0.05, "relative"), ("5%", 0.05, "relative"), ("5pp", 0.05, "points")],
)
def test_thresholds_are_relative_unless_points_are_asked_for(
    written: str, value: float, unit: str
) -> None:
    """`5pp` is points; a number and `5%` are relative."""
    text = f"suites: {{a: {{golden: g, agent: 'python:m:f', gate: {{threshold: {written}}}}}}}"
    threshold = parse_config(text, source="c").suites["a"].gate.threshold
    assert (value, unit) == (threshold.value, threshold.unit)


def test_every_problem_is_listed_with_its_line_and_a_suggestion() -> None:
    """Unknown keys and bad values are named at once, each with its line."""
    text = (
        "suites:\n  a:\n    golden: g\n    agent: python:m:f\n    trails: 3\n"
        "    gate:\n      treshold: 5\n      metrics:\n        x: {threshold: 5x}\n"
    )
    rows = problems(text).splitlines()
    assert [
        (
            "evalgate.yaml:9: suites.a.gate.metrics.x.threshold: '5x' is no threshold; "
            "expected 0.05, '5%' or '5pp'; found '5x'"
        ),
        (
            "evalgate.yaml:7: suites.a.gate.treshold: unknown key 'treshold' "
            "(did you mean 'threshold'?)"
        ),
        "evalgate.yaml:5: suites.a.trails: unknown key 'trails' (did you mean 'trials'?)",
    ] == rows


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "found nothing, expected a mapping"),
        ("- a\n", "expected a mapping"),
        ("suites: {", "not YAML"),
        ("suites: {}\nsuites: {}\n", "c:2: key 'suites' stands twice"),
        ("1: 2\n", "key 1 is no text"),
        ("suites: !!python/object:os.system {}\n", "not YAML"),
        ("suites: {a: {golden: g, agent: x, trials: .nan}}", "trials"),
        (MINIMAL.replace("}}", ", noise: none, max_trials: 3}}"), "max_trials has no use"),
        (MINIMAL.replace("}}", ", trials: 4, max_trials: 3}}"), "max_trials (3) is below"),
    ],
)
def test_bad_configurations_name_what_is_wrong(text: str, part: str) -> None:
    """No YAML, duplicate keys, tags of Python, NaN and contradictions are named."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text, source="c")
    assert part in caught.value.message


def test_aliases_cannot_explode() -> None:
    """Nested aliases are refused instead of filling the memory."""
    levels = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    levels += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    assert "aliases" in problems("\n".join(levels))


def test_deep_nesting_is_refused() -> None:
    """A document nested beyond the limit is an error and no crash."""
    assert "nested" in problems("a: " + "[" * 200 + "]" * 200)


def test_missing_file_names_the_way_out(tmp_path: Path) -> None:
    """A configuration that is not there leads to `evalgate init`."""
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "evalgate.yaml")
    assert "evalgate init" in str(caught.value)
    for place in (tmp_path / "other.yaml", tmp_path):
        with pytest.raises(ConfigError) as caught:
            load_config(place)
        assert "check the path" == caught.value.fix


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """Invalid UTF-8 is named with its place."""
    path = tmp_path / "evalgate.yaml"
    path.write_bytes(b"suites: \xff")
    with pytest.raises(ConfigError, match="not UTF-8 at byte 8"):
        load_config(path)


def test_unknown_suite_names_the_near_one() -> None:
    """A misspelt suite is answered with the one that was meant."""
    loaded = LoadedConfig(parse_config(MINIMAL, source="c"), Path("evalgate.yaml"))
    with pytest.raises(ConfigError, match="did you mean 'support'"):
        select_suites(loaded, ("suport",))


def test_all_suites_are_selected_by_default() -> None:
    """Without a name every suite runs."""
    config: Config = parse_config(MINIMAL, source="c")
    loaded = LoadedConfig(config, Path("evalgate.yaml"))
    assert ["support"] == list(select_suites(loaded, ()))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-13-45", "a date or a number that exists"),
        ("9" * 5000, "a date or a number that exists"),
        (".inf", "a finite number"),
        (r'"\ud800"', "whole characters"),
    ],
)
def test_values_that_no_file_can_hold(value: str, expected: str) -> None:
    """Their place is named, and nothing else happens."""
    text = f"suites:\n  a: {{golden: g, agent: x, alerts: {value}}}"
    with pytest.raises(ConfigError, match=rf"c:2: suites\.a\.alerts: found .*{expected}"):
        parse_config(text, source="c")
