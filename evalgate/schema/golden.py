"""A golden set: one case a line, `evalgate.golden/1`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from evalgate.schema.base import Json, Model, NonNegative, Weight

__all__ = [
    "ArgumentRule",
    "Case",
    "CaseInsensitive",
    "Ending",
    "Exact",
    "Expected",
    "ExpectedCall",
    "Guardrail",
    "Ignore",
    "KeysSubset",
    "MatchMode",
    "MatchPreset",
    "Message",
    "Numeric",
    "NumericRule",
    "OneOf",
    "OutputExpectation",
    "RegexRule",
    "Requestor",
    "Script",
    "SimulatedUser",
    "UserPreset",
]

MatchMode = Literal["exact", "in_order", "any_order", "subset", "superset"]
"""How the actual calls relate to the expected ones.

`exact`: the same calls in the same order. `in_order`: the expected ones in their order, others
may lie between. `any_order`: the same calls, order free. `subset`: the actual calls are a subset
of the expected. `superset`: the actual calls are a superset of the expected.
"""

MatchPreset = Literal["strict", "bfcl", "tau2"]
"""Rules of a published checker: `strict` (exact order, exact arguments), `bfcl`, `tau2`."""

Requestor = Literal["assistant", "user"]
"""Who made a tool call: the agent under test or the simulated user."""

Guardrail = Literal["block", "pass"]
"""What a guardrail should decide, or decided."""

Ending = Literal["reached", "gave_up", "transferred", "out_of_scope"]
"""Why a simulated user ends a conversation.

`reached`: its goal is reached. `gave_up`: the agent cannot or will not help. `transferred`: the
agent handed it over. `out_of_scope`: its script does not say what the agent needs to know.
"""

_Said = Annotated[str, Field(pattern=r"\S")]

UserPreset = Literal["plain", "tau2"]
"""Rules of a simulated user: `plain`, those of this project, or those of tau2-bench."""


class Message(Model):
    """One chat message of a case's input."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    """Who speaks."""
    content: str | tuple[dict[str, Json], ...] | None = None
    """The text, or the provider's list of content parts."""
    name: str | None = None
    """Name of the speaker or of the tool, where the provider has one."""
    tool_calls: tuple[dict[str, Json], ...] | None = None
    """Tool calls of an assistant message, in the OpenAI shape."""
    tool_call_id: str | None = None
    """The call a tool message answers."""


class Script(Model):
    """A multi-turn script: user turns that are sent one after another."""

    turns: Annotated[tuple[str, ...], Field(min_length=1)]
    """What the user says, turn by turn; the agent answers each before the next is sent."""
    system: str | None = None
    """A system message sent before the first turn."""


class SimulatedUser(Model):
    """A person whom a model plays, turn by turn, held to a script."""

    model: _Said
    """The model that plays the person; called through the gateway with chat completions."""
    goal: _Said
    """What the person wants; ends the conversation when it is reached."""
    facts: dict[Annotated[str, Field(min_length=1)], str | int | float | bool] = Field(
        default_factory=dict
    )
    """What the person knows, by name, e.g. an order number; nothing else may be told."""
    persona: str | None = None
    """How the person is and speaks; null: nothing is said of it."""
    preset: UserPreset = "plain"
    """The rules the person is given: how to speak, and what to say at the end."""
    max_turns: Annotated[int, Field(ge=1, le=100)] = 10
    """Most messages of the person that the agent answers; then it must stop."""
    min_turns: Annotated[int, Field(ge=1, le=100)] = 1
    """Least messages that the agent has to have answered before the goal can be reached."""
    stop: Annotated[dict[_Said, Ending], Field(min_length=1)] | None = None
    """What the person says to end the conversation, and why it then ends; null: as the preset."""
    never: tuple[_Said, ...] = ()
    """Texts the person never says: goals that are not its own. Letter case does not matter."""

    @model_validator(mode="after")
    def _turns_fit(self) -> "SimulatedUser":
        if self.min_turns > self.max_turns:
            message = f"min_turns ({self.min_turns}) is above max_turns ({self.max_turns})"
            raise ValueError(message)
        return self


