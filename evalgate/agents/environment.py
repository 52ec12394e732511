"""What an isolated agent sees of the caller's environment: little, and never the workflow's."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Final

from evalgate.errors import ConfigError
from evalgate.schema.config import AgentConfig

_BASIC: Final = (
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_*",
    "TZ",
    "TMPDIR",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
)
_NEVER: Final = (
    "GITHUB_OUTPUT",
    "GITHUB_ENV",
    "GITHUB_PATH",
    "GITHUB_STEP_SUMMARY",
    "GITHUB_STATE",
    "GITHUB_TOKEN",
    "ACTIONS_*",
)
"""With these an agent could speak for the workflow: forge outputs, variables, summaries."""


def check_environment(config: AgentConfig) -> None:
    """Refuse a configuration that hands the workflow's own variables to the agent.

    Raises:
        ConfigError: `env` or `env_allow` names one of them.
    """
    for where, names in (("env", tuple(config.env)), ("env_allow", config.env_allow)):
        for name in names:
            if _is_never(name):
                raise ConfigError(
                    f"agent.{where} names {name!r}: with it an agent could speak for the workflow",
                    fix="pass what the agent needs under a name of its own",
                )


def agent_environment(
    environ: Mapping[str, str], config: AgentConfig, extra: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of an isolated agent.

    Args:
        environ: The caller's environment; only the basic names and `env_allow` pass.
        config: The agent's configuration; its `env` is added.
        extra: Variables of the trial or worker; win over all others.
    """
    allowed = (*_BASIC, *config.env_allow)
    passed = {
        name: value
        for name, value in environ.items()
        if any(fnmatchcase(name, pattern) for pattern in allowed)
    }
    return without_workflow({**passed, **config.env, **extra})


def without_workflow(environ: Mapping[str, str]) -> dict[str, str]:
    """Leave out the variables with which a process could speak for the workflow."""
    return {name: value for name, value in environ.items() if not _is_never(name)}


def _is_never(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in _NEVER)
