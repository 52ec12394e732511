"""Shapes of tokens, and what tells each from prose."""

import re
from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Callable
from typing import Final

_MIN_USER: Final = 8
_WORDS: Final = re.compile(
    r"[-_./:\\ ~+#=]*(?:(?:[A-Za-z]{1,17}|[0-9]{1,4}|[vV][0-9]{1,3})(?:[-_./:\\ ~+#=]+|$))+"
)
"""What prose, names and paths are made of: words and short numbers, with separators between."""
_PRIVATE_KEY: Final = (
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[\s\S]*?-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|[\s\S]*)"
)


_SERVICES: Final = (
    r"\b(?:ya29\.|dop_v1_|shpat_|SG\.|lsv2_(?:pt|sk)_|pplx-|tvly-|xai-|nvapi-)"
    r"[A-Za-z0-9_.-]{16,}"
)


def _is_basic(text: str) -> bool:
    """Say whether a text is user and password in base64."""
    return ":" in _plain(text)


def _is_key(text: str) -> bool:
    """Say whether a text is a private key in base64."""
    return "PRIVATE KEY" in _plain(text)


def _plain(text: str) -> str:
    joined = "".join(text.split()).rstrip("=")
    try:
        found = b64decode(joined[: len(joined) - (len(joined) % 4 == 1)] + "==").decode("ascii")
    except (NoBase64, ValueError):
        return ""
    return found if found.replace("\n", "").replace("\r", "").isprintable() else ""


def is_no_prose(text: str) -> bool:
    """Say whether a text is more than words, names and short numbers with separators between."""
    return _WORDS.fullmatch(text) is None


def _is_userinfo(text: str) -> bool:
    return ":" in text or (len(text) >= _MIN_USER and is_no_prose(text))


def _always(_text: str) -> bool:
    return True


_SHAPES: Final[tuple[tuple[str, tuple[str, ...], re.Pattern[str], Callable[[str], bool]], ...]] = (
    tuple(
        (kind, needles, re.compile(pattern), holds)
        for kind, needles, pattern, holds in (
            ("private-key", ("PRIVATE KEY",), _PRIVATE_KEY, _always),
            (
                "private-key",
                ("LS0tLS1CRUdJTi",),
                r"LS0tLS1CRUdJTi(?:[A-Za-z0-9+/]|\s(?=[A-Za-z0-9+/]{8})){40,}={0,2}",
                _is_key,
            ),
            ("anthropic-key", ("sk-ant-",), r"\bsk-ant-[A-Za-z0-9_-]{10,}", _always),
            ("langfuse-key", ("sk-lf-", "pk-lf-"), r"\b[sp]k-lf-[A-Za-z0-9-]{10,}", _always),
            (
                "openai-key",
                ("sk-",),
                r"\bsk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{16,}",
                is_no_prose,
            ),
            ("github-token", ("github_pat_",), r"\bgithub_pat_[A-Za-z0-9_]{20,}", _always),
            ("github-token", ("gh",), r"\bgh[pousr]_[A-Za-z0-9]{20,}", _always),
            ("gitlab-token", ("glpat-",), r"\bglpat-[A-Za-z0-9_-]{16,}", _always),
            ("aws-key-id", ("AKIA", "ASIA"), r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", _always),
            ("slack-token", ("xox",), r"\bxox[abeprs]-[A-Za-z0-9-]{10,}", is_no_prose),
            (
                "slack-webhook",
                ("hooks.slack.com",),
                r"hooks\.slack\.com/services/[A-Za-z0-9/_-]{10,}",
                _always,
            ),
            ("google-key", ("AIza",), r"\bAIza[A-Za-z0-9_-]{30,}", _always),
            ("huggingface-token", ("hf_",), r"\bhf_[A-Za-z0-9]{20,}", _always),
            ("groq-key", ("gsk_",), r"\bgsk_[A-Za-z0-9]{20,}", _always),
            ("pypi-token", ("pypi-",), r"\bpypi-[A-Za-z0-9_-]{40,}", is_no_prose),
            ("npm-token", ("npm_",), r"\bnpm_[A-Za-z0-9]{30,}", _always),
            (
                "stripe-key",
                ("k_live_", "k_test_"),
                r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{10,}",
                _always,
            ),
            (
                "service-token",
                ("ya29.", "dop_v1_", "shpat_", "SG.", "lsv2_", "pplx-", "tvly-", "xai-", "nvapi-"),
                _SERVICES,
                is_no_prose,
            ),
            (
                "jwt",
                ("eyJ",),
                r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",
                _always,
            ),
            (
                "bearer",
                ("earer", "EARER"),
                r"(?<=[Bb][Ee][Aa][Rr][Ee][Rr] )[A-Za-z0-9._~+/-]{8,}=*",
                is_no_prose,
            ),
            (
                "basic-auth",
                ("asic ",),
                r"(?<=[Bb]asic )[A-Za-z0-9+/]{12,}={0,2}(?![A-Za-z])",
                _is_basic,
            ),
            ("url-password", ("://",), r"(?<=://)[^\s/@\"'<>]+(?=@)", _is_userinfo),
        )
    )
)

SEARCHES: Final = tuple(
    (needle, kind, pattern, holds)
    for kind, needles, pattern, holds in _SHAPES
    for needle in needles
)
"""A text that must occur (a fast way out), the kind, the pattern, and what tells it from prose."""
