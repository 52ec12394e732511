"""The page in a real Chromium: content, keys, addresses, attacks, accessibility, widths."""

import shutil
import subprocess
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from support.pages import hostile_page, page_of

from evalgate.output.html.page import SCRIPTS

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
Open = Callable[..., Any]


def plain(text: str) -> str:
    """Keep a text as it is."""
    return text


@pytest.fixture
def shop(opened: Open) -> Any:  # noqa: ANN401  # a browser
    """Open the page of a report with everything in it."""
    reports, details = page_of(plain)
    return opened(reports, [details])


def test_the_list_shows_every_case_worst_first(shop: Any) -> None:  # noqa: ANN401
    """State, id, why, and how many."""
    assert ["refund", "gone", "lost"] == shop.all("button.case")
    assert ["regressed", "missing", "not measured"] == shop.all(".cases .state")
    assert "3 of 3 cases" == shop.text(".count")
    assert [] == shop.complaints()


def test_a_case_opens_to_both_trajectories(shop: Any) -> None:  # noqa: ANN401
    """The first failed trial, aligned, its divergence marked, with answer, claims and scores."""
    shop.click("button.case")
    assert "first divergence" == shop.text(".divergence")
    assert ["other arguments", "added"] == shop.all(".step:not(.old) > .head > .label")
    assert ['arguments /id: "A1" -> "A2"'] == shop.all(".changes li")
    assert ["No refund. (unsupported)", "Call us. (supported)"] == shop.run(
        "return [...document.querySelectorAll('.answer mark')].map((mark) => mark.textContent)"
    )
    assert "Refunded" == shop.text(".diff del")
    assert "task_success" in shop.text(".scores")
    shop.click(".tabs button:nth-child(2)")
    assert "Trial 1: failed, crashed" in shop.text(".ended")
    assert "KeyError" in shop.text(".panel .error")


def test_search_filter_and_sort(shop: Any) -> None:  # noqa: ANN401
    """By what went wrong, by state, by id."""
    shop.click("input[name=q]")
    shop.press("keyerror")
    assert ["refund"] == shop.all("button.case")
    shop.run("document.querySelector('input[name=q]').value = ''")
    for name, value, expected in (
        ("show", "missing", ["gone"]),
        ("show", "all", ["refund", "gone", "lost"]),
        ("sort", "id", ["gone", "lost", "refund"]),
    ):
        shop.click(f"select[name={name}] option[value='{value}']")
        assert expected == shop.all("button.case")


def test_everything_has_a_key(shop: Any) -> None:  # noqa: ANN401
    """The keys listed on the page do what the list says."""
    shop.press("j", "j")
    assert "gone" == shop.run("return document.activeElement.textContent")
    shop.press("k", shop.keys.ENTER)
    assert "Trial 1: failed, crashed" not in shop.text(".ended")
    shop.press("t")
    assert "Trial 1" in shop.text(".ended")
    shop.press("n")
    assert "gone" == shop.text("button[aria-expanded=true]")
    shop.press("p", shop.keys.ESCAPE)
    assert [] == shop.all("tr.opened")
    shop.press("f")
    assert "not passed" == shop.run("return document.querySelector('select[name=show]').value")
    shop.press("/")
    assert "q" == shop.run("return document.activeElement.name")
    shop.press(shop.keys.ESCAPE)
    shop.press("?")
    assert "keys" == shop.run("return document.activeElement.id")
    listed = {"/", "j", "k", "Enter", "n", "p", "t", "f", "Esc", "g", "?"}
    assert listed == {*shop.all("footer kbd")}


def test_the_address_keeps_the_view(opened: Open) -> None:
    """Filter, open case and trial come back from a link."""
    reports, details = page_of(plain)
    shop = opened(reports, [details], fragment="#show=regressed&case=refund&trial=1")
    assert ["refund"] == shop.all("button.case")
    assert "Trial 1" in shop.text(".ended")
    assert shop.run("return location.hash").endswith("case=refund&trial=1")


def test_what_broke_leads_to_the_case(shop: Any) -> None:  # noqa: ANN401
    """A link of the first screen opens the case."""
    shop.click(".causes a[data-case=refund]")
    assert "refund" == shop.text("button[aria-expanded=true]")


def test_no_text_runs_and_nothing_is_asked_for(opened: Open) -> None:
    """With each attack in every field, opened and searched: no script, no request, no markup."""
    reports, details = hostile_page()
    shop = opened(reports, details)
    for number in range(len(reports.suites)):
        shop.run(
            "document.querySelectorAll('.suite')[arguments[0]].querySelector('button.case').click()",
            number,
        )
        shop.settle()
    shop.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert None is shop.run("return window.owned ?? null")
    assert len(reports.suites) == len(shop.all("tr.opened"))
    tags = "iframe, img, form:not(.filters), base, link, object, embed, style ~ style, [onerror]"
    assert 0 == shop.run(f"return document.querySelectorAll('{tags}').length")
    assert {"file"} == {url.partition(":")[0] for url in shop.requests()}
    assert [] == shop.complaints()


def test_the_policy_holds_by_itself(shop: Any) -> None:  # noqa: ANN401
    """Had a text become markup after all, it would still not run, load or send anything."""
    shop.run(
        "const s = document.createElement('img'); s.src = 'http://192.0.2.1/x.png';"
        "document.body.append(s);"
    )
    assert "TypeError" == shop.run(
        "try { document.body.innerHTML = '<b>x</b>'; return 'set' } catch (e) { return e.name }"
    )
    assert any("Content Security Policy" in said for said in shop.complaints())


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the npm packages that check pages, or skip."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed: axe-core and prettier come as npm packages")
    folder = tmp_path_factory.mktemp("npm")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder)
    command = [npm, "ci", "--ignore-scripts", "--silent", "--prefix", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        pytest.skip(f"the packages cannot be fetched: {done.stderr[-300:]}")
    return folder / "node_modules"


def test_script_and_style_are_formatted(packages: Path) -> None:
    """`npx prettier --write` with the settings of package.json changes nothing."""
    source = files("evalgate.output.html")
    paths = [str(source / name) for name in (*SCRIPTS, "page.css")]
    command = [packages / ".bin" / "prettier", "--config", packages.parent / "package.json"]
    done = subprocess.run(
        [*command, "--check", *paths], capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing(opened: Open, packages: Path, width: int, *, dark: bool) -> None:
    """No violation of WCAG 2.2 AA or of good practice, with a case open, light and dark."""
    reports, details = page_of(plain)
    shop = opened(reports, [details], width=width, dark=dark, fragment="#case=refund")
    shop.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    shop.run((packages / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    found = shop.driver.execute_async_script(
        "axe.run(document, {resultTypes: ['violations']}).then(arguments[0])"
    )
    assert [] == [
        (one["id"], one["impact"], [node["html"][:150] for node in one["nodes"]][:3])
        for one in found["violations"]
    ]


@pytest.mark.parametrize("width", [360, 760, 1280, 2560])
def test_nothing_is_wider_than_the_screen(opened: Open, width: int) -> None:
    """Long words and wide tables wrap or scroll inside."""
    reports, details = page_of(lambda text: f"{text} {'long' * 60}")
    shop = opened(reports, [details], width=width, fragment="#case=refund")
    wide = (
        "return [...document.querySelectorAll('body *')].filter((one) => "
        "one.getBoundingClientRect().right > innerWidth + 1 && !one.closest('svg'))"
        ".map((one) => one.outerHTML.slice(0, 80)).slice(0, 5)"
    )
    assert [] == shop.run(wide)
    assert width >= shop.run("return document.documentElement.scrollWidth")
