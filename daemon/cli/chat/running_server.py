"""Asks the workspace's running server for `generate` and `chat`; loads no model.

The token goes to the address that the living holder of `server.lock` wrote down, and nowhere else.
"""

import http.client
import json
import urllib.parse
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from daemon.cli.chat.speaking import LoadTarget
from daemon.core.evaluation.sampling import Sampling
from daemon.core.rows.examples import Chat, Turn, to_record
from daemon.errors import UserFault
from daemon.folders import server_token
from daemon.folders.disk import locks
from daemon.layout import Layout

LOOK_S = 2.0
ANSWER_S = 3600.0
"""The server has a limit of its own for each answer; this one is for a server that hangs."""

SHOWN_BYTES = 65536
GONE = (OSError, http.client.HTTPException)


@dataclass(frozen=True)
class Server:
    """Where it is, and what it wants to see."""

    url: str
    token: str | None

    @contextmanager
    def asked(
        self, path: str, seconds: float, body: dict[str, Any] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """Give the reply to a request; no proxy is asked and no redirect followed.

        Raises:
            OSError, HTTPException: there is none.
        """
        parts = urllib.parse.urlsplit(self.url)
        line = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=seconds)
        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        try:
            if body is None:
                line.request("GET", path, headers=headers)
            else:
                headers["Content-Type"] = "application/json"
                line.request("POST", path, json.dumps(body).encode(), headers)
            yield line.getresponse()
        finally:
            line.close()

    def has(self, target: LoadTarget) -> bool:
        """Tell whether it can answer as this version.

        Raises:
            UserFault: it lets nobody ask, for want of the right token.
        """
        if target.model is None:
            return False
        status, said = self.look(f"/v1/models/{urllib.parse.quote(target.model)}")
        if status in (401, 403):
            raise self.refusal(status, said)
        return status == 200

    def look(self, path: str) -> tuple[int, bytes]:
        """Return status and body of a short question; 0 where there is no answer."""
        try:
            with self.asked(path, LOOK_S) as reply:
                return reply.status, reply.read(SHOWN_BYTES)
        except GONE:
            return 0, b""

    def refusal(self, status: int, said: bytes) -> UserFault:
        """Return the fault of an answer that is a no."""
        message = f"the server at {self.url} answers {status}: {_message(said)}"
        return UserFault("server_refused", f"{message} (--here asks without it)")


def running_server(layout: Layout) -> Server | None:
    """Return the workspace's server; None where none runs or it is about to end.

    Raises:
        UserFault: the token cannot be read.
    """
    holder = locks.holder(layout.server_lock)
    if holder is None or not holder.note:
        return None
    server = Server(holder.note, server_token.read(layout))
    return server if server.look("/healthz")[0] == 200 else None


class ServerSpeaker:
    """A server that answers, with the same questions as a model that is loaded here."""

    here = False

    def __init__(self, server: Server, target: LoadTarget) -> None:
        self.target = target
        self._server = server

    def turn_to(self, target: LoadTarget) -> None:
        """Be another version.

        Raises:
            UserFault: the server does not have it; the one before answers on.
        """
        if target != self.target and not self._server.has(target):
            message = f"the server at {self._server.url} does not have {target.name}: use --here"
            raise UserFault("not_served", message)
        self.target = target

    def stream(self, turns: Sequence[Turn], sampling: Sampling) -> Iterator[str]:
        """Give an answer piece by piece.

        Raises:
            UserFault: the server refuses the request, or ends on the way.
        """
        url = self._server.url
        body = self._body(turns, sampling)
        try:
            with self._server.asked("/v1/chat/completions", ANSWER_S, body) as reply:
                if reply.status != 200:
                    raise self._server.refusal(reply.status, reply.read(SHOWN_BYTES))
                yield from _pieces(reply)
        except GONE as error:
            message = f"the server at {url} has gone before its answer was whole; ask again"
            raise UserFault("server_gone", message) from error

    def _body(self, turns: Sequence[Turn], sampling: Sampling) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.target.model,
            "messages": to_record(Chat(tuple(turns)))["messages"],
            "stream": True,
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": sampling.top_k,
            "min_p": sampling.min_p,
            "stop": list(sampling.stops),
        }
        if sampling.seed is not None:
            body["seed"] = sampling.seed
        if self.target.asked_prefix is not None:
            body["prefix"] = self.target.asked_prefix
        return body


def _pieces(lines: Iterable[bytes]) -> Iterator[str]:
    """Give the text of a stream's events up to its end.

    Raises:
        UserFault: an event tells of an error.
        HTTPException: it ends before its end.
    """
    for line in lines:
        data = line.removeprefix(b"data: ").strip()
        if data == b"[DONE]":
            return
        record = json.loads(data) if data else {"choices": []}
        if "error" in record:
            raise UserFault("server_failed", f"the server says: {record['error']['message']}")
        for choice in record["choices"]:
            yield choice["delta"].get("content") or ""
    raise http.client.IncompleteRead(b"")


def _message(data: bytes) -> str:
    try:
        return str(json.loads(data)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return "nothing that can be read"
