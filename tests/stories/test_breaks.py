"""Five ways to break the example: the first line and the case say what broke."""

import subprocess
from pathlib import Path

import pytest
from support.cli import Cli
from support.example import ROOT, copy_example, edit, scripted_model

from evalgate.gate.reports import combine
from evalgate.gateway.server import serve_in_thread
from evalgate.output.comment import CommentScene, render_comment
from evalgate.store.reports import read_reports
from examples.support_agent.scripted_judge import app as judge

BREAKS = {
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
    "slower": ("own time p50 ", ("slowest now: ", "% worse")),
}
TIMES = "        own_time_p50: {gate: standard, min_abs_change: 0.1}\n"


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
    headline, shown = BREAKS[name]
    if name == "slower":
        gate = "        cost_per_interaction: {max: 0.15}\n"
        edit(project / "evalgate.yaml", gate, gate + TIMES)
        assert 0 == cli("baseline", "update", "--reason", "times", "--force", "-q").code
    change = ROOT / "examples/breaks" / f"{name}.diff"
    subprocess.run(["git", "apply", str(change)], cwd=project, check=True)
    with scripted_model(project), serve_in_thread(judge) as judging:
        edit(project / "evalgate.yaml", "http://127.0.0.1:4012", judging)
        done = cli(
            *("run", "--baseline", "--record-missing", "--judge", "auto"),
            *("-f", "terminal", "-f", "json", "-o", "report.txt", "-o", "report.json"),
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
