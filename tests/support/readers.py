"""Everything that reads what others wrote, each with real files to break."""

import json
import subprocess
import sys
from atexit import register
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from random import Random
from shutil import rmtree
from tempfile import mkdtemp

from evalgate.agents.base import TrialFailed
from evalgate.agents.command import read_answer
from evalgate.agents.reply import read_reply
from evalgate.commands.compare import CompareOptions, compare_stored, with_cases
from evalgate.commands.converting import ConvertFiles, convert_file
from evalgate.commands.importing import ImportFiles, import_file
from evalgate.errors import EvalgateError
from evalgate.gateway.exchange import Delivered
from evalgate.gateway.wire.base import Wire
from evalgate.gateway.wire.routes import WIRES
from evalgate.gateway.wire.routes import resolve as route_of
from evalgate.importers.results.read import read_results
from evalgate.importers.results.rows import ReadOptions
from evalgate.importers.traces.otlp_wire import read_json, read_protobuf
from evalgate.output.style import Style
from evalgate.quota.headers import parse_headers
from evalgate.registry import built_in, resolve
from evalgate.schema.trace import LlmCall
from evalgate.slo.openslo import objectives_of
from evalgate.store.cassettes import read_cassette
from evalgate.store.config import load_config
from evalgate.store.golden_sets.golden import load_golden
from evalgate.store.labels import read_calibration, read_labels
from evalgate.store.reports import read_reports
from evalgate.store.run_lines import iter_traces, iter_trials
from evalgate.store.runs import read_manifest
from evalgate.store.strict_yaml import parse_documents
from evalgate.store.traces import load_traces
from evalgate.store.verdicts import read_verdicts
from evalgate.store.waivers import load_waivers
from evalgate.stress.settings import read_arrivals
from evalgate.suite.environment import this_machine
from evalgate.text.redact import Redactor
from evalgate.text.tame_json import tame
from support.mutations import broken_file, damaged, mutated, small
from support.replies import SHAPES

REPOSITORY = Path(__file__).resolve().parents[2]
SHARED = REPOSITORY.parent / "shared"
_NOTHING = Redactor.build({})


@dataclass(frozen=True, slots=True)
class Reader:
    """Something that reads a file."""

    read: Callable[[Path, Path], object]
    """Reads a file; what it writes goes into the folder."""
    sources: tuple[str, ...]
    """Real files, in the repository (`./`), among the shared data, or made here (`made/`)."""
    fine: tuple[type[Exception], ...] = (EvalgateError,)
    """What it may raise."""

    def files(self) -> list[Path]:
        """Return the real files that are here."""
        return sorted(path for source in self.sources for path in _found(source))

    def survives(self, seed: int, folder: Path) -> None:
        """Read one broken file; nothing but the errors a user is told may be raised."""
        rng = Random(seed)  # noqa: S311  # mutations, no secrets
        source = rng.choice(self.files())
        path = folder / source.name
        path.write_bytes(broken_file(_raw(source), _kind(source), rng))
        self._beside(source, folder, rng)
        try:
            self.read(path, folder)
        except self.fine:
            return

    def _beside(self, source: Path, folder: Path, rng: Random) -> None:
        """Put what belongs to a file beside it; of two files either may be the broken one."""
        stem, _, rest = source.name.partition(".questions.")
        for other in source.parent.glob(f"{stem}.*") if rest else ():
            if "questions" not in other.name:
                broken = rng.randrange(2) and other.stat().st_size < 10**5
                raw = _raw(other)
                text = broken_file(raw, _kind(other), rng) if broken else raw
                (folder / other.name).write_bytes(text)


def _found(pattern: str) -> Iterable[Path]:
    if pattern.startswith("./"):
        return REPOSITORY.glob(pattern[2:])
    return (_made() if pattern.startswith("made/") else SHARED).glob(pattern)


