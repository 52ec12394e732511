"""Where results are kept over time: the `history:` block of `evalgate.yaml`."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from evalgate.schema.base import Model


class HistoryConfig(Model):
    """The history of runs and of production; a text stands for `url`."""

    url: Annotated[str, Field(min_length=1)] = ".evalgate/history.db"
    """A SQLite file relative to the configuration, `postgresql://...`, or `$NAME`: that variable
    of the environment holds it."""
    branches: Annotated[tuple[str, ...], Field(min_length=1)] = ("main", "master")
    """Branches whose runs make trends, objectives and change points."""


def _history(value: object) -> object:
    return {"url": value} if isinstance(value, str) else value


History = Annotated[
    HistoryConfig, BeforeValidator(_history, json_schema_input_type=str | HistoryConfig)
]
"""A history; a text stands for its `url`."""
