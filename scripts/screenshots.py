"""Takes the pictures of the documentation: the HTML report of a broken copy of the example.

    python scripts/screenshots.py [FOLDER]

The example is copied and broken: order A1002 is delivered and not shipped, and the system prompt
grows. It is run against the scripted model and judge, compared with its baseline, and the page is
opened in Chromium. Needs Debian's chromium and chromium-driver, selenium and pillow.
"""

import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MOST_BYTES = 150_000
EVALGATE = (sys.executable, "-m", "evalgate")
BREAKS = {
    "examples/support_agent/shop.py": (
        '"A1002": {"status": "shipped"',
        '"A1002": {"status": "delivered", "days": 2',
    ),
    "examples/support_agent/agent.py": (
        "Always look the order up",
        "You are polite and brief, and you never promise more.\nAlways look the order up",
    ),
}
PICTURES = (
    ("report-verdict.png", "", 1280, 860, False),
    ("report-case.png", "#case=refund-shipped", 1280, 860, False),
    ("report-dark.png", "#case=refund-changed-mind", 1280, 860, True),
    ("report-narrow.png", "", 360, 860, False),
)
"""File, view, width and height in pixels, and whether it is dark."""


def main(target: Path) -> None:
    """Write every picture."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        page = broken_example(Path(folder))
        with browser() as driver:
            for name, view, width, height, dark in PICTURES:
                data = picture(driver, page.as_uri() + view, (width, height), dark=dark)
                (target / name).write_bytes(data)
                print(f"{name}: {len(data):,} bytes")


def broken_example(folder: Path) -> Path:
    """Copy the example, make its baseline's run, break it, and write its page."""
    for name in ("examples", "golden_sets", "baselines"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "evalgate.yaml", folder)
    with servers(folder):
        evalgate(folder, "run", "--baseline", "--quiet")
        for name, (old, new) in BREAKS.items():
            text = (folder / name).read_text(encoding="utf-8")
            if old not in text:
                raise SystemExit(f"{name} does not hold {old!r}: the break is out of date")
            (folder / name).write_text(text.replace(old, new), encoding="utf-8")
        live = ("--record-missing", "--judge", "auto", "--quiet")
        evalgate(folder, "run", "--baseline", *live, expected=1)
    page = folder / "report.html"
    evalgate(folder, "view", "--no-open", "--output", str(page))
    return page


def evalgate(folder: Path, *arguments: str, expected: int = 0) -> None:
    """Run evalgate, and stop where it exits otherwise."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "OPENAI_API_KEY": "scripted"}
    done = subprocess.run(  # noqa: S603  # our own command
        [*EVALGATE, *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != expected:
        raise SystemExit(
            f"evalgate {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
        )


@contextmanager
def servers(folder: Path) -> Iterator[None]:
    """Serve the scripted model and judge of the example."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = [
        subprocess.Popen(  # noqa: S603  # our own servers
            [sys.executable, "-m", f"examples.support_agent.{name}"], cwd=folder, env=environ
        )
        for name in ("model_server", "scripted_judge")
    ]
    time.sleep(2)
    try:
        yield
    finally:
        for process in started:
            process.terminate()
            process.wait()


@contextmanager
def browser() -> Iterator[Any]:
    """Start Chromium."""
    from selenium import webdriver  # noqa: PLC0415  # an extra of the tests

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(argument)
    driver = webdriver.Chrome(
        options=options, service=webdriver.ChromeService(shutil.which("chromedriver"))
    )
    try:
        yield driver
    finally:
        driver.quit()


def picture(driver: Any, address: str, size: tuple[int, int], *, dark: bool) -> bytes:  # noqa: ANN401
    """Open a view of the page and return its picture, with few enough colours to be small."""
    from PIL import Image  # noqa: PLC0415  # an extra of the tests

    width, height = size
    screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    driver.get("about:blank")
    driver.get(address)
    while not driver.execute_script("return document.documentElement.dataset.ready"):
        time.sleep(0.05)
    taken = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"]
    image = Image.open(io.BytesIO(b64decode(taken))).convert("RGB")
    small = io.BytesIO()
    image.quantize(64).save(small, "png", optimize=True)
    if len(small.getvalue()) > MOST_BYTES:
        raise SystemExit(f"{address}: {len(small.getvalue()):,} bytes; at most {MOST_BYTES:,}")
    return small.getvalue()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "img")
