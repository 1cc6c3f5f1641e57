"""Durable writes with one guarantee less are noticed, each of them (faults T2, T4, T5)."""

import ast
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.folders.models import models
from daemon.folders.runs import runs
from daemon.layout_jobs import RunLayout
from tests.reliability.mutants import SYNCS, Mutant, missed, mutants, source_of_writes
from tests.reliability.mutants_history import module_of
from tests.reliability.tracing import possible

MUTANTS = mutants(source_of_writes())

traced = pytest.mark.skipif(not possible(), reason="strace is missing or may look at nothing")


@traced
def test_the_writes_as_they_are_keep_what_they_promise(memory: Path) -> None:
    assert not missed(memory, source_of_writes())


@traced
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_guarantee_that_is_taken_out_is_missed(mutant: Mutant, memory: Path) -> None:
    assert missed(memory, mutant.source)


def test_every_sync_of_the_source_is_taken_out_once() -> None:
    calls = [
        node
        for node in ast.walk(ast.parse(source_of_writes()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in SYNCS
    ]
    assert len([mutant for mutant in MUTANTS if ": without " in mutant.name]) == len(calls) > 10


# --- checksums -------------------------------------------------------------------------------


def flip(path: Path) -> None:
    """Make one blank between two words of a JSON file a tab: it says the same."""
    path.write_bytes(path.read_bytes().replace(b": ", b":\t", 1))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "torn": lambda folder: (folder / "a.bin").write_bytes(b"x" * 50),
    "other bytes": lambda folder: (folder / "a.bin").write_bytes(b"y" * 100),
    "a file is gone": lambda folder: (folder / "a.bin").unlink(),
    "the manifest is gone": lambda folder: (folder / "manifest.json").unlink(),
    "the manifest is empty": lambda folder: (folder / "manifest.json").write_bytes(b""),
    "another blank in the manifest": lambda folder: flip(folder / "manifest.json"),
}


def checkpoints(root: Path) -> RunLayout:
    """Make a run with two whole checkpoints."""
    place = RunLayout(root / "r000001")
    place.folder.mkdir(parents=True)
    for step in (2, 4):
        runs.commit(place, step, fill, 3)
    return place


def fill(folder: Path) -> None:
    """Write what a checkpoint holds."""
    (folder / "a.bin").write_bytes(b"x" * 100)


def without_check(source: str, function: str) -> list[Mutant]:
    """Return sources in which a function that checks a directory finds nothing, in one way each."""
    tree = ast.parse(source)
    (found,) = (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == function)
    returns = [
        node
        for node in ast.walk(found)
        if isinstance(node, ast.Return) and not isinstance(node.value, ast.Constant)
    ]
    made = []
    for node in returns:
        told, node.value = node.value, ast.Constant(None)
        made.append(Mutant(f"without {ast.unparse(told or node)}", ast.unparse(tree)))
        node.value = told
    return made


@pytest.mark.parametrize("module", [models, runs], ids=["versions", "checkpoints"])
def test_a_check_that_is_left_out_lets_some_damage_through(module: object, tmp_path: Path) -> None:
    file = str(module.__file__)  # type: ignore[attr-defined]
    source = Path(file).read_text(encoding="utf-8")
    assert unnoticed(source, tmp_path / "whole") == []
    changed = without_check(source, "verify")
    assert len(changed) > 1
    for number, mutant in enumerate(changed):
        assert unnoticed(mutant.source, tmp_path / str(number)), mutant.name


def unnoticed(source: str, root: Path) -> list[str]:
    """Return the damages that the function `verify` of a source does not see."""
    verify = module_of(source, "checks_under_test").verify
    whole = checkpoints(root).checkpoints / "c00000004"
    digest = hashlib.sha256((whole / models.MANIFEST).read_bytes()).hexdigest()
    # A version has it beside its manifest, a checkpoint needs none.
    (whole / models.SUM).write_text(f"{digest}  {models.MANIFEST}\n")
    assert verify(whole) is None
    found = []
    for name, damage in DAMAGES.items():
        folder = root / name
        shutil.copytree(whole, folder)
        damage(folder)
        if verify(folder) is None:
            found.append(name)
    return found


def newest(source: str, root: Path) -> str | None:
    """Return the checkpoint that a source goes on from when the last one is torn."""
    place = checkpoints(root)
    DAMAGES["torn"](place.checkpoints / "c00000004")
    folder, _ = module_of(source, "checks_under_test").newest_checkpoint(place)
    return None if folder is None else str(folder.name)


def test_a_run_never_goes_on_from_a_checkpoint_that_was_not_checked(tmp_path: Path) -> None:
    source = Path(runs.__file__).read_text(encoding="utf-8")
    check = "problem = verify(folder)"
    assert source.count(check) == 1
    assert newest(source, tmp_path / "whole") == "c00000002"
    assert newest(source.replace(check, "problem = None"), tmp_path / "not") == "c00000004"


def test_what_may_be_dropped_may_be_missing_and_not_altered(tmp_path: Path) -> None:
    folder = checkpoints(tmp_path).checkpoints / "c00000004"
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"]["a.bin"]["droppable"] = True
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "a.bin").write_bytes(b"y" * 100)
    assert models.verify(folder) is not None
    (folder / "a.bin").unlink()
    assert models.verify(folder) is None
