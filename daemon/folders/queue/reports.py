"""A job's `report.json`: what became of every row; written last, read by everybody."""

import json
from typing import Any

from daemon.folders.disk import atomic
from daemon.layout_jobs import JobLayout

COUNTED = {
    "rejected": "refused",
    "duplicate_in_file": "equal to an earlier row of the file",
    "duplicate_seen": "trained before",
    "exam_row": "held out of another file",
    "withheld": "variants of what is on an exam",
}


def write(place: JobLayout, report: dict[str, Any]) -> None:
    """Write the report; from now on the job counts as taken in, so all else is durable before."""
    # What was dropped may be in the cache only: its user has copied it and gone.
    atomic.sync_files(place.folder)
    atomic.write_json(place.report, report)


def read(place: JobLayout) -> dict[str, Any] | None:
    """Return the report; None before there is one."""
    try:
        report: dict[str, Any] = json.loads(place.report.read_bytes())
        return report
    except (OSError, ValueError):
        return None


def describe(report: dict[str, Any]) -> list[str]:
    """Return the report as sentences for people."""
    rows = report["rows"]
    said = [report["message"]] if report.get("message") else []
    if report["verdict"] == "accepted":
        said.append(
            f"{rows['train']} of {rows['read']} rows are trained, {rows['holdout']} are held out"
        )
    taken = (report.get("reading") or {}).get("taken") or {}
    if taken:
        said.append("read as " + "; ".join(f"{keys} ({count})" for keys, count in taken.items()))
    said += [f"{rows[key]} {words}" for key, words in COUNTED.items() if rows.get(key)]
    for reason in report.get("reasons", []):
        lines = ", ".join(str(example["line"]) for example in reason["examples"])
        more = "" if reason["count"] <= len(reason["examples"]) else ", …"
        said.append(f"{reason['code']} x {reason['count']} (line {lines}{more}): {reason['hint']}")
    return [*said, *report.get("warnings", [])]
