"""Who may ask: every combination of head lines gets exactly its code."""

from pathlib import Path

import pytest

from daemon.clock import SystemClock
from daemon.layout import Layout
from daemon.serving.guard import Headers, preflight, refusal, rules_of
from daemon.serving.rehearsal import RehearsalEngine
from daemon.settings_serving import ServerSettings
from tests.serving.house import Served, make_models, serving

RULES = rules_of(ServerSettings(), None)
OWN = "127.0.0.1:9000"
JSON = "application/json"
CURL = "application/x-www-form-urlencoded"

HOSTS = {
    OWN: None,
    "localhost:9000": None,
    "[::1]:9000": None,
    "evil.com": 403,
    "evil.com:9000": 403,
    "localhost.evil.com:9000": 403,
    "127.0.0.1.nip.io:9000": 403,
    "": 403,
    "localhost": 403,
    "localhost:9001": 403,
    "127.0.0.1:90000": 403,
    "LOCALHOST:9000": None,
    "Evil.com:9000": 403,
    "localhost.:9000": 403,
    "127.0.0.1:9000.evil.com": 403,
    "evil.com@127.0.0.1:9000": 403,
    "127.1:9000": 403,
    "2130706433:9000": 403,
    "0.0.0.0:9000": 403,
    "[::ffff:127.0.0.1]:9000": 403,
    " 127.0.0.1:9000": 403,
    "127.0.0.1:9000,evil.com": 403,
    "xn--lcalhost-n4a:9000": 403,
}
ORIGINS = {
    "http://127.0.0.1:9000": None,
    "http://localhost:9000": None,
    "null": 403,
    "": 403,
    "https://127.0.0.1:9000": 403,
    "http://127.0.0.1": 403,
    "http://127.0.0.1:9000/": 403,
    "http://127.0.0.1:9000.evil.com": 403,
    "http://evil.com": 403,
    "HTTP://127.0.0.1:9000": 403,
    "http://evil.com/?http://127.0.0.1:9000": 403,
    "http://127.0.0.1:90001": 403,
    "chrome-extension://abc": 403,
    "file://": 403,
    "http://user@127.0.0.1:9000": 403,
}
SITES = {"same-origin": None, "none": None, "same-site": 403, "cross-site": 403, "": 403, "x": 403}
TYPES = {
    JSON: None,
    "application/json; charset=utf-8": None,
    "Application/JSON": None,
    "text/plain": 415,
    CURL: 415,
    "multipart/form-data": 415,
    "": 415,
    "application/json; charset=utf-16": 415,
    "application/jsonp": 415,
    "text/json": 415,
    "application/json, text/plain": 415,
    "text/plain; application/json": 415,
}


def heads(**lines: str | None) -> Headers:
    """Return the head of a request that is right but for these lines."""
    usual: dict[str, str | None] = {"host": OWN, "content-type": JSON, "content-length": "2"}
    found = usual | {name.replace("_", "-"): value for name, value in lines.items()}
    return [(k.encode(), v.encode("latin-1")) for k, v in found.items() if v is not None]


def status(method: str, path: str, headers: Headers) -> int | None:
    found = refusal(method, path, headers, RULES)
    return None if found is None else found.status


@pytest.mark.parametrize("host", HOSTS)
def test_only_its_own_names_are_its_names(host: str) -> None:
    """Fault A1."""
    assert status("POST", "/generate", heads(host=host)) == HOSTS[host]
    assert status("GET", "/metrics", [(b"host", host.encode())]) == HOSTS[host]


@pytest.mark.parametrize("origin", ORIGINS)
def test_only_its_own_pages_may_ask(origin: str) -> None:
    """Fault A2."""
    assert status("POST", "/v1/chat/completions", heads(origin=origin)) == ORIGINS[origin]
    reading = [(b"host", OWN.encode()), (b"origin", origin.encode())]
    assert status("GET", "/v1/models", reading) == ORIGINS[origin]


@pytest.mark.parametrize("site", SITES)
def test_only_requests_of_the_same_site_are_taken(site: str) -> None:
    assert status("POST", "/generate", heads(sec_fetch_site=site)) == SITES[site]


@pytest.mark.parametrize("kind", TYPES)
def test_only_json_is_taken(kind: str) -> None:
    """Fault A3."""
    assert status("POST", "/v1/completions", heads(content_type=kind)) == TYPES[kind]


