"""The configuration, `evalgate.yaml`."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from evalgate.schema.agent_line import AgentLine, parse_agent_line
from evalgate.schema.base import Json, Model, NonNegative, Positive, Tokens
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.config_parts.judge import Caps, JudgeConfig, JudgeKind, Waived
from evalgate.schema.config_parts.scorer import ScorerConfig
from evalgate.schema.config_parts.tool import Hooks, HttpTools, McpServers, ToolPolicies
from evalgate.schema.objectives import Goal, Objective
from evalgate.schema.stress import StressConfig
from evalgate.schema.watch import History, Receiver, WatchConfig

__all__ = [
    "AgentConfig",
    "Caps",
    "Config",
    "GatewayConfig",
    "JudgeConfig",
    "JudgeKind",
    "LiveLimits",
    "Price",
    "SandboxConfig",
    "SuiteConfig",
    "TierPrice",
    "ToolsConfig",
    "TrustConfig",
    "Waived",
]


def _end(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class SandboxConfig(Model):
    """What an agent behind the sandbox may reach, beside what every agent may."""

    read: tuple[str, ...] = ()
    """Files and folders that it may read: absolute, or relative to the configuration."""
    write: tuple[str, ...] = ()
    """Files and folders that it may change; everyone has a scratch folder (HOME, TMPDIR)."""
    connect: tuple[
        Annotated[
            str,
            Field(pattern=r"^(?:(?:[^\s:/]+:|\[[0-9A-Fa-f:]+\]:)?[0-9]{1,5}|udp|unix)$"),
            BeforeValidator(_end, json_schema_input_type=str | int),
        ],
        ...,
    ] = ()
    """`HOST:PORT` or `PORT` that it may connect to; the kernel only looks at the port. On loopback
    (`127.0.0.1:PORT`) it may listen there, too. `udp` and `unix` open these kinds of sockets."""


class AgentConfig(Model):
    """How the agent is run; a text stands for `run`."""

    run: str
    """`python:MODULE:NAME`, `command:COMMAND LINE`, `http://...` or `recorded:FILE`."""
    isolation: Literal["none", "process"] | None = None
    """Where a python agent runs; null: async ones in the loop, sync ones in a process."""
    workers: Annotated[int, Field(gt=0)] | None = None
    """Worker processes; null: as many as trials run at once, up to the number of cores times 4."""
    input_key: str | None = None
    """Key of the input for agents with `invoke` or `ainvoke`, and in the body of a POST."""
    output_key: str | None = None
    """Key of the answer in what the agent returns."""
    env: dict[str, str] = Field(default_factory=dict)
    """Variables set for the agent."""
    env_allow: tuple[str, ...] = ()
    """Variables of the caller that an isolated agent may see beside the basic ones."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Headers of a POST."""
    max_output_bytes: Annotated[int, Field(gt=0)] = 10_000_000
    """Largest output of a trial; more is `bad_output`."""
    max_memory_bytes: Annotated[int, Field(gt=0)] | None = None
    """Memory that one process of an isolated agent may use (Linux); null: no limit of ours."""
    sandbox: SandboxConfig = SandboxConfig.model_construct()
    """What its processes may reach where they run in the sandbox: see `docs/sandbox.md`."""
    trust_reported: bool = False
    """Whether what a live agent claims of itself counts: scores and costs, and without a gateway
    steps, tokens, models and final state too."""
    paths: tuple[str, ...] = ()
    """For `--changed`: what the agent is made of, as globs relative to the configuration (`*` also
    matches `/`); empty: every file of the repository that is no golden set, baseline or
    recording."""

    @property
    def line(self) -> AgentLine:
        """`run`, parsed."""
        return parse_agent_line(self.run)


def _agent(value: object) -> object:
    return {"run": value} if isinstance(value, str) else value


