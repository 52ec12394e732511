"""Takes the pictures of docs/breaks.md: five breaks of the example on three surfaces.

    python scripts/break_pictures.py [BREAK ...]

Each break is made in a copy of the example and run against the scripted model and judge. Its report
is kept in tests/data/breaks, and a picture is taken of its first screen in a terminal of 100
columns, as a comment, and as a page. The text of the report goes into the picture, so that a test
can tell when it is out of date. Needs Debian's chromium and chromium-driver, selenium and pillow.
"""

import io
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "scripts")]

from screenshots import browser, evalgate, picture  # noqa: E402  # after the path is set
from support.breaks import (  # noqa: E402
    BREAKS,
    LIVE,
    PICTURES,
    STORED,
    SURFACES,
    break_example,
    gate_times,
    stored_report,
    whole_comment,
)
from support.example import copy_example, edit, scripted_model  # noqa: E402

from evalgate.gateway.server import serve_in_thread  # noqa: E402
from evalgate.output import terminal  # noqa: E402
from evalgate.output.style import Style  # noqa: E402
from evalgate.schema.result import ReportSet  # noqa: E402
from examples.support_agent.scripted_judge import app as judge  # noqa: E402

SIZE = (1000, 720)
MOST_BYTES = 80_000
STYLE = """
body { margin: 0; font: 14px/1.5 'Noto Sans', 'DejaVu Sans', sans-serif; color: #1f2328 }
body.comment { padding: 4px 18px }
body.terminal { background: #16191d; padding: 12px 18px }
body.terminal pre { font: 13.5px/1.28 'DejaVu Sans Mono', monospace; color: #d8dee4; margin: 0 }
.comment table { border-collapse: collapse; margin: 0 0 16px }
.comment td, .comment th { border: 1px solid #d0d7de; padding: 6px 13px }
.comment tr:nth-child(2n) { background: #f6f8fa }
.comment pre { background: #f6f8fa; padding: 12px; border-radius: 6px; margin: 0 0 12px }
.comment code { font: 12px/1.4 'DejaVu Sans Mono', monospace }
.comment i { font-style: normal; color: #cf222e }
"""


def main(names: tuple[str, ...]) -> None:
    """Make the breaks and take their pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    STORED.mkdir(parents=True, exist_ok=True)
    with browser() as driver:
        for name in names:
            with TemporaryDirectory() as folder:
                project = copy_example(Path(folder))
                run_broken(project, name)
                keep(project / "report.json", STORED / f"{name}.zip")
                pages = draw(project, stored_report(name))
                take(driver, name, pages)


def run_broken(project: Path, name: str) -> None:
    """Make the baseline's run, break the agent and run it again."""
    with scripted_model(project), serve_in_thread(judge) as judging:
        edit(project / "evalgate.yaml", "http://127.0.0.1:4012", judging)
        if name == "slower":
            gate_times(project)
            evalgate(project, "baseline", "update", "--reason", "times", "--force", "--quiet")
        else:
            evalgate(project, "run", "--baseline", "--quiet")
        break_example(project, name)
        written = ("-o", "report.json", "-o", "page.html")
        evalgate(project, *LIVE, *written, expected=1)


def keep(report: Path, target: Path) -> None:
    """Keep a report for the tests, small and always of the same date."""
    with ZipFile(target, "w", ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr(ZipInfo("report.json"), report.read_bytes(), ZIP_DEFLATED)


def draw(project: Path, reports: ReportSet) -> Mapping[str, Path]:
    """Write what is photographed: the page is there; terminal and comment become pages."""
    html = {"terminal": _terminal(reports), "comment": _comment(whole_comment(reports))}
    for name, body in html.items():
        (project / f"{name}.html").write_text(
            f"<!doctype html><html lang=en data-ready=yes><meta charset=utf-8><title>{name}</title>"
            f"<style>{STYLE}</style><body class={name}>{body}</body></html>",
            encoding="utf-8",
        )
    return {name: project / f"{name}.html" for name in SURFACES}


def _terminal(reports: ReportSet) -> str:
    from rich.console import Console  # noqa: PLC0415  # heavy
    from rich.terminal_theme import MONOKAI  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    screen = Console(record=True, width=100, file=io.StringIO())
    screen.print("$ evalgate run --baseline", highlight=False)
    shown = terminal.render(reports, Style(width=100, color=True)).splitlines()
    screen.print(
        Text.from_ansi("\n".join(shown[: len(SURFACES["terminal"](reports).splitlines())]))
    )
    return screen.export_html(theme=MONOKAI, inline_styles=True, code_format="<pre>{code}</pre>")


def _comment(text: str) -> str:
    from markdown_it import MarkdownIt  # noqa: PLC0415  # comes with rich

    body = str(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))
    return body.replace("❌", "<i>✖</i>").replace("⚠️", "⚠")  # Chromium here has no emoji


def take(driver: Any, name: str, pages: Mapping[str, Path]) -> None:  # noqa: ANN401
    """Photograph each surface and put the report's text into the picture."""
    from PIL import Image, PngImagePlugin  # noqa: PLC0415  # an extra of the tests

    for surface, page in pages.items():
        taken = Image.open(io.BytesIO(picture(driver, page.as_uri(), SIZE, dark=False)))
        said = PngImagePlugin.PngInfo()
        said.add_itxt("Description", SURFACES[surface](stored_report(name)), zip=True)
        target = PICTURES / f"{name}-{surface}.png"
        taken.save(target, "png", optimize=True, pnginfo=said)
        size = target.stat().st_size
        print(f"{target.name}: {size:,} bytes")
        if size > MOST_BYTES:
            raise SystemExit(f"{target.name} is larger than {MOST_BYTES:,} bytes")


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or BREAKS)
