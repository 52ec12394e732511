"""What every written-down model shares: frozen, closed, finite."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue

__all__ = [
    "Json",
    "Model",
    "NonNegative",
    "Positive",
    "Ratio",
    "Tokens",
]

Json = JsonValue
"""Any JSON value: null, boolean, number, string, array or object."""

Ratio = Annotated[float, Field(ge=0, le=1)]
"""A share in [0, 1]."""

NonNegative = Annotated[float, Field(ge=0)]
"""A finite number that is not below zero."""

Positive = Annotated[float, Field(gt=0)]
"""A finite number above zero."""

Tokens = Annotated[int, Field(ge=0)]
"""A count of tokens."""


class Model(BaseModel):
    """A frozen record that refuses unknown fields and non-finite numbers.

    Its validator is built when it is first used; a default that is a record is made with
    `model_construct`, so that importing a schema builds none.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        populate_by_name=True,
        defer_build=True,
    )
