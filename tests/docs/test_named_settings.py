"""Every setting that a sentence, a hint or a page names is there (fault: `analyze` advised to lower
`training.max_grad_norm`, which `finetuned.toml` refuses as an unknown key).
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from daemon.settings import Settings
from daemon.settings_tables import Section
from tests.docs.pages import ROOT, files

SECTIONS = {
    name: set(type(field.default).model_fields)
    for name, field in Settings.model_fields.items()
    if isinstance(field.default, Section) and type(field.default).model_fields
}
NAMES = "|".join(SECTIONS)
DOTTED = re.compile(rf"(?<![\w./-])({NAMES})\.([a-z_]\w*)")
IN_TABLE = re.compile(rf"\[({NAMES})\]\s+([a-z_]\w*) *=")
FILES = {"json", "jsonl", "lock", "md", "npy", "png", "py", "toml"}
"""Endings: `run.json` is a file, and no setting."""
OTHERS = {
    ("replay", "draws"),
    ("holdout", "rejected"),
    ("holdout", "original"),
    ("holdout", "fingerprints"),
    ("memory", "max"),
    ("memory", "current"),
    ("memory", "events"),
}
"""A key of manifests, beginnings of the names of files, and files of control groups."""


def texts() -> Iterator[tuple[str, str]]:
    """Give what people read, each with the file it stands in."""
    for path in files():
        name = path.relative_to(ROOT).as_posix()
        if name.startswith("daemon/") and path.suffix == ".py":
            yield from ((name, text) for text in strings(path))
        elif path.suffix == ".md" or (name.startswith("examples/") and path.suffix == ".toml"):
            yield name, path.read_text(encoding="utf-8")


def strings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def named(text: str) -> set[tuple[str, str]]:
    """Return the settings that a text names."""
    found = {*DOTTED.findall(text), *IN_TABLE.findall(text)}
    return {(section, key) for section, key in found if key not in FILES} - OTHERS


def test_every_setting_that_a_text_names_is_there() -> None:
    gone = {
        f"{name}: {section}.{key}"
        for name, text in texts()
        for section, key in named(text)
        if key not in SECTIONS[section]
    }
    assert not gone


def test_names_are_found_where_advice_is_given() -> None:
    """The test above would say nothing if it saw none."""
    assert named("or lower training.max_grad_norm, see run.json") == {("training", "max_grad_norm")}
    assert named("`[server] enabled = true`") == {("server", "enabled")}
    seen = {setting for _, text in texts() for setting in named(text)}
    assert {("training", "clip_norm"), ("training", "num_layers"), ("retention", "moments")} <= seen
