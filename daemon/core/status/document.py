"""Builds the status document, which users' scripts read, from the daemon's state.

Fields are only ever added. Lists are always present, unknown numbers are None.
"""

from dataclasses import asdict, dataclass
from datetime import datetime

from daemon.core.records import JsonObject, to_json_value
from daemon.core.status.measurements import Measurement, newest_evaluation
from daemon.core.training.progress import Metrics, Progress, Sample, trend

SCHEMA_VERSION = 1
SHOWN = 5


@dataclass(frozen=True)
class RunView:
    """The current run, for display."""

    run: str
    files: tuple[str, ...]
    attempt: int
    step_in_run: int
    total_steps: int | None
    started_at: datetime
    seconds: float
    """Duration of this attempt, pauses and waiting included."""


@dataclass(frozen=True)
class Measured:
    """What the losses and answers shown belong to: the current run, or the version in use."""

    run: str | None
    files: tuple[str, ...]
    after_step: int
    """The lineage's steps before that run: measurements up to it belong to earlier runs."""
    version: str | None = None
    """None during the run."""
    verdict: str | None = None
    """Verdict on the version; a refused one is shown only if a user has promoted it."""

    def as_record(self) -> JsonObject:
        """Return plain JSON values."""
        return {
            "run": self.run,
            "version": self.version,
            "verdict": self.verdict,
            "files": list(self.files),
        }


@dataclass(frozen=True)
class OrderView:
    """The order that the trainer works on, for display."""

    order: str
    kind: str
    about: str
    doing: str
    """The end of a sentence."""
    piece: int | None = None
    pieces: int | None = None
    step: int | None = None
    total_steps: int | None = None


@dataclass(frozen=True)
class Facts:
    """Everything that the document is built from."""

    status: str
    message: str
    now: datetime
    seq: int
    boot_id: str
    pid: int
    daemon_started_at: datetime
    uptime_s: float
    """Seconds since then, by the monotonic clock."""
    model: str
    log_file: str
    progress: Progress
    measured: Measured | None
    judged: Measurement | None
    """The judgement of the version in use; None during a run."""
    benchmarks: JsonObject | None
    """Right answers of the version in use to the suites of `evaluation.suites`."""
    metrics: Metrics | None
    """Metrics of the last step of any run."""
    committed_step: int | None
    run: RunView | None
    order: OrderView | None
    queue: dict[str, int]
    current: str | None
    lineage: str | None
    step: int
    alerts: tuple[dict[str, str], ...]
    error: tuple[str, str] | None
    answers: tuple[JsonObject, ...]
    memory: JsonObject
    disk: JsonObject
    gpu: JsonObject
    watcher: str
    leftovers: tuple[JsonObject, ...]
    workers: JsonObject


def document(facts: Facts) -> JsonObject:
    """Return the document's fields in reading order."""
    return {
        "schema_version": SCHEMA_VERSION,
        "status": facts.status,
        "message": facts.message,
        "timestamp": facts.now.isoformat(),
        "heartbeat": facts.now.isoformat(),
        "seq": facts.seq,
        "boot_id": facts.boot_id,
        "pid": facts.pid,
        "uptime_seconds": round(facts.uptime_s, 3),
        "model_name": facts.model,
        "version": facts.current,
        "lineage": facts.lineage,
        **_run(facts),
        **_losses(facts),
        **_samples(facts),
        "order": to_json_value(facts.order),
        "queue": facts.queue,
        "active_alerts": list(facts.alerts),
        "error_type": facts.error[0] if facts.error else None,
        "error_message": facts.error[1] if facts.error else None,
        "commands": list(facts.answers),
        "leftovers": list(facts.leftovers),
        "memory": facts.memory,
        "disk": facts.disk,
        "gpu": facts.gpu,
        "watcher": facts.watcher,
        "workers": facts.workers,
        "log_file": facts.log_file,
    }


def _run(facts: Facts) -> JsonObject:
    run = facts.run
    progress = facts.progress
    files = run.files if run else ()
    if facts.order is not None:
        files = (facts.order.about,)
    return {
        "current_step": progress.step if run is not None else facts.step,
        "total_steps": _total_steps(facts),
        "committed_step": facts.committed_step,
        "epoch": facts.metrics.epoch if facts.metrics and run else None,
        "current_file": files[0] if files else None,
        "current_files": list(files),
        "run": run.run if run else None,
        "attempt": run.attempt if run else None,
        "batch_step": run.step_in_run if run else None,
        "batch_total_steps": run.total_steps if run else None,
        "batch_number": int(run.run[1:]) if run else None,
        "batch_queue_size": sum(facts.queue.get(s, 0) for s in ("high", "normal", "low")),
        "started_at": (run.started_at if run else facts.daemon_started_at).isoformat(),
        "elapsed_seconds": run.seconds if run else None,
        "progress_percent": _percent(run),
        "eta_seconds": _eta(facts),
    }


