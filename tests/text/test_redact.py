"""Secrets are found by value, by shape and by key, and nothing else is touched."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.errors import ConfigError
from evalgate.schema.base import Json
from evalgate.text.redact import Redactor, Secret

_SECRET = 'p@ss w/"ö"+9931'
_REDACTOR = Redactor.build({"OPENAI_API_KEY": _SECRET, "HOME": "/home/someone"})


@pytest.mark.parametrize(
    "form",
    [
        _SECRET,
        json.dumps(_SECRET)[1:-1],
        json.dumps(_SECRET, ensure_ascii=False)[1:-1],
        quote(_SECRET),
        quote(_SECRET, safe=""),
        *(
            base64.b64encode(before + _SECRET.encode() + after).decode()
            for before in (b"", b"u", b"us", b"usr:")
            for after in (b"", b"x", b"xy")
        ),
        base64.urlsafe_b64encode(_SECRET.encode()).decode(),
    ],
)
def test_a_variable_is_found_in_every_spelling(form: str) -> None:
    """Plain, JSON, URL and base64 at any alignment; the surroundings stay."""
    redacted = _REDACTOR.redact(f"before {form} after")
    assert "[redacted:OPENAI_API_KEY]" in redacted
    assert redacted.startswith("before ")
    assert redacted.endswith(" after")
    assert form not in redacted


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("OPENAI_API_KEY", "abcdefgh", True),
        ("OPENAI_APIKEY", "abcdefgh", True),
        ("DB_PASSWORD", "hunter22", True),
        ("GH_TOKEN_READ", "abcdefgh", True),
        ("OPENAI_API_KEY", "short", False),
        ("PATH", "/usr/bin:/bin", False),
        ("PWD", "/home/someone", False),
        ("KEYBOARD", "qwertz-layout", False),
        ("TOKENIZERS_PARALLELISM", "whatever", False),
        ("MAX_TOKENS", "10000000", False),
        ("SSH_AUTH_SOCK", "/run/agent.sock", False),
    ],
)
def test_only_telling_names_with_long_values_count(name: str, value: str, *, secret: bool) -> None:
    """A variable is a secret by its name and by the length of its value."""
    expected = f"[redacted:{name}]" if secret else value
    assert expected == Redactor.build({name: value}).redact(value)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("sk-abcdefghijklmnopqrstuvwx", "openai-key"),
        ("sk-proj-abcdefghijklmnopqrst_-x", "openai-key"),
        ("sk-ant-api03-abcdefghijkl", "anthropic-key"),
        ("sk-lf-12345678-1234-1234", "langfuse-key"),
        ("ghp_" + "a" * 36, "github-token"),
        ("gho_" + "a" * 36, "github-token"),
        ("github_pat_" + "a" * 22 + "_" + "b" * 59, "github-token"),
        ("AKIAIOSFODNN7EXAMPLE", "aws-key-id"),
        ("xoxb-123456789012-abcdef", "slack-token"),
        ("AIza" + "a" * 35, "google-key"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "jwt"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----", "private-key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\ncut off", "private-key"),
    ],
)
def test_known_shapes_are_found(text: str, kind: str) -> None:
    """A token is known by its shape, in the middle of a sentence too."""
    assert f"[redacted:{kind}]" == Redactor().redact(text)
    assert f'x "[redacted:{kind}]' in Redactor().redact(f'x "{text}" y')


def test_only_the_secret_part_goes() -> None:
    """The scheme of a header and the host of a URL stay readable."""
    assert "Bearer [redacted:bearer]" == Redactor().redact("Bearer abcdef1234567890==")
    expected = "postgres://[redacted:url-password]@db/x"
    assert expected == Redactor().redact("postgres://me:hunter2@db/x")
    assert "See http://a.example:80/x@y" == Redactor().redact("See http://a.example:80/x@y")


@pytest.mark.parametrize(
    "text",
    ["I will ask-about-the-refund-of-order", "task-force-is-on-its-way-now", "eyJ", "ghp_short"],
)
def test_ordinary_text_stays(text: str) -> None:
    """The very object comes back."""
    assert text is _REDACTOR.redact(text)


def test_json_is_redacted_by_key_and_by_value() -> None:
    """Keys that tell, strings that hold a secret, and keys that are one."""
    data: dict[str, Json] = {
        "Authorization": "anything",
        "api-key": 12345,
        "access_token": None,
        "max_tokens": 100,
        "nested": [{"text": f"it is {_SECRET}"}, 1.5],
        "AKIAIOSFODNN7EXAMPLE": True,
    }
    assert {
        "Authorization": "[redacted:key]",
        "api-key": "[redacted:key]",
        "access_token": None,
        "max_tokens": 100,
        "nested": [{"text": "it is [redacted:OPENAI_API_KEY]"}, 1.5],
        "[redacted:aws-key-id]": True,
    } == _REDACTOR.redact_json(data)
    clean: dict[str, Json] = {"a": [1, {"b": "c"}]}
    assert clean is _REDACTOR.redact_json(clean)


def test_configured_patterns_are_secrets() -> None:
    """A pattern of the configuration is replaced, a useless one refused."""
    redactor = Redactor.build({}, patterns=[r"CUST-\d+"])
    assert "for [redacted:pattern]!" == redactor.redact("for CUST-9912!")
    with pytest.raises(ConfigError, match="does not compile"):
        Redactor.build({}, patterns=["("])
    with pytest.raises(ConfigError, match="empty text"):
        Redactor.build({}, patterns=["a*"])


def test_a_scan_names_places_and_never_the_secret() -> None:
    """Overlapping findings become one."""
    redactor = Redactor.build({"MY_TOKEN": "Bearer-abcdefgh"})
    assert (Secret("MY_TOKEN", 2, 17),) == redactor.scan("x Bearer-abcdefgh")
    assert "abcdefgh" not in repr(redactor)


@given(
    text=st.text(st.sampled_from(list("skant-ghp_AKIAeyJ.xobBearer :/@[]redacted ")), max_size=120)
)
def test_redacting_twice_changes_nothing(text: str) -> None:
    """The marks hold nothing that looks like a secret."""
    once = _REDACTOR.redact(text)
    assert once == _REDACTOR.redact(once)
