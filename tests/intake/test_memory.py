"""A file that needs more memory than is allowed is refused in words (faults N16, D4)."""

import subprocess
import sys
from pathlib import Path

import pytest

from daemon.intake.memory import ENFORCED, at_most, held_bytes
from tests.intake.bench import Bench, codes

MIB = 2**20

pytestmark = pytest.mark.skipif(not ENFORCED, reason="no limit on memory here")


def test_what_asks_for_more_gets_an_error_and_afterwards_all_is_as_before() -> None:
    """In a process of its own: others need their memory."""
    script = (
        "import resource\n"
        "from daemon.intake.memory import at_most\n"
        "before = resource.getrlimit(resource.RLIMIT_DATA)\n"
        f"with at_most({64 * MIB}):\n"
        f"    bytearray({32 * MIB})\n"
        "    try:\n"
        f"        bytearray({128 * MIB})\n"
        "    except MemoryError:\n"
        "        print('refused')\n"
        "assert resource.getrlimit(resource.RLIMIT_DATA) == before\n"
        f"bytearray({128 * MIB})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "refused\n"


def test_without_a_setting_half_of_the_machine_is_allowed() -> None:
    with at_most(None):
        assert held_bytes() > 0
        bytearray(MIB)


def test_a_file_that_needs_too_much_is_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written of it until then is gone, so that no row of it counts as an exam."""
    bench = Bench(tmp_path, f"[intake]\nmax_memory_bytes = {64 * MIB}\n")

    def run_out(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr("daemon.intake.taking.report_of", run_out)
        report = bench.take_in([{"text": f"row {n}"} for n in range(30)])
    assert (report["verdict"], report["code"]) == ("refused", "too_much_memory")
    assert f"{64 * MIB} bytes" in report["message"]
    assert "intake.max_memory_bytes" in report["hint"]
    assert codes(report) == {"too_much_memory": 1}
    left = {path.name for path in bench.place.folder.iterdir()}
    assert left == {"original.jsonl", "context.json", "job.json", "report.json", "rejected.jsonl"}
