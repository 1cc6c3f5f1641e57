"""From a line to an example: strict JSON first, then the formats; every refusal says why."""

import json
import re
from typing import Any

import orjson

from daemon.core.formats import Bad, Good, recognise
from daemon.intake.lines import Line

KEY = re.compile(rb'"\s*:')
OPENERS = re.compile(rb"[\[{]")
REJECTED_KEYS = {"line", "offset", "length", "code", "hint", "raw"}
MENDED_KEYS = {"line", "code", "hint", "raw"}


def parse(line: Line, max_depth: int, max_bytes: int) -> Good | Bad:
    """Return the example of a line, or why there is none."""
    if line.data is None:
        return Bad(
            "line_too_long", f"the line has {line.length} bytes, the limit is {max_bytes}",
            "split it, or raise intake.max_line_bytes",
        )  # fmt: skip
    row = strict(line.data, max_depth)
    if isinstance(row, Bad):
        if not line.whole and row.code == "bad_json":
            return Bad(
                "incomplete_last_line", f"the last line is cut off: {row.message}",
                "drop the file again when it is written completely",
            )  # fmt: skip
        return row
    if isinstance(row, dict) and set(row) >= MENDED_KEYS and isinstance(row["raw"], str):
        # A line of `rejected.jsonl` that came back mended.
        row = strict(row["raw"].encode(), max_depth)
        if isinstance(row, Bad):
            return row
    return recognise(row)


def strict(data: bytes, max_depth: int) -> Any:
    """Return the parsed value, or a `Bad`: no NaN, no infinity, no key twice, no lone surrogate."""
    if _deep(data, max_depth):
        return Bad("too_deep", f"brackets nest deeper than {max_depth}", "flatten the row")
    try:
        row = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return _explain(data, error)
    if len(KEY.findall(data)) != _count_keys(row) and (key := _repeated(data)) is not None:
        return Bad("repeated_key", f"the key {key[:60]!r} stands twice", "keep one of them")
    return row


def _deep(data: bytes, limit: int) -> bool:
    if len(OPENERS.findall(data)) <= limit:
        return False
    depth, deepest, quoted, escaped = 0, 0, False, False
    for byte in data:
        if quoted:
            quoted, escaped = (byte != 0x22 or escaped), (byte == 0x5C and not escaped)
        elif byte == 0x22:
            quoted = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest > limit


def _count_keys(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(_count_keys, value.values()))
    return sum(map(_count_keys, value)) if isinstance(value, list) else 0


def _repeated(data: bytes) -> str | None:
    """Return a key that stands twice in one object; the quick count only suspects it."""
    found: list[str] = []

    def watch(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                found.append(key)
            seen.add(key)
        return dict(pairs)

    json.loads(data, object_pairs_hook=watch)
    return found[0] if found else None


def _explain(data: bytes, error: orjson.JSONDecodeError) -> Bad:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as wrong:
        return Bad("not_utf8", f"byte {wrong.start + 1} of the line is not UTF-8", "save as UTF-8")
    reason = error.msg.split(": line")[0]
    place = f"column {error.pos + 1}"
    if "surrogate" in reason:
        return Bad("lone_surrogate", f"half of a surrogate pair ({place})", "write the character")
    if "infinity" in reason or re.search(
        rb"\b(NaN|-?Infinity)\b", data[error.pos : error.pos + 10]
    ):
        return Bad(
            "not_finite", f"a number that is not finite ({place})", "write null or leave it out"
        )
    if "after document" in reason:
        return Bad(
            "several_values", f"more than one value on the line ({place})", "one object a line"
        )
    return Bad("bad_json", f"{reason} ({place})", "mend the line; a JSON checker shows the place")
