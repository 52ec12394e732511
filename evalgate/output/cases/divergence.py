"""Where a case leaves its baseline, in one line."""

from evalgate.matching.alignment import align, diverges_at
from evalgate.output.cases.details import RunDetails, counterpart
from evalgate.output.cases.rows import CaseRow, is_failed
from evalgate.output.cases.steps import step_changes, view_step


def divergence_text(row: CaseRow, details: RunDetails) -> str | None:
    """Say where the first failed trial of a case leaves the baseline's; hostile text.

    Returns:
        None where a trace is missing, or the two do the same.
    """
    trial = next((t for t in (row.case.trials if row.case else ()) if is_failed(t)), None)
    if trial is None or details.other is None:
        return None
    before = counterpart(details.other, row.id, trial.trial)
    now = details.traces.get((row.id, trial.trial))
    old = None if before is None else details.other.traces.get((row.id, before.trial))
    if now is None or old is None:
        return None
    rows = align(old.steps, now.steps)
    first = diverges_at(rows, old.steps, now.steps)
    if first is None:
        return None
    at = rows[first]
    was = None if at.before is None else old.steps[at.before]
    step = None if at.after is None else now.steps[at.after]
    if step is None:
        return None if was is None else f"no more: {view_step(was, details.book).head}"
    head = view_step(step, details.book).head
    if was is None:
        return f"new: {head}"
    return f"{head}: {'; '.join(step_changes(was, step))}"
