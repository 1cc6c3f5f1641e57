"""The dashboard's addresses: read-only, strict headers, one look for all pages."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from daemon.clock import SystemClock
from daemon.layout import Layout
from daemon.serving.dashboard import watch as watching
from daemon.serving.dashboard.reader import Reader
from daemon.serving.dashboard.routes import FILES
from tests.serving.dashboard.alone import Alone
from tests.serving.dashboard.furnished import append, step, tell

PATHS = (*FILES, "/dashboard/state", "/dashboard/events")
PATIENCE_S = 30.0
Leaving = Callable[[], bool]


def ask(
    alone: Alone, path: str, method: str = "GET", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", alone.port, timeout=PATIENCE_S)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


@contextmanager
def page(alone: Alone) -> Iterator[Iterator[dict[str, Any]]]:
    """An open page: the news it hears."""
    connection = http.client.HTTPConnection("127.0.0.1", alone.port, timeout=PATIENCE_S)
    connection.request("GET", "/dashboard/events")
    response = connection.getresponse()
    assert response.status == 200

    def news() -> Iterator[dict[str, Any]]:
        while True:
            line = response.readline()
            if not line:
                return
            if line.startswith(b"data: ") and line != b"data: {}\n":
                yield json.loads(line[6:])

    yield news()
    response.close()
    connection.close()


def heard(news: Iterator[dict[str, Any]], name: str) -> dict[str, Any]:
    """Return the next news that holds a section, and fail when none comes in time."""
    return next(one for one in news if name in one)


def test_only_reading_is_allowed(alone: Alone) -> None:
    for path in PATHS:
        for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
            assert ask(alone, path, method)[0].status == 405, (path, method)
        response, body = ask(alone, path, "HEAD")
        assert (response.status, body) == (200, b""), path


def test_every_answer_has_the_strict_headers(alone: Alone) -> None:
    for path in PATHS:
        headers = ask(alone, path, "HEAD")[0].headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; connect-src 'self';")
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Access-Control-Allow-Origin"] is None


def test_no_other_path_is_a_file(alone: Alone) -> None:
    for path in (
        "/dashboard/",
        "/dashboard/routes.py",
        "/dashboard/../watch.py",
        "/dashboard/%2e%2e/watch.py",
        "/dashboard/page.html",
        "/reports/files/..%2f..%2fstatus",
        "/reports/files/000001-file",
        "/reports/versions/v000009",
        "/reports/versions/..",
        "/reports/evaluations/e000001",
        "/dashboard/comparison?before=..&after=v000001",
    ):
        assert ask(alone, path)[0].status == 404, path


def test_a_file_that_the_browser_has_is_not_sent_again(alone: Alone) -> None:
    response, body = ask(alone, "/dashboard/plotly.js", **{"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip" and len(body) < 2 * 2**20
    again, none = ask(alone, "/dashboard/plotly.js", **{"If-None-Match": response.headers["ETag"]})
    assert (again.status, none) == (304, b"")


def test_a_browser_that_unpacks_nothing_gets_the_text(alone: Alone) -> None:
    response, body = ask(alone, "/dashboard/page.js")
    assert response.headers["Content-Encoding"] is None
    assert b"EventSource" in body


def test_the_state_is_one_document(alone: Alone) -> None:
    state = json.loads(ask(alone, "/dashboard/state")[1])
    assert state["now"]["current_file"] == "plain"
    assert len(state["points"]["rows"]) == 30 and state["points"]["first"]


def test_a_page_hears_everything_first_and_then_only_what_changes(
    alone: Alone, layout: Layout
) -> None:
    with page(alone) as news:
        first = heard(news, "points")
        assert {"now", "queue", "versions", "events", "samples"} < set(first)
        append(layout.metrics_file, [step(31)])
        second = heard(news, "points")
        assert second["points"] == {
            "first": False,
            "rows": [[31, 2.0 / 31, 5e-4, 1000.0, "r000002"]],
        }
        assert not {"queue", "versions", "samples"} & set(second)
        tell(layout, status="paused")
        third = heard(news, "now")
        assert third["now"]["headline"]["title"] == "Paused"
        assert "points" not in third and "samples" not in third


def test_numbers_that_json_has_not_are_sent_as_null(alone: Alone, layout: Layout) -> None:
    layout.status_file.write_text('{"status": "training", "loss": NaN, "heartbeat": Infinity}')
    body = ask(alone, "/dashboard/state")[1]
    state = json.loads(body, parse_constant=pytest.fail)
    assert state["now"]["loss"] is None


class Counting(Reader):
    """Counts how often the workspace is looked at, and who looks."""

    looks = 0

    def read(self) -> dict[str, dict[str, Any]]:
        type(self).looks += 1
        return super().read()


def test_all_pages_share_one_look_and_the_last_one_ends_it(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[watching.StateWatcher] = []

    def build(reader: Reader, clock: SystemClock, leaving: Leaving) -> watching.StateWatcher:
        made.append(watching.StateWatcher(reader, clock, leaving))
        return made[0]

    monkeypatch.setattr("daemon.serving.dashboard.routes.Reader", Counting)
    monkeypatch.setattr("daemon.serving.dashboard.routes.StateWatcher", build)
    # So long that no second look can come while the pages are open.
    monkeypatch.setattr(watching, "POLL_S", 3600.0)
    with Alone(layout.root) as alone:
        with page(alone) as one, page(alone) as two, page(alone) as three:
            assert all(heard(news, "now") for news in (one, two, three))
            assert (made[0].pages, Counting.looks) == (3, 1)
        until_s = time.monotonic() + PATIENCE_S
        while made[0].pages and time.monotonic() < until_s:
            threading.Event().wait(0.05)
        assert (made[0].pages, made[0].watching) == (0, False)


def test_a_page_too_many_is_told_so(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "MOST_PAGES", 1)
    with Alone(layout.root) as alone, page(alone) as news:
        heard(news, "now")
        response, body = ask(alone, "/dashboard/events")
        assert response.status == 503 and response.headers["Retry-After"] == "30"
        assert b"close one" in body


def test_pages_that_vanish_leave_nothing_behind(alone: Alone, layout: Layout) -> None:
    """More of them than there may be at once."""
    for _ in range(2 * watching.MOST_PAGES):
        with page(alone) as news:
            heard(news, "now")
    with page(alone) as news:
        assert heard(news, "now")


def test_a_server_that_leaves_lets_its_pages_go(layout: Layout) -> None:
    """Without it the server would wait for ever for those who only listen."""
    with Alone(layout.root) as alone, page(alone) as news:
        heard(news, "now")
        alone.leave()
        assert list(news) == []


def test_a_report_that_is_a_link_is_not_followed(alone: Alone, layout: Layout) -> None:
    (layout.version("v000001") / "report.html").symlink_to(layout.settings_file)
    assert ask(alone, "/reports/versions/v000001")[0].status == 404


def test_a_report_is_sent_in_a_sandbox(alone: Alone, layout: Layout) -> None:
    (layout.version("v000001") / "report.html").write_text("<body>x</body>")
    response, body = ask(alone, "/reports/versions/v000001")
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none'")
    assert "allow-same-origin" not in policy and "frame-ancestors 'none'" in policy
    assert b'href="/compare?before=v000000&amp;after=v000001"' in body
