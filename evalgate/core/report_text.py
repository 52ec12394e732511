"""A report as JSON text: a line for each short part, a line for each case, the same bytes always."""

from collections.abc import Iterator

from pydantic import TypeAdapter

from evalgate.schema.result import Report, ReportSet

__all__ = ["report_text"]

_LONG = ("checks", "changes", "cases", "metrics")


def report_text(report: Report | ReportSet) -> str:
    """Write a report: greppable, and quick to read back."""
    if isinstance(report, ReportSet):
        suites = ",\n".join(report_text(suite).rstrip("\n") for suite in report.suites)
        head = report.model_dump_json(by_alias=True, exclude={"suites"}).removesuffix("}")
        return f'{head},"suites":[\n{suites}\n]}}\n'
    return "{\n" + ",\n".join(_parts(report)) + "\n}\n"


def _parts(report: Report) -> Iterator[str]:
    for name, field in type(report).model_fields.items():
        key = f'"{field.alias or name}":'
        value = getattr(report, name)
        if name == "metrics":
            rows = [f'"{k}":{v.model_dump_json(by_alias=True)}' for k, v in value.items()]
            yield key + _block("{", rows, "}")
        elif name in _LONG:
            yield key + _block("[", [row.model_dump_json(by_alias=True) for row in value], "]")
        else:
            written = TypeAdapter(field.annotation).dump_json(value, by_alias=True)
            yield key + written.decode()


def _block(opening: str, rows: list[str], closing: str) -> str:
    return opening + ("\n" + ",\n".join(rows) + "\n" if rows else "") + closing
