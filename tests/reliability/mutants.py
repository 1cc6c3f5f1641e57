"""Takes one guarantee after the other out of the durable writes, and looks whether it is missed.

The mutants are made from the source's syntax tree, so a sync that is added is taken out as well.
Not among them, because no Linux can tell it apart: `F_FULLFSYNC`, which only macOS has (its
answers are played in `tests/folders/disk/test_atomic.py`).
"""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from daemon.folders.disk import atomic
from tests.reliability.mutants_history import FOLDERS, STEPS, TOLD
from tests.reliability.persistence_disk import After, Disk, Tree
from tests.reliability.persistence_trace import Operation, operations, recording

SYNCS = ("_sync", "_sync_descriptor", "sync_file", "sync_directory", "fsync", "flush")
RENAMES = ("replace", "rename", "move")
ASIDE = ("temporary", "trash")
IN_THE_MAKING = (".tmp-", ".trash-")
Statements = list[ast.stmt]


@dataclass(frozen=True)
class Mutant:
    """A source with one guarantee less."""

    name: str
    source: str


def source_of_writes() -> str:
    """Return the source of the durable writes."""
    return Path(atomic.__file__).read_text(encoding="utf-8")


def mutants(source: str) -> list[Mutant]:
    """Return all sources with one guarantee less."""
    count = len(_changes(ast.parse(source)))
    found = []
    for number in range(count):
        tree = ast.parse(source)
        name, change = _changes(tree)[number]
        change()
        found.append(Mutant(name, ast.unparse(ast.fix_missing_locations(tree))))
    return found


Change = tuple[str, Callable[[], None]]
"""What is taken out, and how."""


def _changes(tree: ast.Module) -> list[Change]:
    return [
        (f"{function.name}: {what}", change)
        for function in tree.body
        if isinstance(function, ast.FunctionDef)
        for what, change in (
            *_lost_syncs(function),
            *_swapped_syncs(function),
            *_late_syncs(function),
            *_in_place(function),
        )
    ]


def _lost_syncs(function: ast.FunctionDef) -> Iterator[Change]:
    for block, place in _calls(function, SYNCS):
        what = ast.unparse(block[place])

        def change(block: Statements = block, place: int = place) -> None:
            block[place] = ast.Pass()

        yield f"without {what}", change


def _swapped_syncs(function: ast.FunctionDef) -> Iterator[Change]:
    found = _calls(function, ("sync_directory",))
    if len(found) == 2:
        (one, first), (other, second) = found

        def change() -> None:
            one[first], other[second] = other[second], one[first]

        yield "directories synced in the other order", change


def _late_syncs(function: ast.FunctionDef) -> Iterator[Change]:
    """The bytes are synced under their new name only."""
    for block, place in _calls(function, RENAMES):
        rename = block[place]
        earlier = [(b, p) for b, p in _calls(function, SYNCS) if b[p].lineno < rename.lineno]
        if not earlier or "temporary" not in ast.unparse(rename):
            continue

        def change(
            block: Statements = block,
            place: int = place,
            earlier: list[tuple[Statements, int]] = earlier,
        ) -> None:
            for other, number in earlier:
                other[number] = ast.Pass()
            block[place + 1 : place + 1] = ast.parse("sync_file(path)").body

        yield f"synced after {ast.unparse(rename)}", change


def _in_place(function: ast.FunctionDef) -> Iterator[Change]:
    for block, place in _statements(function):
        statement = block[place]
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) in ASIDE:

            def change(statement: ast.Assign = statement) -> None:
                statement.value = ast.Name(function.args.args[0].arg, ast.Load())

            yield "in place", change


def _calls(function: ast.FunctionDef, names: tuple[str, ...]) -> list[tuple[Statements, int]]:
    """Return the statements that do nothing but call one of these."""
    return [
        (block, place)
        for block, place in _statements(function)
        if isinstance(statement := block[place], ast.Expr)
        and isinstance(statement.value, ast.Call)
        and ast.unparse(statement.value.func).split(".")[-1] in names
    ]


def _statements(function: ast.FunctionDef) -> Iterator[tuple[Statements, int]]:
    for node in ast.walk(function):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list):
                yield from ((block, place) for place in range(len(block)))


# --- what is missed --------------------------------------------------------------------------


def missed(root: Path, source: str) -> list[str]:
    """Return what a power cut may leave of a history with these writes that it must not."""
    space, before, log, text = root / "w", root / "before", root / "strace", root / "writes.py"
    for folder in FOLDERS:
        (space / folder).mkdir(parents=True)
        (before / folder).mkdir(parents=True)
    text.write_text(source, encoding="utf-8")
    argv = [sys.executable, "-m", "tests.reliability.mutants_history", str(space), str(text)]
    done = subprocess.run([*recording(log), *argv], capture_output=True, text=True, check=False)
    found = [f"it ends with {done.stderr[-300:]}"] if done.returncode != 0 else []
    return [*found, *wrong(Disk.of(before), list(operations(log.read_text().splitlines(), space)))]


def wrong(disk: Disk, done: list[Operation]) -> list[str]:
    """Return each step that a power cut would break, with the operation before it."""
    found = []
    for number in range(len(done) + 1):
        told = len(disk.read(TOLD))
        for after in After:
            tree = disk.tree(after)
            found += [
                f"{problem} after operation {number}, {after.value}"
                for folder in FOLDERS
                if (problem := _illegal(folder, tree, told, after)) is not None
            ]
        if number < len(done):
            disk.apply(done[number])
    return found


def _illegal(folder: str, tree: Tree, told: int, after: After) -> str | None:
    """Return in words what a folder must not hold; None where all is well."""
    inside = {
        name.removeprefix(f"{folder}/"): what
        for name, what in tree.items()
        if name.startswith(f"{folder}/") and not any(made in name for made in IN_THE_MAKING)
    }
    legal: list[Tree] = [{}]
    for number, step in enumerate(STEPS):
        if step.folder != folder or (after is not After.ALL and not step.durable):
            continue
        if number < told:
            legal = [step.after]
        elif number == told:
            legal += [step.after, *step.between]
    durable = any(step.folder == folder and step.durable for step in STEPS)
    if inside in legal or (after is not After.ALL and not durable):
        return None
    return f"{folder} holds {sorted(inside)} when {told} steps were told"
