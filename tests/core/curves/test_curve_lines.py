"""Records of training become curves; what is damaged is counted."""

import json
from typing import Any

import pytest

from daemon.core.curves.curve_lines import read_lines
from daemon.core.curves.curves import Curve


def line(**record: Any) -> bytes:
    return json.dumps(record).encode() + b"\n"


def one(*lines: bytes) -> Curve:
    [curve] = read_lines(lines, "x")
    return curve


OLD = b"""Loading pretrained model
Iter 1: Val loss 3.201, Val took 1.213s
Iter 10: Train loss 2.313, Learning Rate 1.000e-05, It/sec 0.503, Tokens/sec 100.123, Trained Tokens 1234, Peak mem 5.100 GB
Iter 10: Saved adapter weights to adapters/adapters.safetensors
Iter 20: Train loss nan, Learning Rate 1.000e-05, It/sec 0.503, Tokens/sec 99.5, Trained Tokens 2468, Peak mem 5.200 GB
"""  # noqa: E501 - as mlx-lm writes them
NEW = """  iter   train_loss     tok/s     tokens
     1    val 3.200    1.20s
    10    2.313 ▼    1,100      1.2k
  save  0000010_adapters.safetensors
\x1b[2m    20\x1b[0m    \x1b[1;33m2.500 ▲\x1b[0m       99      2.4k
"""


def test_our_own_lines_become_points() -> None:
    record = line(
        run="r1",
        attempt=0,
        step=7,
        loss=1.5,
        learning_rate=0.1,
        gradient_norm=2.0,
        tokens=100,
        seconds=2.0,
        memory={"active": 5, "peak": 9},
        jobs=["j"],
    )
    curve = one(record)
    point = curve.points[0]
    assert (curve.run, curve.files, curve.damaged) == ("r1", ("j",), 0)
    assert (point.step, point.loss, point.learning_rate) == (7, 1.5, 0.1)
    assert (point.gradient_norm, point.tokens_per_s, point.memory_bytes) == (2.0, 50.0, 9)


def test_of_a_step_that_is_there_twice_the_higher_attempt_counts() -> None:
    lines = [line(step=1, attempt=a, loss=loss) for a, loss in ((0, 1.0), (2, 3.0), (1, 2.0))]
    assert one(*lines).losses == ((1, 3.0),)


def test_a_list_with_a_step_a_line_is_read_like_lines() -> None:
    body = b"[\n" + line(step=1, loss=2.0)[:-1] + b",\n" + line(step=2, loss=1.0) + b"]\n"
    assert one(*body.splitlines(keepends=True)).losses == ((1, 2.0), (2, 1.0))


def test_runs_of_one_file_are_curves_of_their_own() -> None:
    found = read_lines([line(run=run, step=1, loss=1.0) for run in ("r1", "r2")], "m")
    assert [(curve.run, curve.name) for curve in found] == [("r1", "m: r1"), ("r2", "m: r2")]


@pytest.mark.parametrize(
    "bad",
    [
        b'{"step": 3, "loss"\n',
        b"{}\n",
        b'{"step": "x", "loss": 1}\n',
        b"\xff\xfe\n",
        b'{"step": -1, "loss": 1.0}\n',
        b'{"step": true, "loss": 1.0}\n',
        b"[" * 5000 + b"\n",
        b'{"step": ' + b"9" * 5000 + b"}\n",
        b'{"a":' * 100_000 + b"\n",
    ],
)
def test_a_damaged_line_is_counted_and_the_others_stay(bad: bytes) -> None:
    curve = one(line(step=1, loss=2.0), bad, line(step=2, loss=1.0))
    assert (curve.losses, curve.damaged) == (((1, 2.0), (2, 1.0)), 1)


def test_a_loss_that_is_no_number_is_a_step_without_one() -> None:
    curve = one(
        b'{"step": 1, "loss": NaN}\n',
        line(step=2, loss=None, applied=False),
        line(step=3, loss=1e300),
        line(step=4, loss=10**400),
    )
    assert [point.loss for point in curve.points] == [None] * 4
    assert [point.applied for point in curve.points] == [True, False, True, True]


def test_the_older_console_lines_of_mlx_lm_are_read() -> None:
    curve = one(*OLD.splitlines(keepends=True))
    first, second = curve.points
    assert curve.validation == ((1, 3.201),)
    assert (first.step, first.loss, first.learning_rate) == (10, 2.313, 1e-05)
    assert (first.tokens_per_s, first.memory_bytes) == (100.123, 5_100_000_000)
    assert (second.step, second.loss, curve.damaged) == (20, None, 0)


def test_the_table_that_mlx_lm_writes_today_is_read_also_with_colours() -> None:
    curve = one(*NEW.encode().splitlines(keepends=True))
    assert curve.losses == ((10, 2.313), (20, 2.5))
    assert curve.points[0].tokens_per_s == 1100.0
    assert curve.validation == ((1, 3.2),)


def test_the_same_table_is_read_from_a_recorded_terminal_with_its_progress_bar() -> None:
    bar = b"\x1b[?25l\x1b[1;34mtrain\x1b[0m 0%\r\x1b[2K"
    row = (
        b"  \x1b[38;5;244m  10\x1b[0m    \x1b[1;32m2.805 \xe2\x96\xbc\x1b[0m    1,234     10.0k\r\n"
    )
    curve = one(bar + row)
    assert curve.losses == ((10, 2.805),)


@pytest.mark.parametrize(
    "row", ["  10    2.805 ▼       99      1.2k\n", "Iter 10: Train loss 2.805, It/sec 0.503\n"]
)
@pytest.mark.parametrize(
    "bar", ["Fetching 2 files:  50%|█████     | 1/2 [00:00<00:00,  1.47it/s]", "map: 100%", ""]
)
def test_a_progress_bar_on_the_same_line_hides_no_loss(bar: str, row: str) -> None:
    curve = one(b"Iter 1: Val loss 3.2, Val took 1s\n", f"\rmap: 0%\r{bar}{row}".encode())
    assert (curve.losses, curve.validation) == (((10, 2.805),), ((1, 3.2),))


def test_what_a_training_callback_is_told_is_read() -> None:
    curve = one(
        line(iteration=10, train_loss=2.0, tokens_per_second=5.0, peak_memory=1.5),
        line(iteration=10, val_loss=3.0),
    )
    assert curve.losses == ((10, 2.0),)
    assert curve.points[0].memory_bytes == 1_500_000_000
    assert curve.validation == ((10, 3.0),)


def test_a_file_that_tells_no_step_gives_no_curve() -> None:
    assert read_lines([b"hello\n", b"\n", b""], "x") == []
