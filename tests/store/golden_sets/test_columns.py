"""Golden sets in columns."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.cli import Cli

from evalgate.errors import DataError
from evalgate.store.golden_sets.golden import load_golden, write_golden

datasets = pytest.importorskip("datasets", reason="the extra `datasets` is not installed")

_HEADER = ["id", "input", "messages", "expected", "tags", "must_pass", "weight"]
_ROWS: list[list[object]] = [
    ["1", "007", None, '{"output": {"equals": 1}}', '["a"]', True, 2.0],
    ["b", None, '[{"role": "user", "content": "x"}]', '{"refusal": true}', None, None, None],
]


def _csv(path: Path, header: list[str], rows: list[list[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def _file(folder: Path, format_name: str) -> Path:
    path = folder / f"golden.{format_name}"
    columns = {name: [row[i] for row in _ROWS] for i, name in enumerate(_HEADER)}
    table = datasets.Dataset.from_dict(columns)
    match format_name:
        case "csv":
            return _csv(path, _HEADER, _ROWS)
        case "parquet":
            table.to_parquet(str(path))
            return path
        case _:
            table.save_to_disk(str(folder / "saved"))
            return next((folder / "saved").glob("*.arrow"))


@pytest.mark.parametrize("format_name", ["csv", "parquet", "arrow"])
def test_columns_are_the_same_cases_as_lines(tmp_path: Path, format_name: str) -> None:
    """Texts stay texts (007), JSON keeps its types, and the digest is that of JSONL."""
    golden = load_golden(_file(tmp_path, format_name))
    first, second = golden.cases
    assert ("1", "007", ("a",), True, 2.0) == (
        first.id,
        first.input,
        first.tags,
        first.must_pass,
        first.weight,
    )
    assert first.expected.output is not None
    assert 1 == first.expected.output.equals
    assert second.expected.refusal is True
    write_golden(tmp_path / "golden.jsonl", golden.cases)
    assert load_golden(tmp_path / "golden.jsonl").digest == golden.digest


def test_every_problem_is_listed_at_once(tmp_path: Path) -> None:
    """Row, column and pointer."""
    rows: list[list[object]] = [
        ["a", "x", '{"refusal": true, "refusal": false}'],
        ["b", "x", '{"refusl": true}'],
        ["a", "x", "{}"],
        ["a", "x", "{}"],
    ]
    path = _csv(tmp_path / "g.csv", ["id", "input", "expected"], rows)
    with pytest.raises(DataError) as caught:
        load_golden(path)
    message = caught.value.message
    assert "g.csv: 3 problems" in message
    assert "line 2, column 'expected': found the key 'refusal' again" in message
    assert "line 3, /expected/refusl: unknown key 'refusl' (did you mean 'refusal'?)" in message
    assert "line 5, /id: found the id 'a' again; line 4 has it" in message


def test_unknown_and_missing_columns_are_named(tmp_path: Path) -> None:
    """Nothing is dropped silently."""
    path = _csv(tmp_path / "g.csv", ["id", "input", "expectd"], [["a", "x", "{}"]])
    with pytest.raises(DataError, match=r"column 'expectd' \(did you mean 'expected'\?\)"):
        load_golden(path)
    path = _csv(tmp_path / "g.csv", ["id"], [["a"]])
    with pytest.raises(DataError, match="expected `id` and `input` at least"):
        load_golden(path)
    with pytest.raises(DataError, match="No such file"):
        load_golden(tmp_path / "none.csv")
    (tmp_path / "g.parquet").write_text("no parquet")
    with pytest.raises(DataError, match="is no parquet file"):
        load_golden(tmp_path / "g.parquet")


def test_a_cell_of_another_type_is_refused(tmp_path: Path) -> None:
    """A weight that is no number has no default, and "NA" is a text."""
    header = ["id", "input", "weight", "must_pass"]
    path = _csv(tmp_path / "g.csv", header, [["NA", "null", "heavy", "yes"]])
    with pytest.raises(DataError) as caught:
        load_golden(path)
    assert "line 2, column 'must_pass': found 'yes'; expected true or false" in str(caught.value)
    assert "line 2, column 'weight': found 'heavy'; expected a number" in str(caught.value)
    path = _csv(tmp_path / "g.csv", header, [["NA", "null", "2", ""]])
    (case,) = load_golden(path).cases
    assert ("NA", "null", 2.0, False) == (case.id, case.input, case.weight, case.must_pass)
    datasets.Dataset.from_dict({"id": ["a"], "input": ["x"], "weight": ["heavy"]}).to_parquet(
        str(tmp_path / "g.parquet")
    )
    with pytest.raises(DataError, match="weight: float64"):
        load_golden(tmp_path / "g.parquet")


_WITHOUT = """
import sys
sys.modules["datasets"] = None
from evalgate.errors import MissingExtra
from pathlib import Path
from evalgate.store.golden_sets.golden import load_golden
try:
    load_golden(Path("golden.parquet"))
except MissingExtra as error:
    print(error)
