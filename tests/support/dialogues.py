"""A scratch copy of the example's dialogues, and servers that play their models."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evalgate.gateway.server import serve_in_thread
from examples.dialogues.model_server import app_of
from examples.dialogues.user_model import complete, reply
from support.example import ROOT, edit

__all__ = ["CONFIG", "copy_dialogues", "line_of", "scripted_models"]

CONFIG = ("--config", "examples/dialogues.yaml")
UPSTREAM = "http://127.0.0.1:4013"

Reply = Callable[[list[dict[str, str]]], str]


def copy_dialogues(target: Path) -> Path:
    """Copy the suite: configuration, golden set, baseline, agent and cassettes."""
    ignored = shutil.ignore_patterns("__pycache__", "cassettes-*", ".recording")
    shutil.copytree(ROOT / "examples", target / "examples", ignore=ignored)
    return target


@contextmanager
def scripted_models(project: Path, user: Reply = reply) -> Iterator[str]:
    """Serve both models, the user's with replies of one's own, and let the upstream be there."""
    config = project / "examples/dialogues.yaml"

    def completes(body: dict[str, Any]) -> dict[str, Any]:
        answer = complete(body)
        answer["choices"][0]["message"]["content"] = user(body["messages"])
        return answer

    with serve_in_thread(app_of(completes)) as origin:
        edit(config, UPSTREAM, origin)
        yield origin
        edit(config, origin, UPSTREAM)


def line_of(path: Path, case_id: str) -> str:
    """Return the line of a case."""
    return next(line for line in path.read_text().splitlines() if f'"{case_id}"' in line)
