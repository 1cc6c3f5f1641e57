"""Arbitrary and almost-right files through intake: never an exception, and no line unanswered.

At the level where the intake worker reads a file, in this process; Hypothesis makes the files.
"""

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st

from daemon.files.unpacking import lines
from tests.drawing import drawn
from tests.intake.bench import Bench

LONGEST_S = 20.0
"""A file of this size that takes longer hangs."""

VERDICTS = {"accepted", "refused", "nothing_new"}
ASKS, SAYS = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}
RIGHT: tuple[dict[str, Any], ...] = (
    {"messages": [{"role": "system", "content": "s"}, ASKS, SAYS]},
    {"prompt": "p", "completion": "c", "group": "g"},
    {"text": "some words"},
    {"instruction": "i", "input": "j", "output": "o"},
    {"conversations": [{"from": "human", "value": "h"}, {"from": "gpt", "value": "g"}]},
    {"question": "q", "answer": "a"},
    {"messages": [ASKS, SAYS | {"weight": 1}], "tools": []},
    {"line": 1, "offset": 0, "length": 2, "code": "x", "hint": "", "raw": '{"text": "t"}'},
)
SPICE = (
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\\ud800",
    b"\\u0000",
    b"\x00",
    b"\x1b",
    b"\r",
    b"\r\n",
    b"\n",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xe2\x80\xa8",
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"9" * 400,
    b"[" * 40,
    b"]" * 40,
    b'{"a":',
    b"}{",
    b'"',
    b"\\",
    b",",
    b"<|im_end|>",
    b"null",
    b"# x",
    b"[",
    b'"messages":[],',
    b'"raw":"{}",',
    b'"weight":0.5,',
    b" " * 200,
    b"\\u0022",
    b"{% x %}",
    b"{{",
)


def scalars() -> st.SearchStrategy[Any]:
    """Return values of JSON that hold no others."""
    numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    return st.none() | st.booleans() | numbers | st.text(max_size=20)


def values() -> st.SearchStrategy[Any]:
    """Return any value of JSON."""
    return st.recursive(
        scalars(),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
        max_leaves=6,
    )


@st.composite
def almost_right(draw: st.DrawFn) -> bytes:
    """Return some good rows of which one was changed in one thing."""
    rows = [dict(row) for row in draw(st.lists(st.sampled_from(RIGHT), min_size=1, max_size=6))]
    for number, row in enumerate(rows):
        row["note"] = number
    if draw(st.booleans()):
        row = draw(st.sampled_from(rows))
        row[draw(st.sampled_from(sorted(row)))] = draw(values())
        return _lines(rows)
    data = _lines(rows)
    at = draw(st.integers(0, len(data) - 1))
    gone = draw(st.integers(0, 12))
    return data[:at] + draw(st.sampled_from((b"", *SPICE))) + data[at + gone :]


def files() -> st.SearchStrategy[bytes]:
    """Return the bytes of a dropped file."""
    return almost_right() | almost_right() | st.binary(max_size=300)


def _lines(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def survives(root: Path, number: int, examples: int, limit_s: float | None = None) -> list[str]:
    """Return what is wrong after so many files drawn by a seed; the first one that shows it."""
    bench = Bench(root)

    def every(data: bytes) -> None:
        # What is tried is the answer; waiting for the disk would be half of the time.
        with within(limit_s), patch.object(os, "fsync"):
            report = bench.take_in(data)
        found = unanswered(bench, data, report)
        assert not found, f"{data!r}: {found}"

    return drawn(number, examples, files(), every)


@contextmanager
def within(limit_s: float | None) -> Iterator[None]:
    """Raise a `TimeoutError` in this thread after so many seconds; None for no limit."""
    if limit_s is None:
        yield
        return

    def late(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"no verdict after {limit_s} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def unanswered(bench: Bench, data: bytes, report: dict[str, Any]) -> list[str]:
    """Return what is wrong with the answer to a file: each line has one, and bytes are kept."""
    found = []
    if report["verdict"] not in VERDICTS:
        found.append(f"the verdict is {report['verdict']}")
    if bench.place.original.read_bytes() != data:
        found.append("the original was changed")
    # Lines and offsets of another kind than JSON lines are those of the text it was read as.
    if not report["file"]["plain"] and report["rows"]["read"]:
        data = b"".join(lines(bench.place.original, bench.place.folder))
    refused = bench.rows("rejected")
    for row in refused:
        line = data[row["offset"] : row["offset"] + row["length"]]
        if b"\n" in line or (row["raw"] is not None and row["raw"].encode() != line):
            found.append(f"line {row['line']} of rejected.jsonl is not in the original")
    if report["rows"]["read"] == 0:
        # Refused by its first bytes, with one reason.
        return found if len(report["reasons"]) == 1 else [*found, f"{report['reasons']}"]
    kept = [row for kind in ("train", "holdout") for row in bench.rows(kind)]
    answers = Counter(row["line"] for row in (*kept, *refused))
    answers += Counter(line for row in kept for line in row.get("stands_for", []))
    wanted = Counter(n for n, line in enumerate(data.split(b"\n"), 1) if _is_row(line, n))
    if answers != wanted:
        found.append(f"answers to lines {dict(answers)}, wanted {dict(wanted)}")
    return found


def _is_row(line: bytes, number: int) -> bool:
    if number == 1:
        line = line.removeprefix(b"\xef\xbb\xbf")
    return bool(line.strip(b" \t\n\r\v\f"))
