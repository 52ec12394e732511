"""`evalgate demo`: a small project, gated as it is and gated again with a bug in it."""

import shutil
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from evalgate.commands.baseline import Update, update_baselines
from evalgate.run.run import RunOptions, run_suites
from evalgate.schema.result import ReportSet
from evalgate.store.atomic import write_text
from evalgate.suite.environment import Environment
from evalgate.suite.events import silent
from evalgate.suite.suite import Selection, Suite, find_suites

_LEFT_OUT: Final = ("__init__.py", "__pycache__")


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one file that a reviewer would let through."""

    file: str
    before: tuple[str, ...]
    """The lines it takes away."""
    after: tuple[str, ...]
    """The lines that take their place."""
    why: str
    """What its author had in mind."""

    @property
    def diff(self) -> tuple[str, ...]:
        """The change as a reviewer sees it."""
        return (*(f"- {line}" for line in self.before), *(f"+ {line}" for line in self.after))


BREAK: Final = Change(
    "agent.py",
    (
        "    order = ORDERS.get(order_id)",
        "    if order is None:",
        '        return {"error": f"no order {order_id}"}',
        '    return {"order_id": order_id, **order}',
    ),
    ('    return {"order_id": order_id, **ORDERS[order_id]}',),
    "somebody tidies up",
)


def set_up_demo(folder: Path, environment: Environment) -> None:
    """Copy the project and make its first baseline, from recorded model calls.

    Args:
        folder: Where to; it must not exist, or be empty.
        environment: The machine.
    """
    with as_file(files("evalgate.demo")) as source:
        ignored = shutil.ignore_patterns(*_LEFT_OUT)
        shutil.copytree(source, folder, ignore=ignored, dirs_exist_ok=True)
    update = Update("first baseline")
    for _ in update_baselines(_suites(folder), update, environment, silent):
        pass


def break_agent(folder: Path) -> None:
    """Apply the change that breaks the agent."""
    file = folder / BREAK.file
    before, after = ("\n".join(lines) for lines in (BREAK.before, BREAK.after))
    write_text(file, file.read_text(encoding="utf-8").replace(before, after))


def gate_demo(folder: Path, environment: Environment) -> ReportSet:
    """Run the suite of the project against its baseline, as `evalgate run --baseline` does."""
    return run_suites(_suites(folder), RunOptions(baseline=""), environment, silent).reports


def _suites(folder: Path) -> tuple[Suite, ...]:
    return find_suites(Selection(folder / "evalgate.yaml"))
