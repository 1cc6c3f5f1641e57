"""Routes where clients look for them, and a 404 that leads to the nearest one."""

import pytest

from daemon.serving.api.paths import ALIASES, ELSEWHERE, Paths
from tests.serving.house import Served

CHAT = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 2}
TEXT = {"prompt": "hi", "max_tokens": 2}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/chat/completions", CHAT),
        ("/v1/chat/completions/", CHAT),
        ("//v1/chat/completions", CHAT),
        ("/v1//chat//completions", CHAT),
        ("/v1/v1/chat/completions", CHAT),
        ("/v1/v1/v1/completions", TEXT),
        ("/v1/chat/completions?api-version=2024-10-21", CHAT),
        ("/completions", TEXT),
        ("/completions/", TEXT),
        ("/generate/", TEXT),
        ("/v1/generate", TEXT),
    ],
)
def test_a_route_to_ask_is_found_without_v1_and_with_slashes_too_many(
    rehearsed: Served, path: str, body: object
) -> None:
    """`Not Found` was all that was said."""
    if path == "/v1/generate":
        reply = rehearsed.ask("POST", path, body)
        assert reply.status == 404 and "/generate" in reply.json()["error"]["message"]
        return
    assert rehearsed.ask("POST", path, body).status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/health",
        "/v1/health",
        "/healthz",
        "/healthz/",
        "/readyz",
        "/models",
        "/models/",
        "/models/current",
        "/v1/models/",
        "/v1/models/current/",
        "/v1/models/latest",
        "/metrics",
        "/favicon.ico",
    ],
)
def test_watchers_and_browsers_find_what_they_look_for(
    rehearsed: Served, method: str, path: str
) -> None:
    reply = rehearsed.ask(method, path)
    assert reply.status == (204 if path == "/favicon.ico" else 200)
    assert method == "GET" or not reply.body


@pytest.mark.parametrize(
    ("method", "path", "near"),
    [
        ("POST", "/v1/chat/completion", "/v1/chat/completions"),
        ("POST", "/openai/deployments/x/chat/completions", "/v1/chat/completions"),
        ("POST", "/v1/messages", "/v1/chat/completions"),
        ("POST", "/api/chat", "/v1/chat/completions"),
        ("POST", "/api/generate", "/generate"),
        ("POST", "/api/show", "/v1/models"),
        ("GET", "/api/v0/models", "/v1/models"),
        ("GET", "/api/tags", "/v1/models"),
        ("GET", "/v1/", "/v1/models"),
        ("GET", "/props", "/v1/models"),
        ("GET", "/index.html", "/"),
        ("GET", "/helthz", "/healthz"),
        ("GET", "/metric", "/metrics"),
        ("POST", "/xmlrpc.php", "the routes to ask are /v1/chat/completions"),
        ("GET", "/wp-admin", "the routes to ask are /v1/chat/completions"),
    ],
)
def test_a_path_there_is_not_is_repeated_with_the_nearest_there_is(
    rehearsed: Served, method: str, path: str, near: str
) -> None:
    reply = rehearsed.ask(method, path, {} if method == "POST" else None)
    told = reply.json()["error"]
    assert reply.status == 404 and told["code"] == "not_found"
    assert path in told["message"] and near in told["message"]


def test_a_wrong_method_is_told_the_right_one(rehearsed: Served) -> None:
    reply = rehearsed.ask("GET", "/chat/completions")
    assert reply.status == 405 and "POST" in reply.json()["error"]["message"]
    assert rehearsed.ask("DELETE", "/v1/models/current").status == 405


def test_embeddings_are_refused_in_one_sentence(rehearsed: Served) -> None:
    for path in ("/v1/embeddings", "/embeddings"):
        reply = rehearsed.ask("POST", path, {"model": "current", "input": "hi"})
        told = reply.json()["error"]
        assert reply.status == 400 and "no embeddings" in told["message"]


def test_no_way_of_writing_a_path_leads_out_of_the_routes() -> None:
    paths = Paths(["/", "/generate", "/v1/models", "/v1/models/{model:path}", "/v1/completions"])
    for path in ("//", "/../generate", "/generate/..", "/./generate", "", "*", "//evil.example/"):
        assert paths.canonical(path) == path
    assert paths.canonical("/models/../../etc") == "/v1/models/../../etc"
    assert len(paths.sentence("/\x1b" + "x" * 90_000)) < 300


def test_what_other_servers_have_leads_to_a_route_that_there_is(rehearsed: Served) -> None:
    """A hint that leads to a second 404 is worse than none."""
    for path in {*ALIASES.values(), *ELSEWHERE.values()}:
        assert rehearsed.ask("GET", path).status != 404, path
