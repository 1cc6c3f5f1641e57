"""Prints the result of the demo: prompts before and after, scores, where the adapter lies."""

import json
import shlex

from rich.table import Table
from rich.text import Text

from daemon.cli.output.screen import echo, out
from daemon.cli.output.status_page import brief, mark
from daemon.core.evaluation.right_answers import right_by
from daemon.core.records import JsonObject
from daemon.core.training.manifests import Manifest
from daemon.folders.models.models import read_manifest
from daemon.folders.queue.queue import find_job
from daemon.layout import Layout

SHOWN = 8
WIDE = 96
"""Characters shown of an answer; an untrained model can be long-winded."""


def show_result(layout: Layout, version: str) -> None:
    """Print what a version answers, compared with the base model."""
    folder = layout.version(version)
    manifest = read_manifest(folder)
    answers = read_answers(layout, version)
    if answers:
        out.print(_table(answers[:SHOWN]))
        echo(_totals(answers, manifest.step), "bold")
    reasons = "; ".join(manifest.verdict_reasons)
    echo(f"Verdict of the gate: {manifest.verdict} ({reasons})")
    echo(f"The adapter: {folder / 'adapters.safetensors'} ({version}; current_model points at it)")
    echo("Try it yourself with stock mlx-lm:")
    echo(f"  {usage(layout, manifest, answers)}")


def read_answers(layout: Layout, version: str) -> list[JsonObject]:
    """Return the judged prompts of a version: prompt, golden, before, after."""
    folder = layout.version(version)
    path = folder / "details.jsonl"
    if not path.is_file():
        return []
    parent = read_manifest(folder).parent
    records = (json.loads(line) for line in path.read_bytes().splitlines() if line.strip())
    return [
        {
            "prompt": record["prompt"],
            "golden": (record["golden"] or [""])[0],
            **{
                when: record["answers"][who]["text"]
                for when, who in (("before", parent), ("after", "candidate"))
            },
            "right": {
                when: right_by(record["scorer"], record["answers"][who]["scores"])
                for when, who in (("before", parent), ("after", "candidate"))
            },
        }
        for record in records
    ]


def _table(answers: list[JsonObject]) -> Table:
    """Return a block of four lines for each prompt: calls are too long for columns."""
    table = Table(box=None, show_header=False, padding=(0, 1), title="Hold-out prompts and answers")
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for answer in answers:
        table.add_row("", "prompt", _head(_question(answer), "bold"))
        table.add_row("", "wanted", _head(answer["golden"]))
        table.add_row(mark(right(answer, "before")), "before", _head(answer["before"]))
        table.add_row(mark(right(answer, "after")), "after", _head(answer["after"]))
        table.add_row()
    return table


def _head(text: object, style: str = "") -> Text:
    head = brief(text, WIDE)
    head.stylize(style)
    return head


def _question(answer: JsonObject) -> str:
    """Return the last turn of a prompt, which may be a text or a list of turns."""
    prompt = answer["prompt"]
    if isinstance(prompt, list) and prompt:
        return str(prompt[-1].get("content", ""))
    return str(prompt)


def right(answer: JsonObject, when: str) -> bool:
    """Return whether an answer was scored as right."""
    scored = answer["right"]
    return isinstance(scored, dict) and scored[when] is True


def _totals(answers: list[JsonObject], step: int) -> str:
    before, after = (sum(right(answer, when) for answer in answers) for when in ("before", "after"))
    count = len(answers)
    return (
        f"Right answers: {before} of {count} before, {after} of {count} after "
        f"(judged at step {step})."
    )


def usage(layout: Layout, manifest: Manifest, answers: list[JsonObject]) -> str:
    """Return the command line that sends the first of the prompts to the new model."""
    base = layout.base(manifest.base.name)
    words = ["mlx_lm.generate", "--model", str(base), "--adapter-path", str(layout.current_model)]
    question = _question(answers[0]) if answers else "Hello"
    system = system_text(layout, manifest, question)
    if system is not None:
        words += ["--system-prompt", system]
    return shlex.join([*words, "--prompt", question])


def system_text(layout: Layout, manifest: Manifest, question: str) -> str | None:
    """Return the system text before a hold-out question; None if there was none."""
    places = [find_job(layout, job) for job in manifest.job_ids]
    for place in places:
        if place is None or not place.holdout.is_file():
            continue
        for line in place.holdout.read_bytes().splitlines():
            turns = json.loads(line).get("messages") or []
            if (
                len(turns) > 2
                and turns[0]["role"] == "system"
                and turns[-2]["content"].startswith(question)
            ):
                return str(turns[0]["content"])
    return None
