"""The first tables, in SQL that SQLite and PostgreSQL share."""

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE runs (
    run_id TEXT NOT NULL PRIMARY KEY, suite TEXT NOT NULL, at BIGINT NOT NULL,
    branch TEXT, "commit" TEXT, dirty BOOLEAN, verdict TEXT NOT NULL, exit_code INTEGER NOT NULL,
    partial BOOLEAN NOT NULL, mode TEXT NOT NULL, agent TEXT NOT NULL, agent_digest TEXT,
    model TEXT, prompt_digest TEXT, tools_digest TEXT, sampling_digest TEXT,
    golden_digest TEXT NOT NULL, config_digest TEXT, trials INTEGER NOT NULL,
    cases INTEGER NOT NULL, report_digest TEXT NOT NULL, fingerprint TEXT
);
CREATE INDEX runs_suite_at ON runs (suite, at);
CREATE TABLE metric_values (
    run_id TEXT NOT NULL, name TEXT NOT NULL, value DOUBLE PRECISION, unit TEXT NOT NULL,
    direction TEXT NOT NULL, n INTEGER NOT NULL, unknown INTEGER NOT NULL,
    num DOUBLE PRECISION, den BIGINT, se DOUBLE PRECISION, source TEXT NOT NULL, definition TEXT,
    PRIMARY KEY (run_id, name)
);
CREATE INDEX metric_values_name ON metric_values (name, run_id);
CREATE TABLE case_outcomes (
    run_id TEXT NOT NULL, case_id TEXT NOT NULL, digest TEXT NOT NULL, trials INTEGER NOT NULL,
    successes DOUBLE PRECISION NOT NULL, unknown INTEGER NOT NULL, errored INTEGER NOT NULL,
    PRIMARY KEY (run_id, case_id)
);
CREATE TABLE interactions (
    id TEXT NOT NULL PRIMARY KEY, digest TEXT NOT NULL, at BIGINT, day TEXT, agent TEXT, model TEXT,
    prompt_version TEXT, environment TEXT, outcome TEXT NOT NULL, success DOUBLE PRECISION,
    error DOUBLE PRECISION, escalation DOUBLE PRECISION, guardrail DOUBLE PRECISION,
    faithfulness DOUBLE PRECISION, cost_usd DOUBLE PRECISION, duration_s DOUBLE PRECISION,
    ttft_s DOUBLE PRECISION, llm_calls INTEGER NOT NULL, tool_calls INTEGER NOT NULL,
    tool_failures INTEGER NOT NULL, input_tokens BIGINT, output_tokens BIGINT
);
CREATE INDEX interactions_at ON interactions (at);
CREATE TABLE interaction_tools (
    id TEXT NOT NULL, tool TEXT NOT NULL, at BIGINT, calls INTEGER NOT NULL,
    failures INTEGER NOT NULL, PRIMARY KEY (id, tool)
);
CREATE INDEX interaction_tools_at ON interaction_tools (at);
CREATE TABLE interaction_causes (
    id TEXT NOT NULL, cause TEXT NOT NULL, at BIGINT, calls INTEGER NOT NULL,
    PRIMARY KEY (id, cause)
);
CREATE INDEX interaction_causes_at ON interaction_causes (at);
CREATE TABLE alerts (
    "key" TEXT NOT NULL, opened BIGINT NOT NULL, closed BIGINT, severity TEXT NOT NULL,
    body TEXT NOT NULL, PRIMARY KEY ("key", opened)
);
CREATE TABLE deliveries (
    "key" TEXT NOT NULL, opened BIGINT NOT NULL, receiver TEXT NOT NULL, action TEXT NOT NULL,
    at BIGINT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, error TEXT,
    PRIMARY KEY ("key", opened, receiver, action)
);
"""


def upgrade() -> None:
    """Create the tables."""
    from alembic import op  # noqa: PLC0415  # an extra

    for statement in _TABLES.split(";"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    """Refuse: the history would be lost."""
    message = "the first tables cannot be taken away without losing the history"
    raise NotImplementedError(message)
