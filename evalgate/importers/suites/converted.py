"""What every converter takes and returns, and what they share."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from pydantic import ValidationError

from evalgate.errors import DataError
from evalgate.importers.results.documents import (
    Document,
)
from evalgate.importers.results.rows import case_id, mapping, text_of
from evalgate.schema.base import Json
from evalgate.schema.golden import Case, Expected, Message, OutputExpectation
from evalgate.schema.trace import Trace

Expect = Literal["judge", "contains", "equals"]
"""What an expected answer means: a judge compares it, or the output contains or equals it."""

JUDGE_MODEL: Final = "gpt-4o-mini"
"""Model of the judges that are written; edit it as you like."""

_LIST_CELL: Final = "|"


class Beside(Protocol):
    """Reads files that a file names by a relative path."""

    def document(self, name: str) -> Document:
        """Read data; raises DataError."""

    def text(self, name: str) -> str:
        """Read a text; raises DataError."""

    def names(self, pattern: str) -> tuple[str, ...]:
        """Return the files that a pattern with `*` matches, sorted; of a plain name, itself."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to convert, and the files it names."""

    document: Document
    """The file."""
    beside: Beside
    """Reads what it names."""


@dataclass(frozen=True, slots=True)
class ConvertOptions:
    """What the user decides."""

    expect: Expect = "judge"
    """What an expected answer means."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Of `rag`: column by role (`question`, `answer`, `contexts`, `ground_truth`, `id`)."""


@dataclass(frozen=True, slots=True)
class Converted:
    """A suite of ours."""

    cases: tuple[Case, ...]
    """The golden set."""
    suite: dict[str, Json] = field(default_factory=dict)
    """Keys of the suite in `evalgate.yaml`, but for golden set and agent."""
    traces: tuple[Trace, ...] = ()
    """Answers that the file brings along."""
    left_out: tuple[str, ...] = ()
    """What has no counterpart, one sentence each."""
    notes: tuple[str, ...] = ()
    """What was assumed, one sentence each."""


def unique(ids: Iterable[str]) -> Iterator[str]:
    """Number ids that stand more than once: `a`, `a (2)`."""
    seen: Counter[str] = Counter()
    taken: set[str] = set()
    for given in ids:
        name = given
        while name in taken:
            seen[given] += 1
            name = f"{given} ({seen[given] + 1})"
        taken.add(name)
        yield name


def input_of(value: Json, where: str) -> str | tuple[Message, ...]:
    """Return what an agent is given: a text, chat messages, or JSON as a text.

    Raises:
        DataError: There is nothing.
    """
    data = mapping(value)
    talk = data.get("messages") if data else value
    if isinstance(talk, list) and talk and all("role" in mapping(row) for row in talk):
        try:
            return tuple(
                Message.model_validate(
                    {k: v for k, v in mapping(row).items() if k in Message.model_fields}
                )
                for row in talk
            )
        except ValidationError:
            return text_of(value)
    if len(data) == 1:
        (value,) = data.values()
    text = text_of(value)
    if not text.strip():
        raise DataError(f"{where}: found no input; expected what the agent is given")
    return text


def expected_answer(answer: str, expect: Expect) -> OutputExpectation | None:
    """Make an expectation of an answer; with `judge` it is what the judge compares with."""
    if not answer.strip():
        return None
    if expect == "contains":
        return OutputExpectation(contains=(answer.strip(),))
    return OutputExpectation(equals=answer)


def make_case(where: str, **fields: object) -> Case:
    """Make a case.

    Raises:
        DataError: A field does not fit; with its place.
    """
    try:
        return Case.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        place = "/".join(map(str, first["loc"]))
        raise DataError(f"{where}: {place}: {first['msg']}") from error


def texts(value: Json) -> tuple[str, ...]:
    """Return a list of texts: of a list, of JSON in a cell, or of a cell with bars."""
    if isinstance(value, str):
        from evalgate.text.strict_json import Parsed, parse  # noqa: PLC0415  # where it is needed

        found = parse(value) if value.lstrip()[:1] == "[" else None
        if isinstance(found, Parsed) and isinstance(found.value, list):
            value = found.value
        else:
            value = [part.strip() for part in value.split(_LIST_CELL)] if value.strip() else []
    listed = value if isinstance(value, list) else [] if value is None else [value]
    return tuple(text for part in listed if (text := _passage(part)).strip())


def _passage(part: Json) -> str:
    """Return the text of a passage, also where it is an object with one."""
    data = mapping(part)
    named = next(
        (data[k] for k in ("text", "content", "page_content", "context") if k in data), None
    )
    return text_of(part if named is None else named)


def answer_suite(
    cases: Sequence[Case], options: ConvertOptions, notes: list[str]
) -> dict[str, Json]:
    """Make the part of a suite that judges answers by what the cases hold."""
    suite: dict[str, Json] = {}
    judges: dict[str, Json] = {}
    gates: dict[str, Json] = {}
    answers = [case for case in cases if case.expected.output is not None]
    if answers and options.expect == "judge":
        judges["correctness"] = {
            "kind": "rubric",
            "model": JUDGE_MODEL,
            "rubric": "Does the answer agree in substance with the expected answer?",
            "metrics": ["answer_correctness"],
        }
        gates["answer_correctness"] = "standard"
        gates["task_success_rate"] = "advisory"
        notes.append(
            "expected answers are compared by a judge, and equality with them only informs "
            "(--expect contains or equals makes them exact)"
        )
    elif all(case.expected.model_copy(update={"criteria": ()}).says_nothing for case in cases):
        gates["task_success_rate"] = "advisory"
        notes.append("no case expects anything of the answer itself: task success only informs")
    if any(case.contexts for case in cases):
        judges["reader"] = {"kind": "claims", "model": JUDGE_MODEL}
        gates["faithfulness"] = "standard"
        gates["groundedness_lexical"] = "advisory"
    if judges:
        suite["judges"] = judges
        notes.append("a judge gates once it is calibrated: `evalgate judge calibrate`, or a waiver")
    if gates:
        suite["gate"] = {"metrics": gates}
    return suite


def named(name: str, *parts: Json) -> str:
    """Make an id: the name a file gives, else its texts."""
    return case_id(name) if name.strip() else case_id(*parts)


def expectations(output: OutputExpectation | None) -> Expected:
    """Wrap an expectation about the output."""
    return Expected(output=output)
