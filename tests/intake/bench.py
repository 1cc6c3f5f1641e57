"""A job ready to be taken in, over a tiny real tokenizer; for tests."""

import json
from pathlib import Path
from typing import Any

from daemon.core.records import to_json_value
from daemon.core.workspace.untrained import Untrained, records_of
from daemon.dedup.family_index import JobFamilies
from daemon.dedup.suites import Suites
from daemon.folders.queue import reports
from daemon.intake.taking import Taking
from daemon.layout import Layout
from daemon.layout_jobs import JobLayout
from daemon.settings import Settings
from daemon.settings_file import parse_settings
from daemon.text.encoder import TextEncoder
from tests.clocks import StillClock
from tests.text.tiny_tokenizer import CHATML, write_tokenizer


class Bench:
    """One workspace; `take_in` does what the worker does with one job."""

    def __init__(self, root: Path, settings: str = "", pictures: bool = False) -> None:
        self.layout = Layout(root)
        asked = parse_settings(settings, "test")
        quiet = asked.intake.model_copy(update={"pictures": pictures})
        self._settings: Settings = asked.model_copy(update={"intake": quiet})
        folder = self.layout.base("tiny")
        folder.mkdir(parents=True)
        write_tokenizer(folder, CHATML, eos="<|im_end|>")
        self._encoder = TextEncoder.load(folder)
        # One for all jobs, as the worker has: it reads them again when their files change.
        self._suites = Suites(self.layout.evals)
        self.restart()
        self._number = 0
        self.seen: list[str] = []
        self.exams: list[str] = []
        self.untrained: dict[str, Untrained] = {}

    def restart(self) -> None:
        """Forget what a worker remembers of other jobs, as a new one has it."""
        self.families = JobFamilies(self.layout, merge=True, clock=StillClock())

    def take_in(
        self,
        data: bytes | list[Any],
        *,
        name: str = "t.jsonl",
        holdout: list[Any] | None = None,
        exam: list[Any] | None = None,
        own: str = "",
    ) -> dict[str, Any]:
        """Return the report of a file; what it wrote is found with `rows`."""
        self._number += 1
        self.place = self.layout.job("incoming", f"{self._number:06d}-t")
        self.place.folder.mkdir(parents=True)
        original = self.place.named_as("main", name)
        original.write_bytes(data if isinstance(data, bytes) else _lines(data))
        if holdout is not None:
            self.place.holdout_original.write_bytes(_lines(holdout))
        if exam is not None:
            self.place.exam_original.write_bytes(_lines(exam))
        if own:
            self.place.own_settings.write_text(own)
        context = {
            "base": {"name": "tiny"},
            "seen_jobs": self.seen,
            "untrained_rows": records_of(self.untrained),
            "holdout_jobs": self.exams,
            "settings": self._settings.model_dump(mode="json"),
        }
        (self.place.folder / "context.json").write_text(json.dumps(context))
        (self.place.folder / "job.json").write_text("{}")
        return self.take_in_again(self.place)

    def take_in_again(self, place: JobLayout) -> dict[str, Any]:
        """Read a job of before again, with what it was compared with then."""
        self.place = place
        Taking(
            self.layout,
            place,
            self._encoder,
            self._suites,
            self.families,
            StillClock(),
            lambda rows: None,
        ).take_in()
        return dict(to_json_value(reports.load(place)))

    def rows(self, kind: str, place: JobLayout | None = None) -> list[dict[str, Any]]:
        """Return what lies in `train`, `holdout` or `rejected` of the last job."""
        path: Path = getattr(place or self.place, kind)
        return (
            [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []
        )


def _lines(rows: list[Any]) -> bytes:
    return b"".join(
        (row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n" for row in rows
    )


def pair(number: int) -> dict[str, str]:
    """A good row that differs from all others."""
    return {"prompt": f"question {number}", "completion": f"answer {number}"}


def codes(report: dict[str, Any]) -> dict[str, int]:
    """Return how often each reason was given."""
    return {reason["code"]: reason["count"] for reason in report["reasons"]}
