"""Has the judge changed? Recorded questions are asked again, with the same answers to judge."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from evalgate.errors import ConfigError, NoEvidence
from evalgate.judges.calibration import how_labelled, pick_judge
from evalgate.judges.judging import Judging, open_judges
from evalgate.judges.labelling import is_good
from evalgate.schema.judge import Evidence
from evalgate.schema.score import Broken, Score, Scored
from evalgate.stats.agreement import cohens_kappa
from evalgate.stats.intervals import mcnemar_two_sided
from evalgate.store.verdicts import StoredVerdict, read_verdicts, verdict_files
from evalgate.suite.environment import Environment
from evalgate.suite.plan import JudgeMode
from evalgate.suite.suite import Suite
from evalgate.text.counts import number_of

_ALPHA = 0.05
_CONTEXTLESS = ("selfcheck",)


@dataclass(frozen=True, slots=True)
class Drift:
    """How one score of a judge moved while the answers stayed the same."""

    score: str
    """The judge's own name of it."""
    n: int
    """Answers judged then and now."""
    abstained: int
    """Answers on which it abstained then or now; they are left out."""
    then: float
    """Mean of the recorded verdicts."""
    now: float
    """Mean of the fresh ones."""
    to_good: int
    """Answers that are good now and were not."""
    to_bad: int
    """Answers that were good and are not now."""
    kappa: float | None
    """Agreement of then and now; None where all are of one class."""
    p_value: float
    """Two-sided exact McNemar p of the moves."""

    @property
    def drifted(self) -> bool:
        """Whether chance does not explain the moves, at 5 %."""
        return self.p_value < _ALPHA


def measure_drift(
    suite: Suite, environment: Environment, *, judge: str | None, limit: int | None
) -> tuple[Drift, ...]:
    """Ask a judge again about the answers it has recorded verdicts on.

    Nothing is recorded: the verdicts that are on file stay.

    Args:
        suite: The suite.
        environment: Holds the judge's key.
        judge: The judge's name; None: the only one.
        limit: At most so many answers, the first by their digest; None: all.

    Raises:
        ConfigError: The judge's verdicts do not hold what it takes to ask again.
        NoEvidence: There is no recorded verdict of the judge as it is now, or one is broken.
    """
    name = pick_judge(suite, judge)
    config = suite.config.judges[name]
    if config.kind in _CONTEXTLESS:
        raise ConfigError(
            f"judge {name!r}: the samples of kind {config.kind} cannot be drawn again"
        )
    found: list[Drift] = []
    metrics = (config.metrics or ("faithfulness",)) if config.kind == "ragas" else (None,)
    for metric in metrics:
        one = config if metric is None else config.model_copy(update={"metrics": (metric,)})
        kind = config.kind if metric is None else f"ragas.{metric}"
        alone = replace(suite, config=suite.config.model_copy(update={"judges": {name: one}}))
        found.append(asyncio.run(_drift(alone, environment, (name, kind, limit))))
    return tuple(found)


async def _drift(
    suite: Suite, environment: Environment, asked: tuple[str, str, int | None]
) -> Drift:
    name, kind, limit = asked
    score, how = how_labelled(suite, name, None)
    async with open_judges(suite, environment, "replay") as before:
        recorded = _recorded(suite, before, kind)[:limit]
        if not recorded:
            raise NoEvidence(
                f"judge {name!r}: no verdict of its model, prompts and sampling is recorded",
                fix=f"evalgate run {suite.asked} --judge auto",
            )
        old = await _scores(before, recorded, score)
    async with open_judges(suite, environment, _FRESH) as after:
        new = await _scores(after, recorded, score)
    broken = [s.error for s in (*old, *new) if isinstance(s, Broken)]
    if broken:
        many = number_of(len(broken), "verdict is", "verdicts are")
        raise NoEvidence(
            f"judge {name!r}: {many} broken, so drift cannot be told: {broken[0]}",
        )
    pairs = [
        (a.value, b.value)
        for a, b in zip(old, new, strict=True)
        if isinstance(a, Scored) and isinstance(b, Scored)
    ]
    if not pairs:
        answers = number_of(len(recorded), "answer")
        raise NoEvidence(f"judge {name!r} abstained then or now on each of {answers}")
    abstained = len(recorded) - len(pairs)
    return _compared(score, pairs, (how.good_from, how.lower_is_better), abstained)


_FRESH: JudgeMode = "fresh"


def _recorded(suite: Suite, judging: Judging, kind: str) -> list[StoredVerdict]:
    """Return one verdict an answer, of the judge as it is now, by digest."""
    (one,) = judging.judges
    found = {
        verdict.entry.key: verdict
        for path in verdict_files(suite.verdicts)
        for verdict in read_verdicts(path)
        if verdict.entry.judge == kind
        and verdict.entry.model == one.judge.model
        and verdict.entry.prompt_digest == one.judge.prompt_digest
        and verdict.entry.draw == 0
    }
    return [found[key] for key in sorted(found)]


async def _scores(judging: Judging, recorded: list[StoredVerdict], score: str) -> list[Score]:
    (one,) = judging.judges
    judged = await asyncio.gather(
        *(one.on_evidence(v.case_id, _evidence(v.inputs)) for v in recorded)
    )
    return [each.scores[one.names[score]] for each in judged]


def _evidence(inputs: Mapping[str, object]) -> Evidence:
    return Evidence.model_validate(dict(inputs))


def _compared(
    score: str, pairs: list[tuple[float, float]], rule: tuple[float, bool], abstained: int
) -> Drift:
    good_from, lower = rule
    moves = [
        tuple(is_good(value, good_from, lower_is_better=lower) for value in pair) for pair in pairs
    ]
    table = [[moves.count((a, b)) for b in (True, False)] for a in (True, False)]
    to_bad, to_good = table[0][1], table[1][0]
    kappa = cohens_kappa(table)
    return Drift(
        score=score,
        n=len(pairs),
        abstained=abstained,
        then=sum(a for a, _ in pairs) / len(pairs),
        now=sum(b for _, b in pairs) / len(pairs),
        to_good=to_good,
        to_bad=to_bad,
        kappa=None if kappa is None else kappa[0],
        p_value=float(mcnemar_two_sided(to_good, to_bad)),
    )
