"""Trials are written without secrets, and untouched where they hold none."""

from evalgate.schema.golden import Case
from evalgate.schema.result import TrialResult
from evalgate.schema.trace import ToolCall, Trace
from evalgate.store.redaction import clean_case, clean_result, clean_trace
from evalgate.text.redact import Redactor

SECRET = 'sp"ecial\\secret\nvalue'
REDACTOR = Redactor.build({"SHOP_API_KEY": SECRET})


def result(**fields: object) -> TrialResult:
    """Make the result of a trial."""
    given = {"case_id": "a", "trial": 0, "status": "finished", "scores": {}, **fields}
    return TrialResult(**given)  # type: ignore[arg-type]  # fields of the test's choice


def test_secrets_leave_a_trace_wherever_they_stand() -> None:
    """Output, arguments and metadata, also where JSON escapes the secret."""
    trace = Trace(
        case_id="a",
        output=f"key: {SECRET}",
        steps=(ToolCall(name="pay", arguments={"key": SECRET}),),
        metadata={"deep": [{"key": SECRET}]},
    )
    clean = clean_trace(trace, REDACTOR)
    assert SECRET not in repr(clean.model_dump())
    assert "[redacted" in str(clean.output)


def test_a_clean_trace_is_the_same_object() -> None:
    """Nothing is copied where nothing is secret, escapes or not."""
    for output in ("plain", 'with "quotes" and \\ and é'):
        trace = Trace(case_id="a", output=output)
        assert trace is clean_trace(trace, REDACTOR)


def test_secrets_leave_a_result() -> None:
    """Error, output, details and names of calls are what an agent can say."""
    dirty = result(error=SECRET, output=SECRET, details=(SECRET,), calls=(SECRET,))
    assert SECRET not in repr(clean_result(dirty, REDACTOR))
    fine = result(output="4")
    assert fine is clean_result(fine, REDACTOR)


def test_secrets_leave_a_case() -> None:
    """An imported transcript may hold a key."""
    assert SECRET not in repr(clean_case(Case(id="a", input=SECRET), REDACTOR).model_dump())
    fine = Case(id="a", input="x")
    assert fine is clean_case(fine, REDACTOR)
