"""Taking a stored report apart gives what reading it whole gives, or gives up."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.summaries import case, report

from evalgate.schema.report_text import report_text
from evalgate.schema.result import CaseResult, Report
from evalgate.schema.score import Abstained
from evalgate.store.report_lines import cases_apart
from evalgate.text.strict_json import Parsed, parse

__all__ = ["case", "report"]

BuildCase = Callable[..., CaseResult]
BuildReport = Callable[..., Report]

_INSERTED = (
    b'"cases":[\n',
    b"\n]\n}\n",
    b",\n",
    b"\n",
    b'"',
    b"{",
    b"}",
    b"]",
    b"[",
    b"\\",
    b"1e999",
    b"",
)


@pytest.fixture
def written(case: BuildCase, report: BuildReport) -> bytes:
    """Return a report as evalgate writes it."""
    hard = 'a\n]\n}\n,\n"cases":[\nü'
    scores = {"task_success": [1.0, Abstained(hard)], "own_time": [0.5, 0.25]}
    cases = [case("a", scores), case("b", scores, tags=("x",)), case(hard, scores)]
    return report_text(report(cases)).encode()


def whole(raw: bytes) -> object:
    """Read a report in one go."""
    match parse(raw):
        case Parsed(value):
            return value
        case problem:
            return problem


def test_head_and_cases_are_the_report(written: bytes) -> None:
    """Line breaks in strings are escaped, so nothing of a case looks like a mark."""
    apart = cases_apart(written)
    assert apart is not None
    cases = list(apart.cases)
    assert whole(written) == {**apart.head, "cases": cases}
    assert 3 == len(cases)


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_taken_apart_is_what_stands_there(written: bytes, data: st.DataObject) -> None:
    """However a file was changed: its parts are the whole, or one of them is refused."""
    raw = written
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(raw)))
        stop = data.draw(st.integers(start, min(start + 400, len(raw))))
        between = data.draw(st.sampled_from((*_INSERTED, raw[start:stop] * 2)))
        raw = raw[:start] + between + raw[stop:]
    apart = cases_apart(raw)
    cases = None if apart is None else list(apart.cases)
    if apart is not None and cases is not None and None not in cases:
        assert whole(raw) == {**apart.head, "cases": cases}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"cases":[\n', b'"cases": [\n'),
        (b"\n]\n}\n", b"\n]\n}"),
        (b'"verdict"', b'"cases":[],\n"verdict"'),
        (b'"changes":[]', b'"changes":[1e999]'),
    ],
)
def test_another_layout_is_read_whole(written: bytes, old: bytes, new: bytes) -> None:
    """Nothing is guessed where marks are missing, or the head is not strict JSON."""
    assert old in written
    assert cases_apart(written.replace(old, new)) is None


def test_depth_is_counted_from_the_top(written: bytes) -> None:
    """A case lies within the report and its list."""
    deep = b'"tags":' + b"[" * 97 + b"1" + b"]" * 97
    deeper = written.replace(b'"tags":["x"]', deep.replace(b"[1]", b"[[1]]"))
    (apart, more) = (cases_apart(raw) for raw in (written.replace(b'"tags":["x"]', deep), deeper))
    assert apart is not None
    assert more is not None
    assert [0, 1] == [list(parts.cases).count(None) for parts in (apart, more)]
