"""Publishes events, alerts and answers to commands, each once, to status, log and ledger."""

from typing import Any

import structlog

from daemon.clock import Clock
from daemon.core.decisions.commands import Answer, Command
from daemon.core.records import JsonObject
from daemon.core.status.ledger_rows import LedgerRow
from daemon.core.workspace.jobs import escape
from daemon.folders.queue.ledger import Ledger
from daemon.folders.status.status import StatusFolder

ANSWERS_SHOWN = 10
BOOT_FACTOR = 10**9


class Journal:
    """Events go to `status/events.jsonl`, the log and, if about a run, to that run's log."""

    def __init__(
        self,
        status: StatusFolder,
        ledger: Ledger,
        log: "structlog.stdlib.BoundLogger",
        clock: Clock,
        boot: int,
    ) -> None:
        self._status = status
        self._ledger = ledger
        self._log = log
        self._clock = clock
        self.boot = boot
        self._seq = boot * BOOT_FACTOR
        self.answers: list[JsonObject] = []
        self.alerts: dict[str, dict[str, str]] = {}

    def now(self) -> str:
        """Return the time as the records have it."""
        return self._clock.now().isoformat()

    def take_seq(self) -> int:
        """Return a number larger than every earlier one, across restarts too."""
        self._seq += 1
        return self._seq

    def event(self, event: str, message: str, level: str = "info", **facts: Any) -> None:
        """Publish an event."""
        record = {
            "seq": self.take_seq(),
            "time": self.now(),
            "event": event,
            "message": message,
            **facts,
        }
        self._status.event(record)
        run = facts.get("run")
        if isinstance(run, str):
            self._status.run_event(run, record)
        safe = {key: escape(v) if isinstance(v, str) else v for key, v in facts.items()}
        getattr(self._log, level)(escape(message, 500), kind=event, **safe)

    def answer(self, command: Command, answer: Answer, message: str) -> None:
        """Answer a command in events, status and ledger."""
        facts = {
            "command": escape(command.word),
            "answer": answer,
            "message": message,
            "inode": command.inode,
            "written_ns": command.created_ns,
        }
        self.answers.append({**facts, "time": self.now()})
        del self.answers[:-ANSWERS_SHOWN]
        others = dict(facts)
        others.pop("message")
        self.event("command", message, level="info" if answer == "done" else "warning", **others)
        row: JsonObject = {
            "at": self.now(),
            "word": escape(command.word),
            "content": escape(command.content),
            "answer": answer,
            "message": message,
        }
        self._ledger.put(LedgerRow("commands", row))

    def alert(self, code: str, message: str) -> None:
        """Raise an alert: it stays in the status until `settle`, with one event."""
        known = self.alerts.get(code)
        self.alerts[code] = {
            "code": code,
            "message": message,
            "since": known["since"] if known else self.now(),
        }
        if known is None or known["message"] != message:
            self.event("alert", message, level="warning", code=code)

    def settle(self, code: str) -> None:
        """Clear an alert."""
        if self.alerts.pop(code, None) is not None:
            self.event("alert_ended", f"the alert {code} is over", code=code)
