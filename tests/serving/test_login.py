"""A browser logs in where the server needs a token; the cookie opens reading and asking only."""

import json
from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any

import pytest

from daemon.clock import SystemClock
from daemon.folders import server_token
from daemon.layout import Layout
from daemon.serving.generation import RequestRefused
from daemon.serving.rehearsal import RehearsalEngine
from daemon.serving.sessions import (
    FAILURES_S,
    MOST_FAILURES,
    MOST_SESSIONS,
    SESSION_S,
    Sessions,
)
from tests.clocks import StillClock
from tests.serving.house import Reply, Served, make_models, serving

HTML = {"Accept": "text/html,*/*", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}
QUESTION = {"messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    layout = Layout(tmp_path_factory.mktemp("w"))
    make_models(layout)
    with serving(layout, RehearsalEngine(SystemClock(), 0.0), token=True) as found:
        yield found


def own(served: Served, **more: str) -> dict[str, str]:
    """Return what a browser adds for the server's own page."""
    return {"Origin": f"http://{served.host}", "Sec-Fetch-Site": "same-origin"} | more


def log_in(served: Served, token: str | None = None) -> Reply:
    token = server_token.read(served.layout) if token is None else token
    return served.ask("POST", "/login", {"token": token}, own(served))


@pytest.fixture
def cookie(served: Served) -> str:
    line = log_in(served).headers["set-cookie"]
    return line.split(";")[0]


def test_a_page_leads_to_the_login_and_a_program_gets_its_401(served: Served) -> None:
    """A dashboard behind `server.token` answered every browser with JSON and 401."""
    for path in ("/", "/compare", "/reports/versions/v000000"):
        page = served.ask("GET", path, None, HTML)
        assert page.status == 303 and page.headers["location"] == "/login"
    assert served.ask("GET", "/").status == 401
    assert served.ask("POST", "/generate", {"prompt": "x"}, HTML).status == 401
    page = served.ask("GET", "/login", None, HTML)
    assert page.status == 200 and b"/dashboard/login.js" in page.body
    assert served.ask("GET", "/dashboard/login.js").status == 200
    assert served.ask("GET", "/dashboard/page.js").status == 401


def test_the_cookie_is_random_and_only_for_the_servers_own_pages(served: Served) -> None:
    reply = log_in(served)
    assert reply.status == 204
    (morsel,) = SimpleCookie(reply.headers["set-cookie"]).values()
    assert morsel.key == f"finetuned_{served.settings.port}"
    assert morsel["httponly"] and morsel["samesite"] == "Strict" and morsel["path"] == "/"
    token = server_token.read(served.layout)
    assert token and token not in morsel.value and len(morsel.value) >= 40
    assert log_in(served).headers["set-cookie"] != reply.headers["set-cookie"]


def test_a_session_opens_reading_and_the_box_that_asks(served: Served, cookie: str) -> None:
    assert served.ask("GET", "/", None, HTML | {"Cookie": cookie}).status == 200
    assert served.ask("GET", "/dashboard/state", None, {"Cookie": cookie}).status == 200
    opened = served.ask("GET", "/dashboard/session", None, {"Cookie": f"a=b; {cookie}"})
    assert opened.json() == {"open": True}
    chat = served.ask("POST", "/v1/chat/completions", QUESTION, own(served, Cookie=cookie))
    assert chat.status == 200


@pytest.mark.parametrize(
    ("method", "path", "change"),
    [
        ("POST", "/v1/chat/completions", {"Origin": ""}),
        ("POST", "/v1/chat/completions", {"Sec-Fetch-Site": ""}),
        ("POST", "/v1/chat/completions", {"Sec-Fetch-Site": "none"}),
        ("POST", "/v1/chat/completions", {"Sec-Fetch-Site": "same-site"}),
        ("POST", "/v1/chat/completions", {"Origin": "http://127.0.0.1:1"}),
        ("POST", "/chat/completions", {}),
        ("POST", "//v1/chat/completions", {}),
        ("POST", "/generate", {}),
        ("POST", "/v1/completions", {}),
        ("POST", "/v1/responses", {}),
        ("GET", "/dashboard/state", {"Origin": "http://127.0.0.1:1"}),
        ("GET", "/dashboard/state", {"Sec-Fetch-Site": "same-site", "Origin": ""}),
        ("GET", "/dashboard/state", {"Sec-Fetch-Site": "cross-site", "Origin": ""}),
    ],
)
def test_a_session_opens_nothing_else(
    served: Served, cookie: str, method: str, path: str, change: dict[str, str]
) -> None:
    body = QUESTION if method == "POST" else None
    reply = served.ask(method, path, body, own(served, Cookie=cookie) | change)
    assert reply.status in (401, 403), reply.body


@pytest.mark.parametrize(
    "cookie", ["", "x", "finetuned=1", "finetuned_{0}=", "finetuned_{0}=x", "finetuned_{0}", "\xff"]
)
def test_a_made_up_cookie_opens_nothing(served: Served, cookie: str) -> None:
    made_up = cookie.format(served.settings.port)
    with served.connect() as line:
        head = f"GET /dashboard/state HTTP/1.1\r\nHost: {served.host}\r\nCookie: {made_up}\r\n"
        line.sendall(f"{head}Connection: close\r\n\r\n".encode("latin-1"))
        assert line.recv(100).split()[1] == b"401"


def test_logging_out_ends_the_session_and_removes_the_cookie(served: Served, cookie: str) -> None:
    reply = served.ask("POST", "/logout", {}, own(served, Cookie=cookie))
    assert reply.status == 204 and "Max-Age=0" in reply.headers["set-cookie"]
    assert served.ask("GET", "/dashboard/state", None, {"Cookie": cookie}).status == 401


def test_a_page_elsewhere_cannot_log_in(served: Served) -> None:
    for origin, site in (
        ("http://evil.example", "cross-site"),
        ("http://127.0.0.1:1", "same-site"),
    ):
        headers = {"Origin": origin, "Sec-Fetch-Site": site}
        assert served.ask("POST", "/login", {"token": "x"}, headers).status == 403
    form = own(served) | {"Content-Type": "text/plain"}
    assert served.ask("POST", "/login", json.dumps({"token": "x"}).encode(), form).status == 415


def test_an_allowed_page_elsewhere_never_uses_a_session(tmp_path_factory: Any) -> None:
    """A page at another port of this host is the same site: its requests carry the cookie."""
    layout = Layout(tmp_path_factory.mktemp("w"))
    make_models(layout)
    app = "http://127.0.0.1:3000"
    engine = RehearsalEngine(SystemClock(), 0.0)
    with serving(layout, engine, token=True, origins=(app,)) as served:
        sent = {"Cookie": log_in(served).headers["set-cookie"].split(";")[0], "Origin": app}
        for site in ("same-site", "same-origin"):
            headers = sent | {"Sec-Fetch-Site": site}
            assert served.ask("GET", "/v1/models", None, headers).status == 401
            assert served.ask("POST", "/v1/chat/completions", QUESTION, headers).status == 401


def test_without_a_token_nobody_logs_in(rehearsed: Served) -> None:
    assert rehearsed.ask("GET", "/", None, HTML).status == 200
    assert rehearsed.ask("POST", "/login", {"token": "x"}, own(rehearsed)).status == 405
    assert rehearsed.ask("GET", "/dashboard/session").json() == {"open": False}


def sent(sessions: Sessions, line: str) -> list[tuple[bytes, bytes]]:
    return [(b"cookie", line.split(";")[0].encode())]


def test_wrong_tokens_are_limited_and_time_frees_the_way() -> None:
    clock = StillClock()
    sessions = Sessions(clock, "the right token", 9000)
    for _ in range(MOST_FAILURES):
        with pytest.raises(RequestRefused) as no:
            sessions.log_in("wrong")
        assert no.value.trouble.status == 401
    with pytest.raises(RequestRefused) as no:
        sessions.log_in("the right token")
    assert no.value.trouble.status == 429 and no.value.trouble.retry_s
    clock.pass_s(FAILURES_S + 1)
    assert sessions.holds(sent(sessions, sessions.log_in("the right token")))


def test_a_session_ends_by_itself_and_there_are_only_so_many() -> None:
    clock = StillClock()
    sessions = Sessions(clock, "the right token", 9000)
    first = sent(sessions, sessions.log_in("the right token"))
    assert sessions.holds(first)
    for _ in range(MOST_SESSIONS):
        last = sent(sessions, sessions.log_in("the right token"))
    assert not sessions.holds(first) and sessions.holds(last)
    clock.pass_s(SESSION_S + 1)
    assert not sessions.holds(last)
