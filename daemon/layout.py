"""The paths of a workspace, each defined once."""

from dataclasses import dataclass
from pathlib import Path

from daemon.core.workspace.orders import AUDIT, EVALUATION, REPRODUCTION, SWEEP, Kind, kind_of
from daemon.layout_jobs import JobLayout, RunLayout

PRIORITIES = ("high", "normal", "low")
ENDED = ("done", "failed", "skipped")
QUEUE_STATES = ("incoming", *PRIORITIES, "running", *ENDED)


@dataclass(frozen=True)
class Layout:
    """The paths of one workspace, all derived from its root."""

    root: Path

    @property
    def settings_file(self) -> Path:
        return self.root / "finetuned.toml"

    @property
    def inbox(self) -> Path:
        return self.root / "inbox"

    @property
    def queue(self) -> Path:
        return self.root / "queue"

    @property
    def ledger(self) -> Path:
        return self.queue / "ledger.sqlite3"

    @property
    def seen(self) -> Path:
        """Cache of the merged keys of many jobs; it may be removed at any time."""
        return self.queue / ".seen"

    @property
    def arriving(self) -> Path:
        """Copies of files from an inbox on another volume, before they become jobs."""
        return self.queue / ".arriving"

    @property
    def evals(self) -> Path:
        return self.root / "evals"

    @property
    def control(self) -> Path:
        return self.root / "control"

    @property
    def accepted_commands(self) -> Path:
        return self.control / ".accepted"

    @property
    def status(self) -> Path:
        return self.root / "status"

    @property
    def status_file(self) -> Path:
        return self.status / "training_status.json"

    @property
    def events_file(self) -> Path:
        return self.status / "events.jsonl"

    @property
    def metrics_file(self) -> Path:
        return self.status / "metrics.jsonl"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def machine(self) -> Path:
        """What worked on this machine, by device and base model."""
        return self.models / "machine.json"

    @property
    def bases(self) -> Path:
        return self.models / "base"

    @property
    def versions(self) -> Path:
        return self.models / "versions"

    @property
    def backups(self) -> Path:
        return self.models / "backups"

    @property
    def runs(self) -> Path:
        return self.models / "runs"

    @property
    def ended_runs(self) -> Path:
        """A small record of each run that has ended."""
        return self.runs / ".ended"

    @property
    def known_scores(self) -> Path:
        """Cached scores and answers of models."""
        return self.orders(EVALUATION) / "known"

    @property
    def trainer_lock(self) -> Path:
        return self.runs / ".lock"

    @property
    def workspace_lock(self) -> Path:
        return self.queue / ".lock"

    @property
    def current_model(self) -> Path:
        return self.root / "current_model"

    @property
    def server_token(self) -> Path:
        """The token that requests to the server must carry, if its settings require one."""
        return self.root / "server.token"

    @property
    def server_lock(self) -> Path:
        """Held by the running server; contains its address."""
        return self.root / "server.lock"

    @property
    def served(self) -> Path:
        """Usage figures and feedback, written by the server where `server.usage` is on."""
        return self.root / "served"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def log_file(self) -> Path:
        return self.logs / "daemon.jsonl"

    def base(self, name: str) -> Path:
        """The base model's directory, as mlx-lm reads it."""
        return self.bases / name

    def hub_download(self, name: str) -> Path:
        """Where a model of the hub is downloaded to; its base directory is a link to it."""
        return self.models / "hub" / name

    def base_facts(self, name: str) -> Path:
        """Facts about a prepared base model, beside its directory."""
        return self.bases / f"{name}.json"

    def version(self, version: str) -> Path:
        return self.versions / version

    def run(self, run: str) -> RunLayout:
        return RunLayout(self.runs / run)

    def orders(self, kind: Kind) -> Path:
        """The folder of orders of a kind, one directory each."""
        return self.models / kind.folder

    def order(self, order: str) -> "OrderLayout":
        kind = kind_of(order)
        assert kind is not None, f"{order!r} is not the name of an order"
        return OrderLayout(self.orders(kind) / order)

    def sweep(self, sweep: str) -> "SweepLayout":
        return SweepLayout(self.orders(SWEEP) / sweep)

    def evaluation(self, evaluation: str) -> "EvaluationLayout":
        return EvaluationLayout(self.orders(EVALUATION) / evaluation)

    def reproduction(self, reproduction: str) -> "ReproductionLayout":
        return ReproductionLayout(self.orders(REPRODUCTION) / reproduction)

    def audit(self, audit: str) -> "AuditLayout":
        return AuditLayout(self.orders(AUDIT) / audit)

    def run_log(self, run: str) -> Path:
        return self.logs / "runs" / run / "events.jsonl"

    def job(self, state: str, job: str) -> JobLayout:
        return JobLayout(self.queue / state / job)


@dataclass(frozen=True)
class OrderLayout:
    """The files that every order's directory has."""

    folder: Path

    @property
    def header(self) -> Path:
        """What every order has; the directory appears with it."""
        return self.folder / "order.json"

    @property
    def request(self) -> Path:
        """The request, in the form of its kind."""
        return self.folder / "request.json"

    @property
    def piece(self) -> Path:
        """The current unit, how often it was started, and how many starts made progress."""
        return self.folder / "piece.json"

    @property
    def skip(self) -> Path:
        """Exists once the user wants the order to end with the results so far."""
        return self.folder / "skip"

    @property
    def result(self) -> Path:
        """Written last: an order with a result has ended."""
        return self.folder / "result.json"

    @property
    def report(self) -> Path:
        return self.folder / "report.md"


@dataclass(frozen=True)
class SweepLayout(OrderLayout):
    """The files of one sweep's directory."""

    @property
    def rows(self) -> JobLayout:
        """The rows, in the form of an accepted job."""
        return JobLayout(self.folder / "rows")

    @property
    def trials(self) -> Path:
        """One line for each trial that has ended, from which a sweep resumes."""
        return self.folder / "trials.jsonl"

    @property
    def picture(self) -> Path:
        return self.folder / "report.png"


@dataclass(frozen=True)
class EvaluationLayout(OrderLayout):
    """The files of one evaluation's directory."""

    @property
    def suites(self) -> Path:
        """A copy of the suites, one a line: a suite may be edited meanwhile."""
        return self.folder / "suites.jsonl"

    @property
    def writing(self) -> Path:
        """The habits that answers are held against, as measured when it was ordered."""
        return self.folder / "writing.json"

    @property
    def results_folder(self) -> Path:
        return self.folder / "papers"

    def results(self, suite: int, subject: int) -> Path:
        """One subject's answers to one suite, from which an evaluation resumes."""
        return self.results_folder / f"{suite:03d}-{subject:03d}.json"

    @property
    def report_data(self) -> Path:
        """The report as JSON."""
        return self.folder / "report.json"


@dataclass(frozen=True)
class ReproductionLayout(OrderLayout):
    """The files of one reproduction's directory."""

    @property
    def run(self) -> RunLayout:
        """The repeated run, with the frozen choices of the original."""
        return RunLayout(self.folder / "run")


@dataclass(frozen=True)
class AuditLayout(OrderLayout):
    """The files of one audit's directory."""

    @property
    def settled(self) -> Path:
        """Exists once the supervisor has acted on the result, or found it too late."""
        return self.folder / "settled.json"
