"""Adds 250 runs to a history, one transaction each: `writer.py URL NUMBER`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.histories import record

from evalgate.history.store import add_run, open_history


def main(url: str, writer: int) -> None:
    """Add the runs of one writer."""
    with open_history(url) as database:
        for number in range(writer * 250, writer * 250 + 250):
            successes = ((1, number % 2), (1, 1), (number % 3 == 0, 1))
            add_run(database, record(number, tuple(tuple(map(int, s)) for s in successes)))
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
