"""Whether a suite's agent is kept apart, by what, and what that leaves open."""

from dataclasses import dataclass
from typing import Final, Literal

from evalgate.schema.verdict import Check

SandboxMode = Literal["on", "off", "learn"]

CHECK: Final = "evidence.isolation"

_WALLED: Final = ("python", "command")
_OUTSIDE: Final = {
    "http": "it answers over HTTP",
    "https": "it answers over HTTP",
    "recorded": "its traces were recorded elsewhere",
}


@dataclass(frozen=True, slots=True)
class Walls:
    """What this machine can keep processes in with."""

    landlock: int = 0
    """Version of Landlock; 0: none."""
    bwrap: str | None = None
    """Path of bubblewrap; null: not installed."""


def these_walls() -> Walls:
    """Ask this machine."""
    from evalgate.agents.sandbox import kernel, places  # noqa: PLC0415  # only where it is used

    level = kernel.abi()
    return Walls(level, None if level else places.bubblewrap())


@dataclass(frozen=True, slots=True)
class Isolation:
    """How the agent of a suite is kept apart."""

    mode: SandboxMode
    """What was asked for."""
    by: str
    """`landlock N`, `bubblewrap`, `outside` or `none`."""
    why: str = ""
    """Why it is outside or not isolated; or what the wall leaves open."""
    walls: Walls = Walls()
    """The machine."""


def isolated_by(run: str, mode: SandboxMode, walls: Walls) -> Isolation:
    """Decide how an agent is kept apart.

    Args:
        run: The agent, as configured.
        mode: What was asked for.
        walls: The machine.
    """
    kind = run.partition(":")[0]
    if kind in _OUTSIDE:
        return Isolation(mode, "outside", _OUTSIDE[kind], walls)
    if kind not in _WALLED:
        return Isolation(mode, "none", f"the plug-in {kind!r} starts its agent itself", walls)
    if mode != "on":
        return Isolation(mode, "none", f"--sandbox={mode}", walls)
    if walls.landlock:
        from evalgate.agents.sandbox.kernel import lacks  # noqa: PLC0415  # only where it is used

        return Isolation(
            mode, f"landlock {walls.landlock}", "; ".join(lacks(walls.landlock)), walls
        )
    if walls.bwrap is not None:
        return Isolation(mode, "bubblewrap", "the network is open", walls)
    why = "this machine has neither Landlock (Linux 5.13) nor bubblewrap"
    return Isolation(mode, "none", why, walls)


def isolation_notes(isolation: Isolation | None) -> tuple[str, ...]:
    """Say what a reader of the report should know; nothing where the wall holds all it should."""
    if isolation is None or (isolation.mode == "off" and isolation.by != "none"):
        return ()
    match isolation.by:
        case "none":
            return (f"not isolated: {isolation.why}",)
        case "outside":
            return (f"the agent is outside of the sandbox: {isolation.why}",)
        case _ if isolation.why:
            return (f"isolated by {isolation.by}, which leaves open: {isolation.why}",)
        case _:
            return ()


def isolation_check(by: str | None, *, fork: bool, unsandboxed: bool) -> Check | None:
    """Object where code of a fork ran without a wall and the base does not allow that.

    Args:
        by: What the report says; null: nothing was said, so nothing is known.
        fork: Whether the change comes from a fork.
        unsandboxed: Whether the base says `trust: {unsandboxed: true}`.
    """
    if not fork or unsandboxed or by not in (None, "none"):
        return None
    return Check(
        id=CHECK,
        kind="evidence",
        outcome="inconclusive",
        reason="not isolated: the agent of a fork ran without a sandbox, so it could have read "
        "the answers or changed what judges it",
        fix="run on Linux 5.13 or later, or install bubblewrap; `trust: {unsandboxed: true}` on "
        "the base accepts it",
    )
