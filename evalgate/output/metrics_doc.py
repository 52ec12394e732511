"""`docs/metrics.md`, generated from the registry of metrics."""

from collections.abc import Iterator

from evalgate.metrics.metric import Metric
from evalgate.metrics.registry import METRICS, PASS_K_SHOWN

_HEAD = """# Metrics

<!-- Generated from evalgate/metrics/registry.py by evalgate.output.metrics_doc; do not edit. -->

A metric is the weighted mean over cases of the mean over trials; for ratios of counts the report
also gives `pooled: [numerator, denominator]` over all trials. Quantiles are type 7 over finished
trials. Drafts never count. The standard error (`se`) is over trials, and unknown with one trial a
case.

A value that is unknown or broken is not guessed: `value` is over what is known, `unknown` counts
the trials that are missing from it, and a gated metric is decided with the worst and the best they
could be. A metric that is unknown everywhere is shown with the value null; one that applies to no
case is left out.

Default gates: `standard` fails when the metric is 5 % or more worse than its baseline, `advisory`
is shown and never fails; `where known` gates only where one side has evidence. `finished` metrics
are made of, and compared on, finished trials only.

| metric | per trial | unit, better | gate by default |
|---|---|---|---|
"""

_TAIL = """
## Defaults that a gate may override

| metric | `abs_tol` | `min_abs_change` |
|---|---|---|
"""

_NOTES = f"""
`abs_tol` is the value from which on a check fails when the baseline is 0; changes smaller than
`min_abs_change` never fail. pass^k and pass@k are reported up to the smallest number of trials of
a case, at most {PASS_K_SHOWN}.

## Edges

- **A failed trial** (crash, timeout, bad output, limit, cut off) has success 0 and error 1. Its
  tool calls count as made and the expected ones it did not get to as missed; it meets no
  expectation of a guardrail or a hand-over. It has no completion time and no time to first token,
  and its cost is not part of `cost_per_interaction`: an early crash is cheap.
- **A trial that was not measured** (a replay miss) is no evidence: all its scores are broken.
- **Nothing expected**: tool metrics abstain without `expected.tool_calls`; `[]` and no call is 1,
  `[]` and any call 0. Calls the mode allows beside the expected ones count neither way.
- **Recorded scores that stand for success** (`expected.scores`): the lowest counts and stays
  graded; the case's tool calls, which the source has judged already, are left to the tool metrics.
  Every other expectation is ANDed with it.
- **Recorded cost**: counts for `recorded:` agents, and for live ones only with
  `trust_reported: true`. It wins over tokens x price; a difference above 1 % is said in the
  details of the trial. 0 on a call with tokens is unknown, unless the user gives a price.
- **Stress figures** (`stress_*`) are of a whole stress check and have no value per trial; they are
  compared by value, where both sides were played under the same settings (`docs/stress.md`).
- **Goal attainment** counts as reached (`goal_success_rate`) from 4 of 5.
- **Personal data** in an answer is an e-mail address, a phone number, a card number (Luhn), an
  IBAN (mod 97) or an access token that stood in neither the case's input nor its contexts nor a
  retrieved document, and is not in `pii_allow`.
"""


def render_metrics_markdown() -> str:
    """Return the whole file."""
    rows = "".join(_row(metric) for metric in METRICS.values() if _shown(metric))
    return _HEAD + rows + _TAIL + "".join(_tolerances()) + _NOTES


def _shown(metric: Metric) -> bool:
    """Return whether a metric has a row of its own: of pass^k and pass@k, k = 1 stands for all."""
    return metric.aggregate not in ("pass_hat", "pass_at") or metric.k == 1


def _row(metric: Metric) -> str:
    name = f"`{metric.name}`"
    doc = metric.doc
    if metric.aggregate in ("pass_hat", "pass_at"):
        name = f"`{metric.name}` .. `{metric.name.removesuffix('1')}k`"
        doc = doc.replace("1 trials of", "k trials of")
    direction = f"{metric.unit}, {metric.direction}"
    notes: list[str] = [metric.gate]
    if metric.where_known:
        notes.append("where known")
    if metric.finished_only:
        notes.append("finished")
    return f"| {name} | {doc} | {direction} | {', '.join(notes)} |\n"


def _tolerances() -> Iterator[str]:
    for metric in METRICS.values():
        if metric.abs_tol is not None or metric.min_abs_change is not None:
            change = "" if metric.min_abs_change is None else f"{metric.min_abs_change:g}"
            tolerance = "" if metric.abs_tol is None else f"{metric.abs_tol:g}"
            yield f"| `{metric.name}` | {tolerance} | {change} |\n"
