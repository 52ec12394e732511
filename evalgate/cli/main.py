"""The `evalgate` command: names its subcommands without importing them, and owns the exit."""

import gc
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import click

from evalgate.errors import EvalgateError, ExitCode
from evalgate.store.owner import refuse_other_owners
from evalgate.version import VERSION

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("evalgate.cli.demo:demo", "See the gate pass, then stop a bug; needs no key."),
    "run": ("evalgate.cli.run:run", "Run suites, compare with the baseline, say the verdict."),
    "compare": ("evalgate.cli.compare:compare", "Compare two stored results."),
    "show": ("evalgate.cli.show:show", "Show what happened in a case, beside the baseline."),
    "explain": ("evalgate.cli.explain:explain", "Say what broke, where, and what proves a fix."),
    "view": ("evalgate.cli.show:view", "Open the HTML report of a run."),
    "merge": ("evalgate.cli.merge:merge", "Put the shards of a run together and gate them."),
    "score": ("evalgate.cli.score:score", "Score a stored run again, without the agent."),
    "stress": ("evalgate.cli.stress:stress", "Replay recorded load against rate limits."),
    "capacity": ("evalgate.cli.capacity:capacity", "Plan quota: what to reserve, what it holds."),
    "baseline": ("evalgate.cli.baseline:baseline", "Make, show and check baselines."),
    "validate": ("evalgate.cli.validate:validate", "Check configuration, golden sets, baselines."),
    "init": ("evalgate.cli.init:init", "Write a first evalgate.yaml, golden set and workflow."),
    "golden": ("evalgate.cli.golden:golden", "Draft golden cases from stored runs."),
    "history": (
        "evalgate.cli.operations.history:history",
        "Keep results over time: trends, flaky cases, noise.",
    ),
    "slo": ("evalgate.cli.operations.slo:slo", "Show objectives, error budgets and burn rates."),
    "watch": ("evalgate.cli.operations.watch:watch", "Look for anomalies, tell who can act."),
    "alerts": ("evalgate.cli.operations.alerts:alerts", "List alerts, write their routes."),
    "export": (
        "evalgate.cli.operations.export:export",
        "Send runs to OpenTelemetry, Langfuse, Prometheus, CloudWatch.",
    ),
    "collect": (
        "evalgate.cli.operations.collect:collect",
        "Receive spans of an instrumented agent as traces.",
    ),
    "boards": (
        "evalgate.cli.operations.boards:boards",
        "Write dashboards and rules for Grafana, Prometheus, CloudWatch.",
    ),
    "judge": ("evalgate.cli.judge:judge", "Calibrate judges with people, label, find drift."),
    "import": ("evalgate.cli.import_:import_", "Read golden sets and traces of other tools."),
    "cassette": ("evalgate.cli.cassette:cassette", "Show, prune and scan recorded model calls."),
    "gateway": (
        "evalgate.cli.gateway:gateway",
        "Record or replay for agents elsewhere.",
    ),
    "tools": ("evalgate.cli.tools:tools", "Hold recorded calls of tools against the real ones."),
    "mcp": ("evalgate.cli.mcp:mcp", "Stand for an MCP server of a run, over stdio."),
    "accept": ("evalgate.cli.accept:accept", "Accept a failure for a while: write a waiver."),
    "comment": ("evalgate.cli.comment:comment", "Write the report on the pull request."),
    "selftest": ("evalgate.cli.selftest:selftest", "Show that the gate stops planted faults."),
    "plugins": ("evalgate.cli.plugins:plugins", "List what is built in and installed."),
}

GROUPS: dict[str, tuple[str, ...]] = {
    "Start": ("demo", "init", "import", "validate"),
    "Gate": ("run", "compare", "baseline", "merge", "accept", "comment"),
    "Look": ("show", "view", "explain"),
    "Data": ("golden", "cassette", "gateway", "tools", "mcp"),
    "Judges": ("judge", "score"),
    "Load": ("stress", "capacity"),
    "Production": ("history", "slo", "watch", "alerts", "export", "collect", "boards"),
    "Itself": ("selftest", "plugins"),
}
"""The commands as the listing groups them."""

EPILOG = """\b
Exit codes: 0 passed, 1 gate failed, 2 usage or input error,
3 inconclusive, 4 a bug in evalgate, 130 interrupted.

\b
Examples:
  evalgate demo                                 see it work, then break
  evalgate init --agent python:my_agent:answer  set it up for your agent
  evalgate run --baseline                       gate what you changed
  evalgate show                                 look at the worst case
"""


_EXTRA = re.compile(r"Got unexpected extra arguments? \(([^ )]+)")


