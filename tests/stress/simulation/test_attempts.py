"""Naming the layer of each retry."""

import pytest

from evalgate.stress.simulation.attempts import layers_of_attempts
from evalgate.stress.simulation.retry import layers


@pytest.mark.parametrize(
    ("counts", "declared", "named"),
    [
        ([0, 1, 2], "openai", "openai openai"),
        ([0, 1, 2, 0, 1, 2], "openai+langgraph", "openai openai langgraph openai openai"),
        ([0, 1, 0, 1], "openai", "openai|undeclared layer above openai|openai"),
        ([0, 1, 2], "none", "client SDK|client SDK"),
        ([None] * 4, "exact", "exact|exact|undeclared layer above exact"),
        ([None] * 4, "exact+staged", "exact exact staged"),
        ([None] * 3, "none", "undeclared layer|undeclared layer"),
        (
            [0, 0, 0, 0],
            "openai:0+langgraph",
            "langgraph|langgraph|undeclared layer above langgraph",
        ),
        ([0], "openai", ""),
        (
            [0, 0, 1, 1],
            "openai",
            "undeclared layer below openai|openai|undeclared layer below openai",
        ),
    ],
)
def test_layers(counts: list[int | None], declared: str, named: str) -> None:
    """By what the SDK counts where it counts, else by the order of the declared layers."""
    separator = "|" if "|" in named else " "
    expected = tuple(named.split(separator)) if named else ()
    assert expected == layers_of_attempts(counts, layers(declared))


def test_declared_layers_are_named_to_the_last_attempt() -> None:
    """Three layers of 2 retries each make 27 attempts, and none of them is undeclared."""
    stack = layers("openai+langgraph+staged:2")
    names = layers_of_attempts([n % 3 for n in range(27)], stack)
    assert {"openai": 18, "langgraph": 6, "staged": 2} == {n: names.count(n) for n in set(names)}
