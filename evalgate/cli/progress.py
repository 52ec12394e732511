"""A progress bar on standard error, where a person looks at it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from evalgate.suite.events import Listener, Progress, silent


@contextmanager
def progress(*, quiet: bool) -> Iterator[Listener]:
    """Show a bar for each suite; without a terminal, in CI or when quiet nothing is shown."""
    if quiet or not sys.stderr.isatty() or os.environ.get("CI"):
        yield silent
        return
    from rich.console import Console  # noqa: PLC0415  # heavy
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]} failed", markup=False),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks = {}

        def listen(event: Progress) -> None:
            if event.suite not in tasks:
                tasks[event.suite] = bars.add_task(event.suite, total=event.total, failed=0)
            bars.update(
                tasks[event.suite], completed=event.done, total=event.total, failed=event.failed
            )

        yield listen
