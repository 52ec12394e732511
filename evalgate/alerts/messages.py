"""Alerts as Slack, PagerDuty, a webhook and plain text take them, within their limits.

Slack: `text` and `blocks`, a header of 150 characters, sections of 3,000, 12,000 in all (a longer
message is refused whatever its blocks allow). PagerDuty: Events API v2, `summary` of 1,024
characters, `dedup_key` of 255, one key for trigger and resolve.
"""

import hmac
import json
from dataclasses import asdict
from hashlib import sha256
from typing import Any, Final

from evalgate.alerts.signal import Action, Alert
from evalgate.text.escape import cap, plain

_HEADER: Final = 150
_FIELD: Final = 550
"""Escaped, a character may become five, and a section has 3,000."""
_SUMMARY: Final = 1_000
_KEY: Final = 255
_SLACK_MOST: Final = 12_000


def slack(alert: Alert, action: Action) -> dict[str, Any]:
    """Write an alert as blocks; what agents and models said cannot mention or link."""
    title = _headline(alert, action)
    parts = [f"*{name}*\n{_escaped(value)}" for name, value in _facts(alert)]
    links = [f"<{_url(link)}|{_escaped(link, 100)}>" for link in alert.links if _is_link(link)]
    head = {"type": "plain_text", "text": _short(title, _HEADER), "emoji": False}
    blocks = [
        {"type": "header", "text": head},
        *({"type": "section", "text": {"type": "mrkdwn", "text": part}} for part in parts),
        *([{"type": "section", "text": {"type": "mrkdwn", "text": " ".join(links)}}] * bool(links)),
    ]
    message = {"text": _escaped(title, 300), "blocks": blocks}
    while len(json.dumps(message)) > _SLACK_MOST and len(blocks) > 1:
        blocks.pop()
    return message


def pagerduty(alert: Alert, action: Action, routing_key: str) -> dict[str, Any]:
    """Write an alert as an event; a resolve needs no more than its key."""
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": dedup_key(alert),
    }
    if action == "resolve":
        return event
    return event | {
        "payload": {
            "summary": _short(_headline(alert, action), _SUMMARY),
            "source": _short(alert.agent, _KEY),
            "severity": "critical" if alert.severity == "high" else "warning",
            "component": _short(alert.metric, _KEY),
            "class": alert.team,
            "custom_details": {name: _short(value, _FIELD) for name, value in _facts(alert)},
        },
        "links": [{"href": link, "text": "runbook"} for link in alert.links if _is_link(link)],
    }


def webhook(alert: Alert, action: Action) -> dict[str, Any]:
    """Write an alert as plain data, `evalgate.alert/1`."""
    return {"schema": "evalgate.alert/1", "action": action, **asdict(alert)}


def signature(body: bytes, secret: str, at: int) -> str:
    """Sign a body and the time it was sent: `sha256=` and HMAC-SHA-256 of `TIME.BODY`."""
    signed = str(at).encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), signed, sha256).hexdigest()


def plain_text(alert: Alert, action: Action) -> str:
    """Write an alert as text, for every other service and the terminal."""
    facts = [f"{name}: {_short(value, _FIELD)}" for name, value in _facts(alert)]
    return "\n".join((_headline(alert, action), *facts, *alert.links))


def dedup_key(alert: Alert) -> str:
    """Return the key of an alert, within PagerDuty's limit and the same every time."""
    key = f"evalgate/{plain(alert.key)}"
    if len(key) <= _KEY:
        return key
    return f"{key[: _KEY - 17]}~{sha256(key.encode('utf-8', 'replace')).hexdigest()[:16]}"


def _headline(alert: Alert, action: Action) -> str:
    word = "Resolved" if action == "resolve" else alert.severity.upper()
    return f"{word}: {plain(alert.title)}"


def _facts(alert: Alert) -> tuple[tuple[str, str], ...]:
    return (
        ("now", alert.current),
        ("usual", alert.usual),
        ("since", alert.since),
        ("agent", alert.agent),
        ("model", alert.model),
        ("prompt", alert.prompt),
        ("team", alert.team),
        ("probable cause", alert.cause),
        ("what to do", alert.advice),
    )


def _short(text: str, limit: int) -> str:
    clean = plain(text)
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def _escaped(text: str, limit: int = _FIELD) -> str:
    short = _short(text, limit)
    return short.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _is_link(link: str) -> bool:
    return link.startswith(("https://", "http://")) and len(link) < 1_000


def _url(link: str) -> str:
    return cap(link, 1_000).replace("|", "%7C").replace(">", "%3E").replace("<", "%3C")
