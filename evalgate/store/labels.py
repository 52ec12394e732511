"""Files of labels and of calibrations: read strictly, written whole."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from evalgate.errors import DataError
from evalgate.schema.judge import Calibration, LabelHeader, LabelItem
from evalgate.store.atomic import write_text
from evalgate.store.lines import LineProblem, data_error, read_lines, validated
from evalgate.store.plain import read_plain
from evalgate.store.problems import problems_of
from evalgate.text import strict_json

_FIX = "evalgate judge sample RUN --rate .1 --seed 1 --output labels.jsonl"


@dataclass(frozen=True, slots=True)
class Labels:
    """A file of labels."""

    header: LabelHeader
    """What is labelled, and how."""
    items: tuple[LabelItem, ...]

    @property
    def labelled(self) -> tuple[LabelItem, ...]:
        """The answers with a label."""
        return tuple(item for item in self.items if item.label is not None)


def read_labels(path: Path) -> Labels:
    """Read a file of labels.

    Raises:
        DataError: It is none; every problem with its line. A label must fit the scale.
    """
    lines = read_lines(path)
    first = next(lines, None)
    if first is None:
        raise DataError(f"{path}: the file is empty; expected a file of labels", fix=_FIX)
    header = validated(first, LabelHeader)
    if not isinstance(header, LabelHeader):
        raise data_error(path, header, fix=_FIX)
    items: list[LabelItem] = []
    problems: list[LineProblem] = []
    seen: set[str] = set()
    for line in lines:
        item = validated(line, LabelItem)
        if not isinstance(item, LabelItem):
            problems += item
            continue
        problem = _label_problem(item, header, seen)
        if problem is not None:
            problems.append(LineProblem(line.number, *problem))
        seen.add(item.id)
        items.append(item)
    if problems:
        raise data_error(path, problems, fix=_FIX)
    return Labels(header, tuple(items))


def _label_problem(item: LabelItem, header: LabelHeader, seen: set[str]) -> tuple[str, str] | None:
    if item.id in seen:
        return "/id", f"{item.id!r} stands twice in the file"
    allowed = (0.0, 1.0) if header.scale == "yes_no" else (1.0, 2.0, 3.0, 4.0, 5.0)
    if item.label is not None and item.label not in allowed:
        shown = ", ".join(f"{value:g}" for value in allowed)
        return "/label", f"found {item.label:g}; expected {shown} (scale {header.scale})"
    return None


def write_labels(path: Path, labels: Labels) -> None:
    """Write a file of labels as a whole.

    Raises:
        InputError: It cannot be written; the old one stands.
    """
    lines = [labels.header.model_dump_json(by_alias=True, exclude_none=True)]
    lines += [item.model_dump_json(exclude_defaults=True) for item in labels.items]
    write_text(path, "".join(f"{line}\n" for line in lines))


def read_calibration(path: Path) -> Calibration | None:
    """Read the calibrations of a suite; None where there is no file.

    Raises:
        DataError: The file is not readable, or something else.
    """
    try:
        text = read_plain(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    data = strict_json.loads(text, source=str(path))
    try:
        return Calibration.model_validate(data)
    except ValidationError as error:
        listed = "\n".join(
            f"{path}: {p.pointer}: {p.message}" for p in problems_of(error, Calibration, data)
        )
        raise DataError(
            listed, fix="evalgate judge calibrate LABELS, or restore it from git"
        ) from error


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Write the calibrations of a suite.

    Raises:
        InputError: They cannot be written; the old ones stand.
    """
    write_text(path, calibration.model_dump_json(by_alias=True, indent=2) + "\n")
