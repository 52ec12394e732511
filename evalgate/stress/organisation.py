"""Several suites against the one quota they share: a joint stress check with one verdict."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from evalgate.errors import ConfigError, DataError, ExitCode
from evalgate.quota.quota import Quota, real_cost, reserve
from evalgate.schema.base import Json
from evalgate.schema.canonical import digest
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.result import Report, SuiteInfo
from evalgate.schema.stress import StressConfig
from evalgate.schema.verdict import Check
from evalgate.stress.checks.statements import DEFAULTS
from evalgate.stress.checks.stress import StressResult, stress
from evalgate.stress.load.sessions import loops_of
from evalgate.stress.load.workload import Group, Rows, Workload, together
from evalgate.stress.recorded_sessions import Tagged, mixes_of, session_checks, workload_from
from evalgate.stress.report import (
    STRESS_EVIDENCE,
    StressPart,
    claimed_check,
    conclude_alone,
    part_of,
)
from evalgate.stress.settings import (
    grown_by,
    law_of,
    policy_of,
    scenario_of,
    settings_version,
)
from evalgate.stress.simulation.outcome import combined
from evalgate.stress.simulation.retry import layers
from evalgate.suite.suite import Selection, Suite, find_suites
from evalgate.text.counts import percent_text

__all__ = [
    "ORGANISATION",
    "Ended",
    "Share",
    "joint_report",
    "joint_reports",
    "joint_workload",
    "lost_report",
    "shares_limits",
    "sharing_suites",
]

ORGANISATION = "organisation"
"""What the joint check is called where suites have their names."""
_JOINT = 2
"""Suites that make a joint run."""
_SHARED = ("profile", "quota", "admission", "retry_budget", "model_faults")
"""Settings that one joint run can have only once."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one suite brings to a joint run."""

    info: SuiteInfo
    """What its sessions were made of."""
    config: StressConfig
    sessions: Sequence[Tagged]
    root: Path
    """The folder an arrival trace is relative to."""

    @property
    def suite(self) -> str:
        """The suite's name."""
        return self.info.id


Ended = tuple[Report, Share | None]
"""The report of a suite, and what the suite brings to the joint check."""


def sharing_suites(suites: Sequence[Suite]) -> list[str]:
    """Return all suites of the configuration that share the organisation's limits.

    Those that were not chosen are named too: without their load the joint run is too small.
    """
    sources = dict.fromkeys(suite.source for suite in suites if suite.source is not None)
    known = [suite for path in sources for suite in find_suites(Selection(path, ()))]
    names = [suite.name for suite in (*suites, *known) if shares_limits(suite)]
    return list(dict.fromkeys(names))


def shares_limits(suite: Suite) -> bool:
    """Say whether a suite's limits are those of the whole organisation."""
    config = suite.config.stress
    return config is not None and config.organisation is True


def joint_workload(shares: Sequence[Share]) -> tuple[Workload, tuple[tuple[str, ...], ...]]:
    """Offer the sessions of all suites at once, each by its own law.

    Returns:
        The workload, its groups named `SUITE/KIND`, and the retry layers of each group.

    Raises:
        ConfigError: Closed loops are mixed with other laws, or a kind has no recorded session.
    """
    parts, retries = [], []
    for share in shares:
        law = law_of(share.config.arrivals, share.root)
        own = grown_by(share.config, workload_from(share.config, share.sessions, law))
        named = tuple(replace(g, name=f"{share.suite}/{g.name}") for g in own.groups)
        parts.append(replace(own, groups=named))
        retries += [share.config.retry] * len(named)
    return together(parts), tuple((text,) for text in retries)


def joint_reports(suites: Sequence[Suite], shares: Sequence[Share]) -> list[Report]:
    """Hold suites that share one quota against it together, where there are several of them.

    Args:
        suites: All suites that were asked for.
        shares: What those that were played whole bring.
    """
    sharing = [suite.name for suite in suites if shares_limits(suite)]
    if len(sharing) < _JOINT:
        return []
    missing = [name for name in sharing if name not in {share.suite for share in shares}]
    if missing:
        return [lost_report(sharing, f"{', '.join(missing)} could not be run as a whole")]
    return [joint_report(shares, sharing_suites(suites))]


def joint_report(shares: Sequence[Share], known: Sequence[str]) -> Report:
    """Play the sessions of several suites against the quota they share, and judge that.

    Args:
        shares: At least one, each with `organisation: true`.
        known: Every suite that shares the limits, by name.

    Raises:
        ConfigError: The suites state different limits.
    """
    config = _joint_config(shares)
    try:
        part = _joint_part(config, shares, known)
    except DataError as error:
        return lost_report([share.suite for share in shares], error.message)
    info = _joint_info(shares)
    part = replace(part, checks=(*part.checks, *claimed_check(info)))
    return conclude_alone(_bare(info), part, None, GateConfig())


def lost_report(suites: Sequence[str], reason: str) -> Report:
    """Say that there is no joint check, and why: inconclusive, never a pass."""
    check = Check(
        id=f"{STRESS_EVIDENCE}_organisation",
        kind="evidence",
        outcome="inconclusive",
        reason=f"the load of {', '.join(suites)} together is unknown: {reason}",
        fix="see the suites' own reports",
    )
    return conclude_alone(_bare(_named(suites)), StressPart(checks=(check,)), None, GateConfig())


def _joint_info(shares: Sequence[Share]) -> SuiteInfo:
    """Say what the whole load was made of: one suite's claims are claims of the whole."""
    claimed = [share.info for share in shares if share.info.claimed]
    walls = {share.info.isolation for share in shares}
    return _named([share.suite for share in shares]).model_copy(
        update={
            "claimed": bool(claimed),
            "trust_reported": all(
                info.trust_reported for info in claimed or [s.info for s in shares]
            ),
            "isolation": walls.pop() if len(walls) == 1 else None,
        }
    )


