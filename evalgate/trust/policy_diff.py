"""Says what a change would alter in what it is judged by: configuration, golden set, baseline."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from evalgate.gate.comparability import name_some
from evalgate.schema.base import Json
from evalgate.schema.baseline import Baseline
from evalgate.schema.config import SuiteConfig
from evalgate.schema.fingerprint import case_digest
from evalgate.schema.golden import Case
from evalgate.text.counts import number_of

_SHOWN: Final = 20
_LONG: Final = 80
_GATE_FIELDS: Final = ("must_pass", "zero_tolerance", "weight", "cluster", "status")
_NEUTRAL: Final = {
    name: Case.model_fields[name].get_default(call_default_factory=True) for name in _GATE_FIELDS
}


def config_diff(base: SuiteConfig, proposed: SuiteConfig) -> Iterator[str]:
    """Yield one line for each setting that differs, its place first."""
    old, new = _flat(base), _flat(proposed)
    differing = [
        place for place in sorted(old.keys() | new.keys()) if old.get(place) != new.get(place)
    ]
    for place in differing[:_SHOWN]:
        yield f"{place}: {_said(old, place)} -> {_said(new, place)}"
    if len(differing) > _SHOWN:
        yield f"and {len(differing) - _SHOWN} more settings"


def _flat(config: SuiteConfig) -> dict[str, Json]:
    found: dict[str, Json] = {}
    _walk(config.model_dump(mode="json"), "", found)
    return found


def _walk(value: Json, place: str, found: dict[str, Json]) -> None:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            _walk(inner, f"{place}.{name}" if place else name, found)
    elif value not in (None, {}, []):
        found[place] = value


def _said(values: Mapping[str, Json], place: str) -> str:
    if place not in values:
        return "(not set)"
    text = repr(values[place])
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"


def golden_diff(base: Iterable[Case], proposed: Iterable[Case]) -> Iterator[str]:
    """Yield what a change does to the cases of a golden set."""
    old, new = ({case.id: case for case in cases} for cases in (base, proposed))
    common = sorted(old.keys() & new.keys())
    rows = (
        ("deletes", sorted(old.keys() - new.keys()), "they ran anyway"),
        (
            "changes what is asked or expected in",
            [name for name in common if _asks(old[name]) != _asks(new[name])],
            "they ran as the base has them",
        ),
        (
            "changes how it counts:",
            [name for name in common if _counts(old[name]) != _counts(new[name])],
            "they counted as on the base",
        ),
        ("adds", sorted(new.keys() - old.keys()), "they ran as drafts, which do not gate"),
    )
    for verb, names, said in rows:
        if names:
            yield f"{verb} {number_of(len(names), 'case')} ({name_some(tuple(names))}); {said}"


def _asks(case: Case) -> str:
    """Fingerprint what a case asks, whatever it counts."""
    return case_digest(case.model_copy(update=_NEUTRAL))


def _counts(case: Case) -> tuple[object, ...]:
    return tuple(getattr(case, name) for name in _GATE_FIELDS)


def baseline_diff(base: Baseline, proposed: Baseline) -> Iterator[str]:
    """Yield old and new mean of each metric that differs, and of the number of trials."""
    if base.suite.trials != proposed.suite.trials:
        yield f"trials: {base.suite.trials} -> {proposed.suite.trials}"
    if base.suite.golden_digest != proposed.suite.golden_digest:
        yield "made of another golden set"
    for name in sorted(base.metrics.keys() | proposed.metrics.keys()):
        old, new = (
            side.metrics[name].mean if name in side.metrics else None for side in (base, proposed)
        )
        if old != new:
            yield f"{name}: {_number(old)} -> {_number(new)}"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"
