"""The command line starts light: heavy packages come in when they are used."""

import json
import subprocess
import sys

import pytest
from support.source import modules

EXTRAS = (
    "alembic",
    "anthropic",
    "apprise",
    "datasets",
    "instructor",
    "langchain_core",
    "langchain_openai",
    "langgraph",
    "numpy",
    "openai",
    "pandas",
    "pyarrow",
    "ragas",
    "ray",
    "sqlalchemy",
)
"""Packages of extras, and what they bring along."""
LATE = ("genai_prices", "jsonschema", "rich")
"""Packages of the light core that are imported where they are used."""
SERVER = ("httpx2", "starlette", "uvicorn")


def loaded(program: str, *arguments: str) -> set[str]:
    """Run a program and return the top-level packages it has loaded at its end."""
    code = f"import sys\ntry:\n    {program}\nexcept SystemExit:\n    pass\n"
    code += "import json; print('\\n' + json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("run", "--help")])
def test_help_is_light(arguments: tuple[str, ...]) -> None:
    """`--help` loads neither pydantic nor yaml nor anything of an extra."""
    found = loaded("from evalgate.cli.main import entry; entry()", *arguments)
    assert set() == found & {"pydantic", "yaml", *EXTRAS, *LATE, *SERVER}


def test_no_module_loads_an_extra() -> None:
    """All modules can be imported where only the light core is installed."""
    program = "from importlib import import_module; [import_module(m) for m in sys.argv[1:]]"
    names = [name for name in modules() if name != "evalgate.__main__"]
    assert set() == loaded(program, *names) & {*EXTRAS, *LATE}
