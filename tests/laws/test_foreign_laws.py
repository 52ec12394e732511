"""Results of other tools: evidence that goes missing never helps, and nothing crashes us."""

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from evalgate.commands.compare import CompareOptions, compare_stored
from evalgate.errors import EvalgateError
from evalgate.suite.environment import this_machine

Row = dict[str, Any]
MACHINE = this_machine()

SCORES = {"binary": [0, 1], "graded": [0.0, 0.25, 0.5, 0.9, 1.0], "wide": [1, 2, 4, 5]}


def verdict(folder: Path, old: list[Row], new: list[Row]) -> int:
    """Return the exit code of comparing two files of rows."""
    paths = folder / "old.jsonl", folder / "new.jsonl"
    for path, rows in zip(paths, (old, new), strict=True):
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return code(*paths)


def code(old: Path, new: Path) -> int:
    """Return the exit code of comparing two files; what is no error of ours is raised."""
    try:
        return compare_stored(CompareOptions(baseline=old, current=new), MACHINE).exit_code
    except EvalgateError as error:
        return int(error.exit_code)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[Row], list[Row]]:
    """Draw two files of one suite, now and then with trials, costs and a second score."""
    values = st.sampled_from(SCORES[draw(st.sampled_from(["binary", "graded"]))])
    cases, trials = draw(st.integers(1, 8)), draw(st.sampled_from([1, 1, 2]))
    costs, second = draw(st.booleans()), draw(st.booleans())

    def rows() -> list[Row]:
        found = []
        for case in range(cases):
            for trial in range(trials):
                row: Row = {"id": f"c{case}", "trial": trial, "question": f"q{case}"}
                row |= {"score": draw(values), "error": None}
                row |= {"cost_usd": draw(st.sampled_from([0.01, 0.02]))} if costs else {}
                row |= {"recall": draw(values)} if second else {}
                found.append(row)
        return found

    return rows(), rows()


def _without(rows: list[Row], at: int) -> list[Row]:
    return rows[:at] + rows[at + 1 :]


def _setting(**fields: Any) -> Callable[[list[Row], int], list[Row]]:  # noqa: ANN401  # any JSON
    return lambda rows, at: [*rows[:at], {**rows[at], **fields}, *rows[at + 1 :]]


def _dropping(name: str) -> Callable[[list[Row], int], list[Row]]:
    return lambda rows, at: [
        *rows[:at],
        {k: v for k, v in rows[at].items() if k != name},
        *rows[at + 1 :],
    ]


BREAKS: dict[str, Callable[[list[Row], int], list[Row]]] = {
    "row gone": _without,
    "score null": _setting(score=None),
    "score a word": _setting(score="oops"),
    "score gone": _dropping("score"),
    "errored": _setting(error="boom"),
    "another question": _setting(question="?"),
    "no cost": _setting(cost_usd=None),
    "renamed": _setting(id="zz"),
}


@given(files=tables(), data=st.data())
@settings(max_examples=150)
def test_broken_rows_never_turn_a_non_pass_into_a_pass(
    files: tuple[list[Row], list[Row]], data: st.DataObject
) -> None:
    """On either side, whatever is taken away or broken."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        assume(verdict(folder, *files) != 0)
        broken = [list(files[0]), list(files[1])]
        side = data.draw(st.integers(0, 1), label="side")
        for _ in range(data.draw(st.integers(1, 3), label="times")):
            if broken[side]:
                at = data.draw(st.integers(0, len(broken[side]) - 1), label="row")
                how = data.draw(st.sampled_from(sorted(BREAKS)), label="break")
                broken[side] = BREAKS[how](broken[side], at)
        assert 0 != verdict(folder, broken[0], broken[1])


@given(files=tables(), order=st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_the_order_of_rows_does_not_matter(
    files: tuple[list[Row], list[Row]],
    order: Any,  # noqa: ANN401  # random.Random
) -> None:
    """Rows are paired by case and trial."""
    shuffled = [list(rows) for rows in files]
    for rows in shuffled:
        order.shuffle(rows)
    with TemporaryDirectory() as name:
        folder = Path(name)
        assert verdict(folder, *files) == verdict(folder, *shuffled)


ODD: list[Any] = [None, True, 0, -1, 1e308, "", "NaN", [], {}, [[]], [{}], {"a": 1}, "<b>", "\x1b["]


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [path, *(p for key, each in inner for p in _places(each, (*path, key)))]


def _mutated(value: Any, data: st.DataObject) -> Any:  # noqa: ANN401  # any JSON
    place = data.draw(st.sampled_from(_places(value)), label="place")
    if not place:
        return data.draw(st.sampled_from(ODD), label="value")
    holder = value
    for key in place[:-1]:
        holder = holder[key]
    if data.draw(st.booleans(), label="delete"):
        del holder[place[-1]]
    else:
        holder[place[-1]] = data.draw(st.sampled_from(ODD), label="value")
    return value


FILES = [
    "promptfoo/results.jsonl",
    "deepeval/test_run_sample.json",
    "lm_eval/samples_capitals_gen.jsonl",
    "lm_eval/results.json",
    "openai_evals/order-faq.log.jsonl",
    "inspect/log_formats.json",
    "pytest/report.json",
    "mlflow/eval_results_table.json",
    "evalite/results.json",
    "ragas/annotated_data.json",
    "adk/support_v1.evalset_result.json",
    "harbor_atif/nemo_relay_1.6.trajectory.json",
    "langsmith/web_qa_correct.dataset.json",
]


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
@settings(
    max_examples=12,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_mutated_files_are_read_or_refused(
    shared_data: Path, name: str, data: st.DataObject
) -> None:
    """Any other exception would be exit 4."""
    source = shared_data / "foreign" / name
    text = source.read_text(encoding="utf-8")
    lines = name.endswith(".jsonl")
    value = [json.loads(line) for line in text.splitlines()] if lines else json.loads(text)
    changed = _mutated(value, data)
    with TemporaryDirectory() as folder:
        path = Path(folder) / source.name
        rows = changed if lines and isinstance(changed, list) else [changed]
        path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        for old, new in ((source, path), (path, source)):
            assert code(old, new) in {0, 1, 2, 3}


@pytest.mark.parametrize(
    "name", ["promptfoo/results.csv", "pytest/junit.xml", "inspect/log_formats.eval"]
)
@given(data=st.data())
@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_damaged_bytes_are_read_or_refused(
    shared_data: Path, name: str, data: st.DataObject
) -> None:
    """Cut off, overwritten, or with a byte too many."""
    source = shared_data / "foreign" / name
    raw = source.read_bytes()
    at = data.draw(st.integers(0, len(raw)), label="at")
    new = data.draw(st.sampled_from([b"", b"\x00", b"\xff", b'"', b",", b"<", b"\n"]), label="byte")
    rest = data.draw(st.sampled_from([b"", raw[at:], raw[at + 1 :]]), label="rest")
    with TemporaryDirectory() as folder:
        path = Path(folder) / source.name
        path.write_bytes(raw[:at] + new + rest)
        assert code(source, path) in {0, 1, 2, 3}
