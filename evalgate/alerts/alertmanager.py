"""The routes as a configuration of Alertmanager (checked with amtool 0.25).

Rules label their alerts with `team` and `severity`. Secrets are named as files beside the
configuration, `secrets/NAME`, and never written into it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from evalgate.errors import ConfigError
from evalgate.schema.watch import Receiver

_FOLDER: Final = "secrets"


def alertmanager_config(
    receivers: Mapping[str, Receiver], routes: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Return the configuration as plain data.

    Raises:
        ConfigError: A receiver is of a kind that Alertmanager has not.
    """
    named = [team for team in routes if team != "default"]
    children = [
        _route([f'team="{team}"'], name, receivers[name]) for team in named for name in routes[team]
    ]
    rest = [f'team!~"{"|".join(named)}"'] if named else []
    children += [_route(rest, name, receivers[name]) for name in routes.get("default", ())]
    used = dict.fromkeys(name for names in routes.values() for name in names)
    return {
        "route": {
            "receiver": "nobody",
            "group_by": ["alertname", "agent", "metric"],
            "routes": children,
        },
        "receivers": [{"name": "nobody"}, *(_receiver(name, receivers[name]) for name in used)],
    }


def _route(matchers: list[str], name: str, receiver: Receiver) -> dict[str, Any]:
    high = ['severity="high"'] if receiver.severity == "high" else []
    found = [*matchers, *high]
    return {"receiver": name, "continue": True} | ({"matchers": found} if found else {})


def _receiver(name: str, receiver: Receiver) -> dict[str, Any]:
    if receiver.slack is not None:
        return {"name": name, "slack_configs": [{"api_url_file": _file(name, receiver.slack)}]}
    if receiver.pagerduty is not None:
        key = {"routing_key_file": _file(name, receiver.pagerduty)}
        url = {"url": receiver.pagerduty_url}
        return {"name": name, "pagerduty_configs": [key | url]}
    if receiver.webhook is not None and not receiver.webhook.startswith("$"):
        return {"name": name, "webhook_configs": [{"url": receiver.webhook}]}
    kind = "apprise" if receiver.apprise is not None else "a webhook whose URL is a secret"
    raise ConfigError(
        f"receivers.{name}: Alertmanager has no {kind}",
        fix="leave it out of alert_routes, or give the webhook's URL itself",
    )


def _file(name: str, value: str) -> str:
    """Name the file of a secret after its variable, else after its receiver."""
    return f"{_FOLDER}/{value[1:].strip('{}') if value.startswith('$') else name}"
