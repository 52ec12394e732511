"""The files that `evalgate init` writes."""

__all__ = ["CONFIG", "GATED", "GOALS", "workflow"]

CONFIG = """\
# yaml-language-server: $schema=https://raw.githubusercontent.com/OWNER/agent-evalgate/main/evalgate/schema/json/config-1.json
version: 1
suites:
  {name}:
    golden: {golden}
    agent:
      run: '{agent}'{env}{trust}
    {gateway}
    # trials: 1          # trials a case; 5 or more tell a drop from noise (docs/trials.md)
    # max_trials: 5      # settle: more trials only while noise can explain a change
    # noise: none        # the agent is deterministic: differences are exact
    {timeout}
    # concurrency: 16
    # caps: {{cost_usd: 2.0, seconds: 600}}
    gate:
      threshold: 5%      # a drop of 5 % or more, relative to the baseline, fails
      metrics:
{gated}
        # Goals worth aiming at; a metric gates once there is evidence for it:
{goals}
"""

GATED = {
    "task_success_rate": "        task_success_rate: {min: 0.95}  # and no drop of 5 %",
    "error_rate": "        error_rate: {gate: standard, max: 0.1}  # 1 trial in 10 may fail",
    "tool_call_accuracy": "        tool_call_accuracy: standard",
    "cost_per_interaction": "        cost_per_interaction: standard  # goal: {max: 0.15}",
}

GOALS = {
    "tool_call_accuracy": (
        "        # tool_call_accuracy: standard           # needs expected.tool_calls in cases"
    ),
    "tool_selection_accuracy": (
        "        # tool_selection_accuracy: {gate: advisory, min: 0.90}  # needs tool calls"
    ),
    "hallucination_rate": (
        "        # hallucination_rate: {max: 0.03}        # needs a judge and contexts"
    ),
    "cost_per_interaction": (
        "        # cost_per_interaction: {max: 0.15}      # needs tokens and models in traces"
    ),
    "escalation_rate": (
        "        # escalation_rate: {gate: advisory, max: 0.05}  # needs hand-over steps"
    ),
    "ttft_p95": ("        # ttft_p95: {gate: advisory, max: 2.0}   # needs times of first tokens"),
}

_WORKFLOW = """\
name: agent-quality-gate
on:
  pull_request:
  merge_group:
permissions:
  contents: read
concurrency:
  group: evalgate-${{ github.ref }}
  cancel-in-progress: ${{ github.event_name == 'pull_request' }}
jobs:
  gate:
    runs-on: ubuntu-latest
    timeout-minutes: 30
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          fetch-depth: 2
          persist-credentials: false
      - uses: actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0
        with:
          python-version: "3.12"
      - run: pip install agent-evalgate
      INSTALL
      - run: evalgate run --baseline --format markdown --output report.md --format github
      - if: always()
        run: if [ -f report.md ]; then cat report.md >> "$GITHUB_STEP_SUMMARY"; fi
"""


def workflow(install: str | None) -> str:
    """Return the workflow, with the command that installs the agent's packages, if it is known."""
    unknown = "# - run: pip install what your agent needs"
    return _WORKFLOW.replace("INSTALL", unknown if install is None else f"- run: {install}")
