"""What a reproduction found, for people; compares nothing."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from daemon.settings_records import WORDS


def page(result: Mapping[str, Any]) -> str:
    """Return the report as Markdown."""
    lines = [f"# {result['order']}: {result['version']} again", "", f"{result['message']}."]
    found = result["found"]
    if found is not None:
        lines += ["", *_steps(found["steps"]), *_changes(found["changes"])]
        lines += _settings(found.get("settings", ()))
    if result["outcome"] == "different":
        lines += ["", "The run done again lies in `run/` beside this page."]
    return "\n".join(lines) + "\n"


def _steps(steps: Mapping[str, Any]) -> Iterator[str]:
    yield f"- steps: {steps['then']} then, {steps['now']} now, {steps['equal']} the same"
    if steps["loss_gap"] is not None:
        yield f"- greatest difference of a step's loss: {steps['loss_gap']:.3g} nats a token"
    first = steps["first_other"]
    if first is not None:
        figures = ", ".join(sorted(first["figures"])) or "one of both has no such step"
        yield f"- the first that is not the same is step {first['step']}: {figures}"


def _settings(misfits: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Give the settings that this release reads otherwise than the one that saved them."""
    if misfits:
        yield from ("", "| setting | saved | used | why |", "| --- | --- | --- | --- |")
    for one in misfits:
        saved, used = json.dumps(one["saved"]), json.dumps(one["used"])
        yield f"| {one['setting']} | `{saved}` | `{used}` | {WORDS[one['why']]} |"


def _changes(changes: Sequence[Mapping[str, str]]) -> Iterator[str]:
    if not changes:
        yield "- code, platform and libraries are those of then"
        return
    yield from ("", "| changed since | then | now |", "| --- | --- | --- |")
    for one in changes:
        yield f"| {one['what']} | {one['then']} | {one['now']} |"