class TierPrice(Model):
    """Price of a model in USD per million tokens; a part without a price makes costs unknown."""

    input: NonNegative
    """Input tokens."""
    output: NonNegative
    """Output tokens."""
    cached: NonNegative | None = None
    """Cached input tokens; null: as input."""
    cache_write: NonNegative | None = None
    """Input tokens written to the cache for its default lifetime."""
    cache_write_1h: NonNegative | None = None
    """Input tokens written to the cache for an hour."""
    reasoning: NonNegative | None = None
    """Output tokens spent on reasoning; null: as output."""
    input_audio: NonNegative | None = None
    """Audio sent."""
    cache_read_audio: NonNegative | None = None
    """Audio read from the cache."""
    input_image: NonNegative | None = None
    """Images sent."""
    cache_read_image: NonNegative | None = None
    """Images read from the cache."""
    input_video: NonNegative | None = None
    """Video sent."""
    output_audio: NonNegative | None = None
    """Audio received."""
    output_image: NonNegative | None = None
    """Images received."""
    output_video: NonNegative | None = None
    """Video received."""
    tools: dict[str, NonNegative] = Field(default_factory=dict)
    """USD of one use of a tool that the provider runs, by name, e.g. `web_search: 0.01`."""


class Price(TierPrice):
    """Price of a model in USD per million tokens; wins over the price table."""

    tiers: dict[str, TierPrice] = Field(default_factory=dict)
    """Prices of other service tiers, by the provider's name of the tier, e.g. `flex`."""


class ToolsConfig(Model):
    """Which tool calls count."""

    ignore: tuple[str, ...] = ()
    """Names of tools that are none to a person, e.g. `final_answer` of a framework."""


class LiveLimits(Model):
    """Limits under which live calls of a recording are made."""

    rpm: Annotated[int, Field(gt=0)] | None = None
    """Requests a minute."""
    tpm: Annotated[int, Field(gt=0)] | None = None
    """Tokens a minute, input and output together."""
    input_tpm: Annotated[int, Field(gt=0)] | None = None
    """Input tokens a minute."""
    output_tpm: Annotated[int, Field(gt=0)] | None = None
    """Output tokens a minute."""
    max_concurrency: Annotated[int, Field(gt=0)] | None = None
    """Calls at once."""
    max_retries: Annotated[int, Field(ge=0, le=20)] = 4
    """Times a throttled or overloaded call is sent again."""


class GatewayConfig(Model):
    """The gateway between the agent and its model: it records, replays and meters every call."""

    cassettes: str | None = None
    """Folder of the cassettes; null: `cassettes/SUITE`."""
    upstream: dict[Literal["openai", "anthropic", "azure", "google", "bedrock", "ollama"], str] = (
        Field(default_factory=dict)
    )
    """Where live calls go, by provider; null: the provider itself (Azure has no default)."""
    source: str | None = None
    """What answers in recordings, e.g. `scripted`; null: the provider."""
    ignore: tuple[str, ...] = ()
    """JSON pointers into a request whose values do not matter; `*` is any name or index."""
    ignore_uuids: bool = False
    """Whether UUIDs in texts count only by the order in which they appear."""
    loop_limit: Annotated[int, Field(gt=0)] | None = None
    """LLM calls a turn after which the agent is stopped and its trial fails."""
    http: HttpTools = Field(default_factory=dict)
    """HTTP services by name; the agent finds the gateway's URL in `NAME_BASE_URL`."""
    mcp: McpServers = Field(default_factory=dict)
    """MCP servers by name; the agent finds the gateway's URL in `NAME_MCP_URL`."""
    tools: ToolPolicies = Field(default_factory=dict)
    """What tools do in a run, by the name of a Python tool, of an HTTP service, of an MCP server,
    or of one of its tools as `SERVER/TOOL`."""
    limits: LiveLimits = LiveLimits.model_construct()
    """Limits of live calls."""
    max_bytes: Annotated[int, Field(gt=0)] = 50_000_000
    """Size budget of the folder of cassettes."""


def _scorer(value: object) -> object:
    return {"call": value} if isinstance(value, str) else value


