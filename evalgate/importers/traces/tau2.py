"""tau2-bench results: `{info, tasks, simulations}`.

Rules, checked against the recorded verdicts of six published files: the reward of a simulation is
the product of its `reward_breakdown`; without one it is unfinished and counts as 0; the agent's
cost is the sum over its own messages. A cost of 0.0 on calls with tokens is unknown: each call
keeps what was recorded, and the trial then has no cost.
"""

from dataclasses import dataclass
from math import prod
from typing import Final

from evalgate.importers.imported import (
    Imported,
    Options,
    case_id_at,
    check_options,
    fingerprint,
    list_at,
    number_or_none,
    object_at,
    once,
    reading,
    text_at,
    text_or_none,
    tokens_or_none,
)
from evalgate.importers.times import moment, rfc3339
from evalgate.importers.traces.tau2_messages import Run, steps_of
from evalgate.importers.traces.tau2_tasks import join_tasks
from evalgate.schema.base import Json
from evalgate.schema.golden import Case, Expected, ExpectedCall
from evalgate.schema.trace import LlmCall, RecordedScore, Step, Trace

_REWARD: Final = "reward"


@dataclass(frozen=True, slots=True)
class _Reward:
    """What the file says of success."""

    value: float
    """Product of the breakdown; 0 where there is none."""
    breakdown: dict[str, Json] | None
    """Its parts; null: unfinished."""


def import_tau2(data: Json, options: Options) -> Imported:
    """Read the results of a tau2-bench run.

    Args:
        data: The results file, parsed.
        options: None are known.

    Returns:
        One case a task, with its gold actions under the preset `tau2`, and one trace a
        simulation, whose score `reward` is the recorded one.

    Raises:
        DataError: For anything that is no tau2 result, with its JSON pointer.
        ConfigError: For an unknown option.
    """
    check_options(options, [])
    root = object_at(data, "")
    tasks = _objects(root.get("tasks"), "/tasks")
    seen: dict[str, str] = {}
    rows: list[Case] = []
    for i, task in enumerate(tasks):
        with reading(f"/tasks/{i}"):
            case = _case(task, f"/tasks/{i}")
        once(seen, case.id, f"/tasks/{i}/id", f"the id {case.id!r}")
        rows.append(case)
    run = _run(object_at(root.get("info", {}), "/info"))
    simulations = _objects(root.get("simulations"), "/simulations")
    joined = join_tasks(simulations, rows, tasks)
    trials: dict[tuple[str, int], str] = {}
    traces: list[Trace] = []
    for i, (row, case) in enumerate(zip(simulations, joined, strict=True)):
        where = f"/simulations/{i}"
        with reading(where):
            trace = _trace(row, where, run, case.id)
        what = f"trial {trace.trial} of task {case.id!r}"
        once(trials, (case.id, trace.trial), f"{where}/trial", what)
        traces.append(trace)
    moved = sum(
        str(row.get("task_id")) != case.id for row, case in zip(simulations, joined, strict=True)
    )
    return Imported(tuple(rows), tuple(traces), _notes(rows, traces, moved))


def _objects(value: Json, where: str) -> list[dict[str, Json]]:
    return [object_at(row, f"{where}/{i}") for i, row in enumerate(list_at(value, where))]


def _run(info: dict[str, Json]) -> Run:
    agent = object_at(info.get("agent_info") or {}, "/info/agent_info")
    environment = object_at(info.get("environment_info") or {}, "/info/environment_info")
    settings = object_at(agent.get("llm_args") or {}, "/info/agent_info/llm_args")
    policy = text_or_none(environment.get("policy"))
    return Run(
        agent=text_or_none(agent.get("implementation")),
        model=text_or_none(agent.get("llm")),
        temperature=number_or_none(settings.get("temperature")),
        prompt_digest=None if policy is None else fingerprint(policy),
    )


def _case(task: dict[str, Json], where: str) -> Case:
    scenario = object_at(task.get("user_scenario"), f"{where}/user_scenario")
    criteria = object_at(task.get("evaluation_criteria") or {}, f"{where}/evaluation_criteria")
    place = f"{where}/evaluation_criteria/actions"
    gold = tuple(
        _gold(object_at(action, f"{place}/{i}"), f"{place}/{i}")
        for i, action in enumerate(list_at(criteria.get("actions") or [], place))
    )
    scores = (_REWARD,)
    expected = Expected(tool_calls=gold, tool_match="tau2", scores=scores)
    kept = {key: criteria[key] for key in criteria if key != "actions" and criteria[key]}
    return Case(
        id=case_id_at(task.get("id"), f"{where}/id"),
        input=_asked(scenario, where),
        expected=expected if gold else Expected(scores=scores),
        tags=("tau2",),
        metadata={"description": task.get("description"), "evaluation_criteria": kept},
    )


