"""What a run of the command line leaves behind."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401  # any document
        """Standard output as one JSON document."""
        return json.loads(self.out)


Cli = Callable[..., Result]
