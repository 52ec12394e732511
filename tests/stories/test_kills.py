"""The gate is killed at some moment: nothing is lost, nothing is there twice, no process stays.

A few kills here; `EVALGATE_KILLS=200 pytest tests/stories/test_kills.py` makes so many.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.scratch import IDENTITY, Scratch, copy_of, jsonl

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc"),
]

KILLS = int(os.environ.get("EVALGATE_KILLS", "6"))
CASES, TRIALS = 4, 2

AGENT = """
import json
import os
from urllib.request import Request, urlopen


def answer(case, context):
    body = json.dumps({"model": "gpt-4o-mini", "messages": case.messages}).encode()
    headers = {"content-type": "application/json", "authorization": "Bearer x"}
    address = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
    with urlopen(Request(address, body, headers)) as response:
        return json.load(response)["choices"][0]["message"]["content"]
"""

CONFIG = """\
suites:
  talk:
    golden: golden.jsonl
    agent: {{run: "python:talk_agent:answer", workers: 2}}
    trials: {trials}
    gateway: {{upstream: {{openai: "{url}"}}}}
    judges:
      taste: {{kind: rubric, model: scripted, base_url: "{url}", api_key_env: null,
              rubric: "Is it polite?", metrics: [politeness], calibration: {{waived: a test}}}}
    gate: {{metrics: {{error_rate: {{max: 0.9}}}}}}
    stress: {{profile: openai, quota: {{rpm: 600, tpm: 350000}}, sessions: {{all: 50}}}}
"""

OUT = ("--format", "json", "--output", "out.json")
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "run": ("run", *OUT),
    "record": ("run", "--record", *OUT),
    "baseline": ("baseline", "update", "--force", "--reason", "again", "-q"),
    "merge": ("merge", "1.json", "2.json", *OUT),
    "judge": ("run", "--judge", "auto", *OUT),
    "stress": ("stress", "--suite", "talk", *OUT),
}
VARY = ("start", "end", "duration", "digest", "response", "usage", "seconds")
AFTERWARDS = COMMANDS | {"record": ("run", "--record-missing", *OUT)}


def reply(body: dict[str, Any], _number: int) -> Any:  # noqa: ANN401  # a text, or JSON of a judge
    """Answer as the model, or as the judge."""
    asked = body["messages"][-1]["content"]
    return f"answer to {asked}" if asked.startswith("ask ") else {"reason": "ok", "verdict": "yes"}


@dataclass(frozen=True)
class Made:
    """A project with everything in it, and what each command does unharmed."""

    repo: Scratch
    seconds: Mapping[str, float]
    codes: Mapping[str, int]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, lasting_judge: Callable[..., Any]) -> Made:
    """Record, judge and run everything once, unharmed."""
    repo = Scratch(tmp_path_factory.mktemp("kills") / "repo")
    repo.root.mkdir()
    repo.git("init", "-q", "-b", "main")
    repo.write("talk_agent.py", AGENT)
    repo.write("evalgate.yaml", CONFIG.format(url=lasting_judge(reply).base_url, trials=TRIALS))
    asked = [(f"q{n}", f"ask {n}") for n in range(CASES)]
    rows = [
        {"id": name, "input": text, "expected": {"output": {"equals": f"answer to {text}"}}}
        for name, text in asked
    ]
    repo.write("golden.jsonl", jsonl(rows))
    repo.write(".gitignore", ".evalgate/\n__pycache__/\n*.json\n!baselines/*.json\n")
    assert 0 == done(repo, "run", "--record", "-q")
    assert 0 == done(repo, "run", "--judge", "auto", "-q")
    repo.commit("recorded")
    assert 0 == done(repo, "baseline", "update", "--reason", "first", "-q")
    repo.commit("baseline")
    for part in (1, 2):
        shard = ("--shard", f"{part}/2", "--partial", "-q", "-f", "json", "-o", f"{part}.json")
        assert 0 == done(repo, "run", *shard)
    seconds, codes = {}, {}
    for name, command in COMMANDS.items():
        begun = time.monotonic()
        codes[name] = done(copy_of(repo, repo.root.parent / name), *command)
        seconds[name] = time.monotonic() - begun
    assert {"merge": 3} == {name: code for name, code in codes.items() if code}  # no sessions
    return Made(repo, seconds, codes)


def start(repo: Scratch, *arguments: str) -> "subprocess.Popen[bytes]":
    """Start the command line."""
    return subprocess.Popen(
        [repo.python, "-m", "evalgate", *arguments],
        cwd=repo.root,
        env={**os.environ, **IDENTITY, "OPENAI_API_KEY": "x"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def done(repo: Scratch, *arguments: str) -> int:
    """Run the command line to its end."""
    with start(repo, *arguments) as running:
        return running.wait(120)


def processes(root: Path) -> Iterator[str]:
    """Name the processes that work in a folder."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(root):
                yield (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it has ended, or is not ours to look at
            continue


def left(root: Path) -> list[str]:
    """Wait until no process works in a folder; name those that stay."""
    end = time.monotonic() + 10
    while (found := [*processes(root)]) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def lines(folder: Path) -> Counter[str]:
    """Count the lines of all recordings of a folder, without answers and times."""
    found: Counter[str] = Counter()
    for path in sorted(folder.glob("*.jsonl")):
        for row in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            kept = {name: value for name, value in row.items() if name not in VARY}
            found[json.dumps({"file": path.name, **kept}, sort_keys=True)] += 1
    return found


@pytest.mark.parametrize("number", range(KILLS))
def test_killed(number: int, made: Made, tmp_path: Path) -> None:
    """Done again, a command ends as if nothing had happened, and what was on disk stays."""
    name = [*COMMANDS][number % len(COMMANDS)]
    repo = copy_of(made.repo, tmp_path / "repo")
    cassettes = repo.root / "cassettes/talk"
    verdicts = cassettes / "verdicts"
    if name == "record":
        for path in cassettes.glob("*.jsonl"):
            path.unlink()
    if name == "judge":
        shutil.rmtree(verdicts)
    running = start(repo, *COMMANDS[name])
    time.sleep(random.Random(number).random() * made.seconds[name])  # noqa: S311  # no secret
    running.kill()
    running.wait()
    assert [] == left(repo.root)
    json.loads(repo.read("baselines/talk.json"))
    whole = repo.root / "out.json"
    assert not whole.exists() or json.loads(whole.read_text(encoding="utf-8"))
    assert "" == repo.git("ls-files", "--others", "--exclude-standard")

    resumed = name == "run" and 2 != done(repo, "run", "--resume", *OUT)
    if not resumed:
        assert made.codes[name] == done(repo, *AFTERWARDS[name])
    if name not in ("baseline", "stress"):
        cases = json.loads(whole.read_text(encoding="utf-8"))["cases"]
        found = Counter((case["id"], trial["trial"]) for case in cases for trial in case["trials"])
        assert Counter((f"q{n}", t) for n in range(CASES) for t in range(TRIALS)) == found
    if name in ("record", "judge"):
        for folder in (cassettes, verdicts):
            expected = lines(made.repo.root / folder.relative_to(repo.root))
            assert expected == lines(folder)
    assert [] == left(repo.root)
