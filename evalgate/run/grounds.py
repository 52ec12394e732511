"""What each metric of a report rests on: live code, a replayed model, replayed or mocked tools."""

from collections.abc import Iterable, Mapping, Sequence

from evalgate.run.engine import Seen
from evalgate.schema.result import Ground, MetricValue, Report, RestsOn
from evalgate.suite.plan import Plan

__all__ = ["grounds_of", "joined_grounds", "with_grounds"]

_BY_SOURCE: Mapping[str, tuple[Ground, ...]] = {
    "measured": ("code", "model", "tools"),
    "claimed": ("code", "model", "tools", "claims"),
    "judged": ("code", "model", "tools", "judge"),
    "simulated": ("code", "model", "tools", "simulation"),
    "recorded": ("recording",),
    "replayed": ("recording",),
}


_HOW = ("live", "missed", "mocked", "refused", "replayed")


def grounds_of(plan: Plan, seen: Seen) -> RestsOn:
    """Say what was live and what was replayed in the trials of a plan."""
    recorded = plan.mode == "recorded"
    asked = seen.replayed or seen.live
    model = "recorded" if recorded else _replayed(seen)
    return RestsOn.model_validate(
        {
            "code": "recorded" if recorded else "live",
            "model": model if asked or seen.models else None,
            # A trace may be brought by anyone, and what it says of its tools may be anything.
            "tools": {how: sorted(seen.ran[how]) for how in _HOW if how in seen.ran},
        }
    )


def _replayed(seen: Seen) -> str:
    if not seen.replayed:
        return "live"
    return "partly replayed" if seen.live else "replayed"


def joined_grounds(parts: Sequence[RestsOn | None]) -> RestsOn | None:
    """Add up what parts of a run rest on; null where one does not say."""
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts):
        return None
    models = {part.model for part in known if part.model is not None}
    names = sorted({how for part in known for how in part.tools})
    return RestsOn.model_validate(
        {
            "code": known[0].code,
            "model": next(iter(models), None) if len(models) < 2 else "partly replayed",
            "tools": {how: _union(part.tools.get(how, ()) for part in known) for how in names},
        }
    )


def _union(parts: Iterable[Sequence[str]]) -> list[str]:
    return sorted({name for part in parts for name in part})


def with_grounds(report: Report, grounds: RestsOn | None) -> Report:
    """Say of each metric of a report what it rests on; nothing where nobody knows."""
    if grounds is None:
        return report
    metrics = {name: _of(value, grounds) for name, value in report.metrics.items()}
    info = report.judge
    judge = None if info is None else "live" if info.calls else "recorded"
    found = grounds.model_copy(update={"metrics": metrics, "judge": judge})
    return report.model_copy(update={"rests_on": found})


def _of(value: MetricValue, grounds: RestsOn) -> tuple[Ground, ...]:
    absent = {"model": grounds.model is None, "tools": not grounds.tools}
    return tuple(part for part in _BY_SOURCE[value.source] if not absent.get(part))
