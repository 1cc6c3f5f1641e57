"""A workspace in the middle of its work, written by hand, for tests of what is shown of it."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemon.cli.commands.run import make_workspace
from daemon.core.workspace.jobs import Intake, JobCard, card_to_record
from daemon.folders.models import current_model
from daemon.folders.models.models import Models
from daemon.folders.status.status import strict_line
from daemon.layout import QUEUE_STATES, Layout
from daemon.settings import Settings
from tests.manifests import BASE

LOADED = Intake("accepted", "", "", 90, 10, "t", "t")


def furnished(root: Path, said: str = "plain") -> Layout:
    """Return a workspace in training; every text from outside in it is `said`."""
    layout = Layout(root.resolve())
    make_workspace(layout)
    for state in QUEUE_STATES:
        (layout.queue / state).mkdir(parents=True, exist_ok=True)
    layout.status.mkdir(exist_ok=True)
    _jobs(layout, said)
    _versions(layout, said)
    tell(layout, **document(said))
    append(layout.metrics_file, (step(number) for number in range(1, 31)))
    evaluated = {
        "event": "evaluated",
        "message": "step 20",
        "step": 20,
        "run": "r000002",
        "validation_loss": 0.9,
    }
    append(layout.events_file, [{"event": "started", "message": said}, evaluated])
    return layout


def document(said: str = "plain") -> dict[str, Any]:
    """Return the status document of a run in hand."""
    sample = {
        "step": 20,
        "prompt": said,
        "golden_answer": f"the right {said}",
        "matches": False,
        "model_answer": f"the wrong {said}",
        "current_file": said,
    }
    return {
        "status": "training",
        "message": "r000002 is trained",
        "model_name": "tiny",
        "version": "v000001",
        "current_step": 30,
        "total_steps": 120,
        "epoch": 1,
        "current_file": said,
        "current_files": [said],
        "run": "r000002",
        "batch_step": 30,
        "batch_total_steps": 120,
        "batch_queue_size": 1,
        "progress_percent": 25.0,
        "eta_seconds": 95.0,
        "loss": 0.5,
        "validation_loss": 0.9,
        "learning_rate": 5e-4,
        "loss_of": {"run": "r000002", "version": None, "verdict": None, "files": [said]},
        "newest_measurement": {
            "source": "evaluation",
            "run": "r000002",
            "version": None,
            "step": 20,
            "step_in_run": 10,
            "right": 3,
            "items": 4,
            "percent": 75.0,
            "loss": 0.9,
        },
        "validation_step": 20,
        "accuracy_by_file": [
            {"job": "000001-file", "file": said, "points": [[5, 20.0, 1, 5], [10, 60.0, 3, 5]]},
            {"job": "000002-file", "file": said, "points": [[15, 0.0, 0, 4], [20, 75.0, 3, 4]]},
        ],
        "tokens_per_sec": 123.0,
        "eval_samples": [sample],
        "accuracy_history": [[20, 40.0]],
        "accuracy_percent": 40.0,
        "accuracy_last_20": 45.0,
        "accuracy_last_50": 40.0,
        "total_evals": 10,
        "total_correct": 4,
        "best_accuracy": 60.0,
        "best_step": 20,
        "active_alerts": [{"code": said, "message": said}],
        "error_message": said,
        "error_type": said,
        "leftovers": [{"name": said, "reason": said}],
        "commands": [{"command": said, "answer": "refused", "message": said}],
        "memory": {"system_bytes": 8e9, "available_bytes": 5e9, "trainer_bytes": 1e9},
        "disk": {"free_bytes": 5e9, "total_bytes": 9e9},
        "gpu": {"reason": said},
        "watcher": "events",
    }


def tell(layout: Layout, **fields: Any) -> None:
    """Let the daemon say something: the fields change, the heartbeat is now."""
    path = layout.status_file
    before = json.loads(path.read_bytes()) if path.exists() else {}
    now = datetime.now(UTC).isoformat()  # noqa: TID251 - stands for the daemon's clock
    beside = path.with_suffix(".new")
    beside.write_bytes(strict_line({**before, "heartbeat": now, "timestamp": now, **fields}))
    beside.replace(path)


def step(number: int, loss: float | None = None, run: str = "r000002") -> dict[str, Any]:
    """Return a line of `metrics.jsonl`."""
    return {
        "run": run,
        "attempt": 0,
        "step": number,
        "loss": 2.0 / number if loss is None else loss,
        "learning_rate": 5e-4,
        "tokens": 500,
        "seconds": 0.5,
    }


def append(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """Append lines."""
    with path.open("ab") as file:
        file.writelines(map(strict_line, records))


def record_details(layout: Layout, version: str, rows: Iterable[tuple[str, str, bool]]) -> None:
    """Write a version's details: each prompt, the answer to it, and whether the base was right.

    The right answer is always `right`.
    """
    details = layout.version(version) / "details.jsonl"
    for prompt, answer, was_right in rows:
        texts = {"candidate": answer, "base": "right" if was_right else "wrong before"}
        answers = {
            name: {"text": text, "scores": {"exact_match": float(text == "right")}}
            for name, text in texts.items()
        }
        record = {
            "set": "own_holdout",
            "id": prompt,
            "scorer": "overlap",
            "prompt": [{"role": "user", "content": prompt}],
            "golden": ["right"],
            "answers": answers,
        }
        append(details, [record])


def put_job(layout: Layout, state: str, number: int, name: str, **facts: Any) -> JobCard:
    """Put a job into a state."""
    card = JobCard(f"{number:06d}-file", number, "normal", name, "2030-01-01T00:00:00", **facts)
    place = layout.job(state, card.job)
    place.folder.mkdir()
    place.original.write_bytes(b"")
    place.job_file.write_text(json.dumps(card_to_record(card)))
    return card


def _jobs(layout: Layout, said: str) -> None:
    put_job(layout, "done", 1, said, outcome="trained", version="v000001", intake=LOADED)
    put_job(layout, "running", 2, said, intake=LOADED)
    put_job(layout, "normal", 3, said, intake=LOADED)
    failed = put_job(layout, "failed", 4, said, outcome="refused", reason=f"because {said}")
    reason = {"code": said, "count": 3, "hint": f"mend {said}", "examples": [{"line": 1}]}
    report = {
        "verdict": "refused",
        "message": said,
        "rows": {"read": 3, "rejected": 3},
        "reasons": [reason],
        "warnings": [said],
    }
    layout.job("failed", failed.job).report.write_text(json.dumps(report))


def _versions(layout: Layout, said: str) -> None:
    models = Models(layout)
    models.make_folders()
    base = models.seal_base("2030-01-01T00:00:00+00:00", BASE, Settings().model_dump(mode="json"))
    child = json.loads((layout.version(base) / "manifest.json").read_bytes()) | {
        "version": "v000001",
        "parent": base,
        "run": "r000001",
        "job_ids": [said],
        "step": 10,
        "verdict": "promote",
        "verdict_reasons": [said],
        "created_at": said,
        "evaluations": {
            "exact_match": {"items": 4, "before": 1, "after": 3},
            "loss": {"own_holdout": {"items": 9, "before": 1.5, "after": 1.25}},
        },
    }
    folder = layout.version("v000001")
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps(child))
    current_model.point_at(layout, "v000001")
    answers = [
        {
            "step": at,
            "id": "1",
            "prompt": said,
            "golden": said,
            "answer": f"{said} {at}",
            "similarity": at / 100,
        }
        for at in (0, 10, 20)
    ]
    append(folder / "evolution.jsonl", answers)
