"""What a command must not load."""

import os
import subprocess
import sys
from pathlib import Path

HEAVY = ("mlx", "transformers", "numpy", "tokenizers", "mlx_lm", "matplotlib", "watchdog")


def test_the_command_line_loads_no_model_library() -> None:
    program = (
        "import sys; from daemon.cli.entry import build; build();"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    argv = [sys.executable, "-c", program]
    run = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_a_terminal_of_ascii_only_is_written_to(tmp_path: Path) -> None:
    """Also from a workspace with another name, under the oldest of locales (fault D14)."""
    root = tmp_path / "m\u00f6 del"
    (root / "inbox").mkdir(parents=True)
    (root / "status").mkdir()
    (root / "status" / "training_status.json").write_text('{"current_file": "\u65e5 \u2713"}')
    argv = [sys.executable, "-m", "daemon", "status", "--root", str(root)]
    environment = os.environ | {
        "PYTHONIOENCODING": "ascii",
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    }
    run = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    assert run.returncode == 7
    assert "\\u65e5" in run.stdout


def test_the_module_is_the_command() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "daemon", "--help"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0
    for word in ("init", "submit", "status", "lineage", "demo", "doctor"):
        assert word in run.stdout
