"""Breaks deciding code on purpose, one small change at a time, and counts what the tests notice.

    python scripts/mutants.py --sample 300 --seed 1 --only evalgate/gate/checks --tests tests/gate

The tests that reach the deciding rooms are collected once, in one process, and run once to see
which lines each executes. For every mutant a fork swaps the code of one function in memory and
runs, the quickest first, the tests that execute the changed line; the first that fails kills it.
No file is written. What only runs in another process (commands started as programs) neither counts
nor kills; module-level tables and defaults, made at import, are left alone.
"""

import argparse
import ast
import copy
import gc
import os
import random
import signal
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
DECIDES = (
    "evalgate/gate",
    "evalgate/stats",
    "evalgate/scorers",
    "evalgate/stress/checks",
    "evalgate/stress/simulation",
    "evalgate/quota",
)
TESTS = (
    *("gate", "stats", "scorers", "stress", "quota", "laws", "metrics", "commands", "judges"),
    *("cli/test_compare.py", "cli/test_stress.py", "cli/test_merge.py", "test_api.py"),
)
_GRACE = (
    20.0  # seconds a mutant may take beyond ten times its tests' own: then it hangs, and is seen
)

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
_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}


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
        case ast.Return(value=ast.Constant(value=None)):
            return
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


def swap(mutant: Mutant) -> bool:
    """Put the changed code into the living function; false where there is none."""
    path = str(ROOT / mutant.path)
    done = False
    for thing in gc.get_objects():
        if not isinstance(thing, FunctionType) or thing.__code__.co_filename != path:
            continue
        old = thing.__code__
        if (old.co_qualname, old.co_firstlineno) == mutant.function:
            if len(old.co_freevars) != len(mutant.code.co_freevars):
                return False
            thing.__code__ = mutant.code
            done = True
    return done


def _files(paths: list[str]) -> list[Path]:
    """Return the modules at or below some paths."""
    found = [ROOT / path for path in paths]
    return [
        file
        for path in found
        for file in ([path] if path.is_file() else sorted(path.rglob("*.py")))
    ]


class Hunt:
    """The pytest plugin: one run to learn who reaches what, then a fork for each mutant."""

    def __init__(self, paths: list[str], sample: int, seed: int, budget: float) -> None:
        """Take what to mutate, how many, and the seconds of tests a mutant may cost."""
        self.paths, self.sample, self.seed, self.budget = paths, sample, seed, budget
        self.failed: set[str] = set()
        self.survived: list[str] = []
        self.killed = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what fails."""
        if report.failed:
            self.failed.add(report.nodeid)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Learn, then hunt."""
        seconds, reached = self._learn(session)
        every = [mutant for file in _files(self.paths) for mutant in mutants(file)]
        chosen = random.Random(self.seed).sample(every, min(self.sample, len(every)))  # noqa: S311  # no secret
        print(f"\n{len(every)} mutants, {len(chosen)} chosen; {len(seconds)} tests")
        known = {item.nodeid: item for item in session.items}
        for number, mutant in enumerate(chosen, 1):
            ids = sorted(reached[mutant.path, mutant.line] & {*seconds}, key=seconds.__getitem__)
            outcome = self._try([known[i] for i in ids], seconds, mutant)
            where = f"{mutant.path}:{mutant.line}"
            said = f"{outcome:9} {where} {mutant.what}"
            print(f"[{number}/{len(chosen)}] {said}", flush=True)
            if outcome.startswith("killed"):
                self.killed += 1
            elif outcome != "void":
                source = (ROOT / mutant.path).read_text().splitlines()[mutant.line - 1].strip()
                self.survived.append(f"{said}    {source}")
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
    ) -> str:
        """Run the tests against a mutant in a fork; say what became of it."""
        if not items:
            return "unreached"
        total, some = 0.0, []
        for item in items:
            some.append(item)
            total += seconds[item.nodeid]
            if total > self.budget:
                break
        sys.stdout.flush()
        if (child := os.fork()) == 0:
            os.setsid()
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            os._exit(self._fork(some, mutant))
        limit = time.monotonic() + 10 * total + _GRACE
        while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
            if time.monotonic() > limit:
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return "killed (hangs)"
            time.sleep(0.02)
        return {0: "survived", 1: "killed", 2: "void"}.get(
            os.waitstatus_to_exitcode(ended[1]), "killed"
        )

    def _fork(self, items: list[pytest.Item], mutant: Mutant) -> int:
        try:
            if not swap(mutant):
                return 2
            self.failed.clear()
            for number, item in enumerate(items):
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
    asked.add_argument("--only", nargs="+", default=DECIDES, help="files or folders to break")
    asked.add_argument("--budget", type=float, default=20, help="seconds of tests for one mutant")
    asked.add_argument("--share", type=float, default=0.9, help="least share that must be killed")
    asked.add_argument(
        "--tests", nargs="+", default=[f"tests/{room}" for room in TESTS], help="what may notice"
    )
    options = asked.parse_args(arguments)
    hunt = Hunt([*options.only], options.sample, options.seed, options.budget)
    off = ("no:cacheprovider", "no:xdist", "no:terminal")
    quiet = [word for name in off for word in ("-p", name)]
    run = ["-m", "not slow", "-s", "--rootdir", str(ROOT), *quiet, *options.tests]
    os.chdir(ROOT)
    pytest.main(run, plugins=[hunt])
    tried = hunt.killed + len(hunt.survived)
    print(*hunt.survived, sep="\n")
    print(f"killed {hunt.killed} of {tried} mutants (seed {options.seed})")
    return 0 if tried and hunt.killed >= options.share * tried else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
