"""What the gateway's block says about tools, made ready for the gateway."""

from collections.abc import Iterator, Mapping
from string import Template
from typing import TYPE_CHECKING, Literal

from evalgate.agents.environment import agent_environment
from evalgate.errors import ConfigError
from evalgate.schema.config import GatewayConfig
from evalgate.sending import checked_url
from evalgate.suite.environment import Environment
from evalgate.suite.suite import Suite

if TYPE_CHECKING:
    from evalgate.gateway.tool_rules import ToolRules
    from evalgate.gateway.tools.http import Service
    from evalgate.gateway.tools.mcp_link import Server


_TAKEN = ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL")


def check_tools(suite: Suite) -> None:
    """Refuse names that clash, addresses that are none, and mocks with two answers to one call.

    Raises:
        ConfigError: There is one.
    """
    config = suite.config.gateway
    if config is None:
        return
    from evalgate.gateway.session import variable_of  # noqa: PLC0415  # heavy
    from evalgate.gateway.tools.mock import overlaps  # noqa: PLC0415  # heavy

    place = f"suites.{suite.name}.gateway"
    variables: dict[str, str] = {}
    for name, tool in config.http.items():
        checked_url(tool.url, f"{place}.http.{name}")
    for name, server in config.mcp.items():
        if server.url is not None:
            checked_url(server.url, f"{place}.mcp.{name}.url")
    for name, kind in _services(config):
        variable = variable_of(name, kind)
        clash = variable in _TAKEN or variable in variables
        if clash or (kind == "mcp" and name in config.http):
            other = variables.get(variable, "a model's client or another service")
            raise ConfigError(
                f"{place}.{kind}: {name!r} has the name of {other!r} ({variable})",
                fix="choose another name",
            )
        variables[variable] = name
    for name, policy in config.tools.items():
        for first, second in overlaps(policy):
            raise ConfigError(
                f"{place}.tools.{name}: answers {first + 1} and {second + 1} fit the same call: "
                f"when {policy.answers[first].when!r} and when {policy.answers[second].when!r}",
                fix="let `when` or `state` tell them apart, or make one of them `otherwise`",
            )


def _services(config: GatewayConfig) -> Iterator[tuple[str, Literal["http", "mcp"]]]:
    for name in config.http:
        yield name, "http"
    for name in config.mcp:
        yield name, "mcp"


def service_kinds(config: GatewayConfig) -> dict[str, Literal["http", "mcp"]]:
    """Return the kind of each service, by name."""
    return dict(_services(config))


def tool_rules(suite: Suite, environment: Environment) -> "ToolRules":
    """Say what becomes of calls of tools; in CI those with effects are not made."""
    from evalgate.gateway.tool_rules import ToolRules  # noqa: PLC0415  # heavy

    config = suite.config.gateway or GatewayConfig()
    ci = environment.environ.get("CI", "").lower() not in ("", "0", "false")
    return ToolRules(config.tools, ci, frozenset(suite.live_effects))


def http_services(
    config: GatewayConfig, environ: Mapping[str, str], *, live: bool
) -> "dict[str, Service]":
    """Return the HTTP services; where nothing is live their credentials are not needed.

    Raises:
        ConfigError: A header names a variable that is not set.
    """
    from evalgate.gateway.tools.http import Service  # noqa: PLC0415  # heavy

    return {
        name: Service(
            tool.url,
            filled(tool.headers, environ, f"gateway.http.{name}.headers") if live else {},
        )
        for name, tool in config.http.items()
    }


def mcp_servers(suite: Suite, environ: Mapping[str, str], *, live: bool) -> "dict[str, Server]":
    """Return the MCP servers; where nothing is live they are not started.

    Raises:
        ConfigError: A variable is not set, or a command would run outside of the sandbox.
    """
    from evalgate.gateway.tools.mcp_link import Server  # noqa: PLC0415  # heavy

    config = suite.config.gateway or GatewayConfig()
    walled = suite.isolation is not None and suite.isolation.by != "none"
    found = {}
    for name, server in config.mcp.items():
        place = f"gateway.mcp.{name}"
        if live and walled and server.command:
            raise ConfigError(
                f"{place}.command would run outside of the sandbox, as code that the change brings",
                fix="replay the server, or name its `url`",
            )
        own = filled(server.env, environ, f"{place}.env") if live else {}
        found[name] = Server(
            command=server.command or (),
            url=server.url or "",
            root=suite.root,
            env=agent_environment(environ, suite.config.agent, own),
            headers=filled(server.headers, environ, f"{place}.headers") if live else {},
            timeout_s=server.timeout_s,
        )
    return found


def filled(values: Mapping[str, str], environ: Mapping[str, str], place: str) -> dict[str, str]:
    """Put the caller's variables into texts.

    Raises:
        ConfigError: One is not set, or a `$` names none.
    """
    found = {}
    for name, value in values.items():
        try:
            found[name] = Template(value).substitute(environ)
        except (KeyError, ValueError) as error:
            raise ConfigError(
                f"{place}.{name}: {value!r} names a variable that is not set: {error}",
                fix="export it, or write $$ for a dollar sign",
            ) from error
    return found
