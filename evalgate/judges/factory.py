"""Makes a judge as a suite configures it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from evalgate.judges.base import Judge, Meter
from evalgate.judges.kinds.chat import Chat
from evalgate.judges.kinds.claims import claims_judge
from evalgate.judges.kinds.decision import Decided, Decision, decision_judge
from evalgate.judges.kinds.http import Http
from evalgate.judges.kinds.moderation import moderation_judge
from evalgate.judges.kinds.pairwise import Pair, pairwise_judge
from evalgate.judges.kinds.ragas import SAMPLING, Asked, ragas_judge
from evalgate.judges.kinds.ragas_live import Endpoint, RagasLive
from evalgate.judges.kinds.rubric import Rubric, rubric_judge
from evalgate.judges.kinds.selfcheck import selfcheck_judge
from evalgate.judges.kinds.user import user_judge
from evalgate.schema.base import Json
from evalgate.schema.config import JudgeConfig

_MAX_TOKENS = 4096


@asynccontextmanager
async def open_judge(
    config: JudgeConfig, key: str | None, meter: Meter, *, live: bool
) -> AsyncIterator[Judge]:
    """Open a judge.

    Args:
        config: What it is.
        key: The endpoint's key.
        meter: Counts what is spent.
        live: Whether it may really be asked; else only recorded verdicts can be read.

    Raises:
        ConfigError: The endpoint's URL is none.
        MissingExtra: Ragas is to be asked and cannot be imported.
    """
    if config.kind == "ragas":
        async with _ragas(config, key, meter, live=live) as judge:
            yield judge
        return
    http = Http(config.base_url, key, timeout_s=config.timeout_s)
    if not live:
        yield _over_http(config, http, meter)
        return
    async with http:
        yield _over_http(config, http, meter)


def _over_http(config: JudgeConfig, http: Http, meter: Meter) -> Judge:
    chat = Chat(http, config.model, meter)
    sampling = _sampling(config)
    match config.kind:
        case "rubric":
            metric = config.metrics[0] if config.metrics else "goal_attainment"
            rubric = Rubric(metric, config.rubric or None, config.levels, config.votes)
            rubric = replace(rubric, whole=config.shows == "conversation")
            return rubric_judge(chat, sampling, rubric)
        case "pairwise":
            return pairwise_judge(chat, sampling, Pair(config.metrics[0], config.rubric or ""))
        case "decision":
            asked = (Decided(name, q.asks, q.levels) for name, q in config.asked.items())
            decision = Decision(tuple(asked), whole=config.shows == "conversation")
            return decision_judge(http, config.model, decision, meter)
        case "selfcheck":
            return selfcheck_judge(
                chat, sampling, samples=config.samples, sample_model=config.sample_model
            )
        case "moderation":
            return moderation_judge(http, config.model, meter)
        case "user":
            return user_judge(chat, sampling)
        case _:
            return claims_judge(chat, sampling)


@asynccontextmanager
async def _ragas(
    config: JudgeConfig, key: str | None, meter: Meter, *, live: bool
) -> AsyncIterator[Judge]:
    sampling = dict(SAMPLING if config.sampling is None else config.sampling)
    asked = Asked(config.model, config.embedding_model, sampling)
    names = config.metrics or ("faithfulness",)
    if not live:
        yield ragas_judge(asked, names, None)
        return
    endpoint = Endpoint(
        config.base_url, key, config.model, config.embedding_model, config.timeout_s
    )
    async with RagasLive(endpoint, sampling, meter) as ragas:
        yield ragas_judge(asked, names, ragas)


def _sampling(config: JudgeConfig) -> dict[str, Json]:
    if config.sampling is not None:
        return dict(config.sampling)
    return {"temperature": 0 if config.votes == 1 else 1, "max_tokens": _MAX_TOKENS}
