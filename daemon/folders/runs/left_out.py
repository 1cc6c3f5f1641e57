"""The list of rows that a run did not train, also merged into `rejected.jsonl` of their jobs."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path

from daemon.core.records import JsonObject
from daemon.folders.disk import atomic

NAME = "rows_left_out.jsonl"
"""The list's file, in a version or in a run that ended without a candidate."""

Records = Iterable[Mapping[str, object]]


def write(folder: Path, records: Records) -> None:
    """Write the list of a run, with the job of each row; no file where there is none."""
    path, lines = folder / NAME, iter(records)
    for first in lines:
        atomic.write_json_lines(path, chain([first], lines))
        return
    atomic.remove_file(path)


def read(folder: Path, job: str) -> Iterator[JsonObject]:
    """Yield the lines about a job, as in its `rejected.jsonl`; damaged ones are left out."""
    for line in _lines_of(folder / NAME):
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            record = json.loads(line)
            if record.pop("job") == job:
                yield record


def lay_over(rejected: Path, records: Records) -> None:
    """Merge the rows into a job's `rejected.jsonl`, each run and row once, however often repeated.

    The file is replaced as a whole, without its older lines of the same run and row.
    """
    lines = {json.dumps(record).encode() + b"\n": _run_and_row(record) for record in records}
    if not lines:
        return
    known = set(filter(None, lines.values()))
    with atomic.replacing(rejected) as temporary, temporary.open("wb") as file:
        for line in _lines_of(rejected):
            if line not in lines and not (b'"run"' in line and _named_in(line) in known):
                file.write(line)
        file.writelines(lines)


def _lines_of(path: Path) -> Iterator[bytes]:
    if path.exists():
        with path.open("rb") as file:
            yield from file


def _named_in(line: bytes) -> tuple[str, int] | None:
    with suppress(ValueError, AttributeError):
        return _run_and_row(json.loads(line))
    return None


def _run_and_row(record: Mapping[str, object]) -> tuple[str, int] | None:
    """Return run and row of a line; lines of intake and of earlier releases have neither."""
    run, row = record.get("run"), record.get("row")
    return (run, row) if isinstance(run, str) and isinstance(row, int) else None
