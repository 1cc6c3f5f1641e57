"""MLX's wheels on Linux: one back end, and whoever has none or two is told so."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from daemon.model import wheels

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of packages that holds `mlx` alone, and is all that Python knows."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    install(tmp_path, "mlx", None)
    return tmp_path


def install(site: Path, name: str, size: int | None) -> None:
    """Write what an installed wheel leaves; with a size, the library of that many bytes too."""
    place = site / f"{name.replace('-', '_')}-0.32.4.dist-info"
    place.mkdir()
    (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.32.4\n")
    if size is not None:
        (place / "RECORD").write_text(f"{wheels.LIBRARY},sha256=x,{size}\n")
        library = site / wheels.LIBRARY
        library.parent.mkdir(parents=True, exist_ok=True)
        library.write_bytes(b"x" * size)


def told(nvidia: bool = False) -> str:
    return wheels.problem_of(wheels.installed(), nvidia) or "fine"


def test_one_back_end_is_fine(site: Path) -> None:
    install(site, "mlx-cuda-12", 9)
    assert told(nvidia=True) == "fine"


def test_two_wheels_beside_each_other_are_named_with_the_one_that_counts(site: Path) -> None:
    """A repair of mlx-cpu overwrote the library of CUDA, and the GPU was off without a word."""
    install(site, "mlx-cuda-12", 9)
    install(site, "mlx-cpu", 5)
    words = told(nvidia=True)
    assert words.startswith("mlx-cpu and mlx-cuda-12 are both installed")
    assert "that of mlx-cpu counts" in words
    assert "pip uninstall -y mlx-cpu mlx-cuda-12" in words


def test_without_a_back_end_the_extras_are_named(site: Path) -> None:
    assert "pip install 'finetuned[cpu]'" in told()


def test_a_library_that_is_of_no_wheel_was_built_by_hand(site: Path) -> None:
    library = site / wheels.LIBRARY
    library.parent.mkdir(parents=True)
    library.write_bytes(b"x")
    assert told(nvidia=True) == "fine"


def test_a_gpu_that_is_left_idle_by_the_wheel_is_named(site: Path) -> None:
    """Nothing said that an installation without CUDA lets an NVIDIA GPU lie idle."""
    install(site, "mlx-cpu", 5)
    assert told() == "fine"
    assert "'finetuned[cuda12]'" in told(nvidia=True)


@pytest.fixture
def bare(tmp_path: Path) -> list[str]:
    """Return a Python that has everything but MLX's back end: `pip install finetuned` on Linux."""
    packages, site = Path(sysconfig.get_paths()["purelib"]), tmp_path / "site"
    (site / "mlx").mkdir(parents=True)
    for entry in packages.iterdir():
        if entry.name != "mlx" and not entry.name.startswith(("mlx_cpu", "mlx_cuda")):
            (site / entry.name).symlink_to(entry)
    for entry in (packages / "mlx").iterdir():
        # Copied, because the library is looked for beside the file it belongs to.
        if entry.name != "lib" and entry.is_file():
            (site / "mlx" / entry.name).write_bytes(entry.read_bytes())
    path = os.pathsep.join((str(site), str(ROOT)))
    return ["env", f"PYTHONPATH={path}", sys.executable, "-S", "-P"]


@pytest.mark.linux("elsewhere MLX is one wheel with its back end")
@pytest.mark.parametrize(
    "words", [["-m", "daemon", "run", "--until-idle"], ["-c", "import daemon.model.backend"]]
)
def test_an_installation_without_a_back_end_says_what_to_install(
    bare: list[str], tmp_path: Path, words: list[str]
) -> None:
    """MLX's own words are that libmlx.so is missing; each worker died of them."""
    place = tmp_path / "w"
    place.mkdir()
    done = subprocess.run([*bare, *words], cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'finetuned[cpu]'" in done.stderr
    assert list(place.iterdir()) == []
