"""The page as a file: its policy, its parts, its data; no browser is needed."""

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from support.pages import ATTACKS, hostile_page, page_of

from evalgate.output.html.page import html_page, render
from evalgate.output.style import Style
from evalgate.schema.result import MetricValue, Report, ReportSet, SuiteInfo


class Reader(HTMLParser):
    """Collects tags, attributes and the texts of scripts and styles."""

    def __init__(self, page: str) -> None:
        """Read a page."""
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": []}
        self.text = ""
        self._open = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))
        self._open = tag
        if tag in self.inside:
            self.inside[tag].append("")

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002  # the parser's signature
        """Leave a script or a style."""
        self._open = ""

    def handle_data(self, data: str) -> None:
        """Note a text."""
        if self._open in self.inside:
            self.inside[self._open][-1] += data
        else:
            self.text += data

    def packed(self) -> list[Any]:
        """Unpack the data blocks, the index first."""
        return [
            json.loads(gzip.decompress(base64.b64decode(t))) for t in self.inside["script"][:-1]
        ]


@pytest.fixture(scope="module")
def page() -> Reader:
    """Read the page of a report with everything in it."""
    reports, details = page_of(lambda text: text)
    return Reader(html_page(reports, [details]))


def test_only_its_own_script_and_style_may_run(page: Reader) -> None:
    """The policy allows nothing but the digests of the one script and the one style."""
    (policy,) = [a["content"] for t, a in page.tags if "http-equiv" in a]
    rules = dict(rule.strip().split(" ", 1) for rule in (policy or "").split(";"))

    def digest(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert {
        "default-src": "'none'",
        "script-src": digest(page.inside["script"][-1]),
        "style-src": digest(page.inside["style"][0]),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    } == rules


def test_verdict_and_reasons_come_first(page: Reader) -> None:
    """Without a script: verdict, what broke, worst checks with their fix, and in that order."""
    said = ["FAIL", "1 case that passed now", "1 case regressed", "KeyError"]
    said += [
        "look: evalgate show refund",
        "5 %",
        "mend it",
        "Metrics",
        "Where the difference went",
        "a storm",
    ]
    said += ["Agreement of judges", "old baseline", "until spring", "something is not here"]
    at = -1
    for text in said:
        assert at < (at := page.text.find(text, at + 1)), text


def test_the_data_holds_both_trajectories(page: Reader) -> None:
    """The index has a row a case, worst first; an opened case is aligned with the baseline's."""
    index, chunk = page.packed()
    assert ["refund", "gone", "lost"] == [row[0] for row in index[0]["cases"]]
    trial = chunk[0]["trials"][1]
    assert (2, "crashed", True) == (trial["steps"]["first"], trial["status"], trial["failed"])
    assert ["same", "same", "arguments", *["same"] * 5, "added"] == [
        row[0] for row in trial["steps"]["rows"]
    ]
    assert ['arguments /id: "A1" -> "A2"'] == trial["steps"]["rows"][2][3]
    assert [[0, 10, 0], [11, 19, 1]] == trial["spans"]


def test_nothing_from_outside_becomes_markup() -> None:
    """With each attack in every field, the page has the tags it always has, and no other."""
    reports, details = hostile_page()
    hostile = Reader(html_page(reports, details))
    plain, known = page_of(lambda text: text)
    usual = Reader(html_page(plain, [known]))
    assert {tag for tag, _ in usual.tags} | {"header"} >= {tag for tag, _ in hostile.tags}
    names = {name for _, attributes in hostile.tags for name in attributes}
    assert set() == {name for name in names if name.startswith("on")} | names & {"src", "style"}
    links = {a["href"] for t, a in hostile.tags if t == "a"}
    assert set() == {link for link in links if not re.fullmatch(r"#[\w-]*", link or "")}
    assert len(usual.inside["script"]) + 2 * (len(ATTACKS) - 1) >= len(hostile.inside["script"])


def test_the_same_report_gives_the_same_bytes() -> None:
    """A page has no clock and no chance in it."""
    pages = {html_page(r, [d]) for r, d in (page_of(str.strip), page_of(str.strip))}
    assert 1 == len(pages)


def test_a_report_alone_is_a_page() -> None:
    """Without a run folder there are no trajectories, and the page says so."""
    reports, _ = page_of(lambda text: text)
    page = Reader(render(reports, Style()))
    assert "a run folder holds the trajectories" in page.text
    assert None is page.packed()[1][0]["trials"][0]["steps"]


def test_a_stress_check_alone_is_a_page() -> None:
    """It counts no cases, and a ratio that is no share is one here as in a terminal."""
    suite = SuiteInfo(id="s", golden_digest="d", cases=1, selected=1, trials=1)
    value = MetricValue(value=1.0, unit="ratio", direction="lower", n=1, source="simulated")
    report = Report(
        verdict="pass", exit_code=0, suite=suite, metrics={"stress_retry_amplification": value}
    )
    reports = ReportSet(verdict="pass", exit_code=0, suites=(report,))
    text = Reader(render(reports, Style())).text
    assert "0 cases" not in text
    assert "100 %" not in text


def test_no_suite_is_a_page() -> None:
    """A run of which nothing came is inconclusive, and said to be."""
    assert "INCONCLUSIVE: no suite" in html_page(
        ReportSet(verdict="inconclusive", exit_code=3, suites=()), []
    )


def test_what_does_not_fit_is_left_out_and_said() -> None:
    """The worst cases keep their trajectories; the index has all cases."""
    reports, details = page_of(lambda text: text)
    (index,) = Reader(html_page(reports, [details], budget=100)).packed()
    assert (3, 3) == (len(index[0]["cases"]), index[0]["left_out"])


def test_the_script_never_makes_markup() -> None:
    """No part of it sets HTML, evaluates text or asks the network."""
    page = Reader(html_page(ReportSet(verdict="pass", exit_code=0, suites=()), []))
    banned = r"(inner|outer)HTML|insertAdjacent|document\.write|\beval\b|Function\(|fetch|XMLHttp"
    assert None is re.search(banned, page.inside["script"][-1])
