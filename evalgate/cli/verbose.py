"""`-v`: what evalgate and its HTTP client log, on standard error."""

import logging
import os
import sys
from typing import Final

from evalgate.text.escape import terminal
from evalgate.text.redact import Redactor

_LOGGERS: Final = ("evalgate", "httpx2")


class _Safe(logging.Formatter):
    """Writes a line without secrets, and without what drives a terminal."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__("%(asctime)s %(name)s: %(message)s", "%H:%M:%S")
        self.redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return terminal(self.redactor.redact(super().format(record)))


def log_to_stderr(verbosity: int) -> None:
    """Show what is logged.

    Args:
        verbosity: How often `-v` was given: 0 nothing, 1 steps of a run, 2 each model call too.
    """
    if not verbosity:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Safe(Redactor.build(os.environ)))
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.propagate = False
        logger.setLevel(logging.INFO if verbosity == 1 else logging.DEBUG)
