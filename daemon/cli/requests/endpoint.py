"""Sends the items of suites to an OpenAI-compatible endpoint and writes its answers to a file.

The key goes into one header and nowhere else. Redirects are refused: they could leak the key.
"""

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from daemon.cli.output.screen import err
from daemon.cli.requests.evaluation import EvaluationOptions
from daemon.cli.requests.suite_choice import chosen
from daemon.core.evaluation.suites import SuiteItem
from daemon.core.rows.examples import Chat, to_record
from daemon.core.workspace.jobs import escape
from daemon.errors import UserFault
from daemon.folders import answers
from daemon.layout import Layout
from daemon.settings_file import read_settings

TIMEOUT_S = 300.0
MOST_BYTES = 16 * 2**20
"""Longest reply; a longer one is refused."""
PROGRESS_EVERY = 10


@dataclass(frozen=True)
class Endpoint:
    """Another model, behind `POST <url>/chat/completions`."""

    url: str
    """Up to and including `/v1`."""
    model: str
    key_variable: str = ""
    """The environment variable with the key; empty for none."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Any,
        newurl: str,
    ) -> None:
        """Follow no redirect."""


def fetch(layout: Layout, wanted: EvaluationOptions, endpoint: Endpoint, path: Path) -> None:
    """Request the answers missing in the file; each is durable before the next is requested.

    Raises:
        UserFault: the endpoint cannot be reached or answers something else, or the file is not a
            file of answers.
    """
    suites, _ = chosen(layout, read_settings(layout.settings_file), wanted.suites)
    answered = _answered(path)
    pending = [
        (one.suite.name, item, one.suite.max_tokens)
        for one in wanted.limited(suites)
        for item in one.suite.items
        if (one.suite.name, item.id) not in answered
    ]
    key = _key(endpoint)
    for number, (suite, item, tokens) in enumerate(pending, 1):
        answers.add(path, suite, item.id, _request_answer(endpoint, key, item, tokens))
        if number % PROGRESS_EVERY == 0 or number == len(pending):
            progress = f"{number} of {len(pending)} answers of {escape(endpoint.model, 60)}"
            err.print(progress, markup=False, soft_wrap=True)


def _answered(path: Path) -> set[tuple[str | None, str]]:
    if not path.exists():
        if not path.parent.is_dir():
            raise UserFault("no_such_folder", f"{path.parent} is not a folder: create it first")
        return set()
    try:
        file = answers.read(path)
    except OSError as error:
        raise UserFault("answers_unreadable", f"{path}: {error.strerror}") from error
    if file.mistakes:
        message = f"{path} is not a file of answers ({file.mistakes[0]}): name another with --save"
        raise UserFault("answers_unfit", message)
    return {(one.suite, one.id) for one in file.given}


def _key(endpoint: Endpoint) -> str | None:
    if not endpoint.key_variable:
        return None
    key = os.environ.get(endpoint.key_variable)
    if not key:
        raise UserFault("no_key", f"the environment variable {endpoint.key_variable} is not set")
    if not key.isascii() or not key.isprintable():
        raise UserFault(
            "bad_key", f"{endpoint.key_variable} holds characters that a header cannot carry"
        )
    return key


def _request_answer(endpoint: Endpoint, key: str | None, item: SuiteItem, tokens: int) -> str:
    body = to_record(Chat(item.messages, tools=item.tools))
    body |= {"model": endpoint.model, "max_tokens": tokens, "temperature": 0, "stream": False}
    headers = {"Content-Type": "application/json"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(
        f"{_checked(endpoint.url)}/chat/completions", json.dumps(body).encode(), headers
    )
    try:
        with _opener(endpoint.url).open(request, timeout=TIMEOUT_S) as reply:
            data = reply.read(MOST_BYTES + 1)
    except urllib.error.HTTPError as error:
        detail = escape(error.read(500).decode(errors="replace"), 200)
        message = f"{endpoint.url} answers {error.code}: {detail}"
        raise UserFault("endpoint_refused", message) from error
    except (OSError, ValueError) as error:
        message = f"{endpoint.url} cannot be reached: {escape(str(error), 200)}"
        raise UserFault("endpoint_unreachable", message) from error
    return _answer_of(endpoint.url, data)


def _checked(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserFault("bad_endpoint", f"{url} is not an address like http://127.0.0.1:8080/v1")
    return url.rstrip("/")


def _opener(url: str) -> urllib.request.OpenerDirector:
    host = urllib.parse.urlsplit(url).hostname
    if host in ("localhost", "127.0.0.1", "::1"):
        # A server on this machine is not reached through a proxy.
        return urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))
    return urllib.request.build_opener(_NoRedirect)


def _answer_of(url: str, data: bytes) -> str:
    """Return the answer of a reply: its text, or its calls as JSON where it has no text."""
    try:
        if len(data) > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES} bytes")
        message = json.loads(data)["choices"][0]["message"]
        content, calls = message.get("content"), message.get("tool_calls")
        if not content and calls:
            return json.dumps([call["function"] for call in calls], ensure_ascii=False)
        if not isinstance(content, str):
            raise TypeError("the answer is not text")
        return content
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        message = f"{url} does not respond like OpenAI's API: {escape(repr(error), 200)}"
        raise UserFault("endpoint_odd", message) from error
