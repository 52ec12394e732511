"""Takes each defence out and looks whether its attacks then succeed.

    python scripts/defences.py                        # all, minutes
    python scripts/defences.py --only base            # those of tests/attacks/test_base.py

`tests/attacks/defences/<name>.toml` belongs to `tests/attacks/test_<name>.py`. Each `[[defence]]`
says which text of which file is replaced by which (`file`, `old`, `new`), which tests attack it,
and what each of them must say when it fails (`seen`). The change is made in a copy of the
checkout, from which the tests build their wheel. A test that still passes proves nothing about the
defence; one that fails with other words failed for another reason. Either ends with 1.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree as ET

from pydantic import BaseModel, ConfigDict

ROOT = Path(__file__).resolve().parents[1]
ATTACKS = ROOT / "tests" / "attacks"


class Edit(BaseModel):
    """A text that stands once in a file of the package, and what is put in its place."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    old: str
    new: str

    def apply(self, root: Path) -> None:
        """Make the change below a folder.

        Raises:
            ValueError: If the text does not stand there once.
        """
        path = root / self.file
        text = path.read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(f"{self.file}: {self.old!r} stands there {text.count(self.old)} times")
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


class Defence(BaseModel):
    """What is taken out, the tests that attack it, and what each must say then."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]
    seen: str


class Defences(BaseModel):
    """The defences of one file of attacks, and its tests that need none.

    Attributes:
        defence: What is taken out, one after the other.
        honest: Tests that attack nothing.
        both_ways: Tests that run their attack with and without the defence themselves.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    defence: tuple[Defence, ...] = ()
    honest: tuple[str, ...] = ()
    both_ways: tuple[str, ...] = ()


def read(path: Path) -> Defences:
    """Read the defences of one file of attacks."""
    return Defences.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


def copy(target: Path) -> None:
    """Copy the files that git knows or would take."""
    asked = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(asked, cwd=ROOT, check=True, capture_output=True).stdout  # noqa: S603  # fixed
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name, follow_symlinks=False)


def outcomes(target: Path, attacks: str, tests: tuple[str, ...]) -> dict[str, str | None]:
    """Run tests of a copy; return what each said when it failed, null where it passed."""
    named = [f"tests/attacks/test_{attacks}.py::{test}" for test in tests]
    xml = target / "junit.xml"
    asked = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={xml}"]
    env = {**os.environ, "PYTHONPATH": str(target)}
    done = subprocess.run([*asked, *named], cwd=target, env=env, capture_output=True, text=True)  # noqa: S603, PLW1510  # fixed
    if not xml.exists():
        raise RuntimeError(done.stdout + done.stderr)
    found: dict[str, str | None] = {}
    for case in ET.parse(xml).iter("testcase"):  # noqa: S314  # our own
        bad = [child for child in case if child.tag in ("failure", "error", "skipped")]
        found[case.get("name", "")] = (
            (bad[0].get("message") or "") + (bad[0].text or "") if bad else None
        )
    return found


def look(attacks: str, defence: Defence) -> list[str]:
    """Take one defence out; return what is wrong with its tests."""
    with tempfile.TemporaryDirectory(prefix="evalgate-defence-") as name:
        target = Path(name).resolve() / "evalgate"
        copy(target)
        for edit in defence.edits:
            edit.apply(target)
        found = outcomes(target, attacks, defence.tests)
    if not found:
        return [f"{attacks}: {defence.what}: no test ran"]
    return list(_wrong(attacks, defence, found))


def _wrong(attacks: str, defence: Defence, found: dict[str, str | None]) -> Iterator[str]:
    for test, said in found.items():
        place = f"test_{attacks}.py::{test}, without {defence.what}"
        if said is None:
            yield f"{place}: it still passes"
        elif defence.seen not in said:
            yield f"{place}: {defence.seen!r} is not in what it said:\n{said[-3000:]}"


def main() -> int:
    """Look at each defence asked for; return 1 where one proves nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[], help="names of files of attacks")
    parser.add_argument("--what", default="", help="only defences whose words hold this text")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    files = [ATTACKS / "defences" / f"{name}.toml" for name in asked.only]
    files = files or sorted((ATTACKS / "defences").glob("*.toml"))
    todo = [(f.stem, d) for f in files for d in read(f).defence if asked.what in d.what]
    bad = 0
    with ThreadPoolExecutor(asked.jobs) as pool:
        for (name, defence), wrong in zip(
            todo, pool.map(look, *zip(*todo, strict=True)), strict=True
        ):
            print(
                "\n".join(wrong) if wrong else f"green without: {name}: {defence.what}", flush=True
            )
            bad += bool(wrong)
    print(f"{len(todo) - bad} of {len(todo)} defences are seen to hold their attacks off")
    return int(bad > 0 or not todo)


if __name__ == "__main__":
    sys.exit(main())
