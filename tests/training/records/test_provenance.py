"""What a version says of where it came from: the code's state and the energy it took."""

import subprocess
from pathlib import Path

import pytest

from daemon.training.engine.energy import EnergyMeter
from daemon.training.records.provenance import git_commit, git_dirty


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    done = subprocess.run(
        ["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "daemon").mkdir()
    (tmp_path / "daemon" / "a.py").write_text("a = 1\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "a")
    return tmp_path


def test_a_checkout_is_dirty_by_its_package_alone(checkout: Path) -> None:
    assert git_commit(checkout) == git(checkout, "rev-parse", "HEAD")
    (checkout / "inbox").mkdir()
    (checkout / "inbox" / "rows.jsonl").write_text("{}")
    assert git_dirty(checkout) is False
    (checkout / "daemon" / "b.py").write_text("b = 1\n")
    assert git_dirty(checkout) is True
    (checkout / "daemon" / "b.py").unlink()
    (checkout / "daemon" / "a.py").write_text("a = 2\n")
    git(checkout, "add", ".")
    assert git_dirty(checkout) is True


def test_of_an_installed_package_nobody_knows_whether_it_is_dirty(
    checkout: Path, tmp_path: Path
) -> None:
    """A folder within somebody's checkout is not that checkout."""
    inside = checkout / "site-packages"
    inside.mkdir()
    assert git_commit(inside) == "unknown" and git_dirty(inside) is None


def zone(folder: Path, name: str, count: int, most: int = 1000_000_000) -> Path:
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "energy_uj").write_text(f"{count}\n")
    (folder / name / "max_energy_range_uj").write_text(f"{most}\n")
    return folder / name


def test_energy_is_added_up_over_packages_and_over_counters_that_begin_again(
    tmp_path: Path,
) -> None:
    zone(tmp_path, "intel-rapl:0", 999_000_000)
    zone(tmp_path, "intel-rapl:1", 0)
    zone(tmp_path, "intel-rapl:0:0", 0)
    meter = EnergyMeter(tmp_path)
    zone(tmp_path, "intel-rapl:0", 4_000_000)
    zone(tmp_path, "intel-rapl:1", 3_000_000)
    zone(tmp_path, "intel-rapl:0:0", 2_000_000)
    assert meter.joules() == pytest.approx(8.0)
    zone(tmp_path, "intel-rapl:1", 5_000_000)
    assert meter.joules() == pytest.approx(10.0)


def test_energy_that_nobody_tells_is_unknown_with_the_reason(tmp_path: Path) -> None:
    assert EnergyMeter(tmp_path / "none").joules() is None
    assert "no energy counter" in str(EnergyMeter(tmp_path / "none").reason)
    broken = zone(tmp_path, "intel-rapl:0", 5)
    meter = EnergyMeter(tmp_path)
    (broken / "energy_uj").unlink()
    assert meter.joules() is None and "cannot be read" in str(meter.reason)