def _asked(scenario: dict[str, Json], where: str) -> str:
    """Write what the simulated user wants; the same words in every run of the task."""
    told = scenario.get("instructions")
    if isinstance(told, str):
        return told
    parts = object_at(told, f"{where}/user_scenario/instructions")
    lines = [f"{key}: {value}" for key, value in parts.items() if isinstance(value, str) and value]
    persona = text_or_none(scenario.get("persona"))
    return "\n\n".join([*lines, f"persona: {persona}"] if persona else lines)


def _gold(action: dict[str, Json], where: str) -> ExpectedCall:
    compared = action.get("compare_args")
    return ExpectedCall(
        name=text_at(action, "name", where),
        arguments=object_at(action.get("arguments") or {}, f"{where}/arguments"),
        compare_args=None if compared is None else tuple(map(str, list_at(compared, where))),
        requestor="user" if action.get("requestor") == "user" else "assistant",
    )


def _trace(row: dict[str, Json], where: str, run: Run, case_id: str) -> Trace:
    start = moment(row.get("start_time"))
    talk = steps_of(row.get("messages"), f"{where}/messages", run, start)
    reward = _reward(row.get("reward_info"))
    unfinished = reward.breakdown is None
    reason = text_or_none(row.get("termination_reason")) or "it was cut off"
    return Trace(
        case_id=case_id,
        trial=tokens_or_none(row.get("trial")) or 0,
        status="unfinished" if unfinished else "finished",
        error=f"no reward was given: {reason}" if unfinished else None,
        output=talk.output,
        steps=talk.steps,
        started_at=rfc3339(start),
        duration=number_or_none(row.get("duration")),
        agent_name=run.agent,
        cost_usd=_cost(talk.steps),
        scores=(
            RecordedScore(
                name=_REWARD,
                value=reward.value,
                source="tau2",
                metadata={"reward_breakdown": reward.breakdown},
            ),
        ),
        metadata=_kept(row),
    )


def _reward(info: Json) -> _Reward:
    breakdown = info.get("reward_breakdown") if isinstance(info, dict) else None
    parts = [] if not isinstance(breakdown, dict) else list(breakdown.values())
    factors = [number for part in parts if (number := number_or_none(part)) is not None]
    if not isinstance(breakdown, dict) or not parts or len(factors) != len(parts):
        return _Reward(0.0, None)
    return _Reward(prod(factors), breakdown)


def _cost(steps: tuple[Step, ...]) -> float | None:
    """Sum the costs of the agent's calls; unknown as soon as one is."""
    costs = [_known_cost(step) for step in steps if isinstance(step, LlmCall)]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known and len(known) == len(costs) else None


def _known_cost(call: LlmCall) -> float | None:
    has_tokens = bool(call.input_tokens or call.output_tokens)
    return None if call.cost_usd == 0 and has_tokens else call.cost_usd


def _kept(row: dict[str, Json]) -> dict[str, Json]:
    """Keep what has no field: ids, the user's cost, and tau2's own verdict on each gold action."""
    kept = {
        key: row[key]
        for key in ("id", "seed", "user_cost", "agent_cost", "termination_reason")
        if row.get(key) is not None
    }
    info = row.get("reward_info")
    checks = info.get("action_checks") if isinstance(info, dict) else None
    if isinstance(checks, list):
        verdicts = [check.get("action_match") for check in checks if isinstance(check, dict)]
        return kept | {"action_match": verdicts}
    return kept


def _notes(cases: list[Case], traces: list[Trace], moved: int) -> tuple[str, ...]:
    notes = ["times have no zone in the file and are taken as UTC"]
    if moved:
        notes.append(f"{moved} simulations were joined with their tasks by their action checks")
    unpriced = sum(trace.cost_usd is None for trace in traces)
    if unpriced:
        notes.append(f"{unpriced} of {len(traces)} trials have no cost, or 0 on calls with tokens")
    missing = len(cases) - len({trace.case_id for trace in traces})
    if missing:
        notes.append(f"{missing} tasks have no simulation in the file")
    cut = sum(trace.status != "finished" for trace in traces)
    if cut:
        notes.append(f"{cut} simulations are unfinished and count as failures")
    return tuple(notes)
