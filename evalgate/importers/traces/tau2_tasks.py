"""Which task a simulation of tau2 ran: by id, or by place, as its own action checks say."""

from collections.abc import Mapping, Sequence
from typing import Final

from evalgate.errors import DataError
from evalgate.importers.imported import list_at
from evalgate.schema.base import Json
from evalgate.schema.canonical import canonical_bytes
from evalgate.schema.golden import Case

_FIX: Final = "give each simulation the id of its task as `task_id`"


def join_tasks(
    rows: Sequence[dict[str, Json]], cases: Sequence[Case], tasks: Sequence[dict[str, Json]]
) -> list[Case]:
    """Return the case of each simulation.

    Some results number their tasks from 0 where the tasks have other ids. The gold actions that a
    simulation was checked against tell which it is; simulations without checks follow the others.

    Args:
        rows: The simulations.
        cases: The case of each task, in the order of the file.
        tasks: The tasks.

    Raises:
        DataError: For a simulation of no task, or one that cannot be joined.
    """
    gold = [_gold(task) for task in tasks]
    checks = [_checked(row) for row in rows]
    by_id = [_by_id(row, cases) for row in rows]
    by_place = [_by_place(row, cases) for row in rows]
    for found in (by_id, by_place):
        told = [(at, check) for at, check in zip(found, checks, strict=True) if check is not None]
        agree = all(at is not None and gold[at] == check for at, check in told)
        # A number that is no id is a place only where some check says so.
        if agree and None not in found and (found is by_id or told):
            return [cases[at] for at in found if at is not None]
    return [
        cases[_alone(number, row, (by_id[number], checks[number]), gold)]
        for number, row in enumerate(rows)
    ]


def _alone(
    number: int,
    row: Mapping[str, Json],
    told: tuple[int | None, bytes | None],
    gold: Sequence[bytes],
) -> int:
    """Join one simulation: by its id if its checks agree, else by its checks if they are unique."""
    at, check = told
    if at is not None and check in (None, gold[at]):
        return at
    same = [place for place, wanted in enumerate(gold) if wanted == check]
    if len(same) == 1:
        return same[0]
    place, found = f"/simulations/{number}/task_id", repr(row.get("task_id"))
    if at is None:
        why = "which is no task of the file" if check is None else "which its checks do not tell"
        raise DataError(f"{place}: found {found}, {why}", fix=_FIX)
    raise DataError(
        f"{place}: found {found}, but the action checks are those of another task", fix=_FIX
    )


def _by_id(row: Mapping[str, Json], cases: Sequence[Case]) -> int | None:
    named = row.get("task_id")
    text = str(named) if isinstance(named, int) and not isinstance(named, bool) else named
    return next((at for at, case in enumerate(cases) if case.id == text), None)


def _by_place(row: Mapping[str, Json], cases: Sequence[Case]) -> int | None:
    named = row.get("task_id")
    if isinstance(named, str) and named.isascii() and named.isdigit() and len(named) < 10:
        named = int(named)
    is_place = isinstance(named, int) and not isinstance(named, bool) and 0 <= named < len(cases)
    return named if is_place and isinstance(named, int) else None


def _gold(task: Mapping[str, Json]) -> bytes:
    criteria = task.get("evaluation_criteria")
    actions = criteria.get("actions") if isinstance(criteria, dict) else None
    return _digest(list_at(actions or [], "/tasks/evaluation_criteria/actions"))


def _checked(row: Mapping[str, Json]) -> bytes | None:
    """Return the gold actions a simulation was checked against; null where none were."""
    info = row.get("reward_info")
    checks = info.get("action_checks") if isinstance(info, dict) else None
    if not isinstance(checks, list):
        return None
    return _digest([check.get("action") if isinstance(check, dict) else None for check in checks])


def _digest(actions: list[Json]) -> bytes:
    known: list[Json] = [
        [action.get("name"), action.get("arguments") or {}, action.get("requestor") or "assistant"]
        if isinstance(action, dict)
        else None
        for action in actions
    ]
    return canonical_bytes(known)
