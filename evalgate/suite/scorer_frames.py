"""The frames between the gate and a process that scores: number of the question, length, JSON.

Question 0 says what to load.
"""

import struct
from typing import Final

HEADER: Final = struct.Struct(">II")
"""Number of the question, length of the body."""


def framed(number: int, body: bytes) -> bytes:
    """Return a frame.

    Args:
        number: Of the question.
        body: JSON.
    """
    return HEADER.pack(number, len(body)) + body
