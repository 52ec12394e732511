"""What is written down about judges: verdicts, labels of people, calibrations.

Verdicts (`evalgate.verdicts/1`, JSONL, one file a case): a header, then the long texts that were
judged, each once, then one line a call of a judge. Labels (`evalgate.labels/1`, JSONL): a header,
then one line an answer. Calibrations (`evalgate.calibration/1`, JSON): one record a judge and
metric.
"""

from typing import Annotated, Literal

from pydantic import Field

from evalgate.schema.base import Json, Model, Ratio, Tokens

VERDICTS: Literal["evalgate.verdicts/1"] = "evalgate.verdicts/1"
LABELS: Literal["evalgate.labels/1"] = "evalgate.labels/1"
CALIBRATION: Literal["evalgate.calibration/1"] = "evalgate.calibration/1"

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class Evidence(Model):
    """What a judge may be shown of one answer."""

    question: str = ""
    """What the user said."""
    answer: str = ""
    """The final answer."""
    contexts: tuple[str, ...] = ()
    """What the answer may rely on."""
    reference: str | None = None
    """The answer that was expected, where the case names one."""
    criteria: tuple[str, ...] | None = None
    """What has to be true of a good answer, where the case says so."""
    conversation: tuple[dict[str, Json], ...] = ()
    """What was said and done, in order: `role`, and `content` or `tool_calls` (name, args)."""
    expected_calls: tuple[dict[str, Json], ...] | None = None
    """Tool calls (name, args) that were expected; null: none are."""
    script: Annotated[str | None, Field(exclude_if=lambda script: script is None)] = None
    """What a simulated user was told to want and to know; null, and not written: there is none."""


class VerdictHeader(Model):
    """The first line of a file of verdicts."""

    schema_: Literal["evalgate.verdicts/1"] = Field(default=VERDICTS, alias="schema")
    """The format's version."""
    case_id: Annotated[str, Field(min_length=1)]
    """The case whose answers were judged."""


class TextEntry(Model):
    """A text that verdicts of this file name by its digest."""

    kind: Literal["text"] = "text"
    """Names the kind of line."""
    id: Digest
    """Digest of `text`."""
    text: str
    """The text."""


class VerdictEntry(Model):
    """One call of a judge and what it replied."""

    kind: Literal["verdict"] = "verdict"
    """Names the kind of line."""
    judge: str
    """Kind of the judge."""
    key: Digest
    """Digest of all that the reply depends on: judge, model, prompt, sampling, draw, inputs."""
    model: str
    """The model that was asked."""
    prompt_digest: Digest
    """Digest of the prompt."""
    sampling: dict[str, Json] = {}
    """Sampling parameters."""
    draw: Tokens = 0
    """Number of the draw, where one question is asked several times."""
    inputs: dict[str, Json]
    """What was judged; `contexts` holds the digests of their texts."""
    reply: dict[str, Json]
    """What the judge replied, once it had the asked form."""


LabelScale = Literal["yes_no", "1-5"]
"""How a person answers."""


class LabelHeader(Model):
    """The first line of a file of labels."""

    schema_: Literal["evalgate.labels/1"] = Field(default=LABELS, alias="schema")
    """The format's version."""
    metric: str
    """The judge's score that is labelled, e.g. `faithfulness`."""
    scale: LabelScale = "yes_no"
    """`yes_no`: 1 or 0; `1-5`: a level."""
    instruction: str = ""
    """The question a person answers."""
    run: str | None = None
    """The run the answers come from."""
    rate: Ratio | None = None
    """The share of it that was drawn."""
    seed: int | None = None
    """The seed it was drawn with."""


class LabelItem(Model):
    """One answer for a person to label; holds no verdict."""

    id: Annotated[str, Field(min_length=1)]
    """Unique in the file."""
    case_id: str
    """The case."""
    trial: Tokens = 0
    """Number of the trial, from 0."""
    evidence: Evidence
    """What is labelled."""
    label: Annotated[float, Field(ge=0, le=5)] | None = None
    """The label; null: not labelled yet."""
    skipped: bool = False
    """Whether a person could not tell."""
    by: str | None = None
    """Who labelled it."""
    note: str | None = None
    """A remark."""


class JudgeCalibration(Model):
    """Agreement of one judge with people on one metric; a null measure cannot be computed."""

    metric: str
    """The metric."""
    kind: str
    """Kind of the judge."""
    model: str
    """Its model."""
    prompt_digest: Digest
    """Digest of its prompt."""
    config_digest: str
    """Digest of model, prompt and sampling."""
    labels: str
    """File of the labels."""
    labels_digest: Digest
    """Digest of the labels that were used."""
    confusion: tuple[Tokens, Tokens, Tokens, Tokens]
    """Label good and verdict good, bad and good, good and bad, bad and bad."""
    accuracy: Ratio | None
    """Equal verdicts over all."""
    kappa: Annotated[float, Field(ge=-1, le=1)] | None
    """Cohen's kappa."""
    kappa_low: float | None
    """Lower end of its 95 % interval."""
    kappa_high: float | None
    """Upper end of its 95 % interval."""
    sensitivity: Ratio | None
    """Good verdicts over good labels."""
    specificity: Ratio | None
    """Bad verdicts over bad labels."""
    self_consistency: Ratio | None
    """Chance that two verdicts on one answer agree; null: asked once."""
    repeats: Annotated[int, Field(ge=1)] = 1
    """Times every answer was judged."""
    abstained: Tokens = 0
    """Labelled answers on which the judge has nothing to say; not in the counts."""

    @property
    def n(self) -> int:
        """Labelled answers that count."""
        return sum(self.confusion)


class Calibration(Model):
    """The calibrations of the judges of one suite."""

    schema_: Literal["evalgate.calibration/1"] = Field(default=CALIBRATION, alias="schema")
    """The format's version."""
    suite: str
    """The suite's name."""
    judges: dict[str, dict[str, JudgeCalibration]] = {}
    """By name of the judge, then by metric."""
