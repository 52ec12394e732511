"""Where live calls go, and with whose key."""

import pytest

from evalgate.errors import ConfigError
from evalgate.schema.config import GatewayConfig
from evalgate.suite.gateway_agent import endpoints_of

KEY = {"OPENAI_API_KEY": "sk-x"}


@pytest.mark.parametrize(
    ("upstream", "environ", "url"),
    [
        ({}, KEY, "https://api.openai.com/v1"),
        ({}, {**KEY, "OPENAI_BASE_URL": "http://proxy/v1"}, "http://proxy/v1"),
        ({}, {"OPENAI_BASE_URL": "http://proxy/v1"}, "http://proxy/v1"),
        ({}, {**KEY, "OPENAI_API_BASE": "http://old/v1"}, "http://old/v1"),
        ({"openai": "http://mine/v1"}, {**KEY, "OPENAI_BASE_URL": "http://p/v1"}, "http://mine/v1"),
    ],
)
def test_the_callers_base_url_is_the_upstream(
    upstream: dict[str, str], environ: dict[str, str], url: str
) -> None:
    """A key goes where its owner sends it: configured, else by variable, else the provider."""
    found = endpoints_of(GatewayConfig.model_validate({"upstream": upstream}), environ)
    assert url == found["openai"].base_url
    sent = {"authorization": "Bearer sk-x"} if "OPENAI_API_KEY" in environ else {}
    assert sent == found["openai"].headers


def test_a_key_of_one_provider_goes_to_no_other() -> None:
    """Each provider has its own variables."""
    environ = {**KEY, "OPENAI_BASE_URL": "http://proxy/v1", "ANTHROPIC_API_KEY": "sk-a"}
    found = endpoints_of(GatewayConfig(), environ)
    assert "https://api.anthropic.com" == found["anthropic"].base_url
    assert {"x-api-key": "sk-a"} == found["anthropic"].headers
    assert "azure" not in found


def test_a_base_url_that_is_none_is_named() -> None:
    """The variable and its value are in the message."""
    with pytest.raises(ConfigError, match="OPENAI_BASE_URL is 'localhost:80'"):
        endpoints_of(GatewayConfig(), {"OPENAI_BASE_URL": "localhost:80"})
