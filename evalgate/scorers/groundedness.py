"""`groundedness_lexical` of a trial: its answer against its contexts, without a model."""

from collections.abc import Iterable, Mapping
from typing import Final

from evalgate.schema.golden import Case
from evalgate.schema.score import Abstained, Score, Scored
from evalgate.schema.trace import Trace
from evalgate.scorers.contexts import contexts_of, question_of, text_of
from evalgate.scorers.grounding import Grounding, NoClaims, NoContexts, ground
from evalgate.scorers.settings import Settings, failed

VERSION: Final = "2"
"""Changes when a definition changes."""

SCORES: Final = ("groundedness_lexical", "unsupported_weight")
"""Names of the scores of a trial."""

_OFF: Final = Abstained("groundedness is off for this suite")
_NO_CONTEXTS: Final = Abstained("the case gives no contexts")
_NOTHING_SEEN: Final = Abstained("neither the case nor the trace has contexts")
_NO_CLAIMS: Final = Abstained("the answer claims nothing that could be looked up")
_FAILED: Final = Abstained("the trial failed before it answered")
_SPANS: Final = 5


def score_groundedness(case: Case, trace: Trace, settings: Settings) -> Mapping[str, Score]:
    """Score how far the contexts hold what the answer says."""
    if settings.groundedness == "off":
        return dict.fromkeys(SCORES, _OFF)
    if settings.groundedness == "case" and not case.contexts:
        return dict.fromkeys(SCORES, _NO_CONTEXTS)
    if failed(trace):
        return {SCORES[0]: Scored(0.0), SCORES[1]: _FAILED}
    match _grounding(case, trace):
        case NoContexts():
            return dict.fromkeys(SCORES, _NOTHING_SEEN)
        case NoClaims():
            return dict.fromkeys(SCORES, _NO_CLAIMS)
        case Grounding(score=score, unsupported_weight=weight):
            return {SCORES[0]: Scored(score), SCORES[1]: Scored(weight)}


def explain_groundedness(case: Case, trace: Trace, scores: Mapping[str, Score]) -> Iterable[str]:
    """Name what the contexts do not hold, where that weighs enough to call it ungrounded."""
    score = scores.get(SCORES[0])
    if not isinstance(score, Scored) or score.value > 0.5 or failed(trace):
        return
    found = _grounding(case, trace)
    if isinstance(found, Grounding):
        spans = [span for claim in found.claims for span in claim.unsupported]
        more = f" and {len(spans) - _SPANS} more" if len(spans) > _SPANS else ""
        yield f"not in the contexts: {', '.join(map(repr, spans[:_SPANS]))}{more}"


def _grounding(case: Case, trace: Trace) -> Grounding | NoClaims | NoContexts:
    return ground(text_of(trace.output), contexts_of(case, trace), question_of(case))
