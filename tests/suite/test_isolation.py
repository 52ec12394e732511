"""Whether an agent is kept apart, what is said of it, and what that means for a fork."""

import pytest

from evalgate.suite.isolation import (
    SandboxMode,
    Walls,
    isolated_by,
    isolation_check,
    isolation_notes,
)

FULL, OLD, WRAP, NONE = Walls(7), Walls(4), Walls(0, "/usr/bin/bwrap"), Walls()


@pytest.mark.parametrize(
    ("run", "mode", "walls", "by", "told"),
    [
        ("python:a:b", "on", FULL, "landlock 7", None),
        ("command:node a.js", "on", FULL, "landlock 7", None),
        ("python:a:b", "on", OLD, "landlock 4", "signals and abstract sockets are open"),
        ("python:a:b", "on", WRAP, "bubblewrap", "the network is open"),
        ("python:a:b", "on", NONE, "none", "not isolated"),
        ("python:a:b", "off", FULL, "none", "not isolated: --sandbox=off"),
        ("python:a:b", "learn", FULL, "none", "not isolated: --sandbox=learn"),
        ("http://127.0.0.1:1/x", "on", FULL, "outside", "outside of the sandbox"),
        ("recorded:traces.jsonl", "on", FULL, "outside", "recorded elsewhere"),
        ("recorded:traces.jsonl", "off", FULL, "outside", None),
        ("plugin:x", "on", FULL, "none", "the plug-in 'plugin' starts its agent itself"),
    ],
)
def test_what_keeps_it_in(
    run: str, mode: SandboxMode, walls: Walls, by: str, told: str | None
) -> None:
    """The kind of agent, what was asked for and the machine decide; gaps are said."""
    isolation = isolated_by(run, mode, walls)
    notes = isolation_notes(isolation)
    assert (by, told is not None) == (isolation.by, bool(notes))
    assert told is None or told in notes[0]


@pytest.mark.parametrize("by", [None, "none"])
def test_a_fork_without_a_wall(by: str | None) -> None:
    """Nothing known is not isolated; only the base can accept that."""
    check = isolation_check(by, fork=True, unsandboxed=False)
    assert check is not None
    assert ("inconclusive", True) == (check.outcome, "not isolated" in check.reason)
    assert isolation_check(by, fork=True, unsandboxed=True) is None
    assert isolation_check(by, fork=False, unsandboxed=False) is None


@pytest.mark.parametrize("by", ["landlock 1", "landlock 7", "bubblewrap", "outside"])
def test_a_fork_behind_a_wall(by: str) -> None:
    """Nothing objects."""
    assert isolation_check(by, fork=True, unsandboxed=False) is None
