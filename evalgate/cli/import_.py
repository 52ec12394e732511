"""`evalgate import`."""

import os
from pathlib import Path

import click

__all__ = ["import_"]

EPILOG = """\b
Examples:
  evalgate import tau-bench results.json --golden golden.jsonl --traces traces.jsonl
  evalgate import bfcl simple.questions.jsonl --answers simple.answers.jsonl --golden golden.jsonl
  evalgate run --golden golden.jsonl --agent recorded:traces.jsonl

Formats: tau-bench, tau2, bfcl, chat (OpenAI transcripts), langfuse, otel, adk, inspect.
"""


@click.command("import", epilog=EPILOG)
@click.argument("format_name", metavar="FORMAT")
@click.argument("source", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--golden", type=click.Path(path_type=Path), help="Where the golden set goes.")
@click.option("--traces", type=click.Path(path_type=Path), help="Where the traces go.")
@click.option("--answers", type=click.Path(path_type=Path), help="bfcl: the possible answers.")
@click.option("--results", type=click.Path(path_type=Path), help="bfcl: a model's results.")
@click.option("--model", help="The model that was run, where the file does not name it.")
def import_(*, format_name: str, model: str | None, **paths: Path | None) -> None:
    """Read FILE in a published FORMAT into a golden set and traces."""
    from evalgate.commands.importing import ImportFiles, import_file  # noqa: PLC0415  # heavy
    from evalgate.text.escape import terminal  # noqa: PLC0415
    from evalgate.text.redact import Redactor  # noqa: PLC0415

    options = {} if model is None else {"model": model}
    redactor = Redactor.build(os.environ)
    done = import_file(format_name, ImportFiles.of(paths), options, redactor)
    click.echo(f"{len(done.cases)} cases, {len(done.traces)} traces")
    for note in done.notes:
        click.echo(terminal(f"note: {note}"), err=True)