def _total_steps(facts: Facts) -> int | None:
    run = facts.run
    if run is None or run.total_steps is None:
        return None
    return facts.progress.step - run.step_in_run + run.total_steps


def _percent(run: RunView | None) -> float | None:
    if run is None or not run.total_steps:
        return None
    return round(100.0 * run.step_in_run / run.total_steps, 1)


def _eta(facts: Facts) -> float | None:
    """Return the seconds left at the speed of the last steps; pauses and waits do not count."""
    run, progress = facts.run, facts.progress
    if run is None or run.total_steps is None:
        return None
    began = progress.step - run.step_in_run
    times = [seconds for step, seconds in progress.step_times if began < step <= progress.step]
    if not times:
        return None
    return round(sum(times) / len(times) * (run.total_steps - run.step_in_run), 1)


def _losses(facts: Facts) -> JsonObject:
    progress = facts.progress
    metrics = facts.metrics if facts.run is not None else None
    losses = _own(facts, progress.train_loss_history)
    loss = losses[-1][1] if losses else None
    gap = None
    if loss is not None and progress.validation_loss is not None:
        gap = progress.validation_loss - loss
    speeds = progress.throughput_history
    return {
        "loss": loss,
        "learning_rate": metrics.learning_rate if metrics else None,
        "loss_of": facts.measured.as_record() if facts.measured else None,
        "validation_loss": progress.validation_loss,
        "validation_step": progress.validation_step,
        "val_train_gap": gap,
        "train_loss_history": [[step, value] for step, value in progress.train_loss_history],
        "tokens_per_sec": speeds[-1] if speeds else None,
        "steps_per_sec": 1.0 / metrics.seconds if metrics and metrics.seconds > 0 else None,
        "throughput_trend": trend(speeds),
    }


def _own(facts: Facts, history: tuple[tuple[int, float], ...]) -> tuple[tuple[int, float], ...]:
    """Return the part of a lineage's history that belongs to the run shown."""
    after = facts.measured.after_step if facts.measured else 0
    return tuple((step, value) for step, value in history if step > after)


def _samples(facts: Facts) -> JsonObject:
    progress = facts.progress
    samples = progress.recent_samples
    last = samples[-1] if samples else None
    percents = tuple(value for _, value in _own(facts, progress.accuracy_history))
    return {
        "current_prompt": last.prompt if last else None,
        "golden_answer": last.golden_answer if last else None,
        "model_answer": last.model_answer if last else None,
        "answer_matches": last.matches if last else None,
        "newest_measurement": _newest(facts),
        "benchmarks": facts.benchmarks,
        "recent_examples": [_sample(sample) for sample in samples[-SHOWN:]],
        "eval_samples": [_sample(sample) for sample in samples],
        "total_evals": progress.total_evals,
        "total_correct": progress.total_correct,
        "accuracy_percent": progress.accuracy_percent,
        "accuracy_last_20": progress.accuracy_of_last(20),
        "accuracy_last_50": progress.accuracy_of_last(50),
        "accuracy_files": list(dict.fromkeys(sample.job for sample in samples)),
        "best_accuracy": progress.best_accuracy,
        "best_step": progress.best_step,
        "accuracy_history": [[step, value] for step, value in progress.accuracy_history],
        "accuracy_by_file": _by_file(progress),
        "accuracy_trend": trend(percents),
    }


def _newest(facts: Facts) -> JsonObject | None:
    """Return the newest figures: of the current run, or of the version in use."""
    measured = facts.measured
    found = facts.judged or newest_evaluation(
        facts.progress, measured.after_step if measured else 0
    )
    if found is None:
        return None
    run, version = (measured.run, measured.version) if measured else (None, None)
    return found.as_record(run, version)


def _by_file(progress: Progress) -> list[JsonObject]:
    """Return a curve for each job: shares over different questions must not be joined."""
    found: dict[str, list[list[float]]] = {}
    files: dict[str, str] = {}
    for point in progress.accuracy_by_job:
        files.setdefault(point.job, point.file or point.job)
        line = [point.step, round(point.percent, 1), point.right, point.items]
        found.setdefault(point.job, []).append(line)
    return [{"job": job, "file": files[job], "points": found[job]} for job in found]


def _sample(sample: Sample) -> JsonObject:
    record = asdict(sample)
    job = record.pop("job")
    return {**record, "answer_matches": sample.matches, "current_file": job}
