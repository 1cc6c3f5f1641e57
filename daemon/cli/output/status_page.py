"""The page of `finetuned status`: renders the status document for people."""

from collections.abc import Iterable, Mapping
from typing import Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from daemon.cli.output.screen import cell, safe
from daemon.core.status.durations import duration
from daemon.core.status.shown import MeasuredOf, NewestMeasurement, ShownStatus

COLOURS = {
    "training": "green",
    "judging": "green",
    "intake": "green",
    "idle": "cyan",
    "paused": "yellow",
    "blocked": "red",
    "disk_full": "red",
    "crashed": "red",
}
SAMPLES = 3
SEEN = 12
"""Common characters at the start of two answers that still leave their difference in view."""
FILES = 2
"""Names shown of a run over several files."""
VERDICTS = {
    "promote": "promoted",
    "unproven": "in use, unproven",
    "refuse": "refused, in use by hand",
}


def page(root: str, document: ShownStatus | None, problem: str | None) -> Group:
    """Return the page of a workspace."""
    parts: list[RenderableType] = [Text(safe(root), style="bold")]
    if problem is not None:
        parts.append(Text(problem, style="bold red"))
    if document is None:
        return Group(*parts, Text("no status yet: the daemon has never run here"))
    if problem is not None:
        parts.append(Text("its last status:", style="dim"))
    # The least important comes last: a small terminal shows the beginning.
    parts += [_headline(document), *_alerts(document), _facts(document)]
    parts += _samples(document)
    parts += _commands(document)
    return Group(*parts)


def _headline(document: ShownStatus) -> Text:
    state = str(document.get("status"))
    line = Text(state, style=f"bold {COLOURS.get(state, 'white')}")
    return line.append(f"  {safe(str(document.get('message') or ''))}", style="default")


def _facts(document: ShownStatus) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    rows = (
        ("step", _steps(document)),
        ("file", document.get("current_file")),
        ("loss", _loss(document)),
        ("measured", _measured(document)),
        ("benchmarks", _benchmarks(document)),
        ("accuracy", _accuracy(document)),
        ("speed", _speed(document)),
        ("queue", _queue(document.get("queue") or {})),
        ("version", document.get("version")),
        ("model", document.get("model_name")),
    )
    for name, value in rows:
        if value is not None:
            table.add_row(Text(name, style="dim"), cell(value))
    return table


def _steps(document: ShownStatus) -> str:
    step, total = document.get("current_step"), document.get("total_steps")
    if total is None:
        return str(step)
    percent, eta = document.get("progress_percent"), document.get("eta_seconds")
    left = f", {duration(eta)} left" if eta is not None else ""
    epoch = f", epoch {document['epoch']}" if document.get("epoch") is not None else ""
    return f"{step} of {total} ({percent or 0:.0f} %{left}{epoch})"


def _loss(document: ShownStatus) -> str | None:
    loss, validation = document.get("loss"), document.get("validation_loss")
    if loss is None:
        return None
    shown = f"{loss:.4f}"
    if validation is not None:
        step = document.get("validation_step")
        at = f" at step {step}" if step is not None else ""
        shown += f", validation {validation:.4f}{at}"
    return shown + _whose(document.get("loss_of"))


def _whose(measured: MeasuredOf | None) -> str:
    """Return what a loss is of: the current run, or the version in use with its verdict."""
    if not measured:
        return ""
    files = list(measured.get("files") or [])
    names = ", ".join(files[:FILES]) + (f" and {len(files) - FILES} more" * (len(files) > FILES))
    if measured.get("version") is None:
        shown = f"{measured.get('run')}, in training"
    else:
        shown = f"{measured['version']} ({VERDICTS.get(measured.get('verdict') or '', 'in use')})"
    return f"; of {shown}" + (f", on {names}" if names else "")


