"""The key of a request: what counts, what does not, and that the short way finds the same."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.errors import ConfigError
from evalgate.gateway.request_key import (
    Known,
    Matching,
    Prepared,
    may_hold_secret,
    parse_body,
    prepare,
    recall,
    spelling,
)
from evalgate.gateway.wire.errors import ProviderError
from evalgate.gateway.wire.routes import Route, resolve
from evalgate.text import redact
from evalgate.text.redact import Redactor

PLAIN = Matching()
NOTHING = Redactor()
BODY: Any = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "temperature": 0.5}


def _route(path: str = "v1/chat/completions") -> Route:
    route = resolve("POST", path)
    assert route is not None
    return route


def _prepared(
    body: Any,  # noqa: ANN401  any JSON
    matching: Matching = PLAIN,
    redactor: Redactor = NOTHING,
) -> Prepared:
    return prepare(body, _route(), matching, redactor)


@pytest.mark.parametrize(
    "change",
    [
        {"model": "other"},
        {"messages": [{"role": "user", "content": "hi"}]},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"tool_choice": "none"},
        {"temperature": 0.6},
        {"stream": True},
        {"seed": 1},
    ],
)
def test_what_counts(change: dict[str, Any]) -> None:
    """Model, messages, tools, sampling and streaming each change the key."""
    assert _prepared(BODY).key != _prepared({**BODY, **change}).key


@pytest.mark.parametrize(
    "change",
    [{"user": "u"}, {"metadata": {"a": "b"}}, {"stream": False}, {"prompt_cache_key": "k"}],
)
def test_what_does_not_count(change: dict[str, Any]) -> None:
    """Fields that the model never sees leave the key alone."""
    assert _prepared(BODY).key == _prepared({**BODY, **change}).key


def test_the_order_of_fields_does_not_count() -> None:
    """Clients in different languages write fields in different orders."""
    assert _prepared(BODY).key == _prepared(dict(reversed(BODY.items()))).key


def test_the_protocol_counts() -> None:
    """The same fields sent to another endpoint are another request."""
    other = prepare(BODY, _route("v1/messages"), PLAIN, NOTHING)
    assert _prepared(BODY).key != other.key


@pytest.mark.parametrize("pointer", ["messages", "", "seed/0"])
def test_a_pointer_must_be_one(pointer: str) -> None:
    """What would silently ignore nothing is a configuration error."""
    with pytest.raises(ConfigError):
        Matching(ignore=(pointer,))


@pytest.mark.parametrize(
    ("pointer", "other"),
    [
        ("/temperature", {**BODY, "temperature": 0.9}),
        ("/messages/0/content", {**BODY, "messages": [{"role": "user", "content": "Ho"}]}),
        ("/messages/*/content", {**BODY, "messages": [{"role": "user", "content": "Ho"}]}),
        ("/messages/0", {**BODY, "messages": [{"role": "user", "content": "Ho"}]}),
    ],
)
def test_ignored_places(pointer: str, other: dict[str, Any]) -> None:
    """A pointer takes one place out of the key, and only that."""
    matching = Matching(ignore=(pointer,))
    assert _prepared(BODY, matching).key == _prepared(other, matching).key
    changed = {**BODY, "model": "x"}
    assert _prepared(BODY, matching).key != _prepared(changed, matching).key


def test_a_missing_pointer_ignores_nothing() -> None:
    """A pointer to a place that is not there changes nothing."""
    for pointer in ("/nope/0/x", "/messages/7/content", "/model/x"):
        assert _prepared(BODY).key == _prepared(BODY, Matching(ignore=(pointer,))).key


def test_secrets_go_before_the_key_is_made() -> None:
    """Two requests that differ in the secret alone have one key, which says nothing of it."""
    redactors = [Redactor.build({"API_TOKEN": value}) for value in ("secret-one", "secret-two")]
    keys = {
        _prepared({**BODY, "system": f"use {value}"}, PLAIN, redactor).key
        for value, redactor in zip(("secret-one", "secret-two"), redactors, strict=True)
    }
    assert 1 == len(keys)


def test_the_fast_check_knows_every_key_of_the_redactor() -> None:
    """Each key under which the redactor hides values makes the full walk happen."""
    for key in redact._SECRET_KEYS:
        text = json.dumps({key: "x"}, separators=(",", ":"))
        assert may_hold_secret(text, NOTHING), key
    assert not may_hold_secret(json.dumps(BODY, separators=(",", ":")), NOTHING)


def test_bodies_that_are_none() -> None:
    """Nothing is an empty object; anything else that is no object is an error."""
    assert {} == parse_body(b"")
    for raw in (b"[]", b"1", b"{", b"\xff", b'{"a":Infinity}'):
        assert isinstance(parse_body(raw), ProviderError)


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _TEXT | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)
_BODY = st.fixed_dictionaries(
    {"model": _TEXT, "messages": st.lists(st.dictionaries(_TEXT, _JSON, max_size=3), max_size=3)},
    optional={"temperature": st.sampled_from([0, 0.0, 1.0, 0.5]), "seed": _JSON, "tools": _JSON},
)


@given(_BODY)
def test_the_short_way_finds_the_same_key(body: dict[str, Any]) -> None:
    """Whatever `recall` finds is what `prepare` would have found; nothing else is ever found."""
    raw = json.dumps(body).encode()
    parsed = parse_body(raw)
    assert isinstance(parsed, dict)
    slow = _prepared(parsed)
    known = {spelling(slow.spelt): Known(slow.spelt, slow.key)}
    fast = recall(raw, _route(), PLAIN, known)
    if fast is not None:
        assert slow == fast
    assert recall(raw, _route(), PLAIN, {b"": Known(b"{}", "sha256:0")}) is None


def test_the_short_way_is_taken() -> None:
    """An ordinary request, 0.0 for 0 included, is found without the long way."""
    raw = json.dumps({**BODY, "temperature": 0.0}).encode()
    slow = _prepared({**BODY, "temperature": 0})
    known = {spelling(slow.spelt): Known(slow.spelt, slow.key)}
    assert slow == recall(raw, _route(), PLAIN, known)