class LazyGroup(click.Group):
    """A group that imports a subcommand when it is used, not to list it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Name the subcommands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one subcommand."""
        if cmd_name not in COMMANDS:
            return None
        refuse_other_owners(sys.path, sys.argv[0])
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the subcommands with their one-line help, by what they are for."""
        grouped = {name for names in GROUPS.values() for name in names}
        others = tuple(name for name in COMMANDS if name not in grouped)
        for title, names in {**GROUPS, "Other": others}.items():
            rows = [(f"{name:<9}", COMMANDS[name][1]) for name in names if name in COMMANDS]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the subcommand, or name the near one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches  # noqa: PLC0415  # only on a typing error

            close = get_close_matches(args[0], COMMANDS, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise click.UsageError(f"no command {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda c, _, v: _version(c, asked=v),
    help="Show the version, Python's, and where both are.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option("-v", "--verbose", count=True, help="Log the steps; -vv logs each model call.")
@click.pass_context
def main(ctx: click.Context, *, debug: bool, verbose: int) -> None:
    """Gate pull requests on what an LLM agent does: success, tools, cost, speed, rate limits."""
    ctx.obj = {"debug": debug}
    if verbose:
        from evalgate.cli.verbose import log_to_stderr  # noqa: PLC0415  # only where it is asked for

        log_to_stderr(verbose)


def _version(context: click.Context, *, asked: bool) -> None:
    if not asked or context.resilient_parsing:
        return
    python = ".".join(str(part) for part in sys.version_info[:3])
    click.echo(f"evalgate {VERSION}, in {Path(__file__).parents[1]}")
    click.echo(f"Python {python}, {sys.executable}")
    context.exit()


def entry(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with a code of the frozen table; nothing else exits 1."""
    gc.set_threshold(100_000, 20, 20)  # importing and reading make little garbage
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    code = _guarded(arguments, debug="--debug" in arguments)
    gc.freeze()  # the interpreter's last collection would walk all that goes with the process
    sys.exit(code)


def _guarded(arguments: Sequence[str], *, debug: bool) -> int:
    try:
        result = _invoked(list(arguments))
    except (KeyboardInterrupt, click.Abort):
        resumable = "run" in arguments[:2]
        _say("interrupted" + "\n  fix: the same command with --resume goes on" * resumable)
        return ExitCode.INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        _say(error.format_message())
        return ExitCode.INPUT
    except click.ClickException as error:
        if debug:
            _traceback()
        _say(_usage(error))
        return ExitCode.INPUT
    except EvalgateError as error:
        if debug:
            _traceback()
        _say(f"error: {error}")
        return error.exit_code
    except OSError as error:
        return _system(error, debug=debug)
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001  # the last defence: never exit 1 by accident
        return _bug(error, debug=debug)
    return int(result) if isinstance(result, int) else ExitCode.PASSED


def _invoked(arguments: list[str]) -> object:
    """Run a command without `click.Command.main`, which exits 1 when a pipe is closed."""
    if "_EVALGATE_COMPLETE" in os.environ:
        return main.main(args=arguments, prog_name="evalgate", standalone_mode=False)
    try:
        with main.make_context("evalgate", arguments) as context:
            return main.invoke(context)
    except click.exceptions.Exit as done:
        return done.exit_code


def _usage(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    if context is None:
        return f"error: {error.format_message()}"
    fix = f"{context.command_path} --help"
    given = _EXTRA.match(error.format_message())
    if given and any(option.name == "suites" for option in context.command.params):
        fix = f"{context.command_path} --suite {given[1]}   (suites are never positional)"
    return f"error: {error.format_message()}\n  fix: {fix}"


def _system(error: OSError, *, debug: bool) -> int:
    """Tell what the system refused; a reader that has gone away is told nothing."""
    if debug:
        _traceback()
    if error.filename is None:
        _silence_stdout()
    if not isinstance(error, BrokenPipeError):
        _say(f"error: {error.filename or 'the system'}: {error.strerror or error}")
    return ExitCode.INPUT


def _bug(error: BaseException, *, debug: bool) -> int:
    if debug:
        _traceback()
    _say(
        f"bug in evalgate {VERSION}: {type(error).__name__}: {error}\n"
        "  fix: run again with `evalgate --debug ...` and report what it prints"
    )
    return ExitCode.BUG


def _traceback() -> None:
    import traceback  # noqa: PLC0415  # only with --debug

    with suppress(OSError):
        click.echo(_without_secrets(traceback.format_exc()), err=True, nl=False)


def _say(text: str) -> None:
    """Print to stderr without letting hostile text drive the terminal."""
    from evalgate.text.escape import terminal, workflow_log  # noqa: PLC0415  # only on an error

    safe = "\n".join(terminal(line) for line in _without_secrets(text).splitlines())
    if os.environ.get("GITHUB_ACTIONS") == "true":
        safe = workflow_log(safe, limit=len(safe))
    with suppress(OSError):  # nobody listens; the code still tells
        click.echo(safe, err=True)


def _without_secrets(text: str) -> str:
    from evalgate.text.redact import Redactor  # noqa: PLC0415  # only on an error

    return Redactor.build(os.environ).redact(text)


def _silence_stdout() -> None:
    """Keep the interpreter from failing again when it flushes a closed pipe or a full disk."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
