"""What is built in or installed is found by name, and loaded when it is used."""

from importlib import import_module
from pathlib import Path

import pytest
from support.cli import Cli

from evalgate.errors import PluginError
from evalgate.registry import BUILTIN, GROUPS, listed, names, resolve


@pytest.mark.parametrize(
    ("group", "name"), [(group, name) for group in BUILTIN for name in BUILTIN[group]]
)
def test_every_built_in_is_there(group: str, name: str) -> None:
    """Each target of the table can be loaded; what is no function has its two."""
    found = resolve(group, name)
    assert callable(found) or (callable(found.detect) and callable(found.read))


def test_every_group_is_open() -> None:
    """What is built in can be installed too, and each group is one that something asks for."""
    assert {*BUILTIN} <= {*GROUPS}
    asked = {group for group in GROUPS if names(group)} | {"scorers"}
    assert {*GROUPS} == asked


def test_an_unknown_name_gets_the_nearest() -> None:
    """With the command that lists them."""
    with pytest.raises(PluginError, match="did you mean 'markdown'"):
        resolve("renderers", "markdwon")


@pytest.mark.parametrize("code", ["1 / 0", "raise SystemError('x')", "import nothing_like_this"])
def test_a_plugin_that_fails_hides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """Whatever its import raises: a line in the list, a named error when it is used."""
    name = f"failing_{abs(hash(code))}"
    info = tmp_path / f"{name}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[evalgate.renderers]\n{name} = {name}:render\n")
    (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    (found,) = [plugin for plugin in listed() if plugin.name == name]
    assert (name, True) == (found.source, bool(found.error))
    with pytest.raises(PluginError, match=name):
        resolve("renderers", name)


def test_a_built_in_cannot_be_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed `json` renderer does not take the place of ours."""
    info = tmp_path / "taking-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: taking\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[evalgate.renderers]\njson = taking:render\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert import_module("evalgate.output.json").render is resolve("renderers", "json")


def test_an_installed_exporter_is_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    """It stands below `evalgate export`; one that cannot be loaded hides no other."""
    info = tmp_path / "sending-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sending\nVersion: 1\n")
    entries = "[evalgate.exporters]\nstdout = sending:stdout\nbroken = sending:nothing\n"
    (info / "entry_points.txt").write_text(entries)
    (tmp_path / "sending.py").write_text(
        "import click\n@click.command()\ndef stdout():\n    click.echo('sent')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert "sent\n" == cli("export", "stdout").out
    shown = cli("export", "--help").out
    assert (True, True, False) == ("stdout" in shown, "langfuse" in shown, "broken" in shown)
    assert "sending" in cli("export", "broken").err
    assert "did you mean 'otlp'" in cli("export", "oltp").err
