"""Counts what was refused and why, and writes each refused row where it can be found again."""

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import BinaryIO, TypedDict

import orjson

from daemon.analysis.secrets import mask
from daemon.core.records import JsonObject
from daemon.core.rows.examples import last_question
from daemon.core.rows.formats import recognise
from daemon.core.rows.refusal import Bad, raw_text
from daemon.core.rows.refusal_rows import raw_of
from daemon.core.workspace.jobs import escape
from daemon.intake.lines import Line

SHOWN = 5
EXCERPT = 120
KNOWN = ("duplicate_in_file", "duplicate_seen", "exam_row", "withheld", "trained_family")
"""Reasons of rows that are known already."""
CHOSEN = ("conflict", "low_quality", "private")
"""Reasons of rows that a setting leaves out."""


class CountedReason(TypedDict):
    """A reason of refused rows as the report has it."""

    code: str
    count: int
    hint: str
    examples: list[JsonObject]


class Tally:
    """`rejected.jsonl` and the reasons of the report."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._reasons: dict[str, CountedReason] = {}
        self.ways: Counter[tuple[str, str]] = Counter()
        """(code, how) of known rows: `exact`, `wording`, `spelling`."""

    def refuse(self, line: Line, bad: Bad, of: JsonObject | None = None, how: str = "") -> None:
        """Count a row that is not trained on and write it to the file."""
        record: JsonObject = {
            "line": line.number,
            "offset": line.offset,
            "length": line.length,
            "code": bad.code,
            "hint": bad.hint,
            "raw": raw_text(raw_of(line.data)),
        }
        if of is not None:
            record |= {"of": of, "how": how}
            self.ways[bad.code, how] += 1
        self._file.write(orjson.dumps(record) + b"\n")
        reason = self._reasons.setdefault(
            bad.code, {"code": bad.code, "count": 0, "hint": bad.hint, "examples": []}
        )
        reason["count"] += 1
        if len(reason["examples"]) < SHOWN:
            reason["examples"].append(_example(line, bad, of))

    def count(self, codes: Iterable[str]) -> int:
        """Return how many rows were refused for these reasons."""
        return sum(self._reasons[code]["count"] for code in codes if code in self._reasons)

    @property
    def bad(self) -> int:
        """Rows that are wrong in themselves, as opposed to known already or left out on purpose."""
        fine = (*KNOWN, *CHOSEN)
        return sum(r["count"] for r in self._reasons.values() if r["code"] not in fine)

    @property
    def reasons(self) -> list[CountedReason]:
        """The reasons, the most frequent first."""
        return sorted(self._reasons.values(), key=lambda r: (-r["count"], r["code"]))


def _example(line: Line, bad: Bad, of: JsonObject | None) -> JsonObject:
    shown: JsonObject = {
        "line": line.number,
        "offset": line.offset,
        "column": _column(bad.message),
        "excerpt": escape(mask(_shown(line)), EXCERPT),
        "message": escape(bad.message, 300),
    }
    return shown | ({"of": of} if of is not None else {})


def _shown(line: Line) -> str:
    """Return what a person knows a row by: its last question, else the beginning of the line."""
    data = raw_of(line.data) or b""
    with suppress(orjson.JSONDecodeError):
        found = recognise(orjson.loads(data))
        if not isinstance(found, Bad):
            return last_question(found.example)[: EXCERPT * 4]
    return data[: EXCERPT * 4].decode("utf-8", "backslashreplace")


def _column(message: str) -> int | None:
    head, _, tail = message.partition("column ")
    digits = tail.split(")")[0]
    return int(digits) if head and digits.isdigit() else None
