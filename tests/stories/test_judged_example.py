"""The example, judged: recorded once, gated without a key, and no gap that passes."""

import json
import shutil
from pathlib import Path

import pytest
from support.cli import Cli
from support.example import copy_example, edit

from evalgate.gateway.server import serve_in_thread
from evalgate.store.verdicts import verdict_path
from examples.support_agent.scripted_judge import app

pytestmark = pytest.mark.slow

LABELS = "examples/support_agent/labels.jsonl"


@pytest.fixture
def project(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the example, judged and calibrated anew; the judge is gone now."""
    monkeypatch.chdir(copy_example(tmp_path))
    shutil.rmtree(tmp_path / "examples/support_agent/verdicts")
    (tmp_path / "baselines/support.calibration.json").unlink()
    with serve_in_thread(app) as served:
        edit(tmp_path / "evalgate.yaml", "http://127.0.0.1:4012", served)
        assert 3 == cli("run", "--judge", "auto").code, "the judge is not calibrated yet"
        calibrated = cli("judge", "calibrate", LABELS, "--mode", "auto", "--repeats", "2")
        assert 0 == calibrated.code, calibrated.out + calibrated.err
    return tmp_path


def test_replay_needs_no_key_and_no_judge(project: Path, cli: Cli) -> None:
    """Recorded verdicts and a calibration: faithfulness gates, and nothing was asked."""
    report = cli("run", "-f", "json").json
    checks = {check["id"]: check["outcome"] for check in report["checks"]}
    assert "pass" == checks["faithfulness.judge"]
    assert "pass" == checks["faithfulness.min"]
    assert 0 == report["exit_code"]
    assert "judged" == report["metrics"]["faithfulness"]["source"]
    assert (0, 0, 0) == tuple(
        report["judge"][name] for name in ("calls", "input_tokens", "output_tokens")
    )
    assert report["judge"]["cached"] > 0


def test_a_deleted_verdict_is_inconclusive_and_names_the_case(project: Path, cli: Cli) -> None:
    """One verdict less is never one case less."""
    verdict_path(project / "examples/support_agent/verdicts", "status-shipped").unlink()
    again = cli("run", "-f", "json")
    assert 3 == again.code
    broken = [
        case["id"]
        for case in again.json["cases"]
        if "replay miss" in str(case["trials"][0]["scores"]["faithfulness"])
    ]
    assert ["status-shipped"] == broken
    assert "status-shipped" in cli("run").out


def test_another_prompt_version_needs_another_calibration(project: Path, cli: Cli) -> None:
    """A judge that is asked in another way is another judge: inconclusive, with the command."""
    path = project / "baselines/support.calibration.json"
    saved = json.loads(path.read_text())
    saved["judges"]["reader"]["faithfulness"]["config_digest"] = "0" * 12
    path.write_text(json.dumps(saved))
    result = cli("run")
    assert 3 == result.code
    assert "evalgate judge calibrate LABELS --suite support --judge reader" in " ".join(
        result.out.split()
    )


def test_the_example_judge_is_good_but_not_perfect(project: Path) -> None:
    """44 labels: the rules miss what is said in other words, and kappa says how often."""
    saved = json.loads((project / "baselines/support.calibration.json").read_text())
    record = saved["judges"]["reader"]["faithfulness"]
    assert 44 == sum(record["confusion"])
    assert 0.6 <= record["kappa"] < 1
    assert 1.0 == record["self_consistency"]
