"""A real workspace made by hand, and a scripted line to a trainer that runs in this process."""

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.clock import SystemClock
from daemon.core import messages as say
from daemon.core.decisions.promotion import Verdict, sealed
from daemon.core.messages import Order, Report
from daemon.core.records import to_json_value
from daemon.core.rows.examples import Chat, Example, Turn, to_record
from daemon.core.rows.prefix import Prefix
from daemon.core.training.manifests import Draft
from daemon.core.workspace.bases import BaseFacts
from daemon.dedup.seen import remake
from daemon.folders.disk import atomic
from daemon.folders.disk.record_files import read_record
from daemon.folders.models.models import MANIFEST, Models
from daemon.folders.queue import fingerprints
from daemon.layout import Layout
from daemon.pipes import Pipe
from daemon.text.encoder import Encoded, TextEncoder
from daemon.training.context import TrainerContext
from daemon.training.engine.protocol import Engine
from daemon.training.worker import Trainer

React = Callable[[Report], Sequence[Order]]

SETTINGS: dict[str, Any] = {
    "training": {"batch_rows": 4, "epochs": 2, "warmup_steps": 2, "rewarm_steps": 2, "rank": 2},
    "evaluation": {"eval_every": 4, "max_new_tokens": 4, "judge_samples": 3},
}


class ScriptedPipe(Pipe):
    """Gives orders in answer to reports; when none is left, the supervisor is gone."""

    def __init__(self, orders: Sequence[Order], react: React) -> None:
        self.sent: list[Report] = []
        self._script = deque(orders)
        self._react = react
        self._closed = False

    def order(self, order: Order) -> None:
        """Give one more order."""
        self._script.append(order)
        self._closed = False

    def send(self, report: Report) -> None:
        self.sent.append(report)
        self._script.extend(self._react(report))

    def poll(self) -> Order | None:
        return self._script.popleft() if self._script else None

    def wait(self, timeout_s: float | None) -> Order | None:
        if not self._script:
            self._closed = True
            return None
        return self._script.popleft()

    def kinds(self) -> list[str]:
        """The reports by kind, signs of life left out."""
        return [type(r).__name__ for r in self.sent if not isinstance(r, say.Alive)]


def silent(_report: Report) -> Sequence[Order]:
    """Answer nothing."""
    return ()


def after_steps(count: int, *orders: Order) -> React:
    """Give orders once, right after so many steps were reported."""
    seen: list[Report] = []

    def react(report: Report) -> Sequence[Order]:
        if isinstance(report, say.Stepped):
            seen.append(report)
            return orders if len(seen) == count else ()
        return ()

    return react


@dataclass(frozen=True)
class Workspace:
    """A workspace with a prepared base and the version v000000."""

    layout: Layout
    facts: BaseFacts

    def add_job(
        self,
        job: str,
        train: Sequence[Example],
        holdout: Sequence[Example] = (),
        state: str = "running",
        prefix: Prefix | None = None,
        plain_form: str | None = None,
    ) -> None:
        """Write a job as the intake worker leaves it."""
        place = self.layout.job(state, job)
        place.folder.mkdir(parents=True)
        place.job_file.write_text("{}")
        atomic.write_json_lines(place.original, map(to_record, (*train, *holdout)))
        texts = TextEncoder.load(self.layout.base(self.facts.name))
        encoder = texts.for_version(prefix, plain_form)
        prints = {"plain_form": plain_form}
        report = {"verdict": "accepted", "prefix": to_json_value(prefix), "fingerprints": prints}
        atomic.write_json(place.report, report)
        self._write_rows(encoder, place.train, place.train_fingerprints, train, 0)
        self._write_rows(encoder, place.holdout, place.holdout_fingerprints, holdout, len(train))

    def _write_rows(
        self, encoder: TextEncoder, path: Path, keys: Path, rows: Sequence[Example], first: int
    ) -> None:
        records = []
        for number, (example, item) in enumerate(
            zip(rows, encoder.encode(rows, 10**6), strict=True), first
        ):
            assert isinstance(item, Encoded)
            half = {"half": "tune" if number % 2 else "judge"} if first else {}
            counts = {"tokens": len(item.tokens), "supervised": int(item.supervised.sum())}
            records.append(
                {"row": number, "line": number + 1, **counts, **half, **to_record(example)}
            )
        atomic.write_json_lines(path, records)
        made = remake(path)
        fingerprints.write(keys, [made], len(made))

    def ask_run(
        self, run: str, jobs: Sequence[str], start: str = "v000000", step: int = 0, **changes: Any
    ) -> None:
        """Write the request of a run; changes are keys of the request."""
        place = self.layout.run(run)
        place.folder.mkdir(parents=True)
        request = {
            "schema_version": 1,
            "run": run,
            "created_at": "2026-01-01T00:00:00+00:00",
            "start_version": start,
            "proven_version": start,
            "jobs": list(jobs),
            "settings": SETTINGS,
            "base": to_json_value(self.facts),
            "lineage_jobs": [],
            "holdout_jobs": [],
            "step": step,
            "seed": 7,
            **changes,
        }
        atomic.write_json(place.request, request)

    def serve(
        self, engine: Engine, *orders: Order, react: React = silent, parent: bool = True
    ) -> ScriptedPipe:
        """Let a trainer serve until its orders end; return its line."""
        pipe = ScriptedPipe(orders, react)
        Trainer(TrainerContext(self.layout, engine, pipe, SystemClock(), lambda: parent), 1).serve()
        return pipe

    def seal(self, run: str, version: str) -> None:
        """Make a version of a run's candidate, as the supervisor does."""
        draft = read_record(self.layout.run(run).draft, Draft)
        verdict = Verdict("promote", True, ())
        manifest = sealed(draft, verdict, version, "v000000", "2026-01-01T00:00:00+00:00")
        Models(self.layout).seal(self.layout.run(run).candidate, manifest)

    def checkpoint(self, run: str) -> Path:
        """Return the newest checkpoint of a run."""
        return sorted(self.layout.run(run).checkpoints.glob("c*"))[-1]

    def read(self, path: Path) -> Any:
        """Return what a JSON file holds."""
        return json.loads(path.read_bytes())


def make_workspace(root: Path, engine: Engine, model: str = "tiny") -> Workspace:
    """Make a workspace with a base that the engine prepares."""
    layout = Layout(root)
    for folder in (layout.versions, layout.runs, layout.queue):
        folder.mkdir(parents=True)
    facts = engine.prepare(layout, model)
    version = Models(layout).seal_base("2026-01-01T00:00:00+00:00", facts, {})
    assert (layout.version(version) / MANIFEST).exists()
    return Workspace(layout, facts)


def chats(count: int, topic: str = "sum") -> list[Example]:
    """Return small conversations of different lengths."""
    return [
        Chat(
            (
                Turn("user", f"{topic} {number}" + " please" * (number % 5)),
                Turn("assistant", f"it is {number}" + " indeed" * (number % 3)),
            )
        )
        for number in range(count)
    ]


def losses_of(pipe: ScriptedPipe) -> Mapping[int, float | None]:
    """Return the loss of each reported step."""
    return {r.metrics.step: r.metrics.loss for r in pipe.sent if isinstance(r, say.Stepped)}