"""


def test_a_missing_extra_says_how_to_install_it() -> None:
    """The command holds the right name of the distribution."""
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT], capture_output=True, text=True, check=True
    )
    assert "pip install 'agent-evalgate[datasets]'" in done.stdout


_PLAIN = "sha256:cf8f9362c2f2c7dfb8a8b9ea6d39fc5b5e6e155961e2c90f53a2556989c5ef2d"


@pytest.mark.parametrize("name", ["plain", "bom", "crlf", "utf16"])
def test_a_table_is_the_same_in_every_encoding(name: str, shared_cases: Path) -> None:
    """Byte order marks, CRLF and UTF-16 change no case (inspect_ai 5353)."""
    golden = load_golden(shared_cases / "golden" / f"{name}.csv")
    assert (_PLAIN, (2, 3, 5)) == (golden.digest, golden.lines)
    assert ["你好, 世界", "line1\nline2", "NA"] == [case.input for case in golden.cases]
    assert ["q1", "q2", "007"] == [case.id for case in golden.cases]


def test_other_encodings_and_mixed_delimiters_are_refused(shared_cases: Path) -> None:
    """The encoding is named, with the command that changes it; so is the delimiter."""
    with pytest.raises(DataError) as caught:
        load_golden(shared_cases / "golden" / "gbk.csv")
    assert "gbk.csv:2: found bytes that are no UTF-8 (GBK would fit)" in caught.value.message
    assert "iconv -f GBK -t UTF-8 gbk.csv > utf8-gbk.csv" == caught.value.fix
    with pytest.raises(DataError, match="line 2: found 1 cells; expected 4, parted by ';'"):
        load_golden(shared_cases / "golden" / "semi.csv")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_header_tells_the_delimiter(delimiter: str, tmp_path: Path) -> None:
    """Spreadsheets of half of Europe write semicolons."""
    path = tmp_path / "g.csv"
    path.write_text(delimiter.join(_HEADER[:2]) + f'\na{delimiter}"1,5; x"\n')
    (case,) = load_golden(path).cases
    assert ("a", "1,5; x") == (case.id, case.input)


def test_yaml_is_a_list_of_cases_or_a_document_a_case(tmp_path: Path) -> None:
    """The same cases as lines of JSON; what YAML alone has is refused by place."""
    (tmp_path / "a.jsonl").write_text('{"id": "a", "input": "x"}\n{"id": "b", "input": "y"}\n')
    listed, documents = tmp_path / "a.yaml", tmp_path / "b.yml"
    listed.write_text("- {id: a, input: x}\n- id: b\n  input: y\n")
    documents.write_text("id: a\ninput: x\n---\nid: b\ninput: y\n")
    digests = {load_golden(path).digest for path in (tmp_path / "a.jsonl", listed, documents)}
    assert 1 == len(digests)
    for text, message in (
        ("- {id: 1, input: x}", "/id"),
        ("- {id: a, input: 2026-01-01}", "put dates in quotes"),
        ("- {id: a, id: b}", "stands twice"),
        ("- [unclosed", "not YAML"),
    ):
        listed.write_text(text)
        with pytest.raises(DataError, match=message):
            load_golden(listed)


@pytest.mark.parametrize("ending", ["csv", "yaml", "parquet"])
def test_every_format_reaches_run_validate_and_the_configuration(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    """The loader is the one that all commands use."""
    monkeypatch.chdir(tmp_path)
    row = {"id": "a", "input": "x", "expected": '{"output": {"equals": "hi"}}'}
    path = tmp_path / f"golden.{ending}"
    if ending == "yaml":
        path.write_text("- {id: a, input: x, expected: {output: {equals: hi}}}\n")
    elif ending == "csv":
        _csv(path, list(row), [list(row.values())])
    else:
        datasets.Dataset.from_dict({key: [value] for key, value in row.items()}).to_parquet(path)
    (tmp_path / "traces.jsonl").write_text('{"case_id": "a", "output": "hi"}\n')
    (tmp_path / "evalgate.yaml").write_text(
        f"version: 1\nsuites:\n  s:\n    golden: {path.name}\n"
        "    agent: {run: recorded:traces.jsonl}\n"
    )
    assert 0 == cli("validate", "--golden", path.name).code
    assert 0 == cli("validate").code
    given = ("--golden", path.name, "--agent", "recorded:traces.jsonl", "--format", "json")
    assert 3 == cli("run", *given).code  # nothing gates
    done = cli("run", "--format", "json")
    assert (3, 1.0) == (done.code, done.json["metrics"]["task_success_rate"]["value"])


_FROM_HUB = """
from pathlib import Path
from evalgate.errors import DataError
from evalgate.store.golden_sets.golden import load_golden
try:
    load_golden(Path("here/hub:nobody/none:test"))
except DataError as error:
    print(error)
"""


def test_a_set_of_the_hub_is_named_in_a_path() -> None:
    """`hub:OWNER/NAME` behind the folder of the configuration; without a network it is refused."""
    environ = {**os.environ, "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", _FROM_HUB]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
    assert "hub set 'nobody/none:test' cannot be read" in done.stdout
