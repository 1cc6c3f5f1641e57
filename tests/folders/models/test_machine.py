"""What worked on this machine is remembered, and a damaged memory is set aside."""

from pathlib import Path

import pytest

from daemon.folders.models.machine import read_worked, remember_worked
from daemon.layout import Layout

GPU, CPU, BASE = "Apple M2", "CPU (openblas)", "f" * 64


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    found = Layout(tmp_path)
    found.models.mkdir()
    return found


def test_what_worked_is_known_for_its_device_and_base_only(layout: Layout) -> None:
    assert remember_worked(layout, GPU, BASE, {"pass_tokens": 512}) is None
    assert read_worked(layout, GPU, BASE) == ({"pass_tokens": 512}, None)
    assert read_worked(layout, CPU, BASE) == read_worked(layout, GPU, "e") == ({}, None)


def test_new_facts_are_laid_over_the_old_ones(layout: Layout) -> None:
    remember_worked(layout, GPU, BASE, {"pass_tokens": 512, "checkpoint": False})
    remember_worked(layout, CPU, BASE, {"pass_tokens": 64})
    remember_worked(layout, GPU, BASE, {"pass_tokens": 256, "peak_bytes": 9})
    worked, _ = read_worked(layout, GPU, BASE)
    assert worked == {"pass_tokens": 256, "checkpoint": False, "peak_bytes": 9}
    assert read_worked(layout, CPU, BASE)[0] == {"pass_tokens": 64}


def test_nothing_new_writes_nothing(layout: Layout) -> None:
    remember_worked(layout, GPU, BASE, {"pass_tokens": 512})
    before = layout.machine.stat().st_ino
    remember_worked(layout, GPU, BASE, {"pass_tokens": 512})
    assert layout.machine.stat().st_ino == before


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"{}",
        b'{"schema_version": 1, "entries": []}',
        b'{"schema_version": 1, "entries": {"a": 1}}',
        b'{"schema_version": 1, "entries": {"a"',
    ],
)
def test_a_damaged_memory_is_set_aside_and_said(layout: Layout, damage: bytes) -> None:
    """Fault Q2."""
    for number in (1, 2):
        layout.machine.write_bytes(damage)
        worked, problem = read_worked(layout, GPU, BASE)
        aside = layout.models / f"machine.broken-{number}.json"
        assert worked == {} and problem is not None and aside.name in problem
        assert aside.read_bytes() == damage
    assert read_worked(layout, GPU, BASE) == ({}, None)


def test_damage_is_said_by_whoever_finds_it_first_also_when_writing(layout: Layout) -> None:
    layout.machine.write_bytes(b"torn")
    problem = remember_worked(layout, GPU, BASE, {"pass_tokens": 512})
    assert problem is not None and "machine.broken-1.json" in problem
    assert read_worked(layout, GPU, BASE) == ({"pass_tokens": 512}, None)
