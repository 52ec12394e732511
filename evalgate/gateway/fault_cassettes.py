"""Cassettes of sessions with faults: what was recorded without one, and what came after one."""

from pathlib import Path
from typing import TypeVar

from evalgate.errors import DataError
from evalgate.gateway.cassette_index import CaseCassette, CassetteIndex

FAULTS = "faults"
"""The folder, in that of the suite's cassettes."""

_Answers = TypeVar("_Answers")


class FaultCassettes(CassetteIndex):
    """Records into a folder of its own, and replays the suite's cassettes as well."""

    def __init__(self, main: Path, *, source: str | None = None) -> None:
        """Open both folders.

        Args:
            main: The suite's cassettes, which are never written.
            source: What answers in recordings.
        """
        super().__init__(main / FAULTS, source=source)
        self._main = CassetteIndex(main, source=source)

    def cassette(self, case_id: str) -> CaseCassette | DataError:
        """Return what is recorded of a case, with and without faults."""
        main, faults = self._main.cassette(case_id), super().cassette(case_id)
        if isinstance(main, DataError):
            return main
        return faults if isinstance(faults, DataError) else with_faults(main, faults)

    def seal(self) -> None:
        """Take every cassette as it is now."""
        super().seal()
        self._main.seal()

    def refuse_rewritten(self) -> None:
        """Refuse what somebody else wrote since then, in either folder."""
        super().refuse_rewritten()
        self._main.refuse_rewritten()

    def close(self) -> None:
        """End the threads that write."""
        super().close()
        self._main.close()


def with_faults(main: CaseCassette, faults: CaseCassette) -> CaseCassette:
    """Add to each trial what was recorded with faults, whichever these were.

    A request holds all that the agent knows, the fault included: whoever sends it again is due the
    recorded answer.
    """
    trials = sorted({*main.answers, *main.tools, 0})
    known = {key: each for keys in faults.known.values() for key, each in keys.items()}
    veiled = tuple(dict.fromkeys(part for parts in faults.veiled.values() for part in parts))
    return CaseCassette(
        answers={t: _joined(main.answers.get(t, {}), faults.answers) for t in trials},
        known={t: {**known, **main.known.get(t, {})} for t in trials},
        veiled={t: (*main.veiled.get(t, ()), *veiled) for t in trials},
        case_digest=main.case_digest,
        warnings=(*main.warnings, *faults.warnings),
        tools={t: _joined(main.tools.get(t, {}), faults.tools) for t in trials},
    )


def _joined(
    main: dict[str, tuple[_Answers, ...]], faults: dict[int, dict[str, tuple[_Answers, ...]]]
) -> dict[str, tuple[_Answers, ...]]:
    found = dict(main)
    for _, keys in sorted(faults.items()):
        for key, answers in keys.items():
            found[key] = (*found.get(key, ()), *answers)
    return found
