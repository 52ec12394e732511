"""The key of a request: what counts, what does not, and that the short way finds the same."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from evalgate.errors import ConfigError
from evalgate.gateway.request_key import (
    Known,
    Matching,
    Prepared,
    Veiled,
    parse_body,
    prepare,
    recall,
    recognised,
    spelling,
    veil,
    written,
)
from evalgate.gateway.wire.errors import ProviderError
from evalgate.gateway.wire.routes import Route, resolve
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
) -> Prepared:
    return prepare(body, _route(), matching)


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
    other = prepare(BODY, _route("v1/messages"), PLAIN)
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


SECRETS = ("Zx81-planted-one", "Zx82-planted-two")


def _recorded(body: Any, redactor: Redactor) -> Veiled:  # noqa: ANN401  any JSON
    request, key = written(_prepared(body), redactor)
    found = veil(to_json(request), key)
    assert found is not None
    return found


def test_two_requests_that_differ_in_a_secret_are_two() -> None:
    """The key is of the request before a secret is taken out; what is written holds none."""
    asked = [{**BODY, "system": f"use {value}"} for value in SECRETS]
    redactor = Redactor.build({"API_TOKEN": SECRETS[0], "MY_TOKEN": SECRETS[1]})
    first = _recorded(asked[0], redactor)
    assert b"[redacted:API_TOKEN]" in first.request
    assert SECRETS[0].encode() not in first.request
    assert _prepared(asked[0]).key != first.key
    assert first.key == recognised(_prepared(asked[0]), [first], NOTHING).key
    other = _prepared(asked[1])
    assert other == recognised(other, [first], redactor)


def test_a_prompt_that_mentions_basic_requirements_has_a_key_of_its_own() -> None:
    """Both read `[redacted:basic-auth]` once, and one was answered with the other's recording."""
    one, two = (
        _prepared({**BODY, "system": f"These are the Basic {word} of the job"})
        for word in ("requirements", "instructions")
    )
    assert one.key != two.key
    assert (one.canonical, one.key) == written(one, NOTHING)


def test_a_request_made_of_a_redacted_answer_is_recognised() -> None:
    """In replay the agent repeats the mark that stands for the secret of the recording."""
    redactor = Redactor.build({"API_TOKEN": SECRETS[0]})
    recorded = _recorded({**BODY, "system": f"use {SECRETS[0]}"}, redactor)
    again = _prepared({**BODY, "system": "use [redacted:API_TOKEN]"})
    assert recorded.key == recognised(again, [recorded], NOTHING).key


def test_an_old_recording_without_a_part_is_read_as_before() -> None:
    """Its key is the plain digest of what is left."""
    redactor = Redactor.build({"API_TOKEN": SECRETS[0]})
    left = _prepared({**BODY, "system": "use [redacted:API_TOKEN]"})
    old = veil(left.spelt, left.key)
    assert old is not None
    asked = _prepared({**BODY, "system": f"use {SECRETS[0]}"})
    assert left.key == recognised(asked, [old], redactor).key
    assert asked == recognised(asked, [old], NOTHING)


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