@cache
def _made() -> Path:
    """Make what only evalgate writes: a run, with its report."""
    root = Path(mkdtemp(prefix="evalgate-readers-"))
    register(rmtree, root, ignore_errors=True)
    made = root / "made"
    made.mkdir()
    (made / "slo.yaml").write_text(_SLO, encoding="utf-8")
    (made / "flat.json").write_text('{"task_success_rate": 0.9, "faithfulness": 0.8}')
    (made / "waivers.yaml").write_text(_WAIVERS, encoding="utf-8")
    trace = {"schema": "evalgate.trace/1", "case_id": "a", "output": "4"}
    (root / "t.jsonl").write_text(json.dumps(trace), encoding="utf-8")
    case = {"id": "a", "input": "2+2", "expected": {"output": {"equals": "4"}}}
    (root / "g.jsonl").write_text(json.dumps(case), encoding="utf-8")
    command = [sys.executable, "-m", "evalgate", "run", "--golden", "g.jsonl", "--quiet"]
    done = subprocess.run(
        [*command, "--agent", "recorded:t.jsonl"],
        cwd=root,
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert 3 == done.returncode, "without a baseline nothing gates the run: no evidence"
    (folder,) = (root / ".evalgate" / "runs").iterdir()
    folder.rename(made / "run")
    return root


_SLO = """\
apiVersion: openslo/v1
kind: SLO
metadata: {name: s}
spec:
  indicator: {metadata: {name: i}, spec: {ratioMetric: {good: {metricSource: {
    type: evalgate, spec: {metric: task_success_rate}}}}}}
  timeWindow: [{duration: 4w, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{displayName: Success, target: 0.95}]
"""
_WAIVERS = """\
waivers:
- {suite: s, metric: task_success_rate, floor: 0.5, reason: a model, expires: "2026-12-31"}
"""


@cache
def _raw(path: Path) -> bytes:
    """Return a file; of long ones the first lines."""
    raw = path.read_bytes()
    if path.suffix in (".jsonl", ".csv") and len(raw) > 10**5:
        return b"".join(raw.splitlines(keepends=True)[:20])
    if len(raw) > 10**5 and _kind(path) == ".json":
        return json.dumps(small(json.loads(raw))).encode()
    return raw


def _kind(path: Path) -> str:
    return ".yaml" if path.suffix == ".yml" else path.suffix


def _import(name: str, path: Path, folder: Path) -> None:
    """Import, and read again what was written."""
    golden, traces = folder / "golden.out.jsonl", folder / "traces.out.jsonl"
    import_file(name, ImportFiles(path, golden, traces), {}, _NOTHING)
    try:
        known = {case.id for case in load_golden(golden).cases}
        read = {trace.case_id for trace in load_traces(traces)}
    except EvalgateError as error:
        raise AssertionError(f"what was written cannot be read: {error}") from error
    assert read <= known


def _convert(name: str, path: Path, folder: Path) -> None:
    config = folder / "config.out.yaml"
    config.unlink(missing_ok=True)
    files = ConvertFiles(source=path, golden=folder / "golden.out.jsonl", config=config)
    convert_file(name, files, _NOTHING)
    load_golden(folder / "golden.out.jsonl")
    load_config(config)


def _results(name: str, path: Path, _: Path) -> None:
    read_results(path, ReadOptions(), name)


def _any_results(path: Path, _: Path) -> None:
    read_results(path, ReadOptions())


def _otlp(path: Path, _: Path) -> None:
    read_json(path.read_bytes(), 10**7)
    read_protobuf(path.read_bytes())


def _openslo(path: Path, _: Path) -> None:
    text = path.read_bytes().decode("utf-8", "replace")
    objectives_of(parse_documents(text, source=path.name), path.name)


def _headers(path: Path, _: Path) -> None:
    for line in path.read_bytes().decode("utf-8", "replace").splitlines():
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = {"headers": {"retry-after": line, "x-ratelimit-reset-tokens": line}}
        for value in (row, *(row.values() if isinstance(row, dict) else ())):
            if isinstance(value, dict):
                parse_headers({str(k): str(v) for k, v in value.items()})


def _answer(path: Path, _: Path) -> None:
    read_reply(read_answer(path.read_bytes(), "output", 10**7))


def _run_folder(path: Path, folder: Path) -> None:
    for other in (_made() / "made" / "run").glob("*.json*"):
        if other.name != path.name:
            (folder / other.name).write_bytes(other.read_bytes())
    read_manifest(folder)
    list(iter_trials(folder))
    list(iter_traces(folder))


def _lay_out(path: Path) -> None:
    """Write a broken report a line a case, as evalgate does, so that it is read so."""
    with suppress(ValueError, AttributeError, TypeError):
        data = json.loads(path.read_bytes())
        if isinstance(cases := data.pop("cases", None), list) and cases:
            head = json.dumps(data)[1:-1]
            lines = ",\n".join(map(json.dumps, cases))
            path.write_text(f'{{{head},\n"cases":[\n{lines}\n]\n}}\n', encoding="utf-8")


def _comparison(path: Path, _folder: Path) -> None:
    """Compare a file with itself and with what it was made of, and say what came out."""
    reader = READERS["loader side of a comparison"]
    assert isinstance(reader, Reader)
    (good,) = (known for known in reader.files() if known.name == path.name)
    _lay_out(path)
    for baseline, current in ((good, path), (path, good), (path, path)):
        with suppress(EvalgateError):
            options = CompareOptions(baseline=baseline, current=current)
            reports, _ = with_cases(compare_stored(options, this_machine()), options)
            for name in ("terminal", "markdown", "html", "junit", "github", "gitlab", "json"):
                resolve("renderers", name)(reports, Style())


def read_wire(wire: Wire, raw: bytes, *, stream: bool) -> None:
    """Read a response as the gateway does, and make the step of it."""
    reply = Delivered(wire, 200, (), ((0.0, raw),), stream=stream).reply
    usage = reply.usage
    LlmCall(
        output=tame(reply.message),
        usage=usage,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cached_tokens,
        reasoning_tokens=usage.reasoning,
    )


@dataclass(frozen=True, slots=True)
class WireReader:
    """A protocol, with real replies to break; replies of the others are hostile ones."""

    wire: Wire
    stream: bool

    def survives(self, seed: int, folder: Path) -> None:  # noqa: ARG002  # one contract
        """Read one broken reply; nothing may be raised."""
        rng = Random(seed)  # noqa: S311  # mutations, no secrets
        own = _replies(self.wire.name, stream=self.stream)
        replies = own if own and rng.randrange(8) else _every_reply()
        pieces = rng.choice(replies)
        times = rng.randrange(1, 7)
        changed = mutated(pieces, rng, times)
        listed = changed if isinstance(changed, list) else [changed]
        texts = [one if isinstance(one, str) else json.dumps(one) for one in listed]
        raw = "".join(f"data: {t}\n\n" for t in texts) if self.stream else "".join(texts[:1])
        body = raw.encode("utf-8", "replace")
        read_wire(
            self.wire,
            damaged(body, rng, times) if rng.randrange(5) == 0 else body,
            stream=self.stream,
        )


@cache
def _cases() -> tuple[dict[str, list[dict[str, object]]], ...]:
    return tuple(json.loads(p.read_text()) for p in sorted(SHARED.glob("cases/wire/*.json")))


def _path_wire(call: dict[str, object]) -> str:
    route = route_of("POST", str(call["path"]).lstrip("/"))
    return "" if route is None else route.wire.name


def _pieces(reply: dict[str, object]) -> list[object]:
    return reply["sse"] if "sse" in reply else [reply.get("json", reply.get("text"))]  # type: ignore[return-value]


@cache
def _replies(name: str, *, stream: bool) -> tuple[list[object], ...]:
    real = tuple(
        _pieces(reply)
        for case in _cases()
        if _path_wire(case["calls"][0]) == name
        for reply in case["replies"]
        if ("sse" in reply) == stream
    )
    shaped = tuple(
        sent if isinstance(sent, list) else [sent]
        for wire, sent, _ in (shape() for shape in SHAPES)
        if wire.name == name and isinstance(sent, list) == stream
    )
    return real + shaped


@cache
def _every_reply() -> tuple[list[object], ...]:
    return tuple(
        pieces for name in WIRES for s in (False, True) for pieces in _replies(name, stream=s)
    )


_IMPORTED: dict[str, tuple[str, ...]] = {
    "adk": ("data/adk/*.json", "data/foreign/adk/*eval*.json", "cases/importers/*.evalset.json"),
    "bfcl": ("cases/importers/bfcl_*/q.questions.jsonl", "data/bfcl/*.questions.jsonl"),
    "chat": ("cases/importers/chat_*.json",),
    "inspect": ("data/foreign/inspect/*", "data/inspect/*.json", "cases/importers/inspect_*.json"),
    "langfuse": ("data/langfuse/*.json", "cases/importers/langfuse_*.json"),
    "otel": ("data/foreign/otlp/*.json*", "cases/importers/*otlp.json", "cases/importers/otel_*"),
    "tau-bench": ("data/tau_bench/*.json",),
    "tau2": ("data/tau2/*.json", "cases/importers/tau2_*.json"),
}
_RESULTS: dict[str, tuple[str, ...]] = {
    "promptfoo": ("data/foreign/promptfoo/results.json*",),
    "deepeval": ("data/foreign/deepeval/*test_run*.json",),
    "inspect": ("data/foreign/inspect/*", "data/inspect/*.json"),
    "lm-eval": ("data/foreign/lm_eval/*",),
    "openai-evals": ("data/foreign/openai_evals/*.log.jsonl",),
    "mlflow": ("data/foreign/mlflow/*.json",),
    "evalite": ("data/foreign/evalite/*.json",),
    "ragas": ("data/foreign/ragas/*.json",),
    "pytest-json": ("data/foreign/pytest/report.json",),
    "adk": ("data/foreign/adk/*result.json",),
    "atif": ("data/foreign/harbor_atif/*",),
    "langsmith": ("data/foreign/langsmith/*",),
    "langfuse": ("data/langfuse/*",),
    "braintrust": ("data/foreign/braintrust/*",),
    "junit": ("data/foreign/pytest/junit.xml", "data/foreign/promptfoo/*.xml"),
    "table": ("data/foreign/promptfoo/*.csv", "data/foreign/ragas/*.csv", "cases/golden/*.csv"),
}
_CONVERTED: dict[str, tuple[str, ...]] = {
    "braintrust": ("data/foreign/braintrust/*",),
    "deepeval": ("data/foreign/deepeval/*goldens*",),
    "langfuse-dataset": ("data/langfuse/*",),
    "langsmith": ("data/foreign/langsmith/*",),
    "openai-evals": ("data/foreign/openai_evals/*.yaml", "data/foreign/openai_evals/samples.jsonl"),
    "promptfoo": ("data/foreign/promptfoo/*.yaml",),
    "rag": ("data/foreign/ragas/*", "data/grounding/*.json"),
    "ragas": ("data/foreign/ragas/*",),
}
_FAILED = (EvalgateError, TrialFailed)
_LOADED: dict[str, Reader] = {
    "golden set": Reader(
        lambda path, _: load_golden(path),
        ("./evalgate/demo/golden_sets/*.jsonl", "cases/golden/*", "./golden_sets/*"),
    ),
    "configuration": Reader(
        lambda path, _: load_config(path),
        ("./evalgate.yaml", "./examples/*.yaml", "./evalgate/demo/evalgate.yaml"),
    ),
    "traces": Reader(lambda path, _: load_traces(path), ("cases/golden/numbers_t.jsonl",)),
    "calibration": Reader(lambda path, _: read_calibration(path), ("./baselines/*calib*.json",)),
    "cassette": Reader(
        lambda path, _: read_cassette(path),
        ("./evalgate/demo/cassettes/orders/*", "./examples/support_agent/cassettes/*"),
    ),
    "verdicts": Reader(
        lambda path, _: read_verdicts(path), ("./examples/support_agent/verdicts/*",)
    ),
    "labels": Reader(lambda path, _: read_labels(path), ("./examples/support_agent/labels.jsonl",)),
    "arrivals": Reader(
        lambda path, _: read_arrivals(path), ("data/traffic/*.csv", "cases/traffic/*")
    ),
    "otlp bytes": Reader(_otlp, ("data/foreign/otlp/*",), (EvalgateError, ValueError)),
    "objectives": Reader(_openslo, ("made/slo.yaml",)),
    "run folder": Reader(_run_folder, ("made/run/*s.jsonl", "made/run/manifest.json")),
    "report": Reader(lambda path, _: read_reports(path), ("made/run/report.json",)),
    "side of a comparison": Reader(
        _comparison, ("made/run/report.json", "made/flat.json", "./baselines/[!s]*.json")
    ),
    "waivers": Reader(lambda path, _: load_waivers(path), ("made/waivers.yaml",)),
    "rate limit headers": Reader(_headers, ("data/http_headers/*",)),
    "answer of an agent": Reader(_answer, ("data/langfuse/*", "cases/importers/*.json"), _FAILED),
    "results, found": Reader(_any_results, ("data/foreign/*/*.[cjx]*", "data/langfuse/*")),
}


def _of(
    read: Callable[[str, Path, Path], None], sources: dict[str, tuple[str, ...]]
) -> Iterable[tuple[str, Reader]]:
    return ((name, Reader(partial(read, name), found)) for name, found in sources.items())


READERS: dict[str, Reader | WireReader] = {
    **{f"importer {name}": one for name, one in _of(_import, _IMPORTED)},
    **{
        f"wire {name}{', streamed' if stream else ''}": WireReader(wire, stream)
        for name, wire in WIRES.items()
        for stream in (False, True)
    },
    **{f"loader {name}": one for name, one in _LOADED.items()},
    **{f"results {name}": one for name, one in _of(_results, _RESULTS)},
    **{f"converter {name}": one for name, one in _of(_convert, _CONVERTED)},
}
"""By what they are called."""

assert _IMPORTED.keys() == built_in("importers").keys()
assert _RESULTS.keys() == built_in("readers").keys()
assert _CONVERTED.keys() == built_in("converters").keys()
