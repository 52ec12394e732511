"""Cassettes of sessions: those with faults beside those without."""

from evalgate.gateway.cassette_index import CaseCassette, with_faults
from evalgate.gateway.tool_calls import ToolAnswer


def answer(result: str) -> tuple[ToolAnswer, ...]:
    """Make the recording of one call."""
    return (ToolAnswer(0, 1, b"{}", result, None, None, ()),)


def test_what_was_recorded_with_faults_comes_after_what_was_without() -> None:
    """In every trial, whichever faults it was recorded with."""
    main = CaseCassette(tools={1: {"a": answer("1")}}, case_digest="d")
    faults = CaseCassette(tools={7: {"a": answer("2")}, 3: {"b": answer("3")}})
    found = with_faults(main, faults)
    assert {
        0: {"a": ["2"], "b": ["3"]},
        1: {"a": ["1", "2"], "b": ["3"]},
    } == {t: {k: [a.result for a in v] for k, v in ks.items()} for t, ks in found.tools.items()}
    assert "d" == found.case_digest
