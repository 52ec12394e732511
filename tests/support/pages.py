"""Builds a report with everything that lies beside it, with a text of choice in every field."""

from collections.abc import Callable

from evalgate.output.cases.details import Claim, OtherRun, Past, RunDetails
from evalgate.schema.golden import Case
from evalgate.schema.judge import Calibration, JudgeCalibration
from evalgate.schema.result import (
    BaselineRef,
    CaseResult,
    JudgeInfo,
    Manifest,
    MetricValue,
    Report,
    ReportSet,
    Subject,
    SuiteInfo,
    TrialResult,
)
from evalgate.schema.score import Abstained, Broken, Scored
from evalgate.schema.trace import (
    GuardrailStep,
    Handoff,
    LlmCall,
    Retrieval,
    Span,
    Step,
    ToolCall,
    Trace,
    Unread,
    UserMessage,
)
from evalgate.schema.verdict import CaseChange, Check, Interval
from evalgate.stats.summary import summary_of_report

__all__ = ["ATTACKS", "hostile_page", "page_of", "shop_report", "shop_trace"]

ATTACKS = (
    "<script>window.owned=1</script>",
    "</script><script>window.owned=1</script>",
    "<img src=x onerror=window.owned=1>",
    '"><svg/onload=window.owned=1>',
    "'><iframe srcdoc='<script>parent.owned=1</script>'></iframe>",
    "</style><style>*{display:none}</style>",
    "<!--<script>window.owned=1//-->",
    "javascript:window.owned=1",
    "<a href=javascript:window.owned=1>x</a>",
    "{{constructor.constructor('window.owned=1')()}}",
    "</textarea></title></noscript><script>window.owned=1</script>",
    "<meta http-equiv=refresh content='0;url=http://192.0.2.1/'>",
    "<link rel=stylesheet href=http://192.0.2.1/x.css>",
    "<base href=http://192.0.2.1/>",
    "<form action=http://192.0.2.1/><input autofocus onfocus=window.owned=1>",
    "\u202e\u2066\x1b[31m\x00\x07\ufeff",
    "__proto__",
    "&lt;script&gt;window.owned=1&lt;/script&gt;",
)
"""Texts that would run, load or hide something, were they taken for more than text."""

Say = Callable[[str], str]


def shop_trace(say: Say, trial: int, *, worse: bool) -> Trace:
    """Make a trace with every kind of step; a worse one parts from the other at its tool."""
    steps: list[Step] = [
        UserMessage(content=say("refund please")),
        LlmCall(
            provider="openai",
            model="gpt-4o-mini",
            input_tokens=150 if worse else 100,
            output_tokens=10,
            start=0,
            end=1,
            input=[{"role": "user", "content": say("refund please")}],
            output={"content": say("let me look")},
        ),
        ToolCall(
            name=say("look"), arguments={"id": say("A2" if worse else "A1")}, result=say("ok")
        ),
        Retrieval(query=say("rules"), documents=(say("Open orders are cancelled."),)),
        Handoff(target=say("person"), reason=say("stuck")),
        GuardrailStep(type=say("pii"), decision="block"),
        Span(name=say("turn"), input=say("in"), output=say("out")),
        Unread(type=say("novelty"), item={"x": say("y")}),
    ]
    if worse:
        steps.append(ToolCall(name="refund", arguments=say("{"), error=say("broken")))
    answer = "No refund. Call us." if worse else "Refunded 10 USD."
    return Trace(case_id="refund", trial=trial, output=say(answer), steps=tuple(steps))


