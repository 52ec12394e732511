"""Which recorded sessions stand for which kind of load, and whether they are evidence of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalgate.errors import ConfigError, DataError
from evalgate.schema.golden import Case
from evalgate.schema.result import Report, SuiteInfo
from evalgate.schema.stress import StressConfig, StressMix, TierName
from evalgate.schema.trace import LlmCall, Trace
from evalgate.schema.verdict import Check
from evalgate.store.reports import read_reports
from evalgate.store.run_lines import iter_traces
from evalgate.store.runs import find_run, read_manifest
from evalgate.store.traces import load_traces
from evalgate.stress.load.sessions import Loops, Mix, loops_of, plan_of, workload_of
from evalgate.stress.load.workload import ArrivalLaw, Workload
from evalgate.text.suggest import did_you_mean

_RANKS: Mapping[TierName | None, int] = {"critical": 0, "user_facing": 1, "compliance": 1, None: 1}
_LATER = 2
_WHOLE = 0.9
"""Share of the sessions that must have come to their end, as of cases in a comparison."""
_ALL = "all"


@dataclass(frozen=True, slots=True)
class Tagged:
    """A recorded session and what it can be called by."""

    trace: Trace
    """What happened."""
    tags: frozenset[str]
    """Tags of its case, or its own."""


def tagged_by_case(traces: Sequence[Trace], cases: Sequence[Case]) -> list[Tagged]:
    """Give traces the tags of their cases, in the order of the golden set.

    Traces come in the order in which trials ended; that order is chance.
    """
    place = {case.id: number for number, case in enumerate(cases)}
    tags = {case.id: frozenset(case.tags) for case in cases}
    known = [trace for trace in traces if trace.case_id in place]
    known.sort(key=lambda trace: (place[trace.case_id], trace.trial))
    return [Tagged(trace, tags[trace.case_id] | frozenset(trace.tags)) for trace in known]


def load_tagged(path: Path) -> list[Tagged]:
    """Read recorded sessions: a file of traces, or a run folder.

    Raises:
        DataError: There are none, or a line is malformed.
    """
    if path.is_dir() or path.name == "latest":
        return _of_run(path)
    found = [Tagged(trace, _own_tags(trace)) for trace in load_traces(path)]
    if not found:
        raise DataError(f"{path}: no traces in it", fix="evalgate import FORMAT FILE --traces ...")
    return found


def _own_tags(trace: Trace) -> frozenset[str]:
    named = (trace.intent, trace.agent_name, trace.channel, trace.environment)
    return frozenset(trace.tags) | {name for name in named if name is not None}


def run_behind(path: Path) -> SuiteInfo | None:
    """Say what a run was made of whose sessions are read; null: a file of traces, or cut off."""
    report = _stored(_run_at(path)) if path.is_dir() or path.name == "latest" else None
    return None if report is None else report.suite


def _run_at(path: Path) -> Path:
    return path if (path / "manifest.json").exists() else find_run(path.parent, path.name)


def _stored(folder: Path) -> Report | None:
    """Read the report of a run; null: it was cut off before it had one."""
    return read_reports(folder)[0].report if (folder / "report.json").exists() else None


def _of_run(path: Path) -> list[Tagged]:
    folder = _run_at(path)
    manifest = read_manifest(folder)
    tags: dict[str, frozenset[str]] = {}
    order: dict[str, int] = {}
    stored = _stored(folder)
    if stored is not None:
        tags = {case.id: frozenset(case.tags) for case in stored.cases}
        order = {case.id: number for number, case in enumerate(stored.cases)}
    traces = sorted(
        iter_traces(folder), key=lambda t: (order.get(t.case_id, len(order)), t.case_id, t.trial)
    )
    if not traces:
        raise DataError(f"{folder}: no traces in it", fix=f"evalgate run --suite {manifest.suite}")
    return [Tagged(t, _own_tags(t) | tags.get(t.case_id, frozenset())) for t in traces]


def rank_of(mix: StressMix) -> int:
    """Return a kind's place in the queue."""
    return mix.priority if mix.priority is not None else _RANKS.get(mix.tier, _LATER)


