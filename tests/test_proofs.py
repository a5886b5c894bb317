"""docs/proofs.json keeps what was shown, and forgets what failed."""

import json

from proofs import merged, write_atomically


def run(date):
    return {"commit": "c", "date": date, "machine": "m", "versions": {}}


def record(test, count):
    return {"test": test, "claim": "holds", "count": count, "figures": {}, "seconds": 1.0}


def test_fresh_records_replace_old_ones_and_failed_ones_go():
    first = merged({}, [record("a", 1), record("b", 2), record("c", 3)], set(), run("1"))
    second = merged(first, [record("b", 20)], {"c"}, run("2"))
    shown = {proof["test"]: (proof["count"], proof["run"]) for proof in second["proofs"]}
    assert shown == {"a": (1, "c 1"), "b": (20, "c 2")}
    assert list(second["runs"]) == ["c 1", "c 2"]


def test_a_run_no_record_comes_from_is_forgotten():
    first = merged({}, [record("a", 1)], set(), run("1"))
    assert list(merged(first, [record("a", 2)], set(), run("2"))["runs"]) == ["c 2"]


def test_proof_file_is_replaced_whole(tmp_path):
    file = tmp_path / "proofs.json"
    file.write_text("old")
    write_atomically(file, json.dumps({"new": "δ"}))
    assert json.loads(file.read_text("utf-8")) == {"new": "δ"}
    assert [path.name for path in tmp_path.iterdir()] == ["proofs.json"]
