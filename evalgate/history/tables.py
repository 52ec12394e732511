"""The tables of the history."""

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sqlalchemy import MetaData, Table


HEAD = "0001"
"""The newest migration."""


class Tables(NamedTuple):
    """The tables by name."""

    meta: "MetaData"
    runs: "Table"
    metrics: "Table"
    cases: "Table"
    interactions: "Table"
    tools: "Table"
    causes: "Table"
    alerts: "Table"
    deliveries: "Table"


@cache
def tables() -> Tables:
    """Describe the tables; SQLAlchemy is loaded when they are used."""
    from sqlalchemy import MetaData  # noqa: PLC0415  # an extra

    meta = MetaData()
    return Tables(meta, *_of_runs(meta), *_of_production(meta), *_of_alerts(meta))


def _of_runs(meta: "MetaData") -> "tuple[Table, Table, Table]":
    from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, Table, Text  # noqa: PLC0415

    runs = Table(
        "runs",
        meta,
        Column("run_id", Text, primary_key=True),
        Column("suite", Text, nullable=False),
        Column("at", BigInteger, nullable=False),
        *(Column(name, Text) for name in ("branch", "commit")),
        Column("dirty", Boolean),
        Column("verdict", Text, nullable=False),
        Column("exit_code", Integer, nullable=False),
        Column("partial", Boolean, nullable=False),
        *(Column(name, Text, nullable=False) for name in ("mode", "agent")),
        *(Column(name, Text) for name in ("agent_digest", "model", "prompt_digest")),
        *(Column(name, Text) for name in ("tools_digest", "sampling_digest")),
        Column("golden_digest", Text, nullable=False),
        Column("config_digest", Text),
        *(Column(name, Integer, nullable=False) for name in ("trials", "cases")),
        Column("report_digest", Text, nullable=False),
        Column("fingerprint", Text),
        Index("runs_suite_at", "suite", "at"),
    )
    metrics = Table(
        "metric_values",
        meta,
        Column("run_id", Text, primary_key=True),
        Column("name", Text, primary_key=True),
        Column("value", Double),
        *(Column(name, Text, nullable=False) for name in ("unit", "direction")),
        *(Column(name, Integer, nullable=False) for name in ("n", "unknown")),
        Column("num", Double),
        Column("den", BigInteger),
        Column("se", Double),
        Column("source", Text, nullable=False),
        Column("definition", Text),
        Index("metric_values_name", "name", "run_id"),
    )
    cases = Table(
        "case_outcomes",
        meta,
        Column("run_id", Text, primary_key=True),
        Column("case_id", Text, primary_key=True),
        Column("digest", Text, nullable=False),
        Column("trials", Integer, nullable=False),
        Column("successes", Double, nullable=False),
        *(Column(name, Integer, nullable=False) for name in ("unknown", "errored")),
    )
    return runs, metrics, cases


def _of_production(meta: "MetaData") -> "tuple[Table, Table, Table]":
    from sqlalchemy import BigInteger, Column, Double, Index, Integer, Table, Text  # noqa: PLC0415

    scores = ("success", "error", "escalation", "guardrail", "faithfulness")
    interactions = Table(
        "interactions",
        meta,
        Column("id", Text, primary_key=True),
        Column("digest", Text, nullable=False),
        Column("at", BigInteger),
        *(Column(name, Text) for name in ("day", "agent", "model")),
        *(Column(name, Text) for name in ("prompt_version", "environment")),
        Column("outcome", Text, nullable=False),
        *(Column(name, Double) for name in (*scores, "cost_usd", "duration_s", "ttft_s")),
        *(Column(n, Integer, nullable=False) for n in ("llm_calls", "tool_calls")),
        Column("tool_failures", Integer, nullable=False),
        *(Column(name, BigInteger) for name in ("input_tokens", "output_tokens")),
        Index("interactions_at", "at"),
    )
    tools = Table(
        "interaction_tools",
        meta,
        Column("id", Text, primary_key=True),
        Column("tool", Text, primary_key=True),
        Column("at", BigInteger),
        *(Column(name, Integer, nullable=False) for name in ("calls", "failures")),
        Index("interaction_tools_at", "at"),
    )
    causes = Table(
        "interaction_causes",
        meta,
        Column("id", Text, primary_key=True),
        Column("cause", Text, primary_key=True),
        Column("at", BigInteger),
        Column("calls", Integer, nullable=False),
        Index("interaction_causes_at", "at"),
    )
    return interactions, tools, causes


def _of_alerts(meta: "MetaData") -> "tuple[Table, Table]":
    from sqlalchemy import BigInteger, Column, Integer, Table, Text  # noqa: PLC0415

    alerts = Table(
        "alerts",
        meta,
        Column("key", Text, primary_key=True),
        Column("opened", BigInteger, primary_key=True),
        Column("closed", BigInteger),
        Column("severity", Text, nullable=False),
        Column("body", Text, nullable=False),
    )
    deliveries = Table(
        "deliveries",
        meta,
        Column("key", Text, primary_key=True),
        Column("opened", BigInteger, primary_key=True),
        Column("receiver", Text, primary_key=True),
        Column("action", Text, primary_key=True),
        Column("at", BigInteger, nullable=False),
        Column("state", Text, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("error", Text),
    )
    return alerts, deliveries
