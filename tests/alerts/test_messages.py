"""Messages stay within the limits of those who take them."""

import hashlib
import hmac
import json
from dataclasses import replace

import pytest
from support.receivers import ALERT

from evalgate.alerts.messages import dedup_key, pagerduty, plain_text, signature, slack, webhook
from evalgate.alerts.signal import Alert

HOSTILE = replace(
    ALERT,
    title="<!channel> & <https://evil.example|click>\x1b[31m" + "x" * 5_000,
    cause="<@U1> " * 5_000,
    usual="&" * 5_000,
    key="k" * 1_000,
    links=("javascript:alert(1)", "https://example.com/a|b>c"),
)


@pytest.mark.parametrize("alert", [ALERT, HOSTILE])
def test_slack_limits(alert: Alert) -> None:
    """12,000 characters in all, 50 blocks, 150 in a header, 3,000 in a section."""
    message = slack(alert, "trigger")
    assert 12_000 >= len(json.dumps(message))
    assert 50 >= len(message["blocks"])
    for block in message["blocks"]:
        most = 150 if block["type"] == "header" else 3_000
        assert 1 <= len(block["text"]["text"]) <= most


def test_slack_cannot_be_made_to_mention_or_link() -> None:
    """Angle brackets are escaped in text; only links that are links become ones."""
    message = slack(HOSTILE, "trigger")
    sections = "".join(b["text"]["text"] for b in message["blocks"] if b["type"] == "section")
    assert "<!channel>" not in message["text"] + sections
    assert "<@U1>" not in sections
    assert "javascript:" not in sections
    assert "<https://example.com/a%7Cb%3Ec|" in sections


def test_slack_says_everything() -> None:
    """What, now against usual, since when, agent, model, cause, what to do, links."""
    text = json.dumps(slack(ALERT, "trigger"))
    for part in ("$120.00", "$20.00", "19:00", "support", "m1", "v7", "roll it back", "runbook"):
        assert part in text


@pytest.mark.parametrize("alert", [ALERT, HOSTILE])
def test_pagerduty_limits(alert: Alert) -> None:
    """`summary` of 1,024, `dedup_key` of 255; trigger and resolve have one key."""
    event = pagerduty(alert, "trigger", "R")
    assert 1024 >= len(event["payload"]["summary"])
    assert 255 >= len(event["dedup_key"])
    assert "critical" == event["payload"]["severity"]
    resolve = pagerduty(alert, "resolve", "R")
    assert {"routing_key": "R", "event_action": "resolve", "dedup_key": event["dedup_key"]} == (
        resolve
    )


def test_long_keys_stay_apart() -> None:
    """Two keys that differ far out do not become one incident."""
    assert dedup_key(HOSTILE) != dedup_key(replace(HOSTILE, key="k" * 999 + "j"))


def test_the_signature_is_hmac() -> None:
    """Computed here by the standard library, over time, dot and body."""
    expected = hmac.new(b"s3cret", b"1700000000." + b"{}", hashlib.sha256).hexdigest()
    assert f"sha256={expected}" == signature(b"{}", "s3cret", 1_700_000_000)


def test_plain_data_and_text() -> None:
    """The webhook has every field; the text says when it is over."""
    assert "prompt" == webhook(ALERT, "trigger")["team"]
    assert plain_text(ALERT, "resolve").startswith("Resolved: support:")
