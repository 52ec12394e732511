"""The written configuration is one that Alertmanager takes."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from evalgate.alerts.alertmanager import alertmanager_config
from evalgate.errors import ConfigError
from evalgate.schema.watch import Receiver

RECEIVERS = {
    "ops": Receiver(slack="$SLACK_OPS"),
    "pager": Receiver(pagerduty="literal-routing-key", severity="high"),
    "hook": Receiver(webhook="http://127.0.0.1:9/hook"),
}
ROUTES = {"capacity": ("ops", "pager"), "tools": ("hook",), "default": ("ops",)}


@pytest.mark.slow
@pytest.mark.services
def test_amtool_takes_it(tmp_path: Path) -> None:
    """Also where an alert of each team would go."""
    amtool = shutil.which("amtool")
    if amtool is None:
        pytest.skip("amtool is not installed: apt-get install prometheus-alertmanager")
    file = tmp_path / "alertmanager.yml"
    (tmp_path / "secrets").mkdir()
    file.write_text(yaml.safe_dump(alertmanager_config(RECEIVERS, ROUTES)))
    check = subprocess.run(
        [amtool, "check-config", file], capture_output=True, text=True, check=False
    )
    assert 0 == check.returncode, check.stdout + check.stderr
    for labels, expected in (
        (("team=capacity", "severity=high"), {"ops", "pager"}),
        (("team=capacity", "severity=medium"), {"ops"}),
        (("team=tools", "severity=high"), {"hook"}),
        (("team=safety", "severity=medium"), {"ops"}),
    ):
        command = [amtool, "config", "routes", "test", f"--config.file={file}", *labels]
        found = subprocess.run(command, capture_output=True, text=True, check=True)
        assert expected == set(found.stdout.strip().split(","))


def test_no_secret_is_written() -> None:
    """A routing key stands in a file of its own, whether it came by a variable or not."""
    text = yaml.safe_dump(alertmanager_config(RECEIVERS, ROUTES))
    assert "literal-routing-key" not in text
    assert "secrets/SLACK_OPS" in text
    assert "secrets/pager" in text


@pytest.mark.parametrize("receiver", [Receiver(apprise="json://x"), Receiver(webhook="$HOOK")])
def test_what_alertmanager_has_not_is_named(receiver: Receiver) -> None:
    """Nobody is left out in silence."""
    with pytest.raises(ConfigError, match=r"receivers\.x"):
        alertmanager_config({"x": receiver}, {"default": ("x",)})
