"""Two trajectories side by side."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from evalgate.matching.alignment import Row, align, diverges_at
from evalgate.schema.trace import LlmCall, Retrieval, Span, Step, ToolCall


def tool(name: str, result: object = None, **arguments: object) -> ToolCall:
    """Make a tool call."""
    return ToolCall(name=name, arguments=arguments, result=result)


def said(text: str, call_id: str = "c1") -> LlmCall:
    """Make a model call whose message holds an id that differs from run to run."""
    message = {"content": text, "tool_calls": [{"id": call_id, "function": {"name": "f"}}]}
    return LlmCall(output=message, start=1.0, input_tokens=len(text))


def test_equal_trajectories_are_the_same() -> None:
    """Ids, times and tokens are no difference."""
    before = [said("ok", "c1"), tool("look", 1, id=1)]
    after = [said("ok", "c2").model_copy(update={"start": 9.0}), tool("look", 1, id=1)]
    rows = align(before, after)
    assert ["same", "same"] == [row.change for row in rows]
    assert None is diverges_at(rows, before, after)


def test_each_kind_of_change_is_named() -> None:
    """Added, removed, other arguments, another result."""
    before = [tool("a", 1), tool("b", 1, x=1), tool("c", 1), tool("d")]
    after = [tool("new"), tool("a", 1), tool("b", 1, x=2), tool("c", 2)]
    assert (
        Row(None, 0, "added"),
        Row(0, 1, "same"),
        Row(1, 2, "arguments"),
        Row(2, 3, "result"),
        Row(3, None, "removed"),
    ) == align(before, after)


def test_another_tool_is_no_changed_argument() -> None:
    """Tools of two names never pair, nor does a call of the user's with one of the agent's."""
    user = tool("a").model_copy(update={"requestor": "user"})
    assert ["removed", "added"] == [row.change for row in align([tool("a")], [tool("b")])]
    assert ["removed", "added"] == [row.change for row in align([tool("a")], [user])]


def test_a_repeated_call_keeps_its_twin() -> None:
    """The equal one of two calls of a tool is paired, and the other one was removed."""
    before = [tool("a", x=1), tool("a", x=2)]
    assert ["removed", "same"] == [row.change for row in align(before, [tool("a", x=2)])]


def test_the_first_divergence_is_something_the_agent_did() -> None:
    """Other words of the model, and spans, come before it and are not it."""
    before = [said("hm"), Span(name="x", input=1), tool("a"), Retrieval(query="q")]
    after = [said("well"), Span(name="x", input=2), tool("a"), Retrieval(query="r"), tool("b")]
    rows = align(before, after)
    assert 3 == diverges_at(rows, before, after)
    assert "result" == rows[0].change


_STEPS = st.lists(
    st.builds(
        lambda name, x, got: tool(name, got, x=x),
        st.sampled_from("ab"),
        st.integers(0, 1),
        st.integers(0, 1),
    ),
    max_size=5,
)


@given(_STEPS, _STEPS)
def test_every_step_stands_once_and_in_order(before: list[Step], after: list[Step]) -> None:
    """Nothing is lost, doubled or crossed."""
    rows = align(before, after)
    assert list(range(len(before))) == [row.before for row in rows if row.before is not None]
    assert list(range(len(after))) == [row.after for row in rows if row.after is not None]


@given(_STEPS, _STEPS)
def test_as_many_steps_as_possible_are_the_same(before: list[Step], after: list[Step]) -> None:
    """Weighed as documented, no other choice of pairs is better (all are tried)."""
    worth = {"same": 8, "result": 7, "arguments": 4, "added": 0, "removed": 0}

    def weigh(i: int, j: int) -> int:
        (row, *more) = align([before[i]], [after[j]])
        return 0 if more else worth[row.change]

    best = max(
        sum(weigh(i, j) for i, j in zip(old, new, strict=True))
        for size in range(min(len(before), len(after)) + 1)
        for old in combinations(range(len(before)), size)
        for new in combinations(range(len(after)), size)
    )
    assert best == sum(worth[row.change] for row in align(before, after))


def test_very_long_trajectories_are_aligned_too() -> None:
    """Beyond 500 x 500 steps pairs go by first fit, and still lose nothing."""
    before: list[Step] = [tool("a", x=i) for i in range(2_000)]
    after: list[Step] = [tool("b"), *(tool("a", x=i + 1) for i in range(2_000))]
    rows = align(before, after)
    assert list(range(2_000)) == [row.before for row in rows if row.before is not None]
    assert list(range(2_001)) == [row.after for row in rows if row.after is not None]
