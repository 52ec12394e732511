"""Tests of what the source of an agent tells: SDKs and variables, found without running it."""

from pathlib import Path

import pytest

from evalgate.schema.agent_line import parse_agent_line
from evalgate.suite.seen import Seen, look_at

FILES = {
    "plain.py": "def answer(q):\n    return 'openai'\n",
    "late.py": "def answer(q):\n    from openai import OpenAI\n    return OpenAI()\n",
    "bot/__init__.py": "from .graph import answer\n",
    "bot/graph.py": "import os\nimport langchain_anthropic\nTOKEN = os.getenv('SHOP_TOKEN')\n",
    "src/shop/agent.py": "import litellm, os\nURL = os.environ['SHOP_URL']\n",
    "own.py": "import agents\n",
    "agents.py": "import os\nKEY = os.environ.get('OWN_KEY')\n",
    "broken.py": "import openai\ndef (:\n",
    "alone.py": "from . import tools\n",
    "agent.mjs": "import OpenAI from 'openai';\nconst t = process.env.SHOP_TOKEN;\n",
}


@pytest.mark.parametrize(
    ("agent", "seen"),
    [
        ("python:plain:answer", Seen()),
        ("python:late:answer", Seen(("openai",))),
        ("python:bot:answer", Seen(("langchain_anthropic",), ("SHOP_TOKEN",))),
        ("python:shop.agent:answer", Seen(("litellm",), ("SHOP_URL",))),
        ("python:own:answer", Seen((), ("OWN_KEY",))),  # a module of one's own is no SDK
        ("python:broken:answer", Seen()),
        ("python:absent:answer", Seen()),
        ("python::answer", Seen()),
        ("python:alone:answer", Seen()),
        ("command:node agent.mjs", Seen(("openai",), ("SHOP_TOKEN",))),
        ("http://localhost/ask", Seen()),
        ("recorded:traces.jsonl", Seen()),
    ],
)
def test_sdks_and_variables_are_seen(tmp_path: Path, agent: str, seen: Seen) -> None:
    """Imports are followed through the folder's own modules; nothing is run."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert seen == look_at(parse_agent_line(agent), tmp_path)


def test_an_sdk_names_its_keys() -> None:
    """A framework of several providers takes the key of any."""
    assert ("OPENAI_API_KEY",) == Seen(("openai",)).keys
    assert ("OPENAI_API_KEY", "ANTHROPIC_API_KEY") == Seen(("litellm", "openai")).keys
