"""Judging a run: recorded verdicts, misses, failures, duplicates, bounds, cost; over real HTTP."""

# ruff: noqa: ANN401  # fixtures come by name: test folders are no packages

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from evalgate.errors import ConfigError, DataError
from evalgate.judges.base import Judged
from evalgate.judges.judging import bounded, open_judges
from evalgate.schema.config import AgentConfig, JudgeConfig, Price, SuiteConfig
from evalgate.schema.golden import Case
from evalgate.schema.judge import Evidence
from evalgate.schema.result import JudgeInfo
from evalgate.schema.score import Abstained, Broken, Scored
from evalgate.schema.trace import Feedback, Trace
from evalgate.stats.summary import is_miss
from evalgate.store.verdicts import verdict_files
from evalgate.suite.environment import Environment
from evalgate.suite.plan import JudgeMode
from evalgate.suite.suite import Suite

KEY = "sk-test-0123456789abcdefghij"
WORLD = Environment({"OPENAI_API_KEY": KEY})
CASE = Case(id="refund-1", input="When?", contexts=("Refunds take 5 days.",))
Trial = tuple[Case, Trace]


def supported(request: dict[str, Any], _number: int) -> Any:
    """Find one claim, and support it where the answer says five days."""
    answer = request["messages"][1]["content"].rpartition("<<<ANSWER")[2]
    quote = "take 5 days" if "5 days" in answer else ""
    return {"claims": [{"claim": "It takes days.", "quote": quote, "supported": bool(quote)}]}


def trace(output: str = "It takes 5 days.", trial: int = 0, **fields: Any) -> Trace:
    """Make a trace of the case."""
    return Trace.model_validate({"case_id": "refund-1", "trial": trial, "output": output, **fields})


@pytest.fixture
def suite(tmp_path: Path) -> Callable[..., Suite]:
    """Return a maker of suites with one judge, or with several."""

    def make(url: str = "http://127.0.0.1:9/v1", **fields: Any) -> Suite:
        judges = fields.pop("judges", None) or {"reader": {"kind": "claims", **fields}}
        config = SuiteConfig(
            golden="g.jsonl",
            agent=AgentConfig(run="recorded:t.jsonl"),
            judges={
                name: JudgeConfig.model_validate({"model": "judge-1", "base_url": url, **judge})
                for name, judge in judges.items()
            },
            prices={"judge-1": Price(input=1.0, output=2.0)},
        )
        return Suite("support", config, tmp_path, tmp_path / "runs")

    return make


def judge(
    suite: Suite,
    trials: Sequence[Trial],
    mode: JudgeMode = "auto",
    environment: Environment = WORLD,
) -> tuple[list[Judged], JudgeInfo]:
    """Judge trials all at once."""

    async def main() -> tuple[list[Judged], JudgeInfo]:
        async with open_judges(suite, environment, mode) as judging:
            found = await asyncio.gather(*(judging.judge(*trial) for trial in trials))
            info = judging.info()
            assert info is not None
            return list(found), info

    return asyncio.run(main())


def test_a_verdict_is_paid_once(suite: Any, scripted_judge: Any) -> None:
    """Ten trials with two answers cost two calls; judging again costs none and needs no key."""
    server = scripted_judge(supported)
    mine = suite(server.base_url)
    answers = ["It takes 5 days.", "It takes 9 days."] * 5
    trials = [(CASE, trace(text, n)) for n, text in enumerate(answers)]
    first, paid = judge(mine, trials)
    again, free = judge(mine, trials, "replay", Environment({}))
    assert 2 == len(server.requests)
    assert first == again
    assert [1.0, 0.0] * 5 == [judged.scores["faithfulness"].value for judged in first]
    assert (2, 8, 200, 40) == (paid.calls, paid.cached, paid.input_tokens, paid.output_tokens)
    assert pytest.approx((200 * 1 + 40 * 2) / 1e6) == paid.cost_usd
    assert (0, 10, 0, 0.0) == (free.calls, free.cached, free.input_tokens, free.cost_usd)


def test_a_missing_verdict_is_a_miss_and_names_the_case(suite: Any, scripted_judge: Any) -> None:
    """With one verdict deleted the replay says which case, as a score that no bound stands for."""
    server = scripted_judge(supported)
    mine = suite(server.base_url)
    judge(mine, [(CASE, trace())])
    (path,) = verdict_files(mine.verdicts)
    path.unlink()
    (judged,), _ = judge(mine, [(CASE, trace())], "replay")
    score = judged.scores["faithfulness"]
    assert is_miss(score)
    assert "'refund-1'" in score.error
    assert "--judge auto" in score.error
    assert 1 == len(server.requests)


