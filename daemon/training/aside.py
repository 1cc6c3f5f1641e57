"""Describes rows that were put aside as `rejected.jsonl` holds them; knows no step."""

from typing import Any

from daemon.core.refusal import raw_text
from daemon.training.rows import JobRows
from daemon.training.state import SetAside

HINTS = {
    "not_finite": (
        "the model makes no finite number of this row: look for text it was never shown "
        "(binary data, endless repetition), mend or remove it"
    ),
    "no_room": (
        "memory ran out with rows of this length: shorten or split it, or choose a smaller "
        "model or fewer training.num_layers"
    ),
}


def rejected_record(rows: JobRows, aside: SetAside) -> dict[str, Any]:
    """Return the line of `rejected.jsonl` for a row that was put aside in a run.

    The file that was dropped is read up to the row: this is rare.
    """
    place = rows.find(aside.job)
    index = rows.train(aside.job)
    position = index.place(aside.row)
    number = int(index.lines[position]) if position is not None else 0
    offset, raw = 0, b""
    with place.original.open("rb") as file:
        for line, data in enumerate(file, 1):
            if line == number:
                raw = data.rstrip(b"\r\n")
                break
            offset += len(data)
    return {
        "line": number,
        "offset": offset,
        "length": len(raw),
        "row": aside.row,
        "code": aside.code,
        "hint": HINTS[aside.code],
        "raw": raw_text(raw),
        "step": aside.step,
    }
