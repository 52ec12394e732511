"""The tables of `docs/trials.md` are computed, not remembered."""

from fractions import Fraction
from pathlib import Path

from evalgate.stats.quality import Noise, gate_quality, never_settles

DOC = Path(__file__).parents[2] / "docs" / "trials.md"
SIZES = (20, 50, 100, 200, 500)
TRIALS = ((5, 1), (10, 1), (10, 3), (10, 5), (10, 10))
VARIANCE = 0.1275 * 2 / 3
"""E[p (1 - p)] of Beta(1.7, .3): .85 x .15 x 2 / (2 + 1)."""


def _row(cases: int) -> str:
    cells = []
    needed: int | None = None
    for trials0, trials1 in TRIALS:
        noise = Noise(cases, trials0, trials1, Fraction(17, 20), VARIANCE, binary=True)
        quality = gate_quality(noise, Fraction(1, 20))
        assert quality.false_alarm_rate is not None
        assert quality.detects_10_percent is not None
        cells.append(
            f"{_percent(quality.false_alarm_rate)} / {_percent(quality.detects_10_percent)}"
        )
        needed = quality.trials_for_5_percent
    return f"| {cases} | {' | '.join(cells)} | {needed} |"


def _percent(share: float) -> str:
    if share < 0.005:
        return "< 1 %"
    return "> 99 %" if share > 0.995 else f"{share:.0%}".replace("%", " %")


def test_the_false_alarm_table() -> None:
    """Every row of the table follows from the formulas of the gate."""
    text = DOC.read_text(encoding="utf-8")
    table = text.split("<!-- table:")[1].split("<!-- end of table -->")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert [_row(cases) for cases in SIZES] == rows


def test_the_trials_a_small_suite_needs_to_settle() -> None:
    """'20 cases need 3 trials a side': what the configuration's warning says too."""
    assert "20 cases need 3 trials a side" in DOC.read_text(encoding="utf-8")
    assert "it takes 3 trials" in (never_settles(20, 2, 10, Fraction(1, 20)) or "")
