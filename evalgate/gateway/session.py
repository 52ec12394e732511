"""A session's URL, and the variables that point an agent's clients to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal


def variable_of(name: str, kind: Literal["http", "mcp"]) -> str:
    """Return the variable that holds the URL of a service: `SHOP_BASE_URL`, `SHOP_MCP_URL`."""
    return f"{name.upper().replace('-', '_')}_{'BASE' if kind == 'http' else 'MCP'}_URL"


@dataclass(frozen=True, slots=True)
class Session:
    """A URL that was handed out."""

    token: str
    """The part of the URL that nobody can guess."""
    worker: bool = False
    """Whether the URL stays when a trial ends."""

    def base_url(self, origin: str) -> str:
        """Return the base URL for OpenAI clients.

        Args:
            origin: Where the gateway listens, e.g. `http://127.0.0.1:4010`.
        """
        return f"{origin}/s/{self.token}/v1"

    def urls(self, origin: str, services: Mapping[str, Literal["http", "mcp"]]) -> dict[str, str]:
        """Return where to send calls to HTTP services and MCP servers, by name."""
        root = f"{origin}/s/{self.token}/evalgate"
        return {name: f"{root}/{kind}/{name}" for name, kind in services.items()}

    def environment(
        self,
        origin: str,
        environ: Mapping[str, str],
        proxy: int | None = None,
        services: Mapping[str, Literal["http", "mcp"]] = MappingProxyType({}),
    ) -> dict[str, str]:
        """Return the variables that point an agent's clients to this session.

        Args:
            origin: Where the gateway listens.
            environ: The agent's environment so far; its list of hosts without proxy is kept.
            proxy: Port of the proxy that refuses calls past the gateway; None: there is none.
            services: HTTP services and MCP servers, by name.
        """
        root = f"{origin}/s/{self.token}"
        tools = {
            "EVALGATE_TOOLS_URL": f"{root}/evalgate/tools",
            **{
                variable_of(name, kind): url
                for (name, kind), url in zip(
                    services.items(), self.urls(origin, services).values(), strict=True
                )
            },
        }
        listed = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
        direct = ",".join(filter(None, (listed, "127.0.0.1,localhost")))
        through = f"http://{self.token}:x@127.0.0.1:{proxy}"
        own = {} if proxy is None else {"HTTPS_PROXY": through, "https_proxy": through}
        return (
            own
            | tools
            | {
                "OPENAI_BASE_URL": f"{root}/v1",
                "OPENAI_API_BASE": f"{root}/v1",
                "OPENAI_API_KEY": "evalgate-gateway",
                "ANTHROPIC_BASE_URL": root,
                "ANTHROPIC_API_KEY": "evalgate-gateway",
                "AZURE_OPENAI_ENDPOINT": root,
                "AZURE_OPENAI_API_KEY": "evalgate-gateway",
                "GOOGLE_GEMINI_BASE_URL": root,
                "GEMINI_API_KEY": "evalgate-gateway",
                "GOOGLE_API_KEY": "evalgate-gateway",
                "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": root,
                "AWS_BEARER_TOKEN_BEDROCK": "evalgate-gateway",
                "OLLAMA_HOST": root,
                "OLLAMA_API_KEY": "evalgate-gateway",
                "NO_PROXY": direct,
                "no_proxy": direct,
            }
        )
