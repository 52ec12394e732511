"""Secrets, found by value, by shape and by key, and replaced before anything is written.

The environment is an argument: a `Redactor` is built once from a mapping of variables and is then
a pure function. A text that holds no secret comes back as the same object.
"""

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from evalgate.errors import ConfigError
from evalgate.schema.base import Json

__all__ = ["Redactor", "Secret"]

_MIN_VALUE: Final = 8
"""Shorter values of variables occur in ordinary text."""

_SECRET_NAME: Final = re.compile(
    r"(?:^|_)[A-Z0-9]*(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|COOKIE|DSN|PAT"
    r"|AUTH|WEBHOOK)S?(?:_|$)",
    re.IGNORECASE,
)
_NO_SECRET: Final = frozenset({"SSH_AUTH_SOCK", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS"})
_NO_VALUE: Final = re.compile(
    r"true|false|disabled|enabled|required|optional|redacted|[0-9]+", re.IGNORECASE
)

_SECRET_KEYS: Final = frozenset(
    [
        "authorization",
        "proxyauthorization",
        "apikey",
        "xapikey",
        "apitoken",
        "token",
        "accesstoken",
        "refreshtoken",
        "idtoken",
        "sessiontoken",
        "authtoken",
        "bearertoken",
        "password",
        "passwd",
        "passphrase",
        "secret",
        "clientsecret",
        "secretkey",
        "secretaccesskey",
        "privatekey",
        "cookie",
        "setcookie",
        "credentials",
        "xgoogapikey",
        "ocpapimsubscriptionkey",
    ]
)

_PRIVATE_KEY: Final = (
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[\s\S]*?-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|[\s\S]*)"
)

_SHAPES: Final[tuple[tuple[str, tuple[str, ...], re.Pattern[str]], ...]] = tuple(
    (kind, needles, re.compile(pattern))
    for kind, needles, pattern in (
        (
            "private-key",
            ("PRIVATE KEY",),
            _PRIVATE_KEY,
        ),
        ("anthropic-key", ("sk-ant-",), r"\bsk-ant-[A-Za-z0-9_-]{10,}"),
        ("langfuse-key", ("sk-lf-", "pk-lf-"), r"\b[sp]k-lf-[A-Za-z0-9-]{10,}"),
        ("openai-key", ("sk-",), r"\bsk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{16,}"),
        ("github-token", ("github_pat_",), r"\bgithub_pat_[A-Za-z0-9_]{20,}"),
        ("github-token", ("gh",), r"\bgh[pousr]_[A-Za-z0-9]{20,}"),
        ("gitlab-token", ("glpat-",), r"\bglpat-[A-Za-z0-9_-]{16,}"),
        ("aws-key-id", ("AKIA", "ASIA"), r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
        ("slack-token", ("xox",), r"\bxox[abeprs]-[A-Za-z0-9-]{10,}"),
        ("slack-webhook", ("hooks.slack.com",), r"hooks\.slack\.com/services/[A-Za-z0-9/_-]{10,}"),
        ("google-key", ("AIza",), r"\bAIza[A-Za-z0-9_-]{30,}"),
        ("huggingface-token", ("hf_",), r"\bhf_[A-Za-z0-9]{20,}"),
        ("groq-key", ("gsk_",), r"\bgsk_[A-Za-z0-9]{20,}"),
        ("pypi-token", ("pypi-",), r"\bpypi-[A-Za-z0-9_-]{40,}"),
        ("npm-token", ("npm_",), r"\bnpm_[A-Za-z0-9]{30,}"),
        ("stripe-key", ("k_live_", "k_test_"), r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{10,}"),
        ("jwt", ("eyJ",), r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"),
        (
            "bearer",
            ("earer", "EARER"),
            r"(?<=[Bb][Ee][Aa][Rr][Ee][Rr] )[A-Za-z0-9._~+/-]{8,}=*",
        ),
        ("basic-auth", ("asic ",), r"(?<=[Bb]asic )[A-Za-z0-9+/]{12,}={0,2}(?![A-Za-z])"),
        ("url-password", ("://",), r"(?<=://)[^\s/:@\"'<>]*:[^\s/@\"'<>]+(?=@)"),
    )
)
"""Kind, texts of which one must occur (a fast way out), and the pattern."""

_SEARCHES: Final = tuple(
    (needle, kind, pattern) for kind, needles, pattern in _SHAPES for needle in needles
)


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret found in a text; never the secret itself."""

    kind: str
    """The variable's name, or the shape, e.g. `openai-key`."""
    start: int
    """Index of its first character."""
    end: int
    """Index after its last character."""


@dataclass(frozen=True, slots=True, repr=False)
class Redactor:
    """Finds secrets and replaces them by `[redacted:KIND]`."""

    values: tuple[tuple[str, str], ...] = ()
    """Exact texts to replace and the names they are shown by, longest first."""
    patterns: tuple[re.Pattern[str], ...] = ()
    """Further shapes, from the configuration."""

    @classmethod
    def build(cls, environment: Mapping[str, str], *, patterns: Iterable[str] = ()) -> "Redactor":
        """Build a redactor.

        Args:
            environment: Variables by name; those whose name looks like a secret's and whose value
                has at least 8 characters are replaced wherever they occur, also when they are
                escaped for JSON or a URL or encoded as base64.
            patterns: Regular expressions of further secrets.

        Raises:
            ConfigError: For a pattern that does not compile or matches the empty text.
        """
        forms = {
            form: name
            for name, value in sorted(environment.items(), reverse=True)
            if _is_secret(name, value)
            for form in _forms(value)
        }
        ordered = sorted(forms.items(), key=lambda item: (-len(item[0]), item[0]))
        return cls(tuple(ordered), tuple(_compiled(pattern) for pattern in patterns))

    def redact(self, text: str) -> str:
        """Replace every secret in a text; a text without one is returned as it is."""
        found = self.scan(text)
        if not found:
            return text
        pieces: list[str] = []
        at = 0
        for secret in found:
            pieces += (text[at : secret.start], f"[redacted:{secret.kind}]")
            at = secret.end
        return "".join((*pieces, text[at:]))

    def redact_json(self, value: Json) -> Json:
        """Replace every secret in strings and keys, and every text under a telling key.

        Args:
            value: JSON data; it is not changed.

        Returns:
            The same object where nothing was found.
        """
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, list):
            items = [self.redact_json(item) for item in value]
            return (
                value if all(new is old for new, old in zip(items, value, strict=True)) else items
            )
        if isinstance(value, dict):
            return self._redact_object(value)
        return value

    def scan(self, text: str) -> tuple[Secret, ...]:
        """Return the secrets of a text, in order, without overlaps; the earlier one wins."""
        found = sorted(self._matches(text), key=lambda secret: (secret.start, -secret.end))
        kept: list[Secret] = []
        for secret in found:
            if not kept or secret.start >= kept[-1].end:
                kept.append(secret)
            elif secret.end > kept[-1].end:
                kept[-1] = Secret(kept[-1].kind, kept[-1].start, secret.end)
        return tuple(kept)

    def _redact_object(self, value: dict[str, Json]) -> dict[str, Json]:
        changed = False
        data: dict[str, Json] = {}
        for key, item in value.items():
            if _is_secret_key(key) and isinstance(item, str | int | float) and item not in ("", 0):
                new: Json = item if _is_mark(item) else "[redacted:key]"
            else:
                new = self.redact_json(item)
            name = self.redact(key)
            changed = changed or new is not item or name is not key
            data[name] = new
        return data if changed else value

    def _matches(self, text: str) -> Iterator[Secret]:
        for form, name in self.values:
            at = text.find(form)
            while at >= 0:
                yield Secret(name, at, at + len(form))
                at = text.find(form, at + len(form))
        for needle, kind, pattern in _SEARCHES:
            if needle in text:
                for match in pattern.finditer(text):
                    yield Secret(kind, *match.span())
        for pattern in self.patterns:
            for match in pattern.finditer(text):
                if match.end() > match.start() and not _is_mark(match.group()):
                    yield Secret("pattern", *match.span())


def _is_secret(name: str, value: str) -> bool:
    return (
        len(value) >= _MIN_VALUE
        and name not in _NO_SECRET
        and _SECRET_NAME.search(name) is not None
        and _NO_VALUE.fullmatch(value) is None
    )


def _is_secret_key(key: str) -> bool:
    return key.lower().replace("-", "").replace("_", "") in _SECRET_KEYS


def _is_mark(value: object) -> bool:
    return isinstance(value, str) and value.startswith("[redacted:") and value.endswith("]")


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"the redaction pattern {pattern!r} does not compile: {error}") from error
    if compiled.fullmatch("") is not None:
        raise ConfigError(
            f"the redaction pattern {pattern!r} matches the empty text",
            fix="write a pattern that needs at least one character",
        )
    return compiled


def _forms(value: str) -> set[str]:
    """Spell a secret in every way it may stand in a request, a log or a JSON text."""
    raw = value.encode("utf-8", "surrogateescape")
    forms = {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    forms |= {_percent_encoded(raw, safe) for safe in (b"", b"/")}
    forms |= {form for encode in (b64encode, urlsafe_b64encode) for form in _base64(raw, encode)}
    return {form for form in forms if len(form) >= _MIN_VALUE}


def _percent_encoded(raw: bytes, safe: bytes) -> str:
    unreserved = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~" + safe
    return "".join(chr(byte) if byte in unreserved else f"%{byte:02X}" for byte in raw)


def _base64(raw: bytes, encode: Callable[[bytes], bytes]) -> Iterator[str]:
    """Encode alone, and inside a longer text at each of the three alignments."""
    yield encode(raw).decode().rstrip("=")
    for before in (1, 2):
        inner = encode(b"\0" * before + raw).decode().rstrip("=")
        tail = 0 if (before + len(raw)) % 3 == 0 else 1
        yield inner[before + 1 : len(inner) - tail]
    if len(raw) % 3:
        yield encode(raw).decode().rstrip("=")[:-1]
