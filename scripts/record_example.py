"""Records the example's cassettes and baselines anew, from the scripted model; needs no key.

python scripts/record_example.py [CONFIG ...]
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from evalgate.gateway.server import serve_in_thread  # noqa: E402  # after the path is set
from examples.support_agent.model_server import PORT, app  # noqa: E402


def main(configs: list[str]) -> int:
    """Run every suite of the configurations against the scripted model, recording it."""
    environment = {**os.environ, "OPENAI_API_KEY": "scripted-model-needs-no-key"}
    with serve_in_thread(app, port=PORT):
        for config in configs:
            command = [sys.executable, "-m", "evalgate", "run", "--config", config, "--record"]
            code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode  # noqa: S603  # our own command
            if code not in (0, 1):
                return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["evalgate.yaml"]))
