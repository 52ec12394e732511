"""What a live check finds in its log, and what it does not."""

from evalgate.stress.checks.findings import find
from evalgate.stress.simulation.live_log import LoggedAttempt, LoggedCall, LoggedSession
from evalgate.stress.simulation.retry import layers

T = "throttled_requests"


def attempt(start: float, cause: object = None, **more: object) -> LoggedAttempt:
    """Make an attempt that is answered at once."""
    return LoggedAttempt(start, start, cause, **more)  # type: ignore[arg-type]  # short


def session(*calls: LoggedCall, **changes: object) -> LoggedSession:
    """Make a session that ends as it does without limits, unless said otherwise."""
    fields: dict[str, object] = {
        "number": 0,
        "group": "all",
        "case_id": "one",
        "start": 0.0,
        "end": 5.0,
        "status": "finished",
        "output": "done",
        "calls": calls,
        "ideal": 1.0,
        "planned": 1,
        "ideal_output": "done",
    }
    return LoggedSession(**{**fields, **changes})  # type: ignore[arg-type]  # short


def kinds(*sessions: LoggedSession, declared: str = "openai") -> dict[str, str | None]:
    """Return the layer of each finding by kind."""
    found = find(sessions, layers(declared), seconds=60.0)
    return {finding.kind: finding.layer for finding in found}


def test_a_quiet_session() -> None:
    """One attempt, one answer: nothing to find."""
    assert {} == kinds(session(LoggedCall((attempt(0.0),))))


def test_layers_that_multiply() -> None:
    """Six attempts where three are declared; the layer above the SDK is to blame."""
    made = tuple(attempt(float(n), T if n < 5 else None, retry_count=n % 3) for n in range(6))
    assert {"layers_multiply": "undeclared layer above openai"} == kinds(session(LoggedCall(made)))


def test_a_swallowed_failure() -> None:
    """The session finished with another answer; with the same answer nothing was lost."""
    failed = LoggedCall((attempt(0.0, T),))
    hidden = session(failed, output="Model call failed after 3 attempts")
    assert {"silent_failure": "the agent's own code"} == kinds(hidden)
    assert {} == kinds(session(failed))
    assert {} == kinds(session(failed, output="x", status="crashed"))


def test_a_hint_that_is_ignored() -> None:
    """A retry 0.5 s after a hint of 1 s is early, one after 1 s is not."""
    early = LoggedCall((attempt(0.0, T, hint=1.0, retry_count=0), attempt(0.5, retry_count=1)))
    patient = LoggedCall((attempt(0.0, T, hint=1.0, retry_count=0), attempt(1.0, retry_count=1)))
    assert {"hint_ignored": "openai"} == kinds(session(early))
    assert {} == kinds(session(patient))


def test_an_error_that_waiting_does_not_cure() -> None:
    """A 400 and an empty purse are not to be retried."""
    for cause in ("bad_request", "quota_exhausted", "never_fits"):
        call = LoggedCall((attempt(0.0, cause), attempt(1.0)))
        assert {"not_retryable": "exact"} == kinds(session(call), declared="exact")


def test_a_storm() -> None:
    """Twelve clients that come back at one moment and are refused together."""
    calls = [LoggedCall((attempt(0.0, T), attempt(1.0, T), attempt(3.0 + n))) for n in range(12)]
    assert "storm" in kinds(*(session(call) for call in calls), declared="exact")
    assert "storm" not in kinds(*(session(call) for call in calls[:5]), declared="exact")


def test_a_session_without_an_end() -> None:
    """Cut off by the check, or timed out."""
    for endless in (session(end=None, status="cut"), session(status="timed_out")):
        assert {"no_timeout": "the agent's own code"} == kinds(endless)
