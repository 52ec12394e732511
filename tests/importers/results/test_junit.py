"""JUnit XML."""

from collections import Counter
from pathlib import Path

import pytest
from support.foreign import foreign, rows, values, write

from evalgate.errors import DataError


def test_a_real_file(shared_data: Path) -> None:
    """8 tests, 2 failures, 1 error, 2 skipped (its own attributes); xpass looks like a pass."""
    file = foreign(shared_data / "foreign" / "pytest" / "junit.xml")
    assert {1.0: 3, 0.0: 2, None: 3} == Counter(values(file, "task_success"))
    assert "8 tests: 2 failed, 1 errored, 2 skipped" in file.results.notes[0]
    assert "test_llm_eval::test_exact[peru [d\\xe9j\\xe0]]" in {row.case for row in rows(file)}


def test_one_name_in_two_suites(tmp_path: Path) -> None:
    """Then the suite's name belongs to the id."""
    suites = "".join(
        f'<testsuite name="{name}"><testcase name="t"/></testsuite>' for name in ("a", "b")
    )
    file = foreign(write(tmp_path, "r.xml", f"<testsuites>{suites}</testsuites>"))
    assert ["a / t", "b / t"] == [row.case for row in rows(file)]


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE x [<!ENTITY a "b">]><testsuite><testcase name="&a;"/></testsuite>',
        "<testsuite><testcase",
        "<html></html>",
    ],
)
def test_what_is_no_junit_is_refused(tmp_path: Path, text: str) -> None:
    """A document type, half a file, another document."""
    with pytest.raises(DataError, match=r"r\.xml: "):
        foreign(write(tmp_path, "r.xml", text))