@pytest.mark.parametrize(
    ("path", "origin", "site", "expected"),
    [
        ("/generate", None, None, None),
        ("/generate", f"http://{OWN}", None, 415),
        ("/generate", None, "same-origin", 415),
        ("/generate", None, "none", 415),
        ("/generate", "http://evil.com", "cross-site", 403),
        ("/generate/", None, None, 415),
        ("/v1/completions", None, None, 415),
    ],
)
def test_the_type_curl_sends_is_taken_where_no_browser_sent_it(
    path: str, origin: str | None, site: str | None, expected: int | None
) -> None:
    head = heads(content_type=CURL, origin=origin, sec_fetch_site=site)
    assert status("POST", path, head) == expected


def test_lines_that_may_come_once_may_come_once() -> None:
    twice = [*heads(), (b"Host", OWN.encode())]
    assert status("POST", "/generate", twice) == 400
    own = [(b"origin", f"http://{OWN}".encode())]
    assert status("POST", "/generate", [*heads(), *own, *own]) == 400
    assert status("POST", "/generate", [*heads(), (b"content-type", b"text/plain")]) == 415
    assert status("GET", "/", heads(host=None, content_type=None, content_length=None)) == 400


def test_a_link_elsewhere_may_lead_to_a_page_but_no_page_may_load_it() -> None:
    link = {"sec_fetch_site": "cross-site", "content_type": None, "content_length": None}
    document = heads(**link, sec_fetch_mode="navigate", sec_fetch_dest="document")
    assert status("GET", "/", document) is None
    frame = heads(**link, sec_fetch_mode="navigate", sec_fetch_dest="iframe")
    assert status("GET", "/", frame) == 403
    script = heads(**link, sec_fetch_mode="no-cors", sec_fetch_dest="script")
    assert status("GET", "/metrics", script) == 403
    form = heads(sec_fetch_site="cross-site", sec_fetch_mode="navigate", sec_fetch_dest="document")
    assert status("POST", "/generate", form) == 403


def test_bodies_that_are_too_large_encoded_or_unwanted_are_not_read() -> None:
    assert status("POST", "/generate", heads(content_length="1048577")) == 413
    assert status("POST", "/generate", heads(content_encoding="gzip")) == 415
    assert status("GET", "/v1/models", heads()) == 400
    assert status("GET", "/", heads(content_length="0")) is None
    assert status("HEAD", "/", heads(content_length=None, transfer_encoding="chunked")) == 400


def test_a_token_is_compared_whole_and_watchers_need_none() -> None:
    rules = rules_of(ServerSettings(token=True), "secret-of-sixteen")
    for given, expected in (
        (None, 401),
        ("Bearer secret-of-sixteen", None),
        ("Bearer secret-of-sixtee", 401),
        ("bearer secret-of-sixteen", None),
        ("BEARER secret-of-sixteen", None),
        ("Bearer  secret-of-sixteen", 401),
        ("Bearer secret-of-sixteen ", 401),
        ("Bearer ", 401),
        ("Basic secret-of-sixteen", 401),
        ("Bearer \xe9", 401),
        ("secret-of-sixteen", 401),
    ):
        found = refusal("POST", "/generate", heads(authorization=given), rules)
        assert (found and found.status) == expected, given
    bare = [(b"host", OWN.encode())]
    assert refusal("GET", "/healthz", bare, rules) is None
    for path in ("/metrics", "/", "/healthz/", "/v1/models"):
        found = refusal("GET", path, bare, rules)
        assert found is not None and found.status == 401


def test_other_names_are_taken_only_where_the_settings_have_them() -> None:
    settings = ServerSettings(address="192.168.1.7", remote=True, hosts=("mac.local",))
    rules = rules_of(settings, "x" * 16)
    assert rules.hosts == {"192.168.1.7:9000", "mac.local:9000", "mac.local"}
    assert rules_of(ServerSettings(port=80), None).hosts >= {"localhost", "localhost:80"}


@pytest.mark.parametrize("path", ["/generate", "/v1/models", "/healthz", "/v1/chat/completions"])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
def test_other_methods_are_refused_and_nothing_is_said_of_other_origins(
    rehearsed: Served, method: str, path: str
) -> None:
    reply = rehearsed.ask(method, path)
    assert reply.status == 405 and reply.headers["allow"]
    assert not [name for name in reply.headers if name.startswith("access-control")]


def test_reading_routes_take_no_post_and_asking_routes_no_get(rehearsed: Served) -> None:
    """Faults C9 and A14: there is nothing that could be changed by HTTP."""
    for path in ("/v1/models", "/healthz", "/readyz", "/metrics"):
        assert rehearsed.ask("POST", path, {}).status == 405
    for path in ("/generate", "/v1/completions", "/v1/chat/completions"):
        assert rehearsed.ask("GET", path).status == 405


