"""The human share of the loop: answers drawn blind from a run, and labels given to them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from evalgate.errors import InputError, NoEvidence
from evalgate.judges.calibration import how_labelled, pick_judge
from evalgate.judges.labelling import draw_stratified
from evalgate.metrics.judged import judge_scores
from evalgate.schema.judge import LabelHeader, LabelItem
from evalgate.schema.score import Scored
from evalgate.scorers.contexts import evidence_of
from evalgate.store.golden_sets.golden import GoldenSet, load_golden
from evalgate.store.labels import Labels, read_labels, write_labels
from evalgate.store.reports import read_reports
from evalgate.store.run_lines import iter_traces, iter_trials
from evalgate.store.runs import REPORT, find_run, read_manifest
from evalgate.suite.suite import Suite

Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Sampled:
    """What was drawn."""

    path: Path
    """The file of labels."""
    drawn: int
    """Answers in it."""
    judged: int
    """Answers of the run that the judge scored, and whose cases still ask the same."""
    changed: tuple[str, ...] = ()
    """Cases that ask something else since the run, or are gone: none of theirs is drawn."""


def sample_labels(
    suite: Suite,
    run: str,
    path: Path,
    *,
    draw: tuple[float, int],
    judge: str | None,
    score: str | None,
) -> Sampled:
    """Draw judged answers of a run for people to label; the verdicts are not in the file.

    Args:
        suite: The suite.
        run: A run folder, its id, or `latest`.
        path: The file to write; an old one is not overwritten.
        draw: The share to draw of each range of the score, and the seed.
        judge: The judge's name; None: the only one.
        score: The judge's own name of the score; None: its first.

    Raises:
        InputError: The file exists.
        NoEvidence: The run holds no score of the judge.
    """
    if path.exists():
        raise InputError(
            f"{path}: there is such a file, and it may hold labels", fix="choose another --output"
        )
    rate, seed = draw
    name = pick_judge(suite, judge)
    native, asked = how_labelled(suite, name, score)
    public = judge_scores(suite.config.judges)[name][native]
    folder = find_run(suite.runs, run)
    golden = load_golden(suite.golden)
    changed = _changed(golden, folder)
    scored = [one for one in _scored(suite, folder, public) if one[0][0] not in changed]
    if not scored:
        raise NoEvidence(
            f"{folder}: every case that was judged asks something else in {golden.path} by now, "
            "so its answer cannot be shown beside its question",
            fix=f"evalgate run {suite.asked} --judge auto",
        )
    drawn = draw_stratified(sorted(scored), rate, seed)
    header = LabelHeader(
        metric=native,
        scale=asked.scale,
        instruction=asked.instruction,
        run=folder.name,
        rate=rate,
        seed=seed,
    )
    write_labels(path, Labels(header, _items(golden, folder, drawn)))
    return Sampled(path, len(drawn), len(scored), changed)


def _changed(golden: GoldenSet, folder: Path) -> tuple[str, ...]:
    """Name the cases of a run that are not those of the golden set; all where nobody knows."""
    if read_manifest(folder).golden_digest == golden.digest:
        return ()
    if not (folder / REPORT).exists():
        return tuple(golden.digests)
    cases = [case for stored in read_reports(folder) for case in stored.report.cases]
    return tuple(case.id for case in cases if golden.digests.get(case.id) != case.digest)


def _scored(suite: Suite, folder: Path, score: str) -> list[tuple[Key, float]]:
    """Return the trials that have the score, and its value.

    A trial that was not measured has one only of its user's judge.
    """
    scored = [
        ((trial.case_id, trial.trial), found.value)
        for trial in iter_trials(folder)
        if isinstance(found := trial.scores.get(score), Scored)
        and trial.status in ("finished", "not_measured")
    ]
    if not scored:
        raise NoEvidence(
            f"{folder}: no finished trial has a score {score!r}",
            fix=f"evalgate run {suite.asked} --judge auto",
        )
    return scored


def _items(golden: GoldenSet, folder: Path, drawn: Iterable[Key]) -> tuple[LabelItem, ...]:
    keys = tuple(drawn)
    cases = {case.id: case for case in golden.cases}
    traces = {(trace.case_id, trace.trial): trace for trace in iter_traces(folder, set(keys))}
    lost = [key for key in keys if key not in traces or key[0] not in cases]
    if lost:
        raise NoEvidence(
            f"{folder}: trial {lost[0][1]} of case {lost[0][0]!r} has no trace, or the golden set "
            f"no such case ({len(lost)} in all)"
        )
    return tuple(
        LabelItem(
            id=f"{case_id}#{trial}",
            case_id=case_id,
            trial=trial,
            evidence=evidence_of(cases[case_id], traces[case_id, trial]),
        )
        for case_id, trial in keys
    )


class Labelling:
    """A file of labels that is being filled; every label is on disk before the next question."""

    def __init__(self, path: Path, labels: Labels, by: str | None) -> None:
        """Use `open_labelling`."""
        self.path = path
        """The file."""
        self.labels = labels
        """Its content."""
        self._by = by

    @property
    def left(self) -> tuple[LabelItem, ...]:
        """Answers that are neither labelled nor skipped."""
        return tuple(i for i in self.labels.items if i.label is None and not i.skipped)

    def answer(self, item: LabelItem, text: str) -> str | None:
        """Take what a person typed.

        Args:
            item: The answer that was shown.
            text: `y`, `n`, a level, or `s` to skip.

        Returns:
            None where it was understood and saved; else what is expected.

        Raises:
            InputError: The file cannot be written.
        """
        given = _LABELS[self.labels.header.scale].get(text.strip().lower())
        skipped = text.strip().lower() in ("s", "skip")
        if given is None and not skipped:
            return _EXPECTED[self.labels.header.scale]
        new = item.model_copy(update={"label": given, "skipped": skipped, "by": self._by})
        items = tuple(new if old.id == item.id else old for old in self.labels.items)
        self.labels = replace(self.labels, items=items)
        write_labels(self.path, self.labels)
        return None


_LABELS = {
    "yes_no": {"y": 1.0, "yes": 1.0, "1": 1.0, "n": 0.0, "no": 0.0, "0": 0.0},
    "1-5": {str(level): float(level) for level in range(1, 6)},
}
_EXPECTED = {
    "yes_no": "expected y, n, s (skip) or q (quit)",
    "1-5": "expected 1 to 5, s (skip) or q (quit)",
}


def open_labelling(path: Path, by: str | None) -> Labelling:
    """Open a file of labels, to go on where it was left.

    Raises:
        DataError: It is none.
    """
    return Labelling(path, read_labels(path), by)
