"""Whether a judge may be believed: calibration, the checks it leads to, drift."""

import asyncio
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evalgate.errors import ConfigError, NoEvidence
from evalgate.gate.checks.judges import JudgeUse, trust_checks
from evalgate.judges.judging import Judging, OpenJudge, open_judges
from evalgate.judges.labelling import EVERY_CRITERION, Asked, asked_about, is_good
from evalgate.metrics.judged import judge_scores, judged_metrics, labelled_score
from evalgate.metrics.metric import Metric
from evalgate.metrics.registry import METRICS
from evalgate.schema.canonical import digest
from evalgate.schema.config import JudgeConfig, Waived
from evalgate.schema.judge import Calibration, JudgeCalibration, LabelItem
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.schema.verdict import Check
from evalgate.stats.agreement import Agreement, agreement, confusion, self_consistency
from evalgate.store.labels import Labels, read_calibration, read_labels, write_calibration
from evalgate.suite.environment import Environment
from evalgate.suite.plan import JudgeMode
from evalgate.suite.suite import Suite
from evalgate.text.escape import cap
from evalgate.text.suggest import did_you_mean

if TYPE_CHECKING:
    from evalgate.schema.base import Json


_LISTED = 5
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What came of a calibration."""

    path: Path
    """The file it was saved in."""
    record: JudgeCalibration
    """The record."""
    enough: bool
    """Whether the judge may gate by it."""


def calibration_path(suite: Suite, config: JudgeConfig) -> Path:
    """Return where the calibration of a judge is kept: beside the baseline, unless configured."""
    if isinstance(config.calibration, str):
        return suite.policy_root / config.calibration
    return suite.baseline.with_name(f"{suite.name}.calibration.json")


def judge_uses(suite: Suite, judging: Judging) -> tuple[JudgeUse, ...]:
    """Describe the judges of a suite as its gate sees them."""
    metrics = {**METRICS, **judged_metrics(suite.config.judges)}
    return tuple(_use(suite, one, metrics) for one in judging.judges)


def _use(suite: Suite, one: OpenJudge, metrics: Mapping[str, Metric]) -> JudgeUse:
    own = {public: native for native, public in one.names.items()}
    waived = one.config.calibration
    return JudgeUse(
        suite=suite.name,
        name=one.name,
        model=one.judge.model,
        prompt_digest=one.judge.prompt_digest,
        config_digest=one.judge.config_digest,
        metrics={
            name: labelled_score(own[metric.score])
            for name, metric in metrics.items()
            if metric.score in own and metric.aggregate == "mean"
        },
        min_kappa=one.config.min_kappa,
        min_labels=one.config.min_labels,
        waived=waived.waived if isinstance(waived, Waived) else None,
    )


def suite_trust_checks(
    suite: Suite, judging: Judging, metrics: Mapping[str, Metric]
) -> tuple[Check, ...]:
    """State of every judged metric that gates whether its judge is trusted.

    Raises:
        DataError: A calibration is not readable.
    """
    known = {one.name: _calibrations(suite, one) for one in judging.judges}
    return trust_checks(judge_uses(suite, judging), known, suite.config.gate, metrics)


def _calibrations(suite: Suite, one: OpenJudge) -> Mapping[str, JudgeCalibration]:
    found = read_calibration(calibration_path(suite, one.config))
    return {} if found is None else found.judges.get(one.name, {})


def pick_judge(suite: Suite, name: str | None) -> str:
    """Return the judge that was asked for, or the only one.

    Raises:
        ConfigError: There is none, several, or none of the name.
    """
    names = tuple(suite.config.judges)
    if not names:
        raise ConfigError(
            f"suite {suite.name!r} has no judges", fix="name one under judges: in evalgate.yaml"
        )
    if name is None and len(names) > 1:
        raise ConfigError(
            f"suite {suite.name!r} has {len(names)} judges: {', '.join(names)}",
            fix=f"--judge {names[0]}",
        )
    if name is not None and name not in names:
        raise ConfigError(f"suite {suite.name!r}: no judge {name!r}{did_you_mean(name, names)}")
    return name or names[0]


def labelled_scores(suite: Suite, judge: str) -> tuple[str, ...]:
    """Return the scores of a judge that people label."""
    return tuple(dict.fromkeys(map(labelled_score, judge_scores(suite.config.judges)[judge])))


def how_labelled(suite: Suite, judge: str, score: str | None) -> tuple[str, Asked]:
    """Return the score of a judge that people label, and how.

    Args:
        suite: The suite.
        judge: The judge's name.
        score: The judge's own name of it; None: its first.

    Raises:
        ConfigError: The judge gives no such score.
    """
    config = suite.config.judges[judge]
    names = labelled_scores(suite, judge)
    if score is not None and score not in names:
        raise ConfigError(
            f"judge {judge!r} gives no {score!r}{did_you_mean(score, names)}",
            fix=f"--metric {names[0]}",
        )
    wanted = score or names[0]
    question = config.asked.get(wanted)
    if question is not None:
        return wanted, asked_about(wanted, question.asks, levels=bool(question.levels))
    asked = config.rubric or (EVERY_CRITERION if config.kind == "rubric" else None)
    return wanted, asked_about(wanted, asked, levels=bool(config.levels))


def calibrate(
    suite: Suite,
    environment: Environment,
    labels_path: Path,
    *,
    judge: str | None,
    mode: JudgeMode,
    repeats: int,
) -> Calibrated:
    """Measure a judge against labels, and save the record.

    Args:
        suite: The suite.
        environment: The machine.
        labels_path: Labels of people.
        judge: The judge's name; None: the only one.
        mode: Where verdicts come from.
        repeats: Times every answer is judged; the first counts, all of them tell how far the
            judge agrees with itself.

    Raises:
        DataError: The labels are not readable.
        NoEvidence: There is no label, or a verdict is broken.
    """
    name = pick_judge(suite, judge)
    labels = read_labels(labels_path)
    score, asked = how_labelled(suite, name, labels.header.metric)
    if not labels.labelled:
        fix = f"evalgate judge label {shlex.quote(str(labels_path))}"
        if all(item.skipped for item in labels.items):
            fix = f'remove "skipped" from its lines, then {fix}; or draw other answers'
        raise NoEvidence(f"{labels_path}: no answer is labelled", fix=fix)
    given, one = asyncio.run(_verdicts(suite, environment, name, (labels, mode, repeats)))
    public = one.names[score]
    rows = {item.id: [judged[public] for judged in each] for item, each in given}
    _refuse_broken(rows, name)
    record = _record(labels, rows, asked, one, (labels_path, score, repeats))
    path = calibration_path(suite, one.config)
    old = read_calibration(path) or Calibration(suite=suite.name)
    judges = {**old.judges, name: {**old.judges.get(name, {}), score: record}}
    write_calibration(path, old.model_copy(update={"judges": dict(sorted(judges.items()))}))
    enough = (
        record.kappa is not None
        and record.kappa >= one.config.min_kappa
        and record.n >= one.config.min_labels
    )
    return Calibrated(path, record, enough)


_Rows = list[tuple[LabelItem, list[Mapping[str, Score]]]]


async def _verdicts(
    suite: Suite, environment: Environment, name: str, asked: tuple[Labels, JudgeMode, int]
) -> tuple[_Rows, OpenJudge]:
    labels, mode, repeats = asked
    async with open_judges(suite, environment, mode) as judging:
        one = next(judge for judge in judging.judges if judge.name == name)

        async def all_draws(item: LabelItem) -> list[Mapping[str, Score]]:
            draws = (one.on_evidence(item.case_id, item.evidence, draw) for draw in range(repeats))
            return [judged.scores for judged in await asyncio.gather(*draws)]

        rows = await asyncio.gather(*map(all_draws, labels.labelled))
        return list(zip(labels.labelled, rows, strict=True)), one


def _refuse_broken(rows: Mapping[str, Sequence[Score]], name: str) -> None:
    """A calibration over what is left would be one of another judge."""
    broken = [
        f"  {item}: {cap(score.error, _SHOWN)}"
        for item, scores in rows.items()
        for score in scores
        if isinstance(score, Broken)
    ]
    if broken:
        more = f"\n  ... and {len(broken) - _LISTED} more" if len(broken) > _LISTED else ""
        listed = "\n".join(broken[:_LISTED])
        raise NoEvidence(
            f"judge {name!r}: {len(broken)} of its verdicts are broken:\n{listed}{more}",
            fix="evalgate judge calibrate LABELS --mode auto  (asks the judge; needs its key)",
        )


def _record(
    labels: Labels,
    rows: Mapping[str, Sequence[Score]],
    asked: Asked,
    one: OpenJudge,
    source: tuple[Path, str, int],
) -> JudgeCalibration:
    path, score, repeats = source
    pairs: list[tuple[bool, bool]] = []
    repeated: list[list[bool]] = []
    abstained = 0
    for item in labels.labelled:
        scores = rows[item.id]
        verdicts = [_good(s, asked) for s in scores if isinstance(s, Scored)]
        if item.label is None or isinstance(scores[0], Abstained):
            abstained += 1
            continue
        pairs.append((item.label >= asked.good_from, verdicts[0]))
        repeated.append(verdicts)
    found: Agreement = agreement(confusion(pairs))
    counts, interval = found.confusion, found.kappa_interval
    said: list[Json] = [
        {"id": item.id, "label": item.label, "evidence": item.evidence.model_dump(mode="json")}
        for item in labels.labelled
    ]
    return JudgeCalibration(
        metric=score,
        kind=one.judge.kind,
        model=one.judge.model,
        prompt_digest=one.judge.prompt_digest,
        config_digest=one.judge.config_digest,
        labels=path.name,
        labels_digest=digest(said),
        confusion=(counts.true_good, counts.false_good, counts.false_bad, counts.true_bad),
        accuracy=found.accuracy,
        kappa=found.kappa,
        kappa_low=None if interval is None else interval[0],
        kappa_high=None if interval is None else interval[1],
        sensitivity=found.sensitivity,
        specificity=found.specificity,
        self_consistency=self_consistency(repeated),
        repeats=repeats,
        abstained=abstained,
    )


def _good(score: Scored, asked: Asked) -> bool:
    return is_good(score.value, asked.good_from, lower_is_better=asked.lower_is_better)