def _named(suites: Sequence[str]) -> SuiteInfo:
    names: Json = list(suites)
    return SuiteInfo(
        id=ORGANISATION,
        golden_digest=digest(names),
        cases=0,
        selected=0,
        trials=0,
        mode="recorded",
        noise="none",
    )


def _bare(info: SuiteInfo) -> Report:
    return Report(verdict="inconclusive", exit_code=ExitCode.INCONCLUSIVE, suite=info)


def _joint_config(shares: Sequence[Share]) -> StressConfig:
    """Return the settings of the joint run.

    Raises:
        ConfigError: Suites that share one quota state it differently.
    """
    first = shares[0].config
    for name in _SHARED:
        for share in shares[1:]:
            if getattr(share.config, name) != getattr(first, name):
                key = name.removeprefix("model_")
                raise ConfigError(
                    f"stress: {key} of suites {shares[0].suite!r} and {share.suite!r} differ, but "
                    "both say organisation: true, that they share one quota",
                    fix=f"state the same `{key}:` in both, or leave organisation out",
                )
    routes = [share.config.alert_routes for share in shares]
    merged = {team: to for route in routes for team, to in (route or {}).items()}
    return first.model_copy(
        update={
            "limits": _strictest(shares),
            "retry": "+".join(dict.fromkeys(share.config.retry for share in shares)),
            "alert_routes": None if None in routes else merged,
            "most_seeds": max(share.config.most_seeds for share in shares),
            "engine": "simulate",
            "growth": 0.0,
        }
    )


def _strictest(shares: Sequence[Share]) -> dict[str, float]:
    found: dict[str, float] = {}
    for share in shares:
        for name, value in share.config.limits.items():
            rule = DEFAULTS.get(name)
            choose = max if rule is not None and rule.higher else min
            found[name] = choose(found.get(name, value), value)
    return found


def _joint_part(config: StressConfig, shares: Sequence[Share], known: Sequence[str]) -> StressPart:
    workload, retries = joint_workload(shares)
    stacks = tuple(layers(text) for (text,) in retries)
    scenario = scenario_of(config.model_copy(update={"retry": "none"}), workload)
    scenario = replace(scenario, retry_of=stacks)
    traces = [
        trace
        for share in shares
        for mix in mixes_of(share.config, share.sessions)
        for trace in mix.traces
    ]
    result = stress(
        scenario,
        policy_of(config, traces=True),
        loops_of(traces),
        seed=config.seed,
        most_seeds=config.most_seeds,
    )
    joint = len(shares) if set(known) <= {share.suite for share in shares} else 0
    told = _shares_data(workload, scenario.quota, result)
    checks = [
        check.model_copy(update={"id": f"{check.id}.{share.suite}"})
        for share in shares
        for check in session_checks(share.config, share.sessions)
    ]
    return part_of(
        config,
        scenario,
        result,
        settings_version(config, ",".join(f"{s.suite}={s.config.arrivals}" for s in shares)),
        more=checks,
        extra={"suites": [share.suite for share in shares], "shares": list(told.values())},
        warnings=(*_told(told), *_left_out(shares, known)),
        joint=joint,
    )


def _left_out(shares: Sequence[Share], known: Sequence[str]) -> list[str]:
    missing = [name for name in known if name not in {share.suite for share in shares}]
    if not missing:
        return []
    return [f"stress: {', '.join(missing)}: shares these limits, and was not played"]


def _shares_data(
    workload: Workload, quota: Quota, result: StressResult
) -> dict[str, dict[str, Json]]:
    """Return what each suite asks of the quota, and what became of its calls."""
    demand: dict[str, list[Fraction]] = {}
    for group in workload.groups:
        name = group.name.rpartition("/")[0]
        asked = _demand(group, quota)
        before = demand.get(name, [Fraction(0)] * len(asked))
        demand[name] = [a + b for a, b in zip(before, asked, strict=True)]
    totals = [sum(column) for column in zip(*demand.values(), strict=True)]
    found: dict[str, dict[str, Json]] = {}
    for name, asked in demand.items():
        own = [group for group in result.outcome.groups if group.rpartition("/")[0] == name]
        counts = combined(result.outcome.groups[group] for group in own)
        shares: dict[str, Json] = {
            dimension.name: float(part / total) if total else None
            for dimension, part, total in zip(quota.dimensions, asked, totals, strict=True)
        }
        found[name] = {
            "suite": name,
            "sessions": counts.sessions,
            "calls": counts.calls,
            "failed": counts.failed,
            "of_demand": shares,
        }
    return found


def _demand(group: Group, quota: Quota) -> list[Fraction]:
    """Return what all sessions of a group ask for, one number a dimension."""
    cost = real_cost if quota.settles else reserve
    assert not isinstance(group.plans, Rows)  # noqa: S101  # recorded sessions have plans
    total = [Fraction(0)] * len(quota.dimensions)
    for plan in group.plans:
        for stage in plan.stages:
            for call in stage.calls:
                total = [a + b for a, b in zip(total, cost(quota, call.request), strict=True)]
    return [part * group.sessions / len(group.plans) for part in total]


def _told(shares: Mapping[str, Mapping[str, Json]]) -> Iterable[str]:
    for name, share in shares.items():
        demand = share["of_demand"]
        parts = [
            f"{percent_text(part)} of {dimension.replace('_', ' ')}"
            for dimension, part in (demand.items() if isinstance(demand, dict) else ())
            if isinstance(part, float)
        ]
        asked = ", ".join([f"{share['sessions']} sessions", *parts])
        yield f"stress share of {name}: {asked}; {share['failed']} of {share['calls']} calls fail"
