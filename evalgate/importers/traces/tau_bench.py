"""tau-bench results: a list of `{task_id, trial, reward, info, traj}`.

The gold actions of a task are those that change its database: an agent that only reads on the way
to them makes no mistake, so they are matched as `superset`. A task whose gold actions are none is
not judged by its calls. Success is the recorded reward: the database and the answers were checked
by tau-bench itself.

A record without `reward_info` was cut off before the user said goodbye. It counts as a failure.
"""

from typing import Final

from evalgate.errors import DataError
from evalgate.importers.imported import (
    Imported,
    Options,
    case_id_at,
    check_options,
    list_at,
    number_or_none,
    object_at,
    once,
    reading,
    text_at,
    tokens_or_none,
    unexpected,
)
from evalgate.importers.messages import conversation
from evalgate.importers.observed import unread_notes
from evalgate.schema.base import Json
from evalgate.schema.golden import Case, Expected, ExpectedCall
from evalgate.schema.trace import RecordedScore, Trace
from evalgate.text.counts import number_of

_REWARD: Final = "reward"
_CUT_OFF: Final = "the conversation was cut off before it ended"


def import_tau_bench(data: Json, options: Options) -> Imported:
    """Read the results of a tau-bench run.

    Args:
        data: The results file, parsed.
        options: `model`: the model that was run, which the file does not name.

    Returns:
        One case a task and one trace a record, whose score `reward` is the recorded one.

    Raises:
        DataError: For anything that is no tau-bench result, with its JSON pointer.
        ConfigError: For an unknown option.
    """
    check_options(options, ["model"])
    cases: dict[str, Case] = {}
    traces: list[Trace] = []
    seen: dict[tuple[str, int], str] = {}
    for index, row in enumerate(list_at(data, "")):
        where = f"/{index}"
        record = object_at(row, where)
        info = object_at(record.get("info"), f"{where}/info")
        with reading(where):
            case = _case(record, object_at(info.get("task"), f"{where}/info/task"), where)
            trace = _trace(case.id, record, info, where, options.get("model"))
        if cases.setdefault(case.id, case) != case:
            raise DataError(f"{where}/info/task: task {case.id!r} differs from an earlier record")
        once(seen, (case.id, trace.trial), where, f"trial {trace.trial} of {case.id!r}")
        traces.append(trace)
    return Imported(tuple(cases.values()), tuple(traces), _notes(cases, traces))


def _case(record: dict[str, Json], task: dict[str, Json], where: str) -> Case:
    number = case_id_at(record.get("task_id"), f"{where}/task_id")
    actions = list_at(task.get("actions"), f"{where}/info/task/actions")
    calls = tuple(
        _gold(object_at(action, f"{where}/info/task/actions/{i}"), f"{where}/info/task/actions/{i}")
        for i, action in enumerate(actions)
    )
    return Case(
        id=f"task-{number}",
        input=text_at(task, "instruction", f"{where}/info/task"),
        expected=Expected(tool_calls=calls, tool_match="superset", scores=(_REWARD,))
        if calls
        else Expected(scores=(_REWARD,)),
        tags=("tau-bench",),
        metadata={key: task[key] for key in ("user_id", "outputs") if key in task},
    )


def _gold(action: dict[str, Json], where: str) -> ExpectedCall:
    arguments = object_at(action.get("kwargs", {}), f"{where}/kwargs")
    return ExpectedCall(name=text_at(action, "name", where), arguments=arguments)


def _trace(
    case_id: str, record: dict[str, Json], info: dict[str, Json], where: str, model: str | None
) -> Trace:
    talk = conversation(record.get("traj"), f"{where}/traj", model=model)
    reward = number_or_none(record.get("reward"))
    if reward is None:
        raise unexpected(record.get("reward"), f"{where}/reward", "a number")
    finished = info.get("reward_info") is not None
    scored = RecordedScore(name=_REWARD, value=reward if finished else 0.0, source="tau-bench")
    kept = {key: info[key] for key in ("source", "user_cost") if info.get(key) is not None}
    return Trace(
        case_id=case_id,
        trial=tokens_or_none(record.get("trial")) or 0,
        status="finished" if finished else "unfinished",
        error=None if finished else _CUT_OFF,
        output=talk.output,
        steps=talk.steps,
        scores=(scored,),
        metadata=kept,
    )


def _notes(cases: dict[str, Case], traces: list[Trace]) -> tuple[str, ...]:
    notes = ["tau-bench records neither tokens, cost nor times: these metrics are unknown"]
    free = sum(case.expected.tool_calls is None for case in cases.values())
    if free:
        lack = number_of(free, "task has no gold action", "tasks have no gold action")
        notes.append(f"{lack}: tool calls are not judged there")
    cut = sum(trace.status != "finished" for trace in traces)
    if cut:
        one, more = "record was cut off and counts as a failure", "records were cut off and count"
        notes.append(number_of(cut, one, f"{more} as failures"))
    return (*notes, *unread_notes(traces))
