"""A baseline: the committed file a candidate is compared with, `evalgate.baseline/1`.

Columns of a case hold one entry a trial, or a single entry where all trials agree. Binary scores
are a string of `0` and `1`; other scores a list of numbers with 4 significant digits. In both,
`-` is abstained, `?` unknown and `!` broken.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from evalgate.schema.base import Model, NonNegative, Number, Weight
from evalgate.schema.result import Pricing, Subject, Unit
from evalgate.schema.status import TraceStatus
from evalgate.schema.verdict import Direction

Column = str | tuple[Number | Literal["-", "?", "!"], ...]
"""The scores of one case under one name."""


class BaselineSuite(Model):
    """What was run."""

    id: str
    """The suite's name."""
    golden_digest: str
    """Digest of the golden set."""
    cases: int
    """Cases in it."""
    trials: Annotated[int, Field(ge=0, le=1_000_000)]
    """Trials a case (the smallest)."""
    noise: Literal["trials", "none"] = "trials"
    """Whether trials vary."""


class BaselineJudge(Model):
    """The judge whose verdicts the scores hold."""

    model: str | None = None
    """Its model."""
    prompt_digest: str | None = None
    """Digest of its prompts."""


class BaselineMetric(Model):
    """A metric over the whole baseline; recomputed on load where its column is kept."""

    direction: Direction
    """Which way is better."""
    unit: Unit
    """Its unit."""
    mean: Number
    """The aggregate, 4 significant digits."""
    se: NonNegative | None = None
    """Standard error over trials; null is unknown."""
    n: int | None = None
    """Cases with a value."""


class Provenance(Model):
    """Where the baseline comes from."""

    created: str
    """RFC 3339 time."""
    ci_run: str | None = None
    """Link or id of the CI run."""
    reason: str
    """Why it was made."""
    forced: tuple[str, ...] = ()
    """Rules that `--force` overrode."""


class BaselineCase(Model):
    """One case; every further field is a column of scores, by the score's name."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Column] = Field(init=False)

    digest: str
    """Digest of what the case asks."""
    weight: Weight = 1.0
    """Weight in every mean."""
    cluster: str | None = None
    """Its cluster."""
    must_pass: bool = False
    """Whether its confirmed failure alone fails the gate."""
    zero_tolerance: bool = False
    """Whether a single failed trial does."""
    expects_refusal: bool = False
    """Whether declining is right."""
    status: dict[str, TraceStatus] = Field(default_factory=dict)
    """How the trials ended that did not finish, by number of the trial."""
    tokens: tuple[tuple[int | None, int | None, int | None], ...] = ()
    """Input, output and cached tokens, one entry a trial or one for all."""
    calls: tuple[tuple[str, ...], ...] = ()
    """Names of the tool calls, one entry a trial or one for all."""
    recording: tuple[str | None, ...] = ()
    """Digests of the recordings of its model calls, one entry a trial or one for all; empty or
    null: unknown."""


class Baseline(Model):
    """The committed reference of one suite."""

    schema_: Literal["evalgate.baseline/1"] = Field(default="evalgate.baseline/1", alias="schema")
    """The format's version."""
    suite: BaselineSuite
    """What was run."""
    subject: Subject = Subject.model_construct()
    """What was judged."""
    judge: BaselineJudge | None = None
    """The judge, where one was asked."""
    scorers: dict[str, str] = Field(default_factory=dict)
    """`version:config digest` of each scorer, by name."""
    pricing: Pricing | None = None
    """The price table."""
    environment: dict[str, str] = Field(default_factory=dict)
    """Versions of evalgate and Python."""
    provenance: Provenance
    """Where it comes from."""
    metrics: dict[str, BaselineMetric] = Field(default_factory=dict)
    """Every metric that has evidence."""
    cases: dict[str, BaselineCase]
    """The cases, by id, sorted."""