def test_replay_asks_nobody_whatever_keys_there_are(suite: Any, scripted_judge: Any) -> None:
    """A key in the environment does not make a replay live."""
    server = scripted_judge(supported)
    judge(suite(server.base_url), [(CASE, trace())], "replay")
    assert [] == server.requests


def test_an_edited_verdict_is_refused(suite: Any, scripted_judge: Any) -> None:
    """Making a verdict better by hand is an error, not a better score."""
    mine = suite(scripted_judge(supported).base_url)
    judge(mine, [(CASE, trace("9 days"))])
    (path,) = verdict_files(mine.verdicts)
    path.write_text(path.read_text().replace('"supported":false', '"supported":true'))
    with pytest.raises(DataError, match="edited"):
        judge(mine, [(CASE, trace("9 days"))], "replay")


def test_a_key_is_needed_to_ask(suite: Any) -> None:
    """Without the variable, asking is a configuration error that names it."""
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        judge(suite(), [], "auto", Environment({}))


def test_off_makes_scores_unknown(suite: Any) -> None:
    """Nothing judged is unknown, which gates as inconclusive; it is never left out."""
    (judged,), _ = judge(suite(), [(CASE, trace())], "off")
    assert Abstained("judging is off (--judge off)", unknown=True) == judged.scores["faithfulness"]
    assert {"faithfulness", "hallucination"} == set(judged.scores)


@pytest.mark.parametrize("status", ["crashed", "timed_out", "bad_output", "limit", "unfinished"])
def test_a_failed_trial_has_the_worst_scores_for_free(status: str, suite: Any) -> None:
    """Failures of the agent stay in the denominator, and nobody is asked about them."""
    (judged,), info = judge(suite(), [(CASE, trace(status=status))])
    assert Scored(0.0) == judged.scores["faithfulness"]
    assert Scored(1.0) == judged.scores["hallucination"]
    assert 0 == info.calls


def test_a_trial_that_was_not_measured_is_no_evidence(suite: Any) -> None:
    """A replay miss of the cassette breaks judged scores too."""
    (judged,), _ = judge(suite(), [(CASE, trace(status="not_measured", error="miss"))])
    assert Broken("not measured: miss") == judged.scores["faithfulness"]


@pytest.mark.parametrize(
    ("parts", "contexts", "asked"),
    [
        (["output"], ("Refunds take 5 days.",), 0),
        (["tool_calls"], (), 0),
        (["tool_calls"], ("Refunds take 5 days.",), 1),
        (["usage"], ("Refunds take 5 days.",), 1),
    ],
)
def test_what_nobody_could_read_is_not_judged(
    parts: list[str], contexts: tuple[str, ...], asked: int, suite: Any, scripted_judge: Any
) -> None:
    """A judge would be shown half an answer, or miss what it rests on: not measured, and named."""
    server = scripted_judge(supported)
    step = {"kind": "unread", "type": "hologram", "item": {}, "parts": parts}
    case = CASE.model_copy(update={"contexts": contexts})
    (judged,), _ = judge(suite(server.base_url), [(case, trace(steps=[step]))])
    score = judged.scores["faithfulness"]
    assert (asked, not asked) == (len(server.requests), isinstance(score, Abstained))
    if not asked:
        assert (True, True) == (score.unknown, "'hologram'" in score.reason)


def test_one_broken_of_ten_is_broken(suite: Any, scripted_judge: Any) -> None:
    """A judge that fails on 1 of 10 cases leaves nine scores and a broken one, no mean over 9."""

    def script(request: dict[str, Any], number: int) -> Any:
        answer = request["messages"][1]["content"]
        return "I cannot judge this." if "case 7" in answer else supported(request, number)

    mine = suite(scripted_judge(script).base_url)
    cases = [Case(id=f"c{n}", input="When?", contexts=CASE.contexts) for n in range(10)]
    trials = [
        (case, Trace(case_id=case.id, output=f"5 days, case {n}")) for n, case in enumerate(cases)
    ]
    found, _ = judge(mine, trials)
    kinds = [type(judged.scores["faithfulness"]).__name__ for judged in found]
    assert ["Scored"] * 7 + ["Broken"] + ["Scored"] * 2 == kinds


