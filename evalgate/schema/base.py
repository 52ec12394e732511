"""What every written-down model shares: frozen, closed, finite."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue

LARGEST: Final = 1e100
"""The largest number that is read, either way: weighted sums and squares of many fit a double."""

Json = JsonValue
"""Any JSON value: null, boolean, number, string, array or object."""

Ratio = Annotated[float, Field(ge=0, le=1)]
"""A share in [0, 1]."""

Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
"""A number that means can be made of."""

NonNegative = Annotated[float, Field(ge=0, le=LARGEST)]
"""A number that is not below zero."""

Positive = Annotated[float, Field(gt=0, le=LARGEST)]
"""A number above zero."""

Tokens = Annotated[int, Field(ge=0, le=10**15)]
"""A count of tokens."""

Weight = Annotated[float, Field(gt=0, le=1e9)]
"""Weight of a case in every mean, up to a thousand million."""


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