class Exact(Model):
    """The argument equals the expected value as JSON (1 equals 1.0, true does not equal 1)."""

    rule: Literal["exact"]
    """Names the rule."""


class Ignore(Model):
    """The argument may have any value or be absent."""

    rule: Literal["ignore"]
    """Names the rule."""


class OneOf(Model):
    """The argument equals one of the values."""

    rule: Literal["one_of"]
    """Names the rule."""
    values: Annotated[tuple[Json, ...], Field(min_length=1)]
    """The allowed values."""
    or_absent: bool = False
    """Whether leaving the argument out is right too."""


class RegexRule(Model):
    """The argument is a string that the pattern matches in full."""

    rule: Literal["regex"]
    """Names the rule."""
    pattern: str
    """A Python regular expression; matched against the whole string."""


class NumericRule(Model):
    """The argument is a number within a tolerance of the expected one."""

    rule: Literal["numeric"]
    """Names the rule."""
    abs_tol: NonNegative = 0.0
    """Largest absolute difference."""
    rel_tol: NonNegative = 0.0
    """Largest difference relative to the expected value."""


class CaseInsensitive(Model):
    """The argument equals the expected string, letter case and outer blanks aside."""

    rule: Literal["case_insensitive"]
    """Names the rule."""


class KeysSubset(Model):
    """The argument is an object that holds at least the expected keys with equal values."""

    rule: Literal["keys"]
    """Names the rule."""


ArgumentRule = Annotated[
    Exact | Ignore | OneOf | RegexRule | NumericRule | CaseInsensitive | KeysSubset,
    Field(discriminator="rule"),
]
"""How one argument of an expected call is compared."""


class ExpectedCall(Model):
    """One tool call the agent should make."""

    name: Annotated[str, Field(min_length=1)]
    """The tool's name."""
    arguments: dict[str, Json] = Field(default_factory=dict)
    """The arguments; each is compared by its rule, exactly where it has none."""
    rules: dict[str, ArgumentRule] = Field(default_factory=dict)
    """A rule for an argument, by the argument's name."""
    optional: bool = False
    """Whether the call may be left out without being missed."""
    compare_args: tuple[str, ...] | None = None
    """Only these arguments are compared; null: all of them; `[]`: the name alone."""
    requestor: Requestor = "assistant"
    """Who should make the call; calls of the user are reported apart."""
    parameters: dict[str, Json] | None = None
    """The tool's parameter schema; the `bfcl` preset checks types against it."""

    @model_validator(mode="after")
    def _rules_name_arguments(self) -> "ExpectedCall":
        stray = [
            name
            for name, rule in self.rules.items()
            if name not in self.arguments and rule.rule not in ("ignore", "one_of", "regex")
        ]
        if stray:
            message = (
                f"rules for {stray!r} compare with a value, but `arguments` of call "
                f"{self.name!r} has none of that name (it has {sorted(self.arguments)!r})"
            )
            raise ValueError(message)
        return self


class Numeric(Model):
    """The answer is a number within a tolerance: every number in it has to be."""

    value: float
    """The expected number."""
    abs_tol: NonNegative = 0.0
    """Largest absolute difference."""
    rel_tol: NonNegative = 0.0
    """Largest difference relative to the expected value."""
    pattern: str | None = None
    """Python regular expression that finds the answer in the output: the numbers in its first
    group, or in all that it matches; null: the whole output is the answer."""


class OutputExpectation(Model):
    """What the final output must be; every part that is given must hold."""

    equals: Json = None
    """The whole output, as text or JSON; null: not compared."""
    contains: tuple[str, ...] = ()
    """Texts that all occur in the output."""
    not_contains: tuple[str, ...] = ()
    """Texts of which none occurs in the output."""
    regex: tuple[str, ...] = ()
    """Python regular expressions that each match somewhere in the output."""
    json_schema: dict[str, Json] | None = None
    """A JSON Schema the output, parsed as JSON, must satisfy."""
    numeric: Numeric | None = None
    """The number that the output must hold, and no other."""
    ignore_case: bool = False
    """Whether `equals`, `contains`, `not_contains` and `regex` ignore letter case."""

    @property
    def says_nothing(self) -> bool:
        """Whether every output would do: no part is given, or only empty ones."""
        texts = (*self.contains, *self.not_contains, *self.regex)
        wants = (self.equals, self.json_schema, self.numeric)  # a schema of `{}` still wants JSON
        return not any(texts) and all(part is None for part in wants)


