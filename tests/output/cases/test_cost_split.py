"""Where the cost went: exact splits that add up."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from evalgate.output.cases.cost_split import call_cost, cost_difference, trial_costs
from evalgate.pricing import PriceBook
from evalgate.schema.config import Price
from evalgate.schema.trace import Attempt, LlmCall, Trace

BOOK = PriceBook({"m": Price(input=1, output=10), "big": Price(input=2, output=20)})
"""Prices in USD per million tokens."""
MICRO = Fraction(1, 1_000_000)


def call(given_: int, got: int, **more: object) -> LlmCall:
    """Make a call of model `m`, unless told otherwise."""
    return LlmCall(**{"model": "m", "input_tokens": given_, "output_tokens": got, **more})


def test_input_is_shared_by_length_and_output_by_count() -> None:
    """400 input tokens over messages of 1 : 2 : 1, and 10 output tokens of which 4 are thought."""
    messages = ["x" * 10, {"role": "tool", "c": "y" * 2}, {"role": "model", "c": ""}]
    lengths = [10, len('{"role": "tool", "c": "yy"}'), len('{"role": "model", "c": ""}')]
    cost = call_cost(call(sum(lengths), 10, reasoning_tokens=4, input=messages), None, BOOK)
    assert cost is not None
    assert {
        "prompt": 10 * MICRO,
        "tool results": lengths[1] * MICRO,
        "earlier turns": lengths[2] * MICRO,
        "output": 60 * MICRO,
        "reasoning": 40 * MICRO,
    } == cost.parts


def test_results_of_tools_are_found_in_every_wire() -> None:
    """OpenAI's `tool`, Anthropic's `tool_result` in a user message, and Responses' items."""
    for message in (
        {"role": "tool", "content": "x"},
        {"role": "user", "content": [{"type": "tool_result", "content": "x"}]},
        {"type": "function_call_output", "output": "x"},
    ):
        cost = call_cost(call(8, 0, input=[message]), None, BOOK)
        assert cost is not None
        assert {"tool results": 8 * MICRO} == cost.parts


def test_unknown_is_not_free() -> None:
    """No price, no model or no count: the trial is not split; a recorded cost is not divided."""
    assert None is call_cost(call(1, 1, model="nobody"), None, BOOK)
    assert None is call_cost(call(1, 1, model=None), None, BOOK)
    assert None is call_cost(LlmCall(model="m", input_tokens=1), None, BOOK)
    assert None is trial_costs(Trace(case_id="c", steps=(call(1, 1), LlmCall(model="m"))), BOOK)
    recorded = call_cost(call(1, 1, model="nobody", cost_usd=0.5), None, BOOK)
    assert recorded is not None
    assert {"not split": Fraction(1, 2)} == recorded.parts


def test_a_recorded_cost_wins_and_keeps_its_proportions() -> None:
    """As in the score: what was paid counts, not what the table says."""
    cost = call_cost(call(10, 1, cost_usd=0.5), None, BOOK)
    assert cost is not None
    assert {"prompt": Fraction(1, 4), "output": Fraction(1, 4)} == cost.parts


def test_refused_and_cached_calls_are_free() -> None:
    """A call whose every attempt was refused used nothing; a semantic cache neither."""
    refused = LlmCall(model="m", attempts=(Attempt(status=429),))
    for free in (refused, call(9, 9, cache_hit=True)):
        cost = call_cost(free, None, BOOK)
        assert cost is not None
        assert {} == cost.parts


def split(before: list[list[LlmCall]], after: list[list[LlmCall]]) -> tuple[dict, Fraction]:
    """Return the split of a difference, and the difference of the means by itself."""
    sides = [
        [trial_costs(Trace(case_id="c", steps=tuple(calls)), BOOK) or () for calls in trials]
        for trials in (before, after)
    ]
    old, new = (
        sum((cost.total for trial in side for cost in trial), Fraction(0)) / len(side)
        for side in sides
    )
    return cost_difference(sides[0], sides[1], BOOK), new - old


def test_one_more_call_is_a_call() -> None:
    """Twice the same call costs one call more, and nothing else."""
    found, _ = split([[call(10, 1)]], [[call(10, 1), call(10, 1)]])
    assert {"calls": 20 * MICRO} == found


def test_a_longer_prompt_is_a_prompt() -> None:
    """The same calls with more input."""
    found, _ = split([[call(10, 1)]], [[call(35, 1)]])
    assert {"prompt": 25 * MICRO} == found


def test_another_model_is_a_price() -> None:
    """The same tokens at twice the price; more tokens of a dearer model are told apart."""
    found, _ = split([[call(10, 1)]], [[call(10, 1, model="big")]])
    assert {"price": 20 * MICRO} == found
    found, _ = split([[call(10, 1)]], [[call(15, 1, model="big")]])
    assert {"price": 25 * MICRO, "prompt": 5 * MICRO} == found


_CALLS = st.builds(
    call,
    st.integers(0, 5_000),
    st.integers(1, 500),
    model=st.sampled_from(("m", "big")),
    cost_usd=st.none() | st.floats(0.001, 9),
    reasoning_tokens=st.none() | st.integers(0, 400),
    input=st.lists(
        st.fixed_dictionaries(
            {
                "role": st.sampled_from(("system", "user", "tool", "assistant")),
                "content": st.text("xy", max_size=20),
            }
        ),
        max_size=3,
    ),
)
_TRIALS = st.lists(st.lists(_CALLS, max_size=3), min_size=1, max_size=3)


@given(_TRIALS, _TRIALS)
def test_the_reasons_add_up_exactly(
    before: list[list[LlmCall]], after: list[list[LlmCall]]
) -> None:
    """Whatever the calls: the split is the difference of the means, to the last fraction."""
    found, difference = split(before, after)
    assert difference == sum(found.values(), Fraction(0))


@given(_TRIALS)
def test_nothing_costs_more_than_itself(trials: list[list[LlmCall]]) -> None:
    """Two equal sides differ in nothing."""
    assert ({}, 0) == split(trials, trials)
