"""Every way evalgate can stop, with the exit code each stands for.

    EvalgateError
    |-- InputError            2   the user's input, configuration or machine is not usable
    |   |-- ConfigError           evalgate.yaml or a command-line option
    |   |-- DataError             a golden set, trace, report, cassette or baseline file
    |   |-- AgentLoadError        the agent cannot be imported or started
    |   |-- PluginError           an extension that was asked for cannot be loaded
    |   `-- MissingExtra          an optional dependency is not installed
    `-- NoEvidence            3   nothing is wrong with the input, but nothing can be concluded
        |-- BaselineMissing
        |-- BaseUnknown           the revision a pull request is judged by is not here
        |-- NothingSelected
        `-- CapReached

A failed gate (1) is a verdict and not an error; 4 is any exception outside this tree; 130 is
an interruption. `ExitCode` is the frozen table.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """The frozen exit codes of the `evalgate` command."""

    PASSED = 0
    FAILED = 1
    INPUT = 2
    INCONCLUSIVE = 3
    BUG = 4
    INTERRUPTED = 130


class EvalgateError(Exception):
    """An expected stop: a message for a person, and the way out.

    Args:
        message: What was found and what was expected, with file, line and value.
        fix: The command or line that gets the reader on; shown after the message.
    """

    exit_code: ExitCode = ExitCode.INPUT

    def __init__(self, message: str, *, fix: str | None = None) -> None:
        """Keep the message and the way out apart, so that each can be laid out."""
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        """Return the message, with the way out on a line of its own."""
        return self.message if self.fix is None else f"{self.message}\n  fix: {self.fix}"


class InputError(EvalgateError):
    """Something the user gave is not usable."""


class ConfigError(InputError):
    """A configuration file or a command-line option is wrong."""


class DataError(InputError):
    """A data file is unreadable, malformed, newer than this version, or edited."""


class AgentLoadError(InputError):
    """The agent cannot be imported or started."""


class PluginError(InputError):
    """An extension that was asked for by name cannot be loaded."""


class MissingExtra(InputError):
    """An optional dependency is needed and not installed."""


class NoEvidence(EvalgateError):
    """Nothing can be concluded, and that is never a pass."""

    exit_code = ExitCode.INCONCLUSIVE


class BaselineMissing(NoEvidence):
    """A comparison was asked for and there is nothing to compare with."""


class BaseUnknown(NoEvidence):
    """A pull request is to be judged by its base, and the base cannot be read."""


class NothingSelected(NoEvidence):
    """The golden set is empty or the selection leaves no case."""


class CapReached(NoEvidence):
    """A limit on cost, tokens or time ended the run."""
