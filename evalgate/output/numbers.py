"""Numbers as people write them: values with their unit, changes and limits in words."""

from evalgate.schema.verdict import Check, Interval, Outcome
from evalgate.text.counts import percent_text, plain_text

_TIMES = ("retry_amplification", "completion_inflation")
"""Ratios that are no shares: 1 is one to one."""
_TINY = 0.0005
"""A relative change below it rounds to 0.0 %."""


def amount(value: float | None, unit: str | None) -> str:
    """Write a value with its unit; null is `unknown`, never 0.

    Args:
        value: The value.
        unit: Its unit; a share (`ratio`) up to 1 is written in percent.
    """
    if value is None:
        return "unknown"
    match unit:
        case "USD":
            return f"${plain_text(value)}"
        case "s" | "min":
            return f"{plain_text(value)} {unit}"
        case "ratio" if abs(value) <= 1:
            return percent_text(value)
        case _:
            return plain_text(value)


def unit_of(name: str, unit: str | None) -> str | None:
    """Return the unit a metric is written in: ratios that are no shares have none."""
    return None if unit == "ratio" and any(part in name for part in _TIMES) else unit


def change_text(check: Check) -> str:
    """Say how far a value moved and whether that is good: `5.8 % worse`."""
    if check.change is None:
        if check.baseline is None or check.candidate is None:
            return ""
        rise = check.candidate - check.baseline
        way = "up" if rise > 0 else "down"
        return "no change" if rise == 0 else f"{way} from 0" if check.baseline == 0 else ""
    said = _worse(check.change)
    if check.direction is None:  # nobody said which way is better
        said = said.replace("worse", "lower").replace("better", "higher")
    return said


def _worse(change: float) -> str:
    if change == 0:
        return "no change"
    word = "worse" if change > 0 else "better"
    if abs(change) < _TINY:
        return f"under 0.1 % {word}"
    percent = abs(change) * 100
    return f"{percent:,.0f} % {word}" if percent >= 100 else f"{percent_text(abs(change))} {word}"


def interval_text(interval: Interval) -> str:
    """Write an interval of a change in the words of the change: `2.1 % better to 9 % worse`."""
    low, high = interval.low, interval.high
    if low is None and high is None:
        return "any change"
    if low is None:
        return f"at most {_worse(high or 0)}"
    if high is None:
        return f"{_worse(low)} or more" if low > 0 else f"{_worse(low)} to any worse"
    first, last = _worse(low), _worse(high)
    if first == last:
        return first
    word = first.rpartition(" ")[2]
    return f"{first.removesuffix(f' {word}') if last.endswith(word) else first} to {last}"


def limit_text(check: Check) -> str:
    """Say from which change, or at which value, a check fails; empty where there is no number."""
    unit = unit_of(check.id, check.unit)
    if check.threshold is None:
        return "any loss" if check.gate == "zero" and check.kind == "relative" else ""
    if check.kind == "limit":
        word = "at most" if check.id.endswith(".max") else "at least"
        return f"{word} {amount(check.threshold, unit)}"
    if check.kind == "relative" and check.gate == "zero":
        return "any loss"
    if check.threshold_unit == "relative":
        return percent_text(check.threshold)
    if check.threshold_unit == "points":
        if check.unit == "ratio":
            return f"{plain_text(check.threshold * 100)} points"
        return amount(check.threshold, unit)
    if check.kind == "stress":
        return amount(check.threshold, unit)
    return f"at least {amount(check.threshold, unit)}"


def move_text(check: Check) -> str:
    """Write in one line what a check found: values, change, limit."""
    unit = unit_of(check.id, check.unit)
    now = amount(check.candidate, unit)
    limit = limit_text(check)
    if check.baseline is None:
        return f"{now}, limit {limit}" if limit else now
    change = change_text(check)
    told = f"{amount(check.baseline, unit)} -> {now}" + (f", {change}" if change else "")
    return f"{told}, limit {limit}" if limit else told


def _settled_text(outcome: Outcome, *, settled: bool) -> str:
    """Say what it means that noise leaves the outcome open: another thing for a fail and a pass."""
    if settled:
        return "settled"
    if outcome == "fail":
        return "not settled: noise can explain it"
    return "not settled: a loss over the limit is not excluded"


def noise_text(check: Check) -> str:
    """Write what statistics say of a check, in one short line; empty without noise."""
    parts = []
    if check.interval_80 is not None:  # the one that settles
        parts.append(f"80 % interval: {interval_text(check.interval_80)}")
    elif check.interval_90 is not None:
        parts.append(f"90 % interval: {interval_text(check.interval_90)}")
    if check.p_value is not None:
        parts.append("p below 0.001" if check.p_value < 0.001 else f"p {check.p_value:.3f}")
    if check.settled is not None:
        parts.append(_settled_text(check.outcome, settled=check.settled))
    quality = check.quality
    if quality is not None and quality.false_alarm_rate is not None:
        parts.append(f"false alarms {percent_text(quality.false_alarm_rate)}")
    if quality is not None and quality.detects_10_percent is not None:
        parts.append(f"catches a 10 % drop {percent_text(quality.detects_10_percent)} of the time")
    if quality is not None and quality.trials_for_5_percent is not None:
        parts.append(f"5 % false alarms need {quality.trials_for_5_percent} trials a case")
    return ", ".join(parts)
