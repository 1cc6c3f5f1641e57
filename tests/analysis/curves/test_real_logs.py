"""What `mlx_lm.lora` wrote on a real machine is read whole, and judged as a person would judge it.

The logs are of a small model on 20 rows, with validation every 5 steps; `mlx_lm_with_bars.log` is
of standard output and standard error together, with gradient checkpointing and a test at the end.
"""

import re
from pathlib import Path

import pytest

from daemon.analysis.curves.judge import diagnose
from daemon.core.curves.curve_lines import read_lines
from daemon.core.curves.curves import Curve

LOGS = Path(__file__).with_name("logs")
COLOUR = re.compile(r"\x1b\[[\d;]*m")


def read(name: str) -> Curve:
    [curve] = read_lines((LOGS / name).read_bytes().splitlines(keepends=True), name)
    return curve


@pytest.mark.parametrize(
    ("name", "steps", "validations"),
    [("mlx_lm_diverging.log", 36, 9), ("mlx_lm_with_bars.log", 12, 4)],
)
def test_every_loss_of_a_log_is_in_its_curve(name: str, steps: int, validations: int) -> None:
    words = [COLOUR.sub("", line).split() for line in (LOGS / name).read_text().splitlines()]
    losses = [(int(w[0]), float(w[1])) for w in words if len(w) > 2 and w[2] in ("▼", "▲")]
    measured = [(int(w[0]), float(w[2])) for w in words if len(w) > 2 and w[1] == "val"]
    curve = read(name)
    assert (len(losses), len(measured)) == (steps, validations)
    assert (list(curve.losses), list(curve.validation)) == (losses, measured)
    assert curve.damaged == 0


def test_a_run_at_too_high_a_rate_is_told_to_diverge_and_when_to_stop() -> None:
    """It went from 3.2 to 0.5 nats, up and down, and in its last five steps to 1.9."""
    diagnosis = diagnose(read("mlx_lm_diverging.log"))
    [finding] = diagnosis.findings
    assert (finding.kind, finding.begins_at_step) == ("divergence", 32)
    assert diagnosis.stop is not None and diagnosis.stop.step == 20
