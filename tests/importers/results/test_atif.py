"""ATIF trajectories."""

from pathlib import Path

from support.foreign import foreign, rows, tokens, values, write


def test_a_real_trajectory(shared_data: Path) -> None:
    """913 and 374 tokens under unprefixed names; it says nothing of how well it went."""
    file = foreign(shared_data / "foreign" / "harbor_atif" / "nemo_relay_1.6.trajectory.json")
    assert ("example-session", (913, 374), [None]) == (
        rows(file)[0].case,
        tokens(file),
        values(file, "reward"),
    )


def test_a_reward_beside_the_steps(tmp_path: Path) -> None:
    """What a producer put under `extra` is the score; tokens of steps are added up."""
    step = {
        "source": "agent",
        "message": "x",
        "metrics": {"prompt_tokens": 3, "completion_tokens": 1},
    }
    one = {"schema_version": "ATIF-v1.8", "session_id": "s", "steps": [step, step]}
    file = foreign(write(tmp_path, "t.jsonl", [{**one, "extra": {"reward": 0.5}}]))
    assert ([0.5], (6, 2)) == (values(file, "reward"), tokens(file))
