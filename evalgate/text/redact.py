"""Secrets, found by value, by shape and by the name of a header, replaced before a text is kept.

The environment is an argument: a `Redactor` is built once from a mapping of variables and is then
a pure function. A text that holds no secret comes back as the same object. What prose can say is
no secret: a word beside a telling key stays, and so do words that are the value of a variable.
"""

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Final

from evalgate.errors import ConfigError
from evalgate.schema.base import Json
from evalgate.text.secret_shapes import SEARCHES, is_no_prose

_MIN_VALUE: Final = 8
"""Shorter values of variables occur in ordinary text."""
_MIN_WORDS: Final = 16
"""Words with separators between them are a secret from this length on."""
_MIN_PART: Final = 12
"""Characters of a secret that was cut which still are one."""

_SECRET_NAME: Final = re.compile(
    r"(?:^|_)[A-Z0-9]*(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|COOKIE|DSN|PAT"
    r"|AUTH|WEBHOOK|JWT|PWD)S?(?:_|$)|(?:^|_)(?:PG|DB|MYSQL|SMTP)?PASS(?:_|$)"
    r"|CONN(?:ECTION)?_?STR(?:ING)?S?(?:_|$)",
    re.IGNORECASE,
)
_NO_SECRET: Final = re.compile(
    r"SSH_AUTH_SOCK|XAUTHORITY|DBUS_SESSION_BUS_ADDRESS|(?:OLD)?PWD"
    r"|(?:.*_)?(?:PARTITION|SORT|PRIMARY|FOREIGN|ROUTING|CACHE|HASH|RANGE|PUBLIC|OBJECT|GROUP"
    r"|IDEMPOTENCY)_KEYS?",
    re.IGNORECASE,
)
_NO_VALUE: Final = re.compile(
    r"true|false|disabled|enabled|required|optional|redacted|[0-9]+", re.IGNORECASE
)
_USERINFO: Final = re.compile(r"://[^\s/:@\"'<>]*:([^\s/@\"'<>]+)@")
_CONNECTION: Final = re.compile(
    r"(?:^|;)\s*(?:password|pwd|accountkey|sharedaccesskey|sharedaccesssignature)\s*=\s*([^;]+)",
    re.IGNORECASE,
)

_SECRET_HEADERS: Final = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "x-api-key",
        "api-key",
        "apikey",
        "x-goog-api-key",
        "ocp-apim-subscription-key",
        "x-auth-token",
        "x-amz-security-token",
        "private-token",
    }
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
                is long and random enough (`customer` is a word) are replaced wherever they occur,
                also cut, escaped for JSON, HTML or a URL, or encoded as base64 or hex. Passwords
                inside URLs count whatever the variable's name.
            patterns: Regular expressions of further secrets.

        Raises:
            ConfigError: For a pattern that does not compile or matches the empty text.
        """
        forms = {
            form: name
            for name, value in sorted(environment.items(), reverse=True)
            for secret in _secrets(name, value)
            for form in _forms(secret)
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
        """Replace every secret in strings and keys, and telling headers under a key `headers`.

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
            clean = self.redact_json(item)
            new = _without_headers(clean) if key.lower().endswith("headers") else clean
            name = self.redact(key)
            changed = changed or new is not item or name is not key
            data[name] = new
        return data if changed else value

    def _matches(self, text: str) -> Iterator[Secret]:
        for form, name in self.values:
            yield from _found(text, form, name)
        for needle, kind, pattern, holds in SEARCHES:
            if needle in text:
                for match in pattern.finditer(text):
                    if holds(match.group()):
                        yield Secret(kind, *match.span())
        for pattern in self.patterns:
            for match in pattern.finditer(text):
                if match.end() > match.start() and not _is_mark(match.group()):
                    yield Secret("pattern", *match.span())


