"""The JSON Schema of the status document, for those who read it; fields are only added."""

from typing import Any

_TEXT = {"type": ["string", "null"]}
_NUMBER = {"type": ["number", "null"]}
_WHOLE = {"type": ["integer", "null"]}
_FLAG = {"type": ["boolean", "null"]}
_PAIRS = {
    "type": "array",
    "items": {"type": "array", "prefixItems": [{"type": "integer"}, _NUMBER]},
}
_TREND = {"enum": ["improving", "declining", "stable", None]}
_SAMPLE = {
    "type": "object",
    "required": [
        "step", "prompt", "golden_answer", "model_answer", "matches", "answer_matches",
        "current_file",
    ],
    "properties": {
        "step": {"type": "integer"},
        "prompt": {"type": "string"},
        "golden_answer": {"type": "string"},
        "model_answer": {"type": "string"},
        "matches": {"type": "boolean"},
        "answer_matches": {"type": "boolean"},
        "current_file": {"type": "string"},
    },
}  # fmt: skip
_MEASUREMENT = {
    "type": ["object", "null"],
    "required": [
        "source", "run", "version", "step", "step_in_run", "right", "items", "percent", "loss",
    ],
    "properties": {
        "source": {"enum": ["evaluation", "judgement"]},
        "run": _TEXT,
        "version": _TEXT,
        "step": {"type": "integer"},
        "step_in_run": {"type": "integer"},
        "right": _WHOLE,
        "items": _WHOLE,
        "percent": _NUMBER,
        "loss": _NUMBER,
    },
}  # fmt: skip
_LINE = {
    "type": "object",
    "required": ["job", "file", "points"],
    "properties": {
        "job": {"type": "string"},
        "file": {"type": "string"},
        "points": {
            "type": "array",
            "items": {
                "type": "array",
                "prefixItems": [{"type": "integer"}, _NUMBER, _WHOLE, _WHOLE],
            },
        },
    },
}
_STATES = [
    "idle", "preparing", "intake", "training", "judging", "paused", "blocked",
    "waiting_for_space", "disk_full", "stopping", "stopped", "crashed",
]  # fmt: skip

FIELDS: dict[str, Any] = {
    "schema_version": {"const": 1},
    "status": {"enum": _STATES},
    "message": {"type": "string"},
    "timestamp": {"type": "string", "format": "date-time"},
    "heartbeat": {"type": "string", "format": "date-time"},
    "seq": {"type": "integer"},
    "boot_id": {"type": "string"},
    "uptime_seconds": {"type": "number", "minimum": 0},
    "pid": {"type": "integer"},
    "model_name": {"type": "string"},
    "version": _TEXT,
    "lineage": _TEXT,
    "current_step": {"type": "integer"},
    "total_steps": _WHOLE,
    "committed_step": _WHOLE,
    "epoch": _WHOLE,
    "current_file": _TEXT,
    "current_files": {"type": "array", "items": {"type": "string"}},
    "run": _TEXT,
    "attempt": _WHOLE,
    "batch_step": _WHOLE,
    "batch_total_steps": _WHOLE,
    "batch_number": _WHOLE,
    "batch_queue_size": {"type": "integer"},
    "started_at": {"type": "string", "format": "date-time"},
    "elapsed_seconds": _NUMBER,
    "progress_percent": _NUMBER,
    "eta_seconds": _NUMBER,
    "loss": _NUMBER,
    "learning_rate": _NUMBER,
    "loss_of": {
        "type": ["object", "null"],
        "required": ["run", "version", "verdict", "files"],
        "properties": {
            "run": _TEXT,
            "version": _TEXT,
            "verdict": _TEXT,
            "files": {"type": "array", "items": {"type": "string"}},
        },
    },
    "validation_loss": _NUMBER,
    "validation_step": _WHOLE,
    "val_train_gap": _NUMBER,
    "train_loss_history": _PAIRS,
    "tokens_per_sec": _NUMBER,
    "steps_per_sec": _NUMBER,
    "throughput_trend": _TREND,
    "current_prompt": _TEXT,
    "golden_answer": _TEXT,
    "model_answer": _TEXT,
    "answer_matches": _FLAG,
    "newest_measurement": _MEASUREMENT,
    "recent_examples": {"type": "array", "items": _SAMPLE},
    "eval_samples": {"type": "array", "items": _SAMPLE},
    "total_evals": {"type": "integer"},
    "total_correct": {"type": "integer"},
    "accuracy_percent": _NUMBER,
    "accuracy_last_20": _NUMBER,
    "accuracy_last_50": _NUMBER,
    "accuracy_files": {"type": "array", "items": {"type": "string"}},
    "best_accuracy": _NUMBER,
    "best_step": _WHOLE,
    "accuracy_history": _PAIRS,
    "accuracy_by_file": {"type": "array", "items": _LINE},
    "accuracy_trend": _TREND,
    "order": {"type": ["object", "null"]},
    "queue": {"type": "object", "additionalProperties": {"type": "integer"}},
    "active_alerts": {
        "type": "array",
        "items": {"type": "object", "required": ["code", "message"]},
    },
    "error_type": _TEXT,
    "error_message": _TEXT,
    "commands": {"type": "array", "items": {"type": "object", "required": ["command", "answer"]}},
    "leftovers": {"type": "array", "items": {"type": "object", "required": ["name", "reason"]}},
    "memory": {"type": "object"},
    "disk": {"type": "object"},
    "gpu": {"type": ["object", "null"]},
    "watcher": {"type": "string"},
    "workers": {"type": "object"},
    "log_file": {"type": "string"},
}

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "finetuned: status/training_status.json",
    "type": "object",
    "required": list(FIELDS),
    "properties": FIELDS,
}
