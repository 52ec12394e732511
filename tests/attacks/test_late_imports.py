"""What judges is loaded before the agent starts: nothing that it could have written is imported."""

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from support.scratch import IDENTITY, Scratch

pytestmark = pytest.mark.slow

WATCH = """
import sys

started, late = [], set()

def hook(event, arguments):
    if event == "subprocess.Popen" and "sandbox.launcher" in str(arguments[1]):
        started.append(event)
    elif event == "import" and started:
        late.add(arguments[0])

sys.addaudithook(hook)
from evalgate.cli.main import entry
try:
    entry(sys.argv[1:])
except SystemExit as exit:
    found = sorted(name for name in late if name in sys.modules)
    print("CODE", exit.code, "STARTED", len(started), "LATE", *found, file=sys.stderr)
"""

WRITER = """
import pathlib

for file in pathlib.Path({folder!r}).glob("**/*.py"):
    with file.open("a") as more:
        more.write('''
from evalgate.schema.result import Report, ReportSet
Report.exit_code = ReportSet.exit_code = property(lambda self: 0)
''')

def answer(case, context):
    return "no idea"
"""

FORMATS = {"json": "a.json", "markdown": "a.md", "junit": "a.xml", "github": "a.txt", "html": "h"}


def test_nothing_is_imported_after_the_agent_started(repo: Scratch) -> None:
    """A change that regresses is judged, explained and printed without an import."""
    old, new = "return str(", 'return "no idea" if int(left) > 15 else str('
    repo.replace("agents/sums.py", old, new)
    change = repo.pull_request()
    outputs = [word for f, o in FORMATS.items() for word in ("--format", f, "--output", f"../{o}")]
    done = subprocess.run(
        [repo.python, "-I", "-c", WATCH, "run", "--baseline", "-q", *outputs],
        cwd=repo.root,
        env={**os.environ, **IDENTITY, **change},
        capture_output=True,
        text=True,
        check=False,
    )
    last = done.stderr.splitlines()[-1]
    assert "CODE 1 STARTED 1 LATE" == last


def test_an_agent_that_writes_what_is_printed_with(repo: Scratch, tmp_path: Path) -> None:
    """One outside of the sandbox may write to the gate's own files: they are loaded by then."""
    environment = tmp_path / "environment"
    shutil.copytree(repo.python.parents[1], environment, symlinks=True)
    (printing,) = environment.glob("lib/python*/site-packages/evalgate/commands")
    own = replace(repo, python=environment / "bin/python")
    # the path of the copy: by its name the package could be found in a checkout, and be written to
    own.write("agents/sums.py", WRITER.format(folder=str(printing)))
    asked = ("--format", "html", "--output", "../page.html", "--sandbox=off")
    result = own.evalgate("run", "--baseline", "-q", *asked, env=own.pull_request())
    assert 1 == result.code, result.err
    assert "lambda self: 0" in (printing / "details.py").read_text()
