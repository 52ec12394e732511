"""Results of `adk eval`."""

import json
from pathlib import Path

from support.foreign import foreign, mean, rows, values, write


def test_a_real_result(shared_data: Path) -> None:
    """3 cases, 2 passed; both judged means .6667; counts and times only inform."""
    file = foreign(shared_data / "foreign" / "adk" / "support_v1.evalset_result.json")
    assert {"refund_wrong_amount": 0.0, "greet": 1.0, "order_ok": 1.0} == dict(
        zip((row.case for row in rows(file)), values(file, "task_success"), strict=True)
    )
    judged = [name for name, kind in file.results.kinds.items() if not kind.informational]
    assert ["tool_trajectory_avg_score", "response_match_score"] == judged
    assert [2 / 3, 2 / 3] == [mean(file, name) for name in judged]


def test_json_inside_json(tmp_path: Path) -> None:
    """Older versions wrote the document as a text; a status without a verdict is unscored."""
    data = {"eval_case_results": [{"eval_id": "a", "final_eval_status": 3}]}
    file = foreign(write(tmp_path, "r.json", json.dumps(json.dumps(data))), "adk")
    assert [None] == values(file, "task_success")
