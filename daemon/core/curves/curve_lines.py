"""Parses learning curves from lines: finetuned's own metrics, or a log of mlx-lm.

A line that cannot be read is counted, never fatal.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from daemon.core.curves.curves import Curve, Point, ordered

NAMES: Mapping[str, tuple[str, ...]] = {
    "step": ("step", "iteration", "iter", "global_step"),
    "loss": ("loss", "train_loss"),
    "epoch": ("epoch",),
    "learning_rate": ("learning_rate", "lr"),
    "gradient_norm": ("gradient_norm", "grad_norm"),
    "tokens_per_s": ("tokens_per_s", "tokens_per_second", "tokens_per_sec"),
    "validation": ("validation_loss", "val_loss", "eval_loss"),
}
"""Names of the same figure in other trainers; the first is ours."""
GIGA = 1e9
LARGEST = 1e15
"""Larger numbers are nonsense and count as missing, like those that are not finite."""
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
NUMBER = r"(nan|inf|-?[\d.]+(?:e[-+]?\d+)?)"
NEAR = r"(?:^|(?<=[\s\]%]))"
"""Where the text of a line begins: a progress bar from stderr may precede it on the line."""
OLD_TRAIN = re.compile(rf"{NEAR}Iter (\d{{1,15}}): Train loss {NUMBER}(.*)", re.IGNORECASE)
OLD_VALIDATION = re.compile(rf"{NEAR}Iter (\d{{1,15}}): Val loss {NUMBER}", re.IGNORECASE)
NEW_TRAIN = re.compile(rf"{NEAR}(\d{{1,15}})\s+{NUMBER} [▼▲]\s+([\d,]+)\s+[\d.]+k\s*$")
NEW_VALIDATION = re.compile(rf"{NEAR}(\d{{1,15}})\s+val\s+{NUMBER}\s+[\d.]+s\s*$")
OLD_FIELDS = (
    (re.compile(rf"Learning Rate {NUMBER}", re.IGNORECASE), 1.0),
    (re.compile(rf"Tokens/sec {NUMBER}", re.IGNORECASE), 1.0),
    (re.compile(rf"Peak mem {NUMBER} GB", re.IGNORECASE), GIGA),
)
"""Learning rate, tokens per second, and peak memory in bytes."""


@dataclass
class _Draft:
    points: list[Point] = field(default_factory=list)
    attempts: dict[int, int] = field(default_factory=dict)
    validation: dict[int, float] = field(default_factory=dict)
    jobs: dict[str, None] = field(default_factory=dict)

    def curve(self, name: str, run: str | None) -> Curve:
        validation = tuple(sorted(self.validation.items()))
        return Curve(name, ordered(self.points), validation, run, files=tuple(self.jobs))


def read_lines(lines: Iterable[bytes], name: str) -> list[Curve]:
    """Return the curves in a record, one a run; a log of mlx-lm is one.

    A record of our own may be JSON lines or a JSON list with a step a line. Where a step occurs
    twice the higher attempt counts, of equal attempts the later line. Damaged lines are counted in
    the first curve; in a log of mlx-lm, lines without a loss are not damaged.
    """
    drafts: dict[str | None, _Draft] = {}
    damaged, records = 0, 0
    for raw in lines:
        text = raw.decode("utf-8", "replace").strip().removesuffix(",")
        if text in ("", "[", "]", "{", "}") or text.startswith('"'):
            # The frame of a list, and the columns before the steps of a training_metrics.json.
            continue
        if text.startswith("{"):
            damaged += not _add_record(text, drafts)
            records += 1
        else:
            damaged += not _add_log_line(raw.decode("utf-8", "replace"), drafts) and records > 0
    with_losses = {run: draft for run, draft in drafts.items() if draft.points or draft.validation}
    several = len(with_losses) > 1
    found = [
        draft.curve(f"{name}: {run}" if several else name, run)
        for run, draft in with_losses.items()
    ]
    return [replace(found[0], damaged=damaged), *found[1:]] if found else []


def _add_record(text: str, drafts: dict[str | None, _Draft]) -> bool:
    """Add a JSON line; return False if it is damaged."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return False
    step = _whole(_named(record, "step"))
    if step is None:
        return False
    run = record.get("run")
    draft = drafts.setdefault(run if isinstance(run, str) else None, _Draft())
    validation = _number(_named(record, "validation"))
    if validation is not None:
        draft.validation[step] = validation
    attempt = _whole(record.get("attempt")) or 0
    if any(key in record for key in NAMES["loss"]) and attempt >= draft.attempts.get(step, 0):
        draft.attempts[step] = attempt
        draft.points.append(_point(step, record))
    jobs = record.get("jobs")
    if isinstance(jobs, list):
        draft.jobs.update(dict.fromkeys(job for job in jobs if isinstance(job, str)))
    return True


def _point(step: int, record: Mapping[str, object]) -> Point:
    speed = _number(_named(record, "tokens_per_s"))
    tokens, seconds = _number(record.get("tokens")), _number(record.get("seconds"))
    if speed is None and tokens is not None and seconds:
        speed = tokens / seconds
    memory = record.get("memory")
    kinds = memory.values() if isinstance(memory, dict) else [record.get("peak_memory")]
    held = [value for value in map(_number, kinds) if value is not None]
    scale = 1.0 if isinstance(memory, dict) else GIGA
    return Point(
        step,
        loss=_number(_named(record, "loss")),
        epoch=_number(_named(record, "epoch")),
        learning_rate=_number(_named(record, "learning_rate")),
        gradient_norm=_number(_named(record, "gradient_norm")),
        tokens_per_s=speed,
        memory_bytes=int(max(held) * scale) if held else None,
        applied=record.get("applied") is not False,
    )


def _add_log_line(text: str, drafts: dict[str | None, _Draft]) -> bool:
    """Add a line of mlx-lm's console; return False if it has no loss."""
    text = ESCAPES.sub("", text.rstrip().rsplit("\r", 1)[-1])
    draft = drafts.setdefault(None, _Draft())
    for pattern in (OLD_VALIDATION, NEW_VALIDATION):
        if match := pattern.search(text):
            return _put_validation(draft, match)
    if match := OLD_TRAIN.search(text):
        rate, speed, memory = (_in(match[3], *how) for how in OLD_FIELDS)
        held = None if memory is None else int(memory)
        loss = _number_in(match[2])
        draft.points.append(
            Point(
                int(match[1]),
                loss,
                learning_rate=rate,
                tokens_per_s=speed,
                memory_bytes=held,
            )
        )
        return True
    if match := NEW_TRAIN.search(text):
        speed = _number_in(match[3].replace(",", ""))
        draft.points.append(Point(int(match[1]), _number_in(match[2]), tokens_per_s=speed))
        return True
    return False


def _put_validation(draft: _Draft, match: re.Match[str]) -> bool:
    """Add a validation loss at the step mlx-lm names, though it is measured just before."""
    loss = _number_in(match[2])
    if loss is not None:
        draft.validation[int(match[1])] = loss
    return True


def _in(text: str, pattern: re.Pattern[str], scale: float) -> float | None:
    match = pattern.search(text)
    value = _number_in(match[1]) if match else None
    return None if value is None else value * scale


def _number_in(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return _number(value)


def _named(record: Any, name: str) -> Any:
    if not isinstance(record, dict):
        return None
    return next((record[key] for key in NAMES[name] if key in record), None)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Compared before it is converted: a huge whole number has no float.
    return float(value) if -LARGEST < value < LARGEST else None


def _whole(value: Any) -> int | None:
    found = _number(value)
    return int(found) if found is not None and found.is_integer() and found >= 0 else None
