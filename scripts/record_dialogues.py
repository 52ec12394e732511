"""Records the example's dialogues anew, from scripted models; needs no key.

python scripts/record_dialogues.py
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from evalgate.gateway.server import serve_in_thread  # noqa: E402  # after the path is set
from examples.dialogues.model_server import PORT, app  # noqa: E402


def main() -> int:
    """Run every dialogue against the scripted models, recording it."""
    environment = {**os.environ, "OPENAI_API_KEY": "scripted-models-need-no-key"}
    command = [sys.executable, "-m", "evalgate", "run", "--config", "examples/dialogues.yaml"]
    with serve_in_thread(app, port=PORT):
        return subprocess.run(  # noqa: S603  # our own command
            [*command, "--record", "--baseline"], cwd=ROOT, env=environment, check=False
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
