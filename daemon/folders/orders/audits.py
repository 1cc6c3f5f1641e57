"""`models/audits/`: the audits, their requests, and whether their results were acted on."""

import os
from contextlib import suppress
from dataclasses import replace

from daemon.core.decisions.audits import AuditRequest, AuditResult
from daemon.core.decisions.snapshot import Audit
from daemon.core.records import NewerRecord
from daemon.core.workspace.orders import AUDIT, kind_of
from daemon.folders.disk import atomic
from daemon.folders.disk.record_files import read_record, write_record
from daemon.layout import Layout, OrderLayout


def fill(built: OrderLayout, request: AuditRequest) -> None:
    """Write the request of a new audit."""
    write_record(built.request, request)


class Audits:
    """The audits of a workspace as the supervisor sees them."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._known: dict[str, tuple[int, Audit]] = {}
        """With the change time of its request: the number of a removed audit is used again."""

    def scan(self) -> tuple[Audit, ...]:
        """Return all audits by age; unreadable ones are reported as for every order."""
        folder = self._layout.orders(AUDIT)
        if not folder.is_dir():
            return ()
        names = sorted(e.name for e in os.scandir(folder) if kind_of(e.name) == AUDIT)
        self._known = {name: known for name, known in self._known.items() if name in names}
        for name in names:
            with suppress(OSError, ValueError, NewerRecord):
                changed_ns = self._layout.audit(name).request.stat().st_ctime_ns
                known = self._known.get(name)
                if known is None or known[0] != changed_ns or not known[1].settled:
                    self._known[name] = changed_ns, self._read(name)
        return tuple(self._known[name][1] for name in names if name in self._known)

    def _read(self, name: str) -> Audit:
        place = self._layout.audit(name)
        request = read_record(place.request, AuditRequest)
        audit = Audit(name, request.version, request.proven)
        with suppress(FileNotFoundError):
            result = read_record(place.result, AuditResult)
            settled = place.settled.exists()
            return replace(audit, outcome=result.outcome, message=result.message, settled=settled)
        return audit

    def settle(self, order: str, message: str) -> None:
        """Record that nothing more is to be done about an audit."""
        atomic.write_json(self._layout.audit(order).settled, {"message": message})
