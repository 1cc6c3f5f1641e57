"""What goes through the workers' pipes comes out as it went in."""

import pytest

from daemon.core import messages as say
from daemon.core.training.progress import Metrics, Progress, Sample

METRICS = Metrics(1, 1, 1, None, 1e-3, None, False, 8, 100, 50, 128, 0.5, ("000001-a",), "p\u2028")
MESSAGES: list[say.Report] = [
    say.Ready(1, "cpu", {"mlx": "0"}),
    say.Stepped("r000001", METRICS),
    say.Evaluated("r000001", 3, None, (Sample(1, "p", "g", "m\n", True, "j"),), 2, 0.5),
    say.RunBegun("r000001", 1, 0, 0, 10, Progress(0, recent_matches=(True,))),
]


@pytest.mark.parametrize("report", MESSAGES)
def test_a_report_is_one_line_and_comes_back_equal(report: say.Report) -> None:
    line = say.encode(report)
    assert line.count(b"\n") == 1 and line.isascii()
    assert say.decode_report(line) == report


@pytest.mark.parametrize(
    "order", [say.Train("r000001", "memory"), say.Pause(), say.TakeIn("000001-a")]
)
def test_an_order_comes_back_equal(order: say.Order) -> None:
    assert say.decode_order(say.encode(order)) == order


@pytest.mark.parametrize(
    "line", [b"", b"[]", b'{"kind":"Evil"}', b'{"kind":"Train"}', b'{"kind":"Stop","x":1}', b"hi"]
)
def test_anything_else_is_no_message(line: bytes) -> None:
    with pytest.raises(ValueError):
        say.decode_order(line)
