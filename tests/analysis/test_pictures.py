"""The picture is a PNG of one size, whatever the report holds."""

import io
import struct
from pathlib import Path
from typing import Any

import pytest

from daemon.analysis.pictures import draw
from tests.analysis.reports import accepted


def size_of(data: bytes) -> tuple[int, int]:
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    return width, height


@pytest.mark.parametrize("report", [accepted(), {}, {"name": "$\\frac{$", "verdict": "refused"}])
def test_any_report_is_drawn_in_one_size(report: dict[str, Any], tmp_path: Path) -> None:
    draw(report, tmp_path / "report.png")
    assert size_of((tmp_path / "report.png").read_bytes()) == (1600, 1200)


def test_the_same_report_is_the_same_picture() -> None:
    first, second = io.BytesIO(), io.BytesIO()
    draw(accepted(), first)
    draw(accepted(), second)
    assert first.getvalue() == second.getvalue()
