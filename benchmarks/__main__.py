"""All benchmarks, one after another: `python -m benchmarks [NAME ...]`, or `make bench`.

Each prints a table of its own. Run them on a quiet machine: with other work on the same cores the
figures say little.
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))
HELPERS = {"judge_costs"}


def main(wanted: list[str]) -> int:
    """Run the named benchmarks, or all; return the number of those that failed."""
    failed = 0
    for name in wanted or [name for name in NAMES if name not in HELPERS]:
        print(f"\n== {name} ==", flush=True)
        command = [sys.executable, str(HERE / f"{name}.py")]
        failed += subprocess.run(command, check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