def shop_report(say: Say, *, worse: bool) -> Report:
    """Make a report of three cases: one that got worse, one that was not measured, one missing."""
    checks = (
        Check(
            id="task_success_rate",
            kind="relative",
            outcome="fail",
            metric="task_success_rate",
            unit="ratio",
            direction="higher",
            baseline=1.0,
            candidate=0.5,
            change=0.5,
            threshold=0.05,
            threshold_unit="relative",
            interval_90=Interval(low=0.1, high=None),
            reason=say("fell by half"),
            fix=say("mend it"),
        ),
        Check(
            id=say("judge"),
            kind="evidence",
            outcome="inconclusive",
            reason=say("no labels"),
            accepted=say("until spring"),
        ),
    )
    score = Scored(0.0 if worse else 1.0)
    case = CaseResult(
        id="refund",
        digest="a",
        tags=(say("money"),),
        must_pass=True,
        trials=tuple(
            TrialResult(
                "refund",
                number,
                "crashed" if worse and number else "finished",
                {
                    "task_success": score,
                    "cost_usd": Scored(2.85e-05 if worse else 2.1e-05),
                    "faithfulness": Broken(say("judge is down")),
                    "ttft": Abstained(say("no time"), unknown=True),
                },
                error=say("KeyError: 'x'") if worse and number else None,
                output=say("No refund. Call us."),
                details=(say("unsupported: No refund."),) if worse else (),
            )
            for number in (0, 1)
        ),
    )
    lost = CaseResult(
        id=say("lost")[:200],
        digest="b",
        trials=(
            TrialResult(
                say("lost")[:200],
                0,
                "not_measured",
                {"task_success": Broken("miss")},
                error=say("miss"),
            ),
        ),
    )
    return Report(
        verdict="fail",
        exit_code=1,
        suite=SuiteInfo(
            id=say("shop"),
            golden_digest=say("sha256:0"),
            cases=3,
            selected=3,
            trials=2,
            agent=say("a"),
        ),
        subject=Subject(model=say("gpt-4o-mini")),
        baseline=BaselineRef(source=say("b.json"), created="2026-11-20T10:00:00Z", reason=say("r")),
        changed=(say("system prompt"),),
        judge=JudgeInfo(model=say("judge"), calls=3, cost_usd=0.01),
        checks=checks,
        warnings=(say("old baseline"),),
        metrics={
            "task_success_rate": MetricValue(value=0.5, unit="ratio", direction="higher", n=2),
            say("own"): MetricValue(value=None, unit="score", direction="higher", n=0, unknown=2),
        },
        stress={
            "engine": say("simulated"),
            "sessions": 10,
            "limits": {"rpm": 60},
            "findings": [{"kind": "storm", "said": say("a storm"), "fix": say("jitter")}],
            "checklist": [
                {"name": say("a line"), "priority": "P0", "status": "met", "figure": say("1 of 1")}
            ],
            "series": {"seconds_per_bin": 1.0, "admitted": [1, 2], "throttled": [0, 1]},
        },
        changes=(
            CaseChange(
                id="refund",
                outcome="regressed",
                baseline=1.0,
                candidate=0.0,
                what=(say("tokens"),),
                reproduce=say("evalgate run --case refund"),
            ),
            CaseChange(id=say("gone")[:200], outcome="missing"),
        ),
        cases=(case, lost),
    )


def page_of(say: Say) -> tuple[ReportSet, RunDetails]:
    """Make a report and what lies beside it."""
    now, before = shop_report(say, worse=True), shop_report(say, worse=False)
    kappa = JudgeCalibration.model_construct(
        metric="faithfulness",
        kind="claims",
        model=say("judge"),
        confusion=(1, 2, 3, 4),
        accuracy=0.5,
        kappa=0.1,
        kappa_low=None,
        kappa_high=None,
        sensitivity=None,
        specificity=0.4,
    )
    case = Case.model_validate(
        {
            "id": "refund",
            "input": "x",
            "expected": {
                "output": {"contains": [say("refunded")]},
                "tool_calls": [{"name": say("look"), "arguments": {"id": say("A1")}}],
            },
            "contexts": [say("Refunds take a day. No refund.")],
        }
    )
    details = RunDetails(
        manifest=Manifest(
            run_id=say("20261128T1"),
            suite="shop",
            golden="g",
            golden_digest="d",
            agent="a",
            trials=2,
            created="2026-11-28T10:00:00Z",
            subject=Subject(git_commit=say("abc"), dirty=True),
            command=say("evalgate run"),
            environment={say("python"): say("3.11")},
        ),
        traces={("refund", n): shop_trace(say, n, worse=True) for n in (0, 1)},
        golden={"refund": case},
        asked={"refund": say("refund please")},
        baseline=summary_of_report(before),
        other=OtherRun(
            say("20261120T1"),
            {case.id: case.trials for case in before.cases},
            {("refund", n): shop_trace(say, n, worse=False) for n in (0, 1)},
        ),
        claims={
            ("refund", say("No refund. Call us.")): (
                Claim(say("No refund."), supported=False),
                Claim(say("Call us."), supported=True, quote=say("No refund.")),
            )
        },
        calibration=Calibration.model_construct(suite="shop", judges={say("r"): {say("f"): kappa}}),
        history=(
            Past("2026-11-01T10:00:00Z", {"task_success_rate": 1.0}),
            Past("2026-11-02T10:00:00Z", {"task_success_rate": None}),
        ),
        notes=(say("something is not here"),),
    )
    return ReportSet(verdict="fail", exit_code=1, suites=(now,)), details


def hostile_page() -> tuple[ReportSet, list[RunDetails]]:
    """Make one suite for each attack, with the attack in every field."""
    pages = [page_of(lambda text, attack=attack: f"{attack} {text}") for attack in ATTACKS]
    reports = tuple(report for page, _ in pages for report in page.suites)
    return ReportSet(verdict="fail", exit_code=1, suites=reports), [known for _, known in pages]
