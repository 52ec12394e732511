"""A score: what one scorer says of one trial. Never NaN, never a guess."""

from dataclasses import dataclass
from typing import Annotated, Any, assert_never

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from evalgate.schema.base import LARGEST


def is_countable(value: float) -> bool:
    """Say whether means can be made of a number: it is finite, and sums of it are."""
    return -LARGEST <= value <= LARGEST


@dataclass(frozen=True, slots=True)
class Scored:
    """A finite value, with its counts where it is a ratio of counts."""

    value: float
    """The score, in the unit of its metric."""
    counts: tuple[int, int] | None = None
    """Numerator and denominator, for a ratio of counts."""


@dataclass(frozen=True, slots=True)
class Abstained:
    """There is nothing to score here, or it cannot be known."""

    reason: str
    """Why."""
    unknown: bool = False
    """True where the quantity exists but is unknown (an unknown price), not inapplicable."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The scorer, the judge or the harness failed; says nothing about the agent."""

    error: str
    """What failed."""


Score = Scored | Abstained | Broken


def score_to_json(score: Score) -> float | dict[str, Any]:
    """Write a score: a number, or an object that names what it is."""
    match score:
        case Scored(value, counts):
            return value if counts is None else {"value": value, "counts": list(counts)}
        case Abstained(reason, unknown):
            return {"unknown" if unknown else "abstained": reason}
        case Broken(error):
            return {"broken": error}
        case _:
            assert_never(score)


def score_from_json(data: object) -> Score:
    """Read what `score_to_json` wrote.

    Raises:
        ValueError: For anything else.
    """
    match data:
        case Scored() | Abstained() | Broken():
            return data
        case bool():
            pass
        case int() | float() if is_countable(data):
            return Scored(float(data))
        case {
            "value": int() | float() as value,
            "counts": [int() as num, int() as den],
            **rest,
        } if not rest and is_countable(value):
            return Scored(float(value), (num, den))
        case {"abstained": str() as reason, **rest} if not rest:
            return Abstained(reason)
        case {"unknown": str() as reason, **rest} if not rest:
            return Abstained(reason, unknown=True)
        case {"broken": str() as error, **rest} if not rest:
            return Broken(error)
        case _:
            pass
    message = (
        f"{data!r} is no score; expected a finite number up to 1e100, "
        '{"value": .., "counts": [n, d]}, {"abstained": reason}, {"unknown": reason} '
        'or {"broken": error}'
    )
    raise ValueError(message)


_REASON = {"type": "string"}

ScoreField = Annotated[
    Score,
    PlainValidator(score_from_json),
    PlainSerializer(score_to_json),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number"},
                {
                    "type": "object",
                    "properties": {
                        "value": {"type": "number"},
                        "counts": {
                            "type": "array",
                            "items": {"type": "integer"},
                            "minItems": 2,
                            "maxItems": 2,
                        },
                    },
                    "required": ["value", "counts"],
                    "additionalProperties": False,
                },
                *(
                    {
                        "type": "object",
                        "properties": {name: _REASON},
                        "required": [name],
                        "additionalProperties": False,
                    }
                    for name in ("abstained", "unknown", "broken")
                ),
            ]
        }
    ),
]
"""A score as a field of a model."""