def test_calls_at_once_are_bounded(suite: Any, scripted_judge: Any, raw: Any) -> None:
    """Forty questions at concurrency 3 are never more than 3 at once."""

    def slow(request: dict[str, Any], number: int) -> Any:
        body = {"choices": [{"message": {"content": json.dumps(supported(request, number))}}]}
        return raw(body=body, delay=0.01)

    server = scripted_judge(slow)
    trials = [(CASE, trace(f"5 days, {n}", n)) for n in range(40)]
    found, info = judge(suite(server.base_url, concurrency=3), trials)
    assert 40 == len(server.requests)
    assert 3 == server.most_at_once
    assert all(isinstance(judged.scores["faithfulness"], Scored) for judged in found)
    assert info.cost_usd is None, "a response without usage has no known cost"


def test_caps_stop_asking(suite: Any, scripted_judge: Any) -> None:
    """What is over the cap is broken, not skipped."""
    server = scripted_judge(supported)
    mine = suite(server.base_url, concurrency=1, caps={"tokens": 240})
    found, _ = judge(mine, [(CASE, trace(f"5 days, {n}", n)) for n in range(4)])
    kinds = [type(judged.scores["faithfulness"]).__name__ for judged in found]
    assert ["Scored", "Scored", "Broken", "Broken"] == kinds
    assert "caps.tokens of 240" in found[3].scores["faithfulness"].error


def test_secrets_reach_neither_the_judge_nor_the_file(suite: Any, scripted_judge: Any) -> None:
    """An answer that leaks a key of the environment is judged, and kept, without it."""
    server = scripted_judge(supported)
    mine = suite(server.base_url)
    judge(mine, [(CASE, trace(f"5 days, {KEY}"))])
    (path,) = verdict_files(mine.verdicts)
    assert KEY not in path.read_text()
    assert KEY not in json.dumps(server.requests)


LEVELS = {n: f"level {n}" for n in range(1, 6)}
RUBRIC = {"kind": "rubric", "rubric": "Was the goal reached?", "levels": LEVELS}


def test_what_the_user_said_wins(suite: Any, scripted_judge: Any) -> None:
    """Stars and thumbs give goal attainment without a call; else the judge is asked."""
    server = scripted_judge(lambda *_: {"reason": "so", "level": 2})
    mine = suite(server.base_url, judges={"goal": RUBRIC})
    found, info = judge(
        mine,
        [
            (CASE, trace(feedback=Feedback(stars=4.5))),
            (CASE, trace(trial=1, feedback=Feedback(thumbs="down"))),
            (CASE, trace(trial=2)),
        ],
    )
    assert [4.5, 1.0, 2.0] == [judged.scores["goal_attainment"].value for judged in found]
    assert [1.0, 0.0, 0.0] == [judged.scores["goal_success"].value for judged in found]
    assert 1 == info.calls


def test_two_judges_of_one_metric_are_told_apart(suite: Any, scripted_judge: Any) -> None:
    """The first gives the suite's metric, the second its own, so that they can be compared."""
    server = scripted_judge(supported)
    both = {"reader": {"kind": "claims"}, "second": {"kind": "claims", "sampling": {"seed": 1}}}
    (judged,), info = judge(suite(server.base_url, judges=both), [(CASE, trace())])
    names = {"faithfulness", "hallucination", "faithfulness_second", "hallucination_second"}
    assert names == set(judged.scores)
    assert 2 == info.calls


def test_versions_change_with_model_and_sampling(suite: Any) -> None:
    """Scores of two judges are never taken for those of one."""

    async def version(**fields: Any) -> str:
        async with open_judges(suite(**fields), Environment({}), "replay") as judging:
            return judging.versions["faithfulness"]

    found = [
        asyncio.run(version(**fields))
        for fields in (
            {},
            {"sampling": {"temperature": 1}},
            {"long_contexts": "cut"},
            {"judges": {"reader": {"kind": "claims", "model": "judge-2"}}},
            {"judges": {"reader": {"kind": "ragas"}}},
        )
    ]
    assert len(found) == len(set(found))
    assert found[0] == asyncio.run(version())


def test_long_contexts_are_an_error_or_cut_by_the_rule() -> None:
    """200,000 tokens: an error that says so, or the first ones, the last cut at a blank."""
    evidence = Evidence(answer="a", contexts=("word " * 80_000, "word " * 80_000))
    strict = JudgeConfig(kind="claims", model="m")
    assert "about 200,000 tokens" in str(bounded(evidence, strict))
    cut = strict.model_copy(update={"long_contexts": "cut", "max_context_tokens": 100_001})
    fitted = bounded(evidence, cut)
    assert not isinstance(fitted, str)
    shown, said = fitted
    assert "word" == shown.contexts[1]
    assert "2 of 2 contexts" in said[0]
