"""What a live check finds in its log, and what it does not."""

from evalgate.stress.checks.findings import Finding, find
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


def said(*sessions: LoggedSession, declared: str = "openai") -> list[Finding]:
    """Return what is found."""
    return [*find(sessions, layers(declared), seconds=60.0)]


def test_layers_that_multiply_in_words() -> None:
    """The worst call is described, every call counted, the layer named in the fix."""
    six = LoggedCall(tuple(attempt(float(n), T, retry_count=n % 3) for n in range(6)))
    four = LoggedCall(tuple(attempt(float(n), T) for n in range(4)))
    three = LoggedCall(tuple(attempt(float(n), T) for n in range(3)))
    (found,) = said(session(four, three), session(six))
    assert ("layers_multiply", 2, True) == (found.kind, found.count, found.gates)
    layer = "undeclared layer above openai"
    assert found.said == (
        "6 attempts at one call where `retry: openai` makes at most 3; retries by layer: openai 4, "
        f"{layer} 1"
    )
    assert found.fix == f"turn the retries of {layer} off, or declare it in `stress: retry:`"
    (bare,) = find([session(three)], (), seconds=1.0)
    assert "where `retry: none` makes at most 1" in bare.said


def test_a_swallowed_failure_in_words() -> None:
    """The first case, and the first message that speaks of a failure."""
    failed = LoggedCall((attempt(0.0, T),))
    plain = session(failed, output="something else", case_id="first")
    told = session(failed, output="Model call failed after 3 attempts")
    (found,) = said(plain, told)
    assert found.count == 2
    assert found.said.startswith(
        "2 sessions finished normally though a call had failed for good, with another answer "
        "than without limits (case 'first'); its message speaks of "
    )
    (quiet,) = said(plain)
    assert quiet.said.endswith("(case 'first')")


def test_hints_and_hopeless_retries_in_words() -> None:
    """How many, by which layer most; a clock may differ by 5 ms."""
    early = LoggedCall((attempt(0.0, T, hint=1.0, retry_count=0), attempt(0.5, retry_count=1)))
    (found,) = said(session(early, early))
    assert ("hint_ignored", 2, "openai", False) == (*_facts(found), found.gates)
    assert found.said == (
        "2 retries came before the server's retry-after had passed (most by openai)"
    )
    for start, count in ((0.995, 0), (0.994, 1)):
        call = LoggedCall((attempt(0.0, T, hint=1.0), attempt(start)))
        assert count == len(said(session(call)))
    unknown = LoggedCall((LoggedAttempt(0.0, None, T, hint=1.0), attempt(0.1)))
    assert [] == said(session(unknown))
    auth = LoggedCall((attempt(0.0, "auth"), attempt(1.0, "bad_request"), attempt(2.0)))
    (found,) = said(session(auth))
    assert ("not_retryable", 2, "openai") == _facts(found)
    assert found.said == (
        "2 retries after errors that waiting does not cure (auth, bad_request), most by openai"
    )


def _facts(found: Finding) -> tuple[str, int, str | None]:
    return found.kind, found.count, found.layer


def test_a_storm_is_ten_refused_within_a_tenth_of_a_second() -> None:
    """Nine are none, nor are ten that are mostly answered, nor ten spread out."""

    def storms(count: int, *, answered: int = 0, apart: float = 0.0) -> list[Finding]:
        calls = [
            LoggedCall((attempt(0.0, T), attempt(1.0 + n * apart, T), attempt(50.0 + n)))
            for n in range(count)
        ]
        calls += [LoggedCall((attempt(0.0, T), attempt(1.0))) for _ in range(answered)]
        return [one for one in said(*map(session, calls)) if one.kind == "storm"]

    assert [] == storms(9)
    (found,) = storms(10)
    assert ("storm", 10, "openai") == _facts(found)
    assert found.said.startswith("10 retries came within 0.1 s and 10 of them were refused again")
    (mixed,) = storms(10, answered=10)
    assert ("storm", 20, "openai") == _facts(mixed)
    assert [] == storms(10, answered=11)
    assert 1 == len(storms(11, apart=0.01))
    assert [] == storms(20, apart=0.02)


def test_a_session_without_an_end_in_words() -> None:
    """How long it waited between attempts, where it made several."""
    waited = session(
        LoggedCall((attempt(0.0, T), attempt(2.0, T), attempt(33.0, T))), end=None, status="cut"
    )
    (found,) = said(waited)
    assert ("no_timeout", 1, True) == (found.kind, found.count, found.gates)
    assert found.said == (
        "1 session had not ended when 60 s were up (case 'one', its longest wait between "
        "attempts 31 s)"
    )
    (silent,) = said(session(end=None, status="cut"))
    assert silent.said.endswith("(case 'one')")
