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
        ("OPENAI_API_KEY", "abcdefg8", True),
        ("OPENAI_API_KEY", "abcdefgh", False),
        ("OPENAI_APIKEY", "abcdefgh-ijklmnop", True),
        ("DB_PASSWORD", "hunter22", True),
        ("GH_TOKEN_READ", "abc123def", True),
        ("PARTITION_KEY", "customer", False),
        ("PARTITION_KEY", "tenant#4711-c0ffee", False),
        ("POSTGRES_PASSWORD", "postgres", False),
        ("SMTP_PASS", "a1b2c3d4", True),
        ("PGPASS", "a1b2c3d4", True),
        ("COMPASS", "a1b2c3d4", False),
        ("DB_PWD", "a1b2c3d4", True),
        ("OLDPWD", "/srv/a1b2c3d4", False),
        ("SESSION_JWT", "a1b2c3d4", True),
        ("STORE_CONNECTION_STRING", "Host=a1;b2", True),
        ("CREDENTIALS_FILE", "/etc/some/long/credentials.json", False),
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


def test_json_is_redacted_by_value_and_headers_by_name() -> None:
    """Strings that hold a secret, keys that are one, and telling headers."""
    data: dict[str, Json] = {
        "headers": {"Authorization": "anything", "x_api_key": 12345, "accept": "*/*"},
        "access_token": None,
        "max_tokens": 100,
        "nested": [{"text": f"it is {_SECRET}"}, 1.5],
        "AKIAIOSFODNN7EXAMPLE": True,
    }
    assert {
        "headers": {
            "Authorization": "[redacted:header]",
            "x_api_key": "[redacted:header]",
            "accept": "*/*",
        },
        "access_token": None,
        "max_tokens": 100,
        "nested": [{"text": "it is [redacted:OPENAI_API_KEY]"}, 1.5],
        "[redacted:aws-key-id]": True,
    } == _REDACTOR.redact_json(data)
    clean: dict[str, Json] = {"a": [1, {"b": "c"}]}
    assert clean is _REDACTOR.redact_json(clean)


def test_what_a_model_says_under_a_telling_key_stays() -> None:
    """Logprobs have a key `token`, and so has a tool that asks for the price of one."""
    said: Json = {
        "logprobs": {"content": [{"token": "Yes", "logprob": -0.1}]},
        "arguments": {"token": "BTC", "password": "forgotten", "secret": "recipe"},
    }
    assert said is _REDACTOR.redact_json(said)


@pytest.mark.parametrize(
    "text",
    [
        "the Basic requirements and basic instructions",
        "a bearer instruments of debt, Bearer responsibilities/obligations",
        "sk-learn-pipelines-are-great",
        "xoxb-was-the-old-prefix",
        "ssh://git@github.com/a/b",
    ],
)
def test_prose_is_no_token(text: str) -> None:
    """A word behind a telling one is a word."""
    assert text is Redactor().redact(text)


def test_a_secret_that_was_cut_is_one() -> None:
    """Who cuts before it is redacted leaves a beginning or an end."""
    redactor = Redactor.build({"MY_API_KEY": "9f8e7d6c5b4a39281706"})
    assert "x [redacted:MY_API_KEY]..." == redactor.redact("x 9f8e7d6c5b4a3928...")
    assert "[redacted:MY_API_KEY] y" == redactor.redact("6c5b4a39281706 y")
    assert "9f8e7d6c" == redactor.redact("9f8e7d6c")


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
    redactor = Redactor.build({"MY_TOKEN": "Bearer-abc4efgh"})
    assert (Secret("MY_TOKEN", 2, 17),) == redactor.scan("x Bearer-abc4efgh")
    assert "abc4efgh" not in repr(redactor)


@given(
    text=st.text(st.sampled_from(list("skant-ghp_AKIAeyJ.xobBearer :/@[]redacted ")), max_size=120)
)
def test_redacting_twice_changes_nothing(text: str) -> None:
    """The marks hold nothing that looks like a secret."""
    once = _REDACTOR.redact(text)
    assert once == _REDACTOR.redact(once)
