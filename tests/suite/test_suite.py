"""Suites are found by a configuration, or made of a golden set and an agent."""

import shlex
from pathlib import Path

import pytest

from evalgate.errors import ConfigError
from evalgate.suite.suite import Selection, find_suites

CONFIG = """\
runs: kept
keep_runs: 3
suites:
  one: {golden: a.jsonl, agent: "recorded:a"}
  two: {golden: b.jsonl, agent: "recorded:b", baseline: other.json, gateway: {cassettes: tapes}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Write a configuration in a folder with a blank in its name."""
    folder = tmp_path / "my project"
    folder.mkdir()
    (folder / "evalgate.yaml").write_text(CONFIG)
    return folder / "evalgate.yaml"


def test_all_suites_or_those_named(config: Path) -> None:
    """Without names every suite, in the order of the file."""
    names = [suite.name for suite in find_suites(Selection(config))]
    (two,) = find_suites(Selection(config, ("two",)))
    assert (["one", "two"], "two") == (names, two.name)


def test_paths_are_relative_to_the_configuration(config: Path) -> None:
    """Golden set, baseline, cassettes and runs, by default or as they are given."""
    one, two = find_suites(Selection(config))
    root = config.parent
    assert (root / "a.jsonl", root / "baselines/one.json", root / "cassettes/one") == (
        one.golden,
        one.baseline,
        one.cassettes,
    )
    assert (root / "other.json", root / "tapes") == (two.baseline, two.cassettes)
    assert (root / "kept", 3) == (one.runs, one.keep_runs)


def test_the_options_that_select_it_can_be_pasted(config: Path) -> None:
    """A path with a blank is quoted."""
    (two,) = find_suites(Selection(config, ("two",)))
    assert ["--config", str(config), "--suite", "two"] == shlex.split(two.asked)


def test_a_golden_set_and_an_agent_make_a_suite() -> None:
    """No configuration is read; the suite has the golden set's name."""
    (suite,) = find_suites(
        Selection(Path("none.yaml"), golden=Path("sets/quiz.jsonl"), agent="recorded:t.jsonl")
    )
    assert ("quiz", Path("sets/quiz.jsonl"), None) == (suite.name, suite.golden, suite.source)
    assert ["--golden", "sets/quiz.jsonl", "--agent", "recorded:t.jsonl"] == shlex.split(
        suite.asked
    )


@pytest.mark.parametrize(
    ("selection", "part"),
    [
        (Selection(golden=Path("g.jsonl")), "--agent is missing"),
        (Selection(agent="recorded:t"), "--golden is missing"),
        (Selection(Path("none.yaml")), "none.yaml"),
    ],
)
def test_half_a_selection_is_refused(selection: Selection, part: str) -> None:
    """The message names what is missing."""
    with pytest.raises(ConfigError, match=part):
        find_suites(selection)


def test_an_unknown_suite_is_named(config: Path) -> None:
    """With the nearest one there is."""
    with pytest.raises(ConfigError, match="did you mean 'two'"):
        find_suites(Selection(config, ("tow",)))
