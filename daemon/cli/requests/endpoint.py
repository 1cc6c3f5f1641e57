"""Asks an OpenAI-compatible endpoint the questions of suites, and keeps what it said in a file.

The key goes into one header and nowhere else. A redirect is refused: it could take the key along.
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
from daemon.cli.requests.evaluation import EvaluationOptions, chosen
from daemon.core.evaluation.suites import SuiteItem
from daemon.core.rows.examples import Chat, to_record
from daemon.core.workspace.jobs import escape
from daemon.errors import UserFault
from daemon.folders import answers
from daemon.layout import Layout
from daemon.settings_file import read_settings

TIMEOUT_S = 300.0
MOST_BYTES = 16 * 2**20
"""Of a reply; a longer one is no answer."""
TOLD_EVERY = 10


@dataclass(frozen=True)
class Endpoint:
    """Another model, behind `POST <url>/chat/completions`."""

    url: str
    """Up to and with `/v1`."""
    model: str
    key_variable: str = ""
    """The environment variable that holds the key; empty for none."""


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
        """Follow none."""


def fetch(layout: Layout, wanted: EvaluationOptions, endpoint: Endpoint, path: Path) -> None:
    """Ask what is not answered in the file yet; each answer is durable before the next is asked.

    Raises:
        UserFault: the endpoint cannot be asked, says something else, or the file is of no answers.
    """
    questions, _ = chosen(layout, read_settings(layout.settings_file), wanted)
    known = _known(path)
    asked = [
        (one.suite.name, item, one.suite.max_tokens)
        for one in questions
        for item in one.suite.items
        if (one.suite.name, item.id) not in known
    ]
    key = _key(endpoint)
    for number, (suite, item, tokens) in enumerate(asked, 1):
        answers.add(path, suite, item.id, _ask(endpoint, key, item, tokens))
        if number % TOLD_EVERY == 0 or number == len(asked):
            told = f"{number} of {len(asked)} answers of {escape(endpoint.model, 60)}"
            err.print(told, markup=False, soft_wrap=True)


def _known(path: Path) -> set[tuple[str | None, str]]:
    if not path.exists():
        if not path.parent.is_dir():
            raise UserFault("no_such_folder", f"{path.parent} is no folder: make it first")
        return set()
    try:
        file = answers.read(path)
    except OSError as error:
        raise UserFault("answers_unreadable", f"{path}: {error.strerror}") from error
    if file.mistakes:
        message = f"{path} is no file of answers ({file.mistakes[0]}): name another with --save"
        raise UserFault("answers_unfit", message)
    return {(one.suite, one.id) for one in file.given}


def _key(endpoint: Endpoint) -> str | None:
    if not endpoint.key_variable:
        return None
    key = os.environ.get(endpoint.key_variable)
    if not key:
        raise UserFault("no_key", f"the environment variable {endpoint.key_variable} is not set")
    if not key.isascii() or not key.isprintable():
        raise UserFault("bad_key", f"{endpoint.key_variable} holds what no header can carry")
    return key


def _ask(endpoint: Endpoint, key: str | None, item: SuiteItem, tokens: int) -> str:
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
        said = escape(error.read(500).decode(errors="replace"), 200)
        message = f"{endpoint.url} answers {error.code}: {said}"
        raise UserFault("endpoint_refused", message) from error
    except (OSError, ValueError) as error:
        message = f"{endpoint.url} cannot be asked: {escape(str(error), 200)}"
        raise UserFault("endpoint_unreachable", message) from error
    return _said(endpoint.url, data)


def _checked(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserFault("bad_endpoint", f"{url} is no address as http://127.0.0.1:8080/v1")
    return url.rstrip("/")


def _opener(url: str) -> urllib.request.OpenerDirector:
    host = urllib.parse.urlsplit(url).hostname
    if host in ("localhost", "127.0.0.1", "::1"):
        # What runs on this machine is not asked through a proxy.
        return urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))
    return urllib.request.build_opener(_NoRedirect)


def _said(url: str, data: bytes) -> str:
    """Return the answer of a reply: its text, or its calls as JSON where it has none."""
    try:
        if len(data) > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES} bytes")
        message = json.loads(data)["choices"][0]["message"]
        content, calls = message.get("content"), message.get("tool_calls")
        if not content and calls:
            return json.dumps([call["function"] for call in calls], ensure_ascii=False)
        if not isinstance(content, str):
            raise TypeError("the answer is no text")
        return content
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        message = f"{url} does not answer as OpenAI's API does: {escape(repr(error), 200)}"
        raise UserFault("endpoint_odd", message) from error