def test_every_answer_carries_the_strictest_policy(rehearsed: Served) -> None:
    for path in ("/healthz", "/no/such/path", "/generate"):
        headers = rehearsed.ask("GET", path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    foreign = rehearsed.ask("GET", "/healthz", headers={"Host": "evil.com"})
    assert foreign.status == 403 and "content-security-policy" in foreign.headers


PAGE = "http://localhost:3000"
ALLOWED = rules_of(ServerSettings(origins=(PAGE, "app://obsidian.md"), token=True), "x" * 16)
KEY = {"authorization": f"Bearer {'x' * 16}"}


def test_behind_a_proxy_a_host_without_its_port_is_taken_where_the_settings_name_it() -> None:
    """No setting let such a request in, and names were compared letter by letter."""
    rules = rules_of(ServerSettings(hosts=("LOCALHOST", "Mac.Local")), None)
    for host in ("localhost", "LocalHost", "mac.local", "MAC.LOCAL:9000"):
        assert refusal("GET", "/v1/models", [(b"host", host.encode())], rules) is None, host
    for host in ("127.0.0.1", "mac.local:80", "mac.local.", "mac.local:9000.evil.com"):
        found = refusal("GET", "/v1/models", [(b"host", host.encode())], rules)
        assert found is not None and found.status == 403, host


@pytest.mark.parametrize("site", [None, "same-site", "cross-site"])
@pytest.mark.parametrize("origin", [PAGE, "app://obsidian.md"])
def test_a_named_origin_may_ask_with_the_token_and_see_no_dashboard(
    origin: str, site: str | None
) -> None:
    head = heads(origin=origin, sec_fetch_site=site, **KEY)
    assert refusal("POST", "/v1/chat/completions", head, ALLOWED) is None
    without = heads(origin=origin, sec_fetch_site=site)
    found = refusal("POST", "/v1/chat/completions", without, ALLOWED)
    assert found is not None and found.status == 401
    reading = heads(origin=origin, content_type=None, content_length=None, **KEY)
    for path in ("/", "/dashboard/state", "/dashboard/events"):
        found = refusal("GET", path, reading, ALLOWED)
        assert found is not None and found.status == 403
    form = heads(origin=origin, content_type=CURL, **KEY)
    found = refusal("POST", "/generate", form, ALLOWED)
    assert found is not None and found.status == 415


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:3001",
        "http://localhost",
        "https://localhost:3000",
        "http://localhost:3000/",
        "http://localhost:3000.evil.com",
        "HTTP://localhost:3000",
        "null",
        "*",
        "",
        "app://obsidian.md.evil",
    ],
)
def test_another_origin_gets_nothing_and_no_preflight(origin: str) -> None:
    found = refusal("POST", "/v1/completions", heads(origin=origin, **KEY), ALLOWED)
    assert found is not None and found.status == 403
    asks = heads(origin=origin, access_control_request_method="POST")
    assert preflight("OPTIONS", "/v1/completions", asks, ALLOWED) is None


@pytest.mark.parametrize(
    "origin", ["*", "null", "http://*", "http://a/", "http://a/b", "localhost:3000", "http://"]
)
def test_an_origin_is_set_exactly_or_not_at_all(origin: str) -> None:
    with pytest.raises(ValueError):
        ServerSettings(origins=(origin,))


def test_a_browsers_question_is_answered_for_named_origins_alone(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    make_models(layout)
    with serving(layout, RehearsalEngine(SystemClock(), 0.0), origins=(PAGE,)) as served:
        asks = {
            "Origin": PAGE,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type,x-stainless-os",
            "Access-Control-Request-Private-Network": "true",
        }
        reply = served.ask("OPTIONS", "/v1/chat/completions", headers=asks)
        assert reply.status == 204 and reply.headers["access-control-allow-origin"] == PAGE
        assert "x-stainless-os" in reply.headers["access-control-allow-headers"]
        assert reply.headers["access-control-allow-private-network"] == "true"
        body = {"messages": [{"role": "user", "content": "hi"}]}
        said = served.ask("POST", "/v1/chat/completions", body, {"Origin": PAGE})
        assert said.status == 200 and said.headers["access-control-allow-origin"] == PAGE
        assert said.headers["vary"] == "Origin"
        missing = served.ask("GET", "/no", headers={"Origin": PAGE})
        assert missing.status == 404 and "access-control-allow-origin" in missing.headers
        for one in (reply, said, missing):
            assert "access-control-allow-credentials" not in one.headers
        for headers in (asks | {"Origin": "http://evil.example"}, asks | {"Host": "evil.example"}):
            refused = served.ask("OPTIONS", "/v1/chat/completions", headers=headers)
            assert refused.status == 403
            assert not [name for name in refused.headers if name.startswith("access-control-allow")]
