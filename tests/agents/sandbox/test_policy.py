"""The policy: what is hidden is in nothing that is opened, and refusals are explained."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.agents.sandbox.policy import (
    Observed,
    Places,
    Policy,
    beyond,
    explained,
    make_policy,
    smallest,
)

TREE = {
    "/w": ("/w/.git", "/w/agent.py", "/w/golden", "/w/src"),
    "/w/golden": ("/w/golden/a.jsonl", "/w/golden/b.jsonl"),
}
HIDDEN = frozenset(("/w/.git", "/w/golden/a.jsonl"))
PLACES = Places(("/usr",), "/w", HIDDEN, TREE)


def test_siblings_are_opened_instead_of_the_parent() -> None:
    """Landlock opens whole folders: around what is hidden, each other entry is opened alone."""
    policy = make_policy(7, PLACES, write=["/scratch"], connect=[("gateway", 4000)])
    assert ("/usr", "/w/agent.py", "/w/golden/b.jsonl", "/w/src") == policy.read
    assert ("/w", "/w/golden") == policy.names
    assert (("/scratch",), (4000,), ()) == (policy.write, policy.connect, policy.bind)


@pytest.mark.parametrize("asked", ["/w", "/w/golden", "/w/golden/a.jsonl", "/w/.git/config"])
def test_no_configuration_opens_what_is_hidden(asked: str) -> None:
    """Whoever asks for a folder around it, or for a part of it, does not get it."""
    policy = make_policy(7, PLACES, read=[asked], write=[asked])
    for path in ("/w/golden/a.jsonl", "/w/.git", "/w/.git/config"):
        assert (False, False) == (policy.can_read(path), policy.can_write(path))


names = st.sampled_from(["a", "b", "c"])
paths = st.lists(names, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))


def whole(depth: int) -> Mapping[str, tuple[str, ...]]:
    """Make a tree in which every folder has three entries."""
    tree: dict[str, tuple[str, ...]] = {}
    level = ["/a", "/b", "/c"]
    for _ in range(depth):
        for folder in level:
            tree[folder] = tuple(f"{folder}/{name}" for name in "abc")
        level = [entry for folder in level for entry in tree[folder]]
    return tree


@given(hidden=st.frozensets(paths, max_size=4), roots=st.lists(paths, max_size=4), path=paths)
def test_open_is_inside_a_root_and_not_hidden(
    hidden: frozenset[str], roots: list[str], path: str
) -> None:
    """A path can be read exactly where a root holds it and nothing hidden does."""

    def inside(one: str, folders: object) -> bool:
        return any(one == f or one.startswith(f"{f}/") for f in folders)  # type: ignore[attr-defined]

    above = {h[:i] for h in hidden for i in range(1, len(h)) if h[i] == "/"}
    tree = {folder: entries for folder, entries in whole(4).items() if folder in above}
    policy = make_policy(7, Places((), "/none", hidden, tree), read=roots)
    expected = inside(path, roots) and not inside(path, hidden) and path not in above
    assert expected == policy.can_read(path)


def test_loopback_ports_can_be_listened_on() -> None:
    """A port of another host cannot."""
    policy = make_policy(7, PLACES, connect=[("127.0.0.1", 8000), ("example.com", 443)])
    assert ((443, 8000), (8000,)) == (policy.connect, policy.bind)


POLICY = Policy(7, read=("/usr", "/w/src"), write=("/scratch",), connect=(4000,), closed=("/w/g",))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("PermissionError: [Errno 13] Permission denied: 'data/x'", "read: [/w/data/x]"),
        ("PermissionError: [Errno 13] Permission denied: '/w/src/x'", "write: [/w/src/x]"),
        ("Error: EACCES: permission denied, open '/home/me/x'", "read: [/home/me/x]"),
        ("cat: /home/me/x: Permission denied", "read: [/home/me/x]"),
        ("Error: connect EACCES 1.2.3.4:443", "connect: ['1.2.3.4:443']"),
        ("(connecting to ::1:81: [Errno 13] Permission denied)", "81"),
        ("PermissionError: Permission denied: 'g/a.jsonl'", "to every agent"),
        ("Permission denied: '/proc/1/environ'", "of another process"),
        ("kill: Operation not permitted", "signals"),
    ],
)
def test_refusals(text: str, told: str) -> None:
    """What programs of several languages say is read."""
    assert told in (explained(POLICY, "/w", text) or "")


@pytest.mark.parametrize(
    "text",
    [
        "ValueError: no file '/home/me/x'",
        "Permission denied: '/scratch/x'",
        "connect EACCES 127.0.0.1:4000",
        "",
    ],
)
def test_what_is_no_refusal_of_ours(text: str) -> None:
    """Other failures, and what is open, are not blamed on the sandbox."""
    assert None is explained(POLICY, "/w", text)


def test_the_smallest_policy() -> None:
    """What is open anyway, names that can be listed and compiled Python are left out."""
    policy = Policy(7, read=("/usr",), names=("/w",), write=("/scratch",), connect=(4000,))
    seen = Observed(
        read=("/usr/lib/x", "/w/", "/home/"),
        write=("/scratch/y", "/w/a.db", "/w/__pycache__/a.pyc"),
        connect=(4000, 443),
    )
    needed = smallest([beyond(policy, seen), beyond(policy, Observed(read=("/w/a.db",)))])
    assert {"read": ["/home"], "write": ["/w/a.db"], "connect": ["443"]} == needed
