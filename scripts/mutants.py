"""Breaks deciding code on purpose, one small change at a time, and counts what the tests notice.

    python scripts/mutants.py --sample 300 --seed 1          # room by room, by their sizes
    python scripts/mutants.py --only evalgate/gate/verdict.py:119 --tests tests/gate  # one line

A room's own tests are collected once, in one process, and run once to see which lines each
executes. For every mutant a fork swaps the code of one function in memory and runs the tests that
execute the changed line: those of the file's own test file first, then the rest, each time the
quickest first. The first that fails kills it, if it passes in a fork that changes nothing; one
that fails there too (a loaded machine) is left out.
No file is written. What only runs in another process (commands started as programs) neither counts
nor kills; module-level tables and defaults, made at import, are left alone.
"""

import argparse
import ast
import copy
import functools
import gc
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType

import coverage
import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("gate", "stats", "scorers", "stress/checks", "stress/simulation", "quota")
# Seconds beyond three times its tests' own of CPU, or ten times of the clock, that a mutant may
# take: then it hangs, and is seen.
_GRACE_CPU = 5
_GRACE = 20.0

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_CALCULATED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
}
_OUTCOMES = {"pass": "fail", "fail": "pass", "inconclusive": "pass"}
_COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}


_Cached = functools._lru_cache_wrapper  # noqa: SLF001  # the type has no public name


@dataclass(frozen=True)
class Mutant:
    """One change: the file, the function and its first line, the changed line, and the new code."""

    path: str
    function: tuple[str, int]
    line: int
    what: str
    code: CodeType


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:  # noqa: C901, PLR0912  # a table
    """Yield what may be put in the place of a node, with words for it."""
    match node:
        case ast.Compare(ops=[op, *_]) if new := _COMPARED.get(type(op)):
            yield _named(op, new), _with(node, ops=[new(), *node.ops[1:]])
        case ast.BoolOp():
            other = ast.Or if isinstance(node.op, ast.And) else ast.And
            yield _named(node.op, other), _with(node, op=other())
        case ast.UnaryOp(op=ast.Not()):
            yield "not dropped", node.operand
        case ast.BinOp() if new := _CALCULATED.get(type(node.op)):
            if not isinstance(node.left, ast.Constant | ast.JoinedStr):
                yield _named(node.op, new), _with(node, op=new())
        case ast.Constant(value=bool()):
            yield f"{node.value} becomes {not node.value}", ast.Constant(not node.value)
        case ast.Constant(value=int() | float()):
            yield f"{node.value} becomes {node.value + 1}", ast.Constant(node.value + 1)
        case ast.Constant(value=str()) if node.value in _OUTCOMES:
            new = _OUTCOMES[node.value]
            yield f"{node.value!r} becomes {new!r}", ast.Constant(new)
        case ast.Name(id=str(name), ctx=ast.Load()) if name.lstrip("_").isupper():
            one = ast.BinOp(node, ast.Add(), ast.Constant(1))
            yield f"{name} becomes {name} + 1", one
        case ast.Call(func=ast.Name(id=str(name))) if name in _CALLS:
            yield (
                f"{name} becomes {_CALLS[name]}",
                _with(node, func=ast.Name(_CALLS[name], ast.Load())),
            )
        case ast.Call(keywords=[ast.keyword(arg=str(name)), *_]) if name != "strict":
            yield f"{name}= dropped", _with(node, keywords=node.keywords[1:])
        case ast.comprehension(ifs=[_, *_]):
            yield "filter dropped", _with(node, ifs=node.ifs[1:])
        case ast.If() | ast.IfExp():
            test = ast.UnaryOp(ast.Not(), node.test)
            yield "condition negated", _with(node, test=test)
        case ast.Return(value=ast.Tuple(elts=[_, _, *_]) as returned):
            elts = [ast.Constant(None), *returned.elts[1:]]
            yield (
                "first returned value becomes None",
                _with(node, value=_with(returned, elts=elts)),
            )
        case ast.Return(value=ast.Constant(value=None | bool())):
            return  # nothing changes: a constant is itself changed, and null is as false as False
        case ast.Return(value=ast.expr()):
            yield "returns None", _with(node, value=ast.Constant(None))
        case ast.AugAssign() | ast.Raise() | ast.Continue():
            yield "statement dropped", ast.Pass()
        case ast.Expr(value=ast.Call()):
            yield "statement dropped", ast.Pass()


def _with(node: ast.AST, **fields: object) -> ast.AST:
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def _named(old: object, new: type) -> str:
    return f"{type(old).__name__} becomes {new.__name__}"