class SuiteConfig(Model):
    """A golden set, an agent, scorers and a policy."""

    golden: str
    """Path of the golden set, relative to the configuration."""
    agent: Annotated[AgentConfig, BeforeValidator(_agent, json_schema_input_type=str | AgentConfig)]
    """The agent under test."""
    baseline: str | None = None
    """Path of the baseline; null: `baselines/SUITE.json`."""
    reference: str | None = None
    """A second, pinned baseline that catches a slow slide."""
    trials: Annotated[int, Field(ge=1, le=1000)] = 1
    """Trials a case."""
    max_trials: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Settling: run more trials of every case, up to this many, while a gated metric is
    unsettled."""
    concurrency: Annotated[int, Field(ge=1, le=10_000)] = 16
    """Trials at once."""
    timeout_s: Positive = 120.0
    """Seconds a trial may take."""
    noise: Literal["trials", "none"] = "trials"
    """`none`: the agent is deterministic, differences are exact and come from the code."""
    gateway: GatewayConfig | None = None
    """Record and replay the agent's model calls; null: the agent calls its model itself."""
    hooks: Hooks | None = None
    """Commands that set up and take down what the agent needs, such as a database."""
    caps: Caps = Caps.model_construct()
    """Hard limits of one run."""
    tools: ToolsConfig = ToolsConfig.model_construct()
    """Which tool calls count."""
    prices: dict[str, Price] = Field(default_factory=dict)
    """Prices by model that win over the price table."""
    recorded: dict[str, str] = Field(default_factory=dict)
    """Recorded scores to use, as `metric score: name at the source`."""
    scorers: dict[
        str,
        Annotated[
            ScorerConfig, BeforeValidator(_scorer, json_schema_input_type=str | ScorerConfig)
        ],
    ] = Field(default_factory=dict)
    """Scorers of the user, by name."""
    judges: dict[str, JudgeConfig] = Field(default_factory=dict)
    """Judges, by name."""
    verdicts: str | None = None
    """Folder of the judges' recorded verdicts; null: `cassettes/SUITE/verdicts`."""
    groundedness: Literal["case", "trace", "off"] = "case"
    """Whose contexts `groundedness_lexical` looks at: the case's, or, where it has none, those of
    the trace (retrievals and tool results)."""
    pii_allow: tuple[str, ...] = ()
    """Addresses and numbers that are no leak."""
    gate: GateConfig = GateConfig.model_construct()
    """The policy."""
    stress: StressConfig | None = None
    """Replay the recorded sessions against rate limits; null: no stress check."""
    goals: dict[str, Goal] = Field(default_factory=dict)
    """Goals by metric; they stand in every report and gate nothing."""
    redact: tuple[str, ...] = ()
    """Regular expressions of further secrets."""
    metadata: dict[str, Json] = Field(default_factory=dict)
    """Anything else; never interpreted."""

    @model_validator(mode="after")
    def _deterministic_agents_do_not_settle(self) -> "SuiteConfig":
        if self.max_trials is None:
            return self
        if self.noise == "none":
            message = "max_trials has no use with noise: none (every trial is the same)"
            raise ValueError(message)
        if self.max_trials < self.trials:
            message = f"max_trials ({self.max_trials}) is below trials ({self.trials})"
            raise ValueError(message)
        return self


class TrustConfig(Model):
    """What a pull request may bring along; read from its base, never from itself."""

    allow_new_suites: bool = False
    """Whether a suite that the base does not have passes on its own `min` and `max` limits."""
    trust_pr_evidence: bool = True
    """Whether recordings that a branch of this repository changes count; those of forks do not."""
    unsandboxed: bool = False
    """Whether the agent of a fork may pass on a machine that has no sandbox for it."""
    live_effects: tuple[str, ...] = ()
    """Tools with `effects: true` that may run live in CI."""
    waivers: str = "baselines/waivers.yaml"
    """The file of waivers, relative to the configuration."""


class Config(Model):
    """All of `evalgate.yaml`."""

    version: Literal[1] = 1
    """Version of this format."""
    runs: str = ".evalgate/runs"
    """Folder of the run folders, relative to the configuration."""
    keep_runs: Tokens = 50
    """Run folders that are kept; older ones are removed. 0 keeps all."""
    trust: TrustConfig = TrustConfig.model_construct()
    """What a pull request may bring along: see `docs/security.md`."""
    history: History | None = None
    """Where results are kept over time; null: nowhere."""
    slo: tuple[Objective | str, ...] = ()
    """Objectives over rolling windows, and paths of OpenSLO v1 files."""
    watch: WatchConfig = WatchConfig.model_construct()
    """What `evalgate watch` looks at."""
    receivers: dict[str, Receiver] = Field(default_factory=dict)
    """Places that alerts are sent to, by name."""
    alert_routes: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Receivers by root cause (`capacity`, `model`, `prompt`, `tools`, ...); `default` has the
    rest."""
    suites: Annotated[dict[str, SuiteConfig], Field(min_length=1)]
    """Suites by name."""
