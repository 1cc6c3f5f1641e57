"""What is told of a version follows from its manifest, its report and its jobs."""

from typing import Any

from daemon.core.evaluation.explanation import earlier_jobs, explain
from daemon.core.records import from_json_value
from daemon.core.training.manifests import Manifest
from tests.manifests import manifest_record

JOB, OLD = "000002-b", "000001-a"


def against(version: str) -> dict[str, Any]:
    figures = {"items": 3, "mean_change": 0.0, "p_better": 0.5, "p_worse": 0.5}
    return {"name": "own_holdout", "against": version, **figures}


RECORD = manifest_record(
    "v000002",
    parent="v000001",
    run="r000002",
    verdict_reasons=["better"],
    job_ids=[JOB],
    rows_by_job={JOB: 9},
    rows_set_aside=[{"job": JOB}, {"job": "other"}],
    seeds={"run": 7},
    judgement={"finite": True, "changed": True, "tests": [against("v000001"), against("v000000")]},
    evaluations={
        "loss": {
            "own_holdout": {
                "items": 3,
                "jobs": {
                    JOB: {"items": 3, "models": {"candidate": 1.0, "v000001": 2.0, "base": 3.0}}
                },
            },
            "earlier_holdout": {
                "items": 4,
                "jobs": {
                    OLD: {"items": 4, "models": {"candidate": 1.5, "v000001": 1.25, "base": 3.0}}
                },
            },
        },
        "answers_by_job": {OLD: {"items": 2, "right": {"candidate": 1, "v000001": 2, "base": 0}}},
    },
)
MANIFEST = from_json_value(RECORD, Manifest)


def test_each_file_is_told_by_its_rows_and_by_what_changed_on_its_own_hold_out() -> None:
    found = explain(
        MANIFEST,
        None,
        {JOB: {"name": "b.jsonl", "rows": {"read": 14, "holdout": 3, "rejected": 2}}, OLD: None},
    )
    assert found["files"] == [
        {
            "job": JOB,
            "name": "b.jsonl",
            "rows": {
                "read": 14,
                "trained": 9,
                "held_out": 3,
                "refused": 2,
                "set_aside": 1,
                "shortened": 0,
            },
            "loss": {"items": 3, "before": 2.0, "after": 1.0},
            "right": None,
        }
    ]
    assert found["earlier_files"] == [
        {
            "job": OLD,
            "name": None,
            "loss": {"items": 4, "before": 1.25, "after": 1.5},
            "right": {"items": 2, "before": 2, "after": 1},
        }
    ]
    assert earlier_jobs(MANIFEST) == [OLD]
    assert found["verdict"]["compared_with"] == ["v000001", "v000000"]


def test_what_an_older_version_did_not_keep_is_null_and_never_invented() -> None:
    bare = {key: value for key, value in RECORD.items() if key not in ("evaluations", "seeds")}
    found = explain(from_json_value(bare, Manifest), None, {JOB: None})
    assert found["files"][0]["loss"] is None and found["files"][0]["rows"]["refused"] is None
    assert found["earlier_files"] == [] and found["scores"] == [] and found["changed"] is None
    assert found["provenance"]["energy"] is None and found["provenance"]["git_dirty"] is None


def test_scores_are_told_before_and_after_with_the_main_metric_first() -> None:
    def summed(exact: float) -> dict[str, Any]:
        return {"items": 5, "metrics": {"bleu": {"mean": 0.5}, "exact_match": {"mean": exact}}}

    report: Any = {
        "answers": {
            "lakes": {
                "metric": "exact_match",
                "models": {"candidate": summed(0.75), "v000001": summed(0.5), "base": summed(0.0)},
            }
        },
        "changed": {"to_right": [], "to_wrong": []},
    }
    first, second = explain(MANIFEST, report, {})["scores"]
    assert first == {
        "set": "lakes",
        "metric": "exact_match",
        "items": 5,
        "before": 0.5,
        "after": 0.75,
        "change": 0.25,
        "main": True,
    }
    assert (second["metric"], second["change"], second["main"]) == ("bleu", 0.0, False)