def _drawn(name: str, mix: StressMix, sessions: Sequence[Tagged]) -> list[Trace]:
    """Choose the recorded sessions that stand for a kind.

    Raises:
        ConfigError: There is none.
    """
    tags = {tag for session in sessions for tag in session.tags}
    if not mix.tags and not mix.cases and name == _ALL and name not in tags:
        return [session.trace for session in sessions]
    wanted = set(mix.tags) if mix.tags or mix.cases else {name}
    chosen = [
        session.trace
        for session in sessions
        if session.tags & wanted or session.trace.case_id in mix.cases
    ]
    if not chosen:
        asked = ", ".join([*map(repr, sorted(wanted)), *map(repr, mix.cases)])
        listed = ", ".join(sorted(tags)[:20]) or "(no tags at all)"
        raise ConfigError(
            f"sessions of {name!r}: no recorded session is tagged or called {asked}"
            f"{did_you_mean(next(iter(sorted(wanted)), name), tags)}",
            fix=f"`sessions: {{{name}: {{sessions: {mix.sessions}, tags: [TAG]}}}}`, "
            f"--sessions all={mix.sessions}, or one of the tags: {listed}",
        )
    return chosen


def mixes_of(config: StressConfig, sessions: Sequence[Tagged]) -> list[Mix]:
    """Return the kinds of session, each with the recorded ones that stand for it."""
    if not config.sessions:
        return [Mix(_ALL, [session.trace for session in sessions], len(sessions))]
    return [
        Mix(
            name,
            _drawn(name, mix, sessions),
            mix.sessions,
            rank_of(mix),
            critical=mix.tier == "critical",
            tier=mix.tier,
        )
        for name, mix in config.sessions.items()
    ]


def workload_from(
    config: StressConfig, sessions: Sequence[Tagged], law: ArrivalLaw | None
) -> Workload:
    """Offer recorded sessions as the configuration mixes them.

    Raises:
        ConfigError: A kind of session has no recorded one.
        DataError: Those of a kind hold no LLM call.
    """
    return workload_of(mixes_of(config, sessions), law)


def drawn_from(config: StressConfig, sessions: Sequence[Tagged]) -> list[list[Trace]]:
    """Return, for each group of `workload_from`, the recorded session behind each of its plans."""
    return [
        [t for t in mix.traces if t.status != "not_measured" and plan_of(t) is not None]
        for mix in mixes_of(config, sessions)
    ]


def loops_in(config: StressConfig, sessions: Sequence[Tagged]) -> Loops | None:
    """Return how the agent loops in the sessions that are offered; null without an LLM call."""
    return loops_of(trace for mix in mixes_of(config, sessions) for trace in mix.traces)


def session_checks(config: StressConfig, sessions: Sequence[Tagged]) -> tuple[Check, ...]:
    """Say where recorded sessions are no evidence of the load: a short session is a small load."""
    checks = []
    for mix in mixes_of(config, sessions):
        lost = [t for t in mix.traces if t.status == "not_measured"]
        cut = [t for t in mix.traces if t.status in ("crashed", "timed_out", "bad_output")]
        mute = [t for t in mix.traces if not any(isinstance(s, LlmCall) for s in t.steps)]
        told = _trouble(mix, lost, cut, mute)
        if told is not None:
            checks.append(
                Check(
                    id=f"evidence.stress_sessions.{mix.name}",
                    kind="evidence",
                    outcome="inconclusive",
                    reason=f"sessions of {mix.name!r}: {told}",
                    fix="see why they ended, record them again, then repeat the check",
                )
            )
    return tuple(checks)


def _trouble(
    mix: Mix, lost: Sequence[Trace], cut: Sequence[Trace], mute: Sequence[Trace]
) -> str | None:
    of = len(mix.traces)
    if lost:
        return (
            f"{len(lost)} of {of} were not measured ({lost[0].case_id}), so their load is unknown"
        )
    if len(cut) > (1 - _WHOLE) * of:
        return (
            f"{len(cut)} of {of} did not come to their end ({cut[0].case_id}: {cut[0].status}), so "
            "what they would have asked for is unknown"
        )
    if len(mute) > (1 - _WHOLE) * of:
        return f"{len(mute)} of {of} hold no LLM call ({mute[0].case_id})"
    return None
