"""One spelling for each JSON value."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.schema.canonical import canonical_bytes, digest

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


def test_numbers_have_one_spelling() -> None:
    """1, 1.0 and 1e0 are one number; true is none."""
    assert canonical_bytes(1) == canonical_bytes(1.0) == canonical_bytes(json.loads("1e0"))
    assert canonical_bytes(-0.0) == canonical_bytes(0)
    assert canonical_bytes(value=True) != canonical_bytes(1)
    assert canonical_bytes("1") != canonical_bytes(1)


def test_the_spelling_is_fixed() -> None:
    """Sorted keys, no blanks, UTF-8."""
    assert '{"a":[1,2.5,null],"ä":"ö"}'.encode() == canonical_bytes(
        {"ä": "ö", "a": [1.0, 2.5, None]}
    )


def test_a_number_that_is_not_finite_is_refused() -> None:
    """NaN has no place in a digest."""
    with pytest.raises(ValueError, match="JSON"):
        canonical_bytes([float("nan")])


@given(value=_JSON)
def test_the_spelling_is_read_back_as_the_same_value(value: object) -> None:
    """Nothing is lost, and writing it again changes nothing."""
    text = canonical_bytes(value)  # type: ignore[arg-type]  # Hypothesis builds plain JSON
    assert value == json.loads(text)
    assert text == canonical_bytes(json.loads(text))


def test_a_digest_names_its_algorithm() -> None:
    """The digest is that of the canonical bytes; value from sha256sum of `{}`."""
    expected = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert expected == digest({})
