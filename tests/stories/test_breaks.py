"""Five ways to break the example: the first line and the case say what broke."""

import re
from pathlib import Path

import pytest
from PIL import Image
from support.breaks import (
    BREAKS,
    LIVE,
    PICTURES,
    SURFACES,
    break_example,
    gate_times,
    stored_report,
)
from support.cli import Cli
from support.example import ROOT, copy_example, edit, scripted_model

from evalgate.gate.reports import combine
from evalgate.gateway.server import serve_in_thread
from evalgate.output.comment import CommentScene, render_comment
from evalgate.store.reports import read_reports
from examples.support_agent.scripted_judge import app as judge

SAID = {
    "wrong_tool": (
        (
            "18 cases that passed now no longer call `get_order`; "
            "task success rate 96.3 % -> 63 %, 34.6 % worse, limit 5 %"
        ),
        ("address-processing", 'missed: get_order(order_id="A1003")', "called: update_address"),
    ),
    "wrong_argument": (
        (
            "29 cases that passed now pass another `order_id` to `get_order`; "
            "task success rate 96.3 % -> 42.6 %, 55.8 % worse, limit 5 %"
        ),
        ("address-processing", 'order_id is "A0003", wanted "A1003"'),
    ),
    "worse_wording": (
        (
            "5 cases that passed now leave out what the answer must say; "
            "task success rate 96.3 % -> 87 %, 9.6 % worse, limit 5 %"
        ),
        ("refund-delivered", "does not contain '129.99'", "answered: I have refunded $129 for"),
    ),
    "crash": (
        (
            "3 cases that passed now crash in `tool_message`, agent.py:54 (LookupError); "
            "task success rate 96.3 % -> 90.7 %, 5.8 % worse, limit 5 %"
        ),
        ("refund-unknown-order", "LookupError: no order A9999", "in tool_message, examples/"),
    ),
    "slower": (
        "own time p50 (code and tools, no model calls) ",
        ("slowest now: ", "% worse", "look: evalgate show "),
    ),
}
MOST_BYTES = 80_000
"""Of a picture."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a copy of the example."""
    monkeypatch.chdir(copy_example(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", "scripted")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("name", BREAKS)
def test_a_break_is_understood_from_the_first_screen(project: Path, cli: Cli, name: str) -> None:
    """Terminal and comment: what broke in the first line, then the case, why, and what to do."""
    headline, shown = SAID[name]
    if name == "slower":
        gate_times(project)
        assert 0 == cli("baseline", "update", "--reason", "times", "--force", "-q").code
    break_example(project, name)
    with scripted_model(project), serve_in_thread(judge) as judging:
        edit(project / "evalgate.yaml", "http://127.0.0.1:4012", judging)
        done = cli(
            *LIVE, *("-f", "terminal", "-f", "json", "-o", "report.txt", "-o", "report.json")
        )
    assert 1 == done.code, done.err
    screen = " ".join(" ".join((project / "report.txt").read_text().splitlines()[:40]).split())
    assert screen.startswith(f"support: FAIL: {headline}")
    (stored,) = read_reports(project / "report.json")
    comment = render_comment(combine([stored.report]), CommentScene(marker="x"))
    plain = comment.replace("\\", "")
    assert headline.replace("->", "-&gt;") in plain.splitlines()[1]
    for text in shown:
        assert text in screen, text
        assert text in plain, text


def test_the_page_shows_every_break_on_every_surface() -> None:
    """docs/breaks.md has a picture each, small and with a text in its place, and no other."""
    page = (ROOT / "docs" / "breaks.md").read_text(encoding="utf-8")
    shown = re.findall(r"!\[[^\]]{20,}\]\(img/breaks/([\w-]+\.png)\)", page)
    assert [f"{name}-{surface}.png" for name in BREAKS for surface in SURFACES] == shown
    assert sorted(shown) == sorted(path.name for path in PICTURES.iterdir())
    sizes = {name: (PICTURES / name).stat().st_size for name in shown}
    assert {} == {name: size for name, size in sizes.items() if size > MOST_BYTES}
    for name in BREAKS:
        cause = SAID[name][0].partition(";")[0].strip()
        assert cause in page, cause


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("name", BREAKS)
def test_pictures_are_of_todays_reports(name: str, surface: str) -> None:
    """A report that is worded otherwise needs new pictures: scripts/break_pictures.py."""
    with Image.open(PICTURES / f"{name}-{surface}.png") as picture:
        picture.load()
        assert SURFACES[surface](stored_report(name)) == picture.info["Description"]


@pytest.mark.parametrize("name", BREAKS)
def test_a_pictured_report_says_what_broke(name: str) -> None:
    """The first line of each surface is what the story of the break asks for."""
    headline, shown = SAID[name]
    for surface, text in SURFACES.items():
        said = " ".join(text(stored_report(name)).replace("\\", "").split())
        for old, new in (("&gt;", ">"), ("&quot;", '"'), ("&#x27;", "'"), ("&#39;", "'")):
            said = said.replace(old, new)
        assert headline in said, surface
        assert [] == [part for part in shown if part not in said], surface
