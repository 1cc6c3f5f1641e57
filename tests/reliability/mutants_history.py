"""Uses every durable write once, told step by step; with the writes of another source if given.

    python -m tests.reliability.mutants_history FOLDER [SOURCE]

Each folder below is a small story of its own, so that no step makes another one's names durable.
"""

import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.reliability.persistence_disk import LinkTo, Tree

TOLD = "told"
"""A file with a byte for each step that is done."""


@dataclass(frozen=True)
class Step:
    """One durable change in one folder."""

    folder: str
    do: Callable[[Any, Path], object]
    """With the module of durable writes, and the folder."""
    after: Tree
    """What the folder holds from then on."""
    durable: bool = True
    """False: readers see the old or the new, and a power cut may take both."""
    between: tuple[Tree, ...] = ()
    """What it may also hold while the step is under way."""


BIG = b"x" * 5000
LINES: Tree = {"l": b'{"a": 1}\n{"a": 2}\n'}
BUILT: Tree = {"d": None, "d/one": b"1", "d/in": None, "d/in/two": BIG}


def _build(atomic: Any, folder: Path) -> None:
    with atomic.building_directory(folder / "d") as inside:
        (inside / "one").write_bytes(b"1")
        (inside / "in").mkdir()
        (inside / "in" / "two").write_bytes(BIG)


def _replace(atomic: Any, folder: Path) -> None:
    with atomic.replacing(folder / "r") as temporary:
        temporary.write_bytes(BIG)


def _submit(atomic: Any, folder: Path) -> None:
    (folder / ".tmp-half").write_bytes(BIG)
    atomic.sync_file(folder / ".tmp-half")
    atomic.move(folder / ".tmp-half", folder / "whole")


def _fill(atomic: Any, folder: Path) -> None:
    (folder / "one").write_bytes(BIG)
    atomic.sync_files(folder)
    atomic.sync_directory(folder)


STEPS = (
    Step("write", lambda a, p: a.write_bytes(p / "f", b"old"), {"f": b"old"}),
    Step("write", lambda a, p: a.write_bytes(p / "f", BIG), {"f": BIG}),
    Step("json", lambda a, p: a.write_json(p / "j", [1]), {"j": b"[\n 1\n]\n"}),
    Step("lines", lambda a, p: a.write_json_lines(p / "l", [{"a": 1}, {"a": 2}]), LINES),
    Step("replacing", _replace, {"r": BIG}),
    Step("shown", lambda a, p: a.replace_volatile(p / "s", b"old"), {"s": b"old"}, durable=False),
    Step("shown", lambda a, p: a.replace_volatile(p / "s", BIG), {"s": BIG}, durable=False),
    Step(
        "make",
        lambda a, p: a.make_directory(p / "x" / "y"),
        {"x": None, "x/y": None},
        between=({"x": None},),
    ),
    Step("build", _build, BUILT),
    Step("move", lambda a, p: a.make_directory(p / "a"), {"a": None}),
    Step("move", lambda a, p: a.make_directory(p / "b"), {"a": None, "b": None}),
    Step("move", lambda a, p: a.write_bytes(p / "a/f", b"f"), {"a": None, "a/f": b"f", "b": None}),
    Step(
        "move",
        lambda a, p: a.move(p / "a/f", p / "b/f"),
        {"a": None, "b": None, "b/f": b"f"},
        between=({"a": None, "a/f": b"f", "b": None, "b/f": b"f"},),
    ),
    Step("move", lambda a, p: a.move(p / "b/f", p / "b/g"), {"a": None, "b": None, "b/g": b"f"}),
    Step("submit", _submit, {"whole": BIG}),
    Step("fill", _fill, {"one": BIG}, between=({"one": b""}, {"one": BIG[: len(BIG) // 2]})),
    Step(
        "build",
        lambda a, p: a.remove_file(p / "d/one"),
        {name: what for name, what in BUILT.items() if name != "d/one"},
    ),
    Step("build", lambda a, p: a.remove_directory(p / "d"), {}),
    Step("link", lambda a, p: a.replace_link(p / "n", "one"), {"n": LinkTo("one")}),
    Step("link", lambda a, p: a.replace_link(p / "n", "two"), {"n": LinkTo("two")}),
    Step(
        "append",
        lambda a, p: a.append_at(p / "m", 0, b"1\n"),
        {"m": b"1\n"},
        between=(
            {"m": b""},
            {"m": b"1"},
        ),
    ),
    Step(
        "append",
        lambda a, p: a.append_at(p / "m", 2, b"22\n"),
        {"m": b"1\n22\n"},
        between=({"m": b"1\n2"},),
    ),
)
FOLDERS = tuple(dict.fromkeys(step.folder for step in STEPS))


def play(atomic: Any, root: Path) -> None:
    """Take all steps."""
    with (root / TOLD).open("ab", buffering=0) as told:
        for step in STEPS:
            step.do(atomic, root / step.folder)
            told.write(b".")


def module_of(source: str, name: str) -> types.ModuleType:
    """Return the module that a source text makes."""
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(source, name, "exec"), module.__dict__)
    return module


if __name__ == "__main__":
    text = Path(sys.argv[2]).read_text(encoding="utf-8")
    play(module_of(text, "writes_under_test"), Path(sys.argv[1]))
