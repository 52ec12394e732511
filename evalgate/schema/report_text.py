"""A report as JSON text: a line a part, a line a case, always the same bytes."""

from collections.abc import Iterator
from hashlib import sha256
from json import dumps

from evalgate.schema.result import Report, ReportSet

_LONG = ("checks", "changes", "cases", "metrics")


def report_text(report: Report | ReportSet) -> str:
    """Write a report: greppable, and quick to read back."""
    if isinstance(report, ReportSet):
        suites = ",\n".join(report_text(suite).rstrip("\n") for suite in report.suites)
        head = report.model_dump_json(by_alias=True, exclude={"suites"}).removesuffix("}")
        return f'{head},"suites":[\n{suites}\n]}}\n'
    return "{\n" + ",\n".join(_parts(report)) + "\n}\n"


def set_text(reports: ReportSet) -> str:
    """Write the report of a single suite as it stands in `report.json`, of several as a set."""
    return report_text(reports.suites[0] if len(reports.suites) == 1 else reports)


def digest_of(reports: ReportSet) -> str:
    """Return the SHA-256 of reports as they are written, in hexadecimal digits."""
    return sha256(set_text(reports).encode()).hexdigest()


def _parts(report: Report) -> Iterator[str]:
    plain = report.model_dump(mode="json", by_alias=True, exclude=set(_LONG))
    for name, field in type(report).model_fields.items():
        alias = field.alias or name
        if name == "metrics":
            rows = [
                f"{dumps(k)}:{v.model_dump_json(by_alias=True)}" for k, v in report.metrics.items()
            ]
            written = _block("{", rows, "}")
        elif name in _LONG:
            listed = getattr(report, name)
            written = _block("[", [row.model_dump_json(by_alias=True) for row in listed], "]")
        else:
            written = dumps(plain[alias], ensure_ascii=False, separators=(",", ":"))
        yield f"{dumps(alias)}:{written}"


def _block(opening: str, rows: list[str], closing: str) -> str:
    return opening + ("\n" + ",\n".join(rows) + "\n" if rows else "") + closing
