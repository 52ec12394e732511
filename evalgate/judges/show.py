"""What is known of a suite's judges: calibration, corrected shares of a run, mutual agreement."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from evalgate.gate.checks.judges import JudgeUse, distrust
from evalgate.judges.calibration import (
    calibration_path,
    how_labelled,
    judge_uses,
    labelled_scores,
    pick_judge,
)
from evalgate.judges.judging import open_judges
from evalgate.judges.labelling import Asked, is_good
from evalgate.metrics.judged import judge_scores
from evalgate.schema.judge import JudgeCalibration
from evalgate.schema.result import TrialResult
from evalgate.schema.score import Score, Scored
from evalgate.stats.agreement import Confusion, agreement, confusion, corrected_share
from evalgate.store.labels import read_calibration
from evalgate.store.run_lines import iter_trials
from evalgate.store.runs import find_run
from evalgate.suite.environment import Environment
from evalgate.suite.suite import Suite
from evalgate.text.counts import number_of


def show_judges(suite: Suite, run: str | None, environment: Environment) -> Iterator[str]:
    """Say of every judge of a suite how far it is trusted, and of a run what that means.

    Args:
        suite: The suite.
        run: A run folder, its id or `latest`: shares of good answers are corrected for the
            judge's errors, and judges of one score are compared; None: neither.
        environment: Holds the secrets that nobody is shown.

    Raises:
        ConfigError: The suite has no judges.
        InputError: The run is not there, or a file is not readable.
    """
    if not suite.config.judges:
        pick_judge(suite, None)
    trials = () if run is None else tuple(iter_trials(find_run(suite.runs, run)))
    for use in asyncio.run(_uses(suite, environment)):
        config = suite.config.judges[use.name]
        yield f"{use.name}: {config.kind}, {config.model}"
        found = read_calibration(calibration_path(suite, config))
        records = {} if found is None else found.judges.get(use.name, {})
        for record in records.values():
            yield f"  {calibration_line(record)}"
            problem = distrust(use, record)
            if problem is not None:
                yield f"    not enough to gate by: it {problem}"
        if use.waived is not None:
            yield f"  waived: {use.waived}"
        elif not records:
            yield "  not calibrated"
        # The errors of another model, or of other prompts, say nothing of this judge's.
        own = {k: v for k, v in records.items() if v.config_digest == use.config_digest}
        for score in labelled_scores(suite, use.name):
            yield from _shares(suite, use.name, score, (own, trials))
    yield from _mutual(suite, trials)


async def _uses(suite: Suite, environment: Environment) -> tuple[JudgeUse, ...]:
    async with open_judges(suite, environment, "off") as judging:
        return judge_uses(suite, judging)


def calibration_line(record: JudgeCalibration) -> str:
    """Say in one line how a judge agrees with people."""
    interval = (
        f" (95 %: {record.kappa_low:.2f} to {record.kappa_high:.2f})"
        if record.kappa_low is not None and record.kappa_high is not None
        else ""
    )
    labels = number_of(record.n, "label")
    parts = [
        f"{record.metric}: kappa {_number(record.kappa)}{interval} on {labels}",
        f"accuracy {_number(record.accuracy)}",
        f"sensitivity {_number(record.sensitivity)}",
        f"specificity {_number(record.specificity)}",
    ]
    if record.self_consistency is not None:
        times = number_of(record.repeats, "time")
        parts.append(f"self-consistency {_number(record.self_consistency)} ({times})")
    if record.abstained:
        parts.append(f"abstained on {record.abstained}")
    return ", ".join(parts)


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def _shares(
    suite: Suite,
    judge: str,
    score: str,
    known: tuple[Mapping[str, JudgeCalibration], Sequence[TrialResult]],
) -> Iterator[str]:
    records, trials = known
    asked = how_labelled(suite, judge, score)[1]
    public = judge_scores(suite.config.judges)[judge][score]
    verdicts = [_good(s, asked) for s in _column(trials, public) if isinstance(s, Scored)]
    record = records.get(score)
    if not verdicts:
        return
    good, n = sum(verdicts), len(verdicts)
    yield f"  {public}: {good} of {number_of(n, 'answer')} good ({good / n:.3f})"
    corrected = None if record is None else corrected_share(good, n, Confusion(*record.confusion))
    if corrected is None:
        yield "    not corrected: the judge's errors are unknown, or it is no better than chance"
    else:
        low, high = corrected.interval
        yield f"    corrected for its errors: {corrected.share:.3f} (95 %: {low:.3f} to {high:.3f})"


def _good(score: Scored, asked: Asked) -> bool:
    return is_good(score.value, asked.good_from, lower_is_better=asked.lower_is_better)


def _column(trials: Iterable[TrialResult], name: str) -> list[Score | None]:
    return [trial.scores.get(name) for trial in trials]


def _mutual(suite: Suite, trials: Sequence[TrialResult]) -> Iterator[str]:
    names = judge_scores(suite.config.judges)
    for first, second in combinations(names, 2):
        for score in names[first].keys() & names[second].keys():
            if score in ("hallucination", "goal_success"):
                continue
            asked = how_labelled(suite, first, score)[1]
            columns = (_column(trials, names[judge][score]) for judge in (first, second))
            pairs = [
                (a.value, b.value)
                for a, b in zip(*columns, strict=True)
                if isinstance(a, Scored) and isinstance(b, Scored)
            ]
            if pairs:
                yield _pair_line(f"{first} and {second} on {score}", pairs, asked)


def _pair_line(who: str, pairs: Sequence[tuple[float, float]], asked: Asked) -> str:
    both = [tuple(_good(Scored(value), asked) for value in pair) for pair in pairs]
    found = agreement(confusion((a, b) for a, b in both))
    apart = sum(abs(a - b) for a, b in pairs) / len(pairs)
    return (
        f"{who}: kappa {_number(found.kappa)}, equal verdicts {_number(found.accuracy)}, "
        f"mean difference {apart:.3f}, on {number_of(len(pairs), 'answer')}"
    )
