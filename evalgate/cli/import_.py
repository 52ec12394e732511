"""`evalgate import`."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from evalgate.text.counts import number_of

if TYPE_CHECKING:
    from evalgate.text.redact import Redactor


EPILOG = """\b
Examples:
  evalgate import tau-bench results.json --golden golden.jsonl --traces traces.jsonl
  evalgate import bfcl simple.questions.jsonl --answers simple.answers.jsonl --golden golden.jsonl
  evalgate run --golden golden.jsonl --agent recorded:traces.jsonl
  evalgate import promptfoo promptfooconfig.yaml --golden golden.jsonl --config evalgate.yaml
  evalgate import rag answers.csv --golden golden.jsonl --traces traces.jsonl --config evalgate.yaml

Golden sets and traces: tau-bench, tau2, bfcl, chat (transcripts), langfuse, otel,
adk, inspect.
Golden sets and suites: promptfoo, deepeval, langsmith, braintrust, langfuse-dataset, ragas,
openai-evals, rag (CSV, JSONL, Parquet or a hub set owner/name:split).
"""


@click.command("import", epilog=EPILOG)
@click.argument("format_name", metavar="FORMAT")
@click.argument("source", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--golden", type=click.Path(path_type=Path), help="Where the golden set goes.")
@click.option(
    "--traces",
    type=click.Path(path_type=Path),
    help="Where the traces go; `-`: standard output, for `evalgate history observe`.",
)
@click.option("--answers", type=click.Path(path_type=Path), help="bfcl: the possible answers.")
@click.option("--results", type=click.Path(path_type=Path), help="bfcl: a model's results.")
@click.option("--model", help="The model that was run, where the file does not name it.")
@click.option("--config", type=click.Path(path_type=Path), help="Suites: where the suite goes.")
@click.option("--suite", default="imported", show_default=True, help="Suites: the suite's name.")
@click.option("--agent", help="Suites: the agent. Default: the file's own answers, if it has some.")
@click.option(
    "--expect",
    type=click.Choice(["judge", "contains", "equals"]),
    default="judge",
    show_default=True,
    help="Suites: what an expected answer means.",
)
@click.option("--column", "columns", multiple=True, metavar="ROLE=NAME", help="rag: a column.")
def import_(*, format_name: str, model: str | None, **given: Any) -> None:  # noqa: ANN401
    """Read FILE in a published FORMAT into a golden set, and traces or a suite."""
    from evalgate.commands.importing import ImportFiles, import_file  # noqa: PLC0415  # heavy
    from evalgate.registry import built_in  # noqa: PLC0415
    from evalgate.text.redact import Redactor  # noqa: PLC0415

    redactor = Redactor.build(os.environ)
    if format_name in built_in("converters"):
        _convert(format_name, given, redactor)
        return
    paths = {n: given[n] for n in ("source", "golden", "traces", "answers", "results")}
    options = {} if model is None else {"model": model}
    piped = str(paths["traces"]) == "-"
    with TemporaryDirectory() as folder:
        if piped:
            paths["traces"] = Path(folder) / "traces.jsonl"
        done = import_file(format_name, ImportFiles.of(paths), options, redactor)
        if piped:
            click.echo(paths["traces"].read_bytes(), nl=False)
    click.echo(
        f"{number_of(len(done.cases), 'case')}, {number_of(len(done.traces), 'trace')}", err=piped
    )
    _say("note", done.notes)


def _convert(name: str, given: Mapping[str, Any], redactor: "Redactor") -> None:
    from evalgate.commands.converting import ConvertFiles, convert_file  # noqa: PLC0415  # heavy
    from evalgate.errors import ConfigError  # noqa: PLC0415
    from evalgate.importers.suites.converted import ConvertOptions  # noqa: PLC0415

    if given["golden"] is None:
        raise ConfigError(
            "nothing would be written", fix="--golden golden.jsonl --config evalgate.yaml"
        )
    pairs = [text.partition("=") for text in given["columns"]]
    if any(not column for _, _, column in pairs):
        raise ConfigError("--column takes ROLE=NAME", fix="--column question=NAME")
    options = ConvertOptions(given["expect"], {role: column for role, _, column in pairs})
    names = ("source", "golden", "traces", "config", "suite", "agent")
    files = ConvertFiles(**{n: given[n] for n in names}, options=options)
    made = convert_file(name, files, redactor)
    click.echo(f"{number_of(len(made.cases), 'case')}, {number_of(len(made.traces), 'answer')}")
    _say("left out", made.left_out)
    _say("note", made.notes)


def _say(word: str, lines: Iterable[str]) -> None:
    from evalgate.text.escape import terminal  # noqa: PLC0415  # heavy

    for line in lines:
        click.echo(terminal(f"{word}: {line}"), err=True)
