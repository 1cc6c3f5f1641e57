"""`models/base/`: the facts of prepared base models."""

import os
from pathlib import Path

from daemon.core.workspace.bases import BaseFacts
from daemon.folders.disk.record_files import read_record, write_record
from daemon.layout import Layout


def read_facts(layout: Layout, model: str) -> BaseFacts | None:
    """Return the facts of the base model in the settings; None before it is prepared."""
    try:
        names = sorted(e.name for e in os.scandir(layout.bases) if e.name.endswith(".json"))
    except FileNotFoundError:
        return None
    for name in names:
        facts = _read(layout.bases / name)
        if facts is not None and facts.model == model and layout.base(facts.name).is_dir():
            return facts
    return None


def find_facts(layout: Layout, fingerprint: str) -> BaseFacts | None:
    """Return the facts of the base model with these weights; None if it does not lie here."""
    found = (_read(path) for path in sorted(layout.bases.glob("*.json")))
    return next(
        (
            facts
            for facts in found
            if facts is not None
            and facts.fingerprint == fingerprint
            and layout.base(facts.name).is_dir()
        ),
        None,
    )


def _read(path: Path) -> BaseFacts | None:
    try:
        return read_record(path, BaseFacts)
    except (OSError, ValueError):
        return None


def write_facts(layout: Layout, facts: BaseFacts) -> None:
    """Write a base model's facts, as its last file."""
    write_record(layout.base_facts(facts.name), facts)
