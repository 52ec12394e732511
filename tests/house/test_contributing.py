"""What CONTRIBUTING shows as diffs is applied to a copy, and does what the page says."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.source import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
DIFF = re.compile(r"```diff\n--- a/\S+\n\+\+\+ b/(\S+)\n(.*?)```", re.DOTALL)
FILE = re.compile(r"```python\n# (evalgate/\S+)\n(.*?)```", re.DOTALL)


def changed(text: str, diff: str) -> str:
    """Apply the hunks of a diff: each begins behind its anchor, or anywhere where it has none."""
    for hunk in re.split(r"^@@ ?", diff, flags=re.MULTILINE)[1:]:
        anchor, _, lines = hunk.partition("\n")
        at = text.index(anchor)
        at = text.index("\n", at) + 1 if anchor else len(text)
        if not anchor and "-" in {line[:1] for line in lines.splitlines()}:
            at = 0
        for line in lines.splitlines():
            if line[:1] == "+":
                text = f"{text[:at]}{line[1:]}\n{text[at:]}"
                at += len(line)
                continue
            found = text.index(f"{line[1:]}\n", at)
            end = found + len(line)
            at = end if line[:1] == " " else found
            text = text if line[:1] == " " else text[:found] + text[end:]
    return text


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy to which all of the page is applied."""
    copy = tmp_path_factory.mktemp("project")
    shutil.copytree(
        ROOT / "evalgate", copy / "evalgate", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name, diff in DIFF.findall(PAGE):
        file = copy / name
        file.write_text(changed(file.read_text(encoding="utf-8"), diff), encoding="utf-8")
    for name, text in FILE.findall(PAGE):
        (copy / name).write_text(text, encoding="utf-8")
    return copy


def run(project: Path, *arguments: str) -> str:
    """Run the copy."""
    command = [sys.executable, "-m", "evalgate", *arguments]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 3), done.stderr
    return done.stdout


def test_the_page_shows_each_kind() -> None:
    """A metric, an importer and an output, with the line of their table."""
    files = [name for name, _ in (*DIFF.findall(PAGE), *FILE.findall(PAGE))]
    assert 6 == len(files), files


def test_what_the_page_adds_works(project: Path) -> None:
    """Its importer reads a file, its metric has a value, its output is written."""
    rows = [{"id": "a", "question": "Which way?", "answer": "This way, please."}]
    (project / "runs.json").write_text(json.dumps(rows), encoding="utf-8")
    said = run(
        project, "import", "mytool", "runs.json", "--golden", "g.jsonl", "--traces", "t.jsonl"
    )
    assert "1 case, 1 trace" in said
    suite = ("run", "--golden", "g.jsonl", "--agent", "recorded:t.jsonl", "-f")
    report = json.loads(run(project, *suite, "json"))
    assert 3 == report["metrics"]["answer_words"]["value"]
    assert run(project, *suite, "oneline").endswith(": inconclusive\n")
