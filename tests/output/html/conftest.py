"""A real Chromium that opens pages from disk."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from evalgate.output.cases.details import RunDetails
from evalgate.output.html.page import html_page
from evalgate.schema.result import ReportSet

Open = Callable[..., "Browser"]


@dataclass(frozen=True)
class Browser:
    """A page in a browser."""

    driver: Any
    keys: Any

    def text(self, selector: str) -> str:
        """Return the text of the first element."""
        return str(self.driver.find_element("css selector", selector).text)

    def all(self, selector: str) -> list[str]:
        """Return the texts of all elements."""
        return [found.text for found in self.driver.find_elements("css selector", selector)]

    def run(self, script: str, *arguments: object) -> Any:  # noqa: ANN401  # whatever it returns
        """Run a script and return its value."""
        return self.driver.execute_script(script, *arguments)

    def press(self, *keys: str) -> None:
        """Press keys where the focus is, and wait until an opened case is there."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)
            self.settle()

    def click(self, selector: str) -> None:
        """Click, and wait until an opened case is there."""
        self.driver.find_element("css selector", selector).click()
        self.settle()

    def settle(self) -> None:
        """Wait until nothing is being read."""
        for _ in range(200):
            if not self.run(
                "return [...document.querySelectorAll('.opened')].some("
                "(row) => row.textContent === 'reading…')"
            ):
                return
        raise AssertionError("a case is not read")

    def requests(self) -> set[str]:
        """Return every address asked for since the last call."""
        entries = (
            json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")
        )
        return {
            entry["params"]["request"]["url"]
            for entry in entries
            if entry["method"] == "Network.requestWillBeSent"
        }

    def complaints(self) -> list[str]:
        """Return what the console says."""
        return [entry["message"] for entry in self.driver.get_log("browser")]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Start Chromium, or skip."""
    browser, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or chromedriver is None:
        pytest.skip("chromium is not installed (Debian: chromium, chromium-driver)")
    selenium = pytest.importorskip("selenium.webdriver")
    options = selenium.ChromeOptions()
    options.binary_location = browser
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,1000"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = selenium.Chrome(options=options, service=selenium.ChromeService(chromedriver))
    driver.execute_cdp_cmd("Network.enable", {})
    yield driver
    driver.quit()


@pytest.fixture
def opened(chromium: Any, tmp_path: Path) -> Open:  # noqa: ANN401  # selenium's driver
    """Return a function that writes a page and opens it."""
    from selenium.webdriver.common.keys import Keys  # noqa: PLC0415  # an extra of the tests

    def open_page(
        reports: ReportSet,
        details: Sequence[RunDetails],
        *,
        fragment: str = "",
        width: int = 1280,
        dark: bool = False,
    ) -> Browser:
        path = tmp_path / "page.html"
        path.write_text(html_page(reports, details), encoding="utf-8")
        screen = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
        chromium.get("about:blank")
        browser = Browser(chromium, Keys)
        browser.requests()
        browser.complaints()
        chromium.get(path.as_uri() + fragment)
        for _ in range(500):
            if browser.run("return document.documentElement.dataset.ready"):
                return browser
        raise AssertionError("the page is not ready")

    return open_page