def mutants(path: Path) -> Iterator[Mutant]:
    """Make every mutant of a file's functions."""
    text = path.read_text(encoding="utf-8")
    name = path.relative_to(ROOT).as_posix()
    tree = ast.parse(text)
    for holder, field, at, node in _places(tree):
        for what, new in changes(node):
            ast.copy_location(new, node)
            for inner in ast.walk(new):
                if isinstance(inner, ast.expr | ast.stmt) and not hasattr(inner, "lineno"):
                    ast.copy_location(inner, node)
            _put(holder, field, at, new)
            try:
                module = compile(ast.fix_missing_locations(tree), str(path), "exec")
            except (SyntaxError, ValueError, TypeError):
                continue
            finally:
                _put(holder, field, at, node)
            line = getattr(node, "lineno", 0) or _line_of(node)
            if found := _function(module, line):
                yield Mutant(name, (found.co_qualname, found.co_firstlineno), line, what, found)


def _places(node: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """Yield all that may change, with its place: no annotation, default, decorator or message."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "defaults", "kw_defaults"):
            continue
        if isinstance(node, ast.JoinedStr | ast.Raise):
            continue
        if isinstance(node, ast.keyword) and node.arg == "strict":
            continue
        several = value if isinstance(value, list) else [value]
        for number, child in enumerate(several):
            if isinstance(child, ast.AST):
                yield node, field, number if isinstance(value, list) else None, child
                yield from _places(child)


def _put(holder: ast.AST, field: str, at: int | None, node: ast.AST) -> None:
    if at is None:
        setattr(holder, field, node)
    else:
        getattr(holder, field)[at] = node


def _line_of(node: ast.AST) -> int:
    return min((n.lineno for n in ast.walk(node) if hasattr(n, "lineno")), default=0)


def _function(module: CodeType, line: int) -> CodeType | None:
    """Return the outermost function of a module (or of its classes) that holds a line."""
    for code in (c for c in module.co_consts if isinstance(c, CodeType)):
        if code.co_name in _COMPREHENSIONS:
            continue  # of a table that is made at import, or of a class
        lines = [n for *_, n in code.co_lines() if n is not None]
        last = max([*lines, *(n for inner in _inner(code) for *_, n in inner.co_lines() if n)])
        if code.co_firstlineno <= line <= last:
            return code if code.co_flags & 0x2 else _function(code, line)  # 0x2: CO_NEWLOCALS
    return None


def _inner(code: CodeType) -> Iterator[CodeType]:
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield part
            yield from _inner(part)


class Living:
    """The functions of this process by their code, and the caches a change must not meet."""

    def __init__(self) -> None:
        """Look once: a search in every fork would copy all memory."""
        self._functions: dict[tuple[str, str, int], list[FunctionType]] = defaultdict(list)
        self._caches = []
        gc.unfreeze()  # a command that ran in this process may have hidden its objects
        for thing in gc.get_objects():
            if isinstance(thing, FunctionType):
                code = thing.__code__
                at = code.co_filename, code.co_qualname, code.co_firstlineno
                self._functions[at].append(thing)
            elif isinstance(thing, _Cached) and str(thing.__module__).startswith("evalgate"):
                self._caches.append(thing)

    def swap(self, mutant: Mutant | None) -> bool:
        """Put the changed code into the living function; false where there is none."""
        for cache in self._caches:
            cache.cache_clear()
        if mutant is None:
            return True
        found = self._functions.get((str(ROOT / mutant.path), *mutant.function), [])
        if any(len(f.__code__.co_freevars) != len(mutant.code.co_freevars) for f in found):
            return False
        for function in found:
            function.__code__ = mutant.code
        return bool(found)


def _files(paths: list[str]) -> list[Path]:
    """Return the modules at or below some paths, which may end in `:line`."""
    found = [ROOT / path.partition(":")[0] for path in paths]
    return [
        file
        for path in found
        for file in ([path] if path.is_file() else sorted(path.rglob("*.py")))
    ]


def _asked(paths: list[str]) -> list[Mutant]:
    """Return every mutant of some files, folders or lines."""
    lines = {path for path in paths if ":" in path}
    files = {*_files([*lines])}
    whole = {*_files([path for path in paths if ":" not in path])}
    return [
        mutant
        for file in sorted(files | whole)
        for mutant in mutants(file)
        if file in whole or f"{mutant.path}:{mutant.line}" in lines
    ]


def _distance(test: str, path: str) -> int:
    """Return how far a test stands from a module: its own file, its room, another room."""
    room, stem = path.split("/")[1], Path(path).stem
    if f"/test_{stem}" in test and f"tests/{room}/" in test:
        return 0
    return 1 if test.startswith(f"tests/{room}/") else 2


class Hunt:
    """The pytest plugin: one run to learn who reaches what, then a fork for each mutant."""

    def __init__(self, asked: argparse.Namespace) -> None:
        """Take what to mutate, how many, and the seconds of tests a mutant may cost."""
        self.paths: list[str] = [*asked.only]
        self.sample, self.seed, self.budget = asked.sample, asked.seed, asked.budget
        self.out: Path | None = asked.out
        self.failed: set[str] = set()
        self.survived: list[str] = []
        self.sound: set[str] = set()
        self.unsound: set[str] = set()
        self.killed = 0

    def pytest_configure(self) -> None:
        """Make no counterexample smaller: that it is there is enough."""
        from hypothesis import Phase, settings  # noqa: PLC0415  # pytest wants to load it first

        ours = settings(settings.get_profile("ci"), phases=[Phase.explicit, Phase.generate])
        settings.register_profile("mutants", ours)
        settings.load_profile("mutants")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what fails."""
        if report.failed:
            self.failed.add(report.nodeid)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Learn, then hunt."""
        seconds, reached = self._learn(session)
        every = _asked(self.paths)
        chosen = random.Random(self.seed).sample(every, min(self.sample, len(every)))  # noqa: S311  # no secret
        print(f"\n{len(every)} mutants, {len(chosen)} chosen; {len(seconds)} tests")
        known = {item.nodeid: item for item in session.items}
        living = Living()
        gc.freeze()
        for number, mutant in enumerate(chosen, 1):
            ids = sorted(
                reached[mutant.path, mutant.line] & {*seconds},
                key=lambda i, path=mutant.path: (_distance(i, path), seconds[i]),
            )
            items = [known[i] for i in ids if i not in self.unsound]
            outcome = self._try(items, seconds, mutant, living)
            where = f"{mutant.path}:{mutant.line}"
            said = f"{outcome:9} {where} {mutant.what}"
            print(f"[{number}/{len(chosen)}] {said}", flush=True)
            if outcome.startswith("killed"):
                self.killed += 1
            elif outcome != "void":
                source = (ROOT / mutant.path).read_text().splitlines()[mutant.line - 1].strip()
                self.survived.append(f"{said}    {source}")
                if self.out:
                    with self.out.open("a", encoding="utf-8") as survivors:
                        survivors.write(self.survived[-1] + "\n")
        return True

    def _learn(
        self, session: pytest.Session
    ) -> tuple[dict[str, float], dict[tuple[str, int], set[str]]]:
        """Run all tests once; return the seconds of those that pass, and who runs each line."""
        watch = coverage.Coverage(
            data_file=None, config_file=False, include=[str(file) for file in _files(self.paths)]
        )
        seconds: dict[str, float] = {}
        watch.start()
        for number, item in enumerate(session.items):
            watch.switch_context(item.nodeid)
            later = session.items[number + 1 :][:1]
            began = time.process_time()
            item.config.hook.pytest_runtest_protocol(
                item=item, nextitem=later[0] if later else None
            )
            seconds[item.nodeid] = time.process_time() - began
        watch.stop()
        data = watch.get_data()
        reached: dict[tuple[str, int], set[str]] = defaultdict(set)
        for file in data.measured_files():
            name = Path(file).relative_to(ROOT).as_posix()
            for line, ids in data.contexts_by_lineno(file).items():
                reached[name, line].update(ids)
        return {i: s for i, s in seconds.items() if i not in self.failed}, reached

    def _try(
        self,
        items: list[pytest.Item],
        seconds: dict[str, float],
        mutant: Mutant,
        living: Living,
    ) -> str:
        """Run tests against a mutant; what kills it must pass in a fork without the mutant."""
        while items:
            some = self._affordable(items, seconds)
            outcome, by = self._in_fork(some, seconds, mutant, living)
            if outcome != "killed":
                return outcome
            accused = [item for item in some if item.nodeid == by] or some
            if by in self.sound or self._in_fork(accused, seconds, None, living)[0] == "survived":
                self.sound.add(by)
                return outcome
            self.unsound.update(item.nodeid for item in accused)
            items = [item for item in items if item.nodeid not in self.unsound]
        return "unreached"

    def _affordable(self, items: list[pytest.Item], seconds: dict[str, float]) -> list[pytest.Item]:
        total, some = 0.0, []
        for item in items:
            some.append(item)
            total += seconds[item.nodeid]
            if total > self.budget:
                break
        return some

    def _in_fork(
        self,
        items: list[pytest.Item],
        seconds: dict[str, float],
        mutant: Mutant | None,
        living: Living,
    ) -> tuple[str, str]:
        """Return what became of a mutant (null: of the code as it is), and the last test."""
        total = sum(seconds[item.nodeid] for item in items)
        sys.stdout.flush()
        heard, says = os.pipe()
        if (child := os.fork()) == 0:
            os.setsid()
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            cpu = int(3 * total) + _GRACE_CPU
            resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
            os._exit(self._fork(items, mutant, living, says))
        os.close(says)
        limit = time.monotonic() + 10 * total + _GRACE
        while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
            if time.monotonic() > limit:
                os.killpg(child, signal.SIGKILL)
                ended = os.waitpid(child, 0)
                break
            time.sleep(0.02)
        with os.fdopen(heard, encoding="utf-8") as pipe:
            running = pipe.read().splitlines()
        outcome = {0: "survived", 2: "void"}.get(os.waitstatus_to_exitcode(ended[1]), "killed")
        return outcome, running[-1] if running else ""

    def _fork(
        self, items: list[pytest.Item], mutant: Mutant | None, living: Living, says: int
    ) -> int:
        try:
            if not living.swap(mutant):
                return 2
            self.failed.clear()
            for number, item in enumerate(items):
                os.write(says, f"{item.nodeid}\n".encode())
                later = items[number + 1 :][:1]
                item.config.hook.pytest_runtest_protocol(
                    item=item, nextitem=later[0] if later else None
                )
                if self.failed:
                    return 1
        except BaseException:  # noqa: BLE001  # a crash of any kind is a mutant that was noticed
            return 1
        return 0


def main(arguments: list[str]) -> int:
    """Hunt; the exit code says whether at least the asked share was killed."""
    asked = argparse.ArgumentParser(description="Break deciding code and count what tests notice.")
    asked.add_argument("--sample", type=int, default=300, help="how many mutants")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--only", nargs="+", help="files, folders, FILE:LINE; else each room")
    asked.add_argument("--out", type=Path, help="a file the survivors are added to")
    asked.add_argument("--budget", type=float, default=20, help="seconds of tests for one mutant")
    asked.add_argument("--share", type=float, default=0.9, help="least share that must be killed")
    asked.add_argument("--tests", nargs="+", default=["tests"], help="what may notice")
    options = asked.parse_args(arguments)
    os.chdir(ROOT)
    killed, tried = _hunt(options) if options.only else _room_by_room(options, arguments)
    print(f"killed {killed} of {tried} mutants (seed {options.seed})")
    return 0 if tried and killed >= options.share * tried else 1


def _room_by_room(options: argparse.Namespace, arguments: list[str]) -> tuple[int, int]:
    """Sample each room by its size, in a process of its own: its tests alone may notice."""
    sizes = [len(_asked([f"evalgate/{room}"])) for room in ROOMS]
    killed = tried = 0
    for room, size in zip(ROOMS, sizes, strict=True):
        tests = f"tests/{room.partition('/')[0]}"
        sample = round(options.sample * size / sum(sizes))
        where = ["--only", f"evalgate/{room}", "--tests", tests]
        more = ["--sample", str(sample), *where]
        with subprocess.Popen(  # noqa: S603  # this very program
            [sys.executable, __file__, *arguments, *more], stdout=subprocess.PIPE, text=True
        ) as hunt:
            for line in hunt.stdout or ():
                print(line, end="", flush=True)
                if found := re.fullmatch(r"killed (\d+) of (\d+) .*\n", line):
                    killed, tried = killed + int(found[1]), tried + int(found[2])
    return killed, tried


def _hunt(options: argparse.Namespace) -> tuple[int, int]:
    hunt = Hunt(options)
    off = ("no:cacheprovider", "no:xdist", "no:terminal")
    quiet = [word for name in off for word in ("-p", name)]
    run = ["-m", "not slow", "-s", "--rootdir", str(ROOT), *quiet, *options.tests]
    pytest.main(run, plugins=[hunt])
    print(*hunt.survived, sep="\n")
    print(*(f"left out, fails by itself: {test}" for test in sorted(hunt.unsound)), sep="\n")
    return hunt.killed, hunt.killed + len(hunt.survived)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
