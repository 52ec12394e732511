"""What the tools of an agent do in a run (`gateway`), and commands around it (`hooks`)."""

import shlex
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from evalgate.schema.base import Json, Model, Positive


class MockAnswer(Model):
    """A declared answer of a tool; exactly one of `result`, `template` and `error` is given."""

    when: dict[str, Json] = Field(default_factory=dict)
    """Arguments that the call must have, with their values; for an HTTP service `method`, `path`,
    `query` and `body`."""
    state: dict[str, Json] = Field(default_factory=dict)
    """What the state must hold, by JSON pointer; null: nothing may be there."""
    result: Json = None
    """What it returns."""
    template: str | None = None
    """A text that it returns; `{NAME}` is an argument and `{/POINTER}` a part of the state."""
    error: str | None = None
    """The error the agent sees."""
    set: dict[str, Json] = Field(default_factory=dict)
    """What becomes of the state, by JSON pointer; pointers and texts are templates, too."""
    status: Annotated[int, Field(ge=100, le=599)] | None = None
    """HTTP status; null: 200, and 500 for an error."""

    @model_validator(mode="after")
    def _one_answer(self) -> "MockAnswer":
        given = [n for n in ("result", "template", "error") if n in self.model_fields_set]
        if len(given) != 1:
            message = f"expected exactly one of result, template and error, found {given}"
            raise ValueError(message)
        return self


ToolMode = Literal["live", "replay", "mock", "refuse"]
"""`live`: the tool itself is called. `replay`: a recording answers. `mock`: declared answers.
`refuse`: it is never called, and the agent sees an error."""


class ToolPolicy(Model):
    """What a tool does in a run; a text stands for `mode`."""

    mode: ToolMode | None = None
    """null: what is recorded is replayed; `mock` where answers are declared."""
    effects: bool | None = None
    """Whether it changes something outside; then it never runs live in CI unless
    `trust.live_effects` of the base names it. null: unknown."""
    ignore: tuple[Annotated[str, Field(pattern=r"^/")], ...] = ()
    """JSON pointers into the arguments whose values do not matter."""
    answers: tuple[MockAnswer, ...] = ()
    """The declared answers of a mock."""
    otherwise: MockAnswer | None = None
    """The answer to a call that no other answer knows; null: the agent sees an error, and the
    report names the call."""

    @model_validator(mode="after")
    def _answers_are_for_mocks(self) -> "ToolPolicy":
        declared = bool(self.answers) or self.otherwise is not None
        if declared and self.mode not in (None, "mock"):
            message = f"answers are declared, but the mode is {self.mode!r}; expected mock"
            raise ValueError(message)
        if self.mode == "mock" and not declared:
            message = "a mock needs answers"
            raise ValueError(message)
        return self


def _policy(value: object) -> object:
    return {"mode": value} if isinstance(value, str) else value


class HttpTool(Model):
    """An HTTP service that the agent calls; a text stands for `url`."""

    url: Annotated[str, Field(pattern=r"^https?://[^/?#]+")]
    """Its base URL."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Headers that live calls carry, e.g. credentials; `$NAME` is a variable of the caller. They
    take the place of the agent's and are never recorded."""


def _http_tool(value: object) -> object:
    return {"url": value} if isinstance(value, str) else value


_Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]


class McpServer(Model):
    """An MCP server: started as a command, or reached by its URL; exactly one is given."""

    command: tuple[str, ...] | None = None
    """The command that speaks MCP over stdio; started once a trial, in the suite's folder."""
    url: Annotated[str, Field(pattern=r"^https?://[^/?#]+")] | None = None
    """The URL of a server that speaks streamable HTTP."""
    env: dict[str, str] = Field(default_factory=dict)
    """Variables of the command; `$NAME` is a variable of the caller."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Headers of requests to the URL; `$NAME` is a variable of the caller. Never recorded."""
    timeout_s: Positive = 60.0
    """Seconds in which the server must answer a request."""

    @model_validator(mode="after")
    def _one_way(self) -> "McpServer":
        if (self.command is None) == (self.url is None) or self.command == ():
            message = "expected exactly one of command and url"
            raise ValueError(message)
        return self


HttpTools = dict[
    _Name, Annotated[HttpTool, BeforeValidator(_http_tool, json_schema_input_type=str | HttpTool)]
]
McpServers = dict[_Name, McpServer]
ToolPolicies = dict[
    str,
    Annotated[ToolPolicy, BeforeValidator(_policy, json_schema_input_type=ToolMode | ToolPolicy)],
]


def _command(text: str) -> str:
    try:
        words = shlex.split(text)
    except ValueError as error:
        message = f"expected a command line, found {text!r}: {error}"
        raise ValueError(message) from error
    if not words:
        message = "expected a command line, found an empty text"
        raise ValueError(message)
    return text


_Command = Annotated[str, AfterValidator(_command)]
_Variable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")]
_OURS = ("OPENAI_", "ANTHROPIC_", "EVALGATE_")


class Hook(Model):
    """What is done before and after; a command runs without a shell, in the suite's folder."""

    setup: _Command | None = None
    """Starts or resets what the agent needs, and returns when it is ready; what it leaves running
    in the background goes on until the teardown."""
    teardown: _Command | None = None
    """Ends what `setup` started."""
    ports: tuple[_Variable, ...] = ()
    """Variables that hold a free port of 127.0.0.1 each, for both commands and the agent."""
    timeout_s: Positive = 30.0
    """Seconds a command may take."""

    @model_validator(mode="after")
    def _does_something(self) -> "Hook":
        if self.setup is None and self.teardown is None:
            message = "expected setup, teardown or both"
            raise ValueError(message)
        for name in self.ports:
            if name.startswith(_OURS) or self.ports.count(name) > 1:
                message = f"ports: expected variables of your own, each once, found {name!r}"
                raise ValueError(message)
        return self


class Hooks(Model):
    """Commands around a run, and around each trial."""

    run: Hook | None = None
    """Once: before the first trial, and after the last."""
    trial: Hook | None = None
    """Before and after each trial; trials that run at once have ports of their own."""

    @model_validator(mode="after")
    def _ports_differ(self) -> "Hooks":
        ports = [name for hook in (self.run, self.trial) if hook for name in hook.ports]
        twice = sorted({name for name in ports if ports.count(name) > 1})
        if twice:
            message = f"ports: {twice[0]!r} is of the run and of the trial"
            raise ValueError(message)
        return self
