"""Records the example's verdicts and its judge's calibration anew; needs no key.

python scripts/record_example_verdicts.py

The agent is replayed from its cassettes; `examples/support_agent/scripted_judge.py` stands in for
the judge's model, at the address that `evalgate.yaml` names.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from evalgate.gateway.server import serve_in_thread  # noqa: E402  # after the path is set
from examples.support_agent.scripted_judge import PORT, app  # noqa: E402

COMMANDS = (
    ("judge", "calibrate", "examples/support_agent/labels.jsonl", "--mode", "auto"),
    ("run", "--judge", "auto"),
)


def main() -> int:
    """Calibrate the judge, then judge the suite; both record what they ask."""
    with serve_in_thread(app, port=PORT):
        for command in COMMANDS:
            called = [sys.executable, "-m", "evalgate", *command]
            code = subprocess.run(called, cwd=ROOT, check=False).returncode  # noqa: S603  # our own command
            if code not in (0, 1):
                return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