class Expected(Model):
    """What a case asks of the agent; each part that is given is one expectation."""

    output: OutputExpectation | None = None
    """About the final output."""
    tool_calls: tuple[ExpectedCall, ...] | None = None
    """The calls to make; null: tools are not judged; `[]`: no call may be made."""
    tool_match: MatchMode | MatchPreset = "any_order"
    """How the actual calls are matched with `tool_calls`."""
    final_state: dict[str, Json] | None = None
    """Keys and values that the trace's final state must hold."""
    refusal: bool | None = None
    """Whether the agent should decline; null: not judged."""
    handoff: bool | None = None
    """Whether the agent should hand over to a person; null: not judged."""
    guardrail: Guardrail | None = None
    """Whether a guardrail should block; null: not judged."""
    criteria: tuple[_Said, ...] = ()
    """What has to be true of a good answer, a sentence each; asked by a judge of `kind: rubric`
    that has no `rubric` of its own."""
    scores: tuple[str, ...] = ()
    """Names of recorded scores (for `recorded:` agents) that stand for success."""

    @property
    def rests_on_steps(self) -> bool:
        """Whether it asks for more than an answer: steps or a final state."""
        steps = (self.handoff, self.guardrail, None if self.scores else self.tool_calls)
        return bool(self.final_state) or any(part is not None for part in steps)

    @property
    def says_nothing(self) -> bool:
        """Whether whatever the agent does would be right."""
        asked = (self.tool_calls, self.refusal, self.handoff, self.guardrail)
        return (
            (self.output is None or self.output.says_nothing)
            and not (self.final_state or self.scores or self.criteria)
            and all(part is None for part in asked)
        )


class Case(Model):
    """One golden example."""

    id: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
    """Unique within the golden set."""
    input: str | Annotated[tuple[Message, ...], Field(min_length=1)] | Script
    """What the agent is given: a text, chat messages, or a script of user turns.

    With a `user`, how the conversation opens; an empty text: the simulated user opens it."""
    user: SimulatedUser | None = None
    """A simulated user who goes on with the conversation; null: there is none."""
    state: dict[str, Json] | None = None
    """What the mocks of its tools start from, e.g. the orders of a shop; null: nothing."""
    expected: Expected = Expected.model_construct()
    """What is asked of the agent."""
    contexts: tuple[str, ...] = ()
    """Texts the answer must be faithful to; empty: those of the trace are used."""
    tags: tuple[str, ...] = ()
    """Labels for filtering and slicing."""
    must_pass: bool = False
    """Whether a confirmed failure of this case alone fails the gate."""
    zero_tolerance: bool = False
    """With `must_pass`: whether a single failed trial fails the gate without confirmation."""
    weight: Weight = 1.0
    """Weight of the case in every mean, up to a thousand million."""
    cluster: str | None = None
    """Cases of one cluster are not independent; statistics use cluster means."""
    human_minutes: NonNegative | None = None
    """Minutes a person needs for the task."""
    status: Literal["reviewed", "draft"] = "reviewed"
    """Drafts run and are shown, but never gate."""
    metadata: dict[str, Json] = Field(default_factory=dict)
    """Anything else; never interpreted, not part of the digest."""

    @model_validator(mode="after")
    def _one_user(self) -> "Case":
        if self.user is None:
            return self
        opening = self.input
        if isinstance(opening, Script):
            message = "a script of turns and a simulated `user` exclude each other"
            raise ValueError(message)  # noqa: TRY004  # pydantic collects value errors
        if isinstance(opening, tuple) and (opening[-1].role == "tool" or opening[-1].tool_calls):
            message = "`input` ends with a tool call or its result, so no one's turn follows"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _zero_tolerance_needs_must_pass(self) -> "Case":
        if self.zero_tolerance and not self.must_pass:
            message = "zero_tolerance needs must_pass: true"
            raise ValueError(message)
        return self
