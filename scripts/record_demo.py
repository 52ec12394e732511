"""Records the model calls of `evalgate demo` anew, from the scripted model; needs no key."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from evalgate.gateway.server import serve_in_thread  # noqa: E402  # after the path is set
from examples.support_agent.model_server import app  # noqa: E402


def main() -> int:
    """Record in a copy, so that nothing but the recordings comes back."""
    demo = ROOT / "evalgate" / "demo"
    with TemporaryDirectory() as name, serve_in_thread(app) as origin:
        copy = Path(name, "demo")
        shutil.copytree(demo, copy)
        shutil.rmtree(copy / "cassettes", ignore_errors=True)
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "OPENAI_API_KEY": "scripted-model-needs-no-key",
            "OPENAI_BASE_URL": f"{origin}/v1",
        }
        command = [sys.executable, "-m", "evalgate", "run", "--record"]
        code = subprocess.run(command, cwd=copy, env=environment, check=False).returncode  # noqa: S603  # our own command
        if code == 0:
            shutil.rmtree(demo / "cassettes", ignore_errors=True)
            shutil.copytree(copy / "cassettes", demo / "cassettes")
    return code


if __name__ == "__main__":
    sys.exit(main())
