"""A short share of the requests that `make soak` makes (A4, A5, A9)."""

from pathlib import Path
from unittest.mock import patch

import pytest

from daemon.clock import SystemClock
from daemon.layout import Layout
from daemon.serving.rehearsal import RehearsalEngine
from tests.serving import fuzz
from tests.serving.house import make_models, serving

SEED, REQUESTS = 20261121, 100


def test_no_request_makes_the_server_fail_or_hang(tmp_path: Path) -> None:
    assert not fuzz.survives(tmp_path, SEED, REQUESTS)


def test_a_server_that_fails_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layout = Layout(tmp_path)
    make_models(layout)
    with serving(layout, RehearsalEngine(SystemClock(), 0.0)) as served:
        request = f"GET /v1/models HTTP/1.1\r\nHost: {served.host}\r\nConnection: close\r\n\r\n"
        assert not fuzz.afterwards(served) and fuzz.status(served, request.encode()) == 200
        with patch.object(served.handler.registry, "subjects", side_effect=RuntimeError):
            assert fuzz.status(served, request.encode()) == 500
        assert fuzz.afterwards(served) == ["the server counts internal_error"]
    assert "RuntimeError" in capsys.readouterr().err