def _found(text: str, form: str, name: str) -> Iterator[Secret]:
    """Find a secret, whole or cut: as much of its beginning as says something, or its end."""
    head = form[:_MIN_PART]
    at = text.find(head)
    while at >= 0:
        end = at + len(head)
        if text.startswith(form, at):
            end = at + len(form)
        else:
            limit = min(len(text) - at, len(form))
            while end - at < limit and text[end] == form[end - at]:
                end += 1
        if end - at == len(form) or is_no_prose(text[at:end]):
            yield Secret(name, at, end)
        at = text.find(head, end)
    place = form.find(text[:_MIN_PART]) if len(text) >= _MIN_PART else -1
    if place > 0 and text.startswith(form[place:]) and len(form) - place >= _MIN_PART:
        tail = form[place:]
        if is_no_prose(tail):
            yield Secret(name, 0, len(tail))


def _secrets(name: str, value: str) -> Iterator[str]:
    """Yield the secrets of a variable: its value, and the parts of it that are one alone."""
    for match in _USERINFO.finditer(value):
        if _is_random(match[1]):
            yield match[1]
    if _SECRET_NAME.search(name) is None or _NO_SECRET.fullmatch(name) or not _is_random(value):
        return
    yield value
    yield from (m[1] for m in _CONNECTION.finditer(value) if _is_random(m[1]))
    yield from (line for line in value.splitlines() if _is_line(line))
    if value.lstrip().startswith("{"):
        yield from _leaves(value)


def _leaves(text: str) -> Iterator[str]:
    """Yield the secrets of a JSON object, such as the key of a service account."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return
    for key, item in data.items() if isinstance(data, dict) else ():
        if isinstance(item, str) and _SECRET_NAME.search(key) and _is_random(item):
            yield item
            yield from (line for line in item.splitlines() if _is_line(line))


def _is_line(line: str) -> bool:
    """Say whether a line of a longer secret is one alone; `-----BEGIN ...` is none."""
    return len(line) >= _MIN_WORDS and not line.startswith("-----") and is_no_prose(line)


def _is_random(value: str) -> bool:
    """Say whether a value is no word, number, path or name that an answer could hold as well."""
    if len(value) < _MIN_VALUE or _NO_VALUE.fullmatch(value) is not None:
        return False
    return is_no_prose(value) or (len(value) >= _MIN_WORDS and not value.startswith("/"))


def _without_headers(value: Json) -> Json:
    """Hide the values of telling headers; names in any case, with `-` or `_`."""
    if not isinstance(value, dict):
        return value
    hidden = {
        key: "[redacted:header]"
        for key, item in value.items()
        if key.lower().replace("_", "-") in _SECRET_HEADERS and item and not _is_mark(item)
    }
    return {**value, **hidden} if hidden else value


def _is_mark(value: object) -> bool:
    return isinstance(value, str) and value.startswith("[redacted:") and value.endswith("]")


def holds_mark(text: str | bytes) -> bool:
    """Say whether something was taken out of a text."""
    return b"[redacted:" in text if isinstance(text, bytes) else "[redacted:" in text


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
    """Spell a secret in every way it may stand in a request, a log, a page or a JSON text."""
    raw = value.encode("utf-8", "surrogateescape")
    forms = {value, repr(value)[1:-1], escape(value), value.replace("/", "\\/"), raw.hex()}
    for ascii_only in (True, False):
        text = value
        for _ in range(3):
            text = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
            forms.add(text)
    forms |= {_percent_encoded(raw, safe) for safe in (b"", b"/", b" ")}
    forms = {spelt for form in forms for spelt in (form, form.replace(" ", "+"))}
    forms |= {re.sub("%[0-9A-F]{2}", lambda m: m[0].lower(), form) for form in forms}
    forms |= {form.replace("%", "%25") for form in forms if re.search("%[0-9A-Fa-f]{2}", form)}
    forms |= {raw.hex().upper(), *_base64(raw, b64encode), *_base64(raw, urlsafe_b64encode)}
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