def _accuracy(document: ShownStatus) -> str | None:
    percent, best = document.get("accuracy_percent"), document.get("best_accuracy")
    if percent is None:
        return None
    files = list(document.get("accuracy_files") or [])
    last = (20, document.get("accuracy_last_20")), (50, document.get("accuracy_last_50"))
    shown = [f"{value:.0f} % of the last {number}" for number, value in last if value is not None]
    parts = shown or [f"{percent:.0f} % recently"]
    if best is not None:
        parts.append(f"best {best:.0f} % at step {document.get('best_step')}")
    parts.append(f"{document.get('total_correct')} of {document.get('total_evals')} in all")
    if document.get("accuracy_trend"):
        parts.append(f"{document['accuracy_trend']} in this run")
    return ", ".join(parts) + (f"; of questions of {len(files)} files" if len(files) > 1 else "")


def _measured(document: ShownStatus) -> str | None:
    """Return the newest share of right answers, or that the current run has none yet."""
    waits = document.get("run") is not None and document.get("accuracy_percent") is not None
    return newest(document) or ("nothing yet in this run" if waits else None)


def _benchmarks(document: ShownStatus) -> str | None:
    found = document.get("benchmarks")
    return None if not found else f"{found['sentence']} ({found['version']})"


def newest(document: ShownStatus, step: Literal["step", "step_in_run"] = "step") -> str | None:
    """Return the newest share of right answers with its step; None if none is known.

    `step` names the step that is shown: that of the lineage or `step_in_run`.
    """
    found: NewestMeasurement = document.get("newest_measurement") or {}
    percent, items = found.get("percent"), found.get("items")
    if percent is None:
        return None
    counted = f" ({found.get('right')} of {items})" if items is not None else ""
    judged = ", when it was judged" if found.get("source") == "judgement" else ""
    return f"{percent:.0f} % right{counted} at step {found.get(step)}{judged}"


def _speed(document: ShownStatus) -> str | None:
    speed, rate = document.get("tokens_per_sec"), document.get("learning_rate")
    if speed is None:
        return None
    return f"{speed:.0f} tokens/s" + (f", learning rate {rate:.2e}" if rate is not None else "")


def _queue(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "empty"


def _samples(document: ShownStatus) -> Iterable[RenderableType]:
    samples = (document.get("recent_examples") or [])[-SAMPLES:]
    if not samples:
        return
    table = Table("", box=None, padding=(0, 2, 0, 0), expand=True)
    for name, ratio in (("prompt", 2), ("wanted", 1), ("answered", 1)):
        table.add_column(name, no_wrap=True, ratio=ratio)
    for sample in samples:
        wanted = str(sample.get("golden_answer") or "")
        answered = str(sample.get("model_answer") or "")
        skip = _alike(wanted, answered)
        table.add_row(
            mark(bool(sample.get("matches"))),
            brief(sample.get("prompt"), 44),
            brief(_from(wanted, skip), 44),
            brief(_from(answered, skip), 44),
        )
    yield table


def _alike(one: str, other: str) -> int:
    """Return how many characters to cut so that the first difference is in view."""
    pairs = enumerate(zip(one, other, strict=False))
    same = next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))
    return 0 if one == other or same < SEEN else same - SEEN // 2


def _from(text: str, start: int) -> str:
    return f"…{text[start:]}" if start else text


def _alerts(document: ShownStatus) -> Iterable[RenderableType]:
    for alert in document.get("active_alerts") or []:
        yield Text(f"! {safe(str(alert.get('message')))}", style="yellow")
    if document.get("error_message"):
        yield Text(f"! {safe(str(document['error_message']))}", style="red")
    for item in document.get("leftovers") or []:
        yield Text(f"inbox: {safe(str(item.get('name')))}: {safe(str(item.get('reason')))}")


def _commands(document: ShownStatus) -> Iterable[RenderableType]:
    for answer in (document.get("commands") or [])[-3:]:
        words = (answer.get("command"), answer.get("answer"), answer.get("message"))
        yield Text("{}: {}: {}".format(*(safe(str(word)) for word in words)), style="dim")


def mark(right: bool) -> Text:
    """Return the mark of a right or wrong answer."""
    return Text("✓", style="green") if right else Text("✗", style="red")


def brief(text: object, longest: int) -> Text:
    """Return the start of an untrusted text on one line."""
    line = " ".join(safe(str(text or "")).split())
    return Text(line if len(line) <= longest else line[: longest - 1] + "…")
