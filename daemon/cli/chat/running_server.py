"""HTTP client of the workspace's running server, for `generate` and `chat`.

The token is sent to the address that the live holder of `server.lock` recorded, and nowhere else.
"""

import http.client
import json
import urllib.parse
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from daemon.cli.chat.speaking import LoadTarget
from daemon.core.evaluation.sampling import Sampling
from daemon.core.records import JsonObject
from daemon.core.rows.examples import Chat, Turn, to_record
from daemon.errors import UserFault
from daemon.folders import server_token
from daemon.folders.disk import locks
from daemon.layout import Layout

PROBE_TIMEOUT_S = 2.0
ANSWER_S = 3600.0
"""The server limits each answer itself; this timeout is for a server that hangs."""

SHOWN_BYTES = 65536
GONE = (OSError, http.client.HTTPException)


@dataclass(frozen=True)
class Server:
    """The address of a server and the token it needs."""

    url: str
    token: str | None

    @contextmanager
    def request(
        self, path: str, seconds: float, body: JsonObject | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """Yield the response to a request; no proxy is used and no redirect followed.

        Raises:
            OSError, HTTPException: there is no response.
        """
        parts = urllib.parse.urlsplit(self.url)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=seconds)
        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        try:
            if body is None:
                connection.request("GET", path, headers=headers)
            else:
                headers["Content-Type"] = "application/json"
                connection.request("POST", path, json.dumps(body).encode(), headers)
            yield connection.getresponse()
        finally:
            connection.close()

    def has(self, target: LoadTarget) -> bool:
        """Return whether the server has this version.

        Raises:
            UserFault: the token is missing or wrong.
        """
        if target.model is None:
            return False
        status, content = self.get(f"/v1/models/{urllib.parse.quote(target.model)}")
        if status in (401, 403):
            raise self.refusal(status, content)
        return status == 200

    def get(self, path: str) -> tuple[int, bytes]:
        """Return status and body of a short GET; status 0 if there is no response."""
        try:
            with self.request(path, PROBE_TIMEOUT_S) as reply:
                return reply.status, reply.read(SHOWN_BYTES)
        except GONE:
            return 0, b""

    def refusal(self, status: int, content: bytes) -> UserFault:
        """Return the fault for a response that is a refusal."""
        message = f"the server at {self.url} answers {status}: {_message(content)}"
        return UserFault("server_refused", f"{message} (--here works without the server)")


def running_server(layout: Layout) -> Server | None:
    """Return the workspace's server; None if none runs, or it is stopping.

    Raises:
        UserFault: the token cannot be read.
    """
    holder = locks.holder(layout.server_lock)
    if holder is None or not holder.note:
        return None
    server = Server(holder.note, server_token.read(layout))
    return server if server.get("/healthz")[0] == 200 else None


class ServerSpeaker:
    """Answers by the running server; the same interface as a model loaded in this process."""

    here = False

    def __init__(self, server: Server, target: LoadTarget) -> None:
        self.target = target
        self._server = server

    def switch_to(self, target: LoadTarget) -> None:
        """Switch to another version.

        Raises:
            UserFault: the server does not have it; the previous one stays.
        """
        if target != self.target and not self._server.has(target):
            message = f"the server at {self._server.url} does not have {target.name}: use --here"
            raise UserFault("not_served", message)
        self.target = target

    def stream(self, turns: Sequence[Turn], sampling: Sampling) -> Iterator[str]:
        """Yield an answer chunk by chunk.

        Raises:
            UserFault: the server refuses the request, or disconnects on the way.
        """
        url = self._server.url
        body = self._body(turns, sampling)
        try:
            with self._server.request("/v1/chat/completions", ANSWER_S, body) as reply:
                if reply.status != 200:
                    raise self._server.refusal(reply.status, reply.read(SHOWN_BYTES))
                yield from _deltas(reply)
        except GONE as error:
            message = f"the server at {url} disconnected before its answer was complete; try again"
            raise UserFault("server_gone", message) from error

    def _body(self, turns: Sequence[Turn], sampling: Sampling) -> JsonObject:
        body: JsonObject = {
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
        if sampling.schema is not None:
            wrapped = {"name": "answer", "schema": json.loads(sampling.schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": wrapped}
        if sampling.seed is not None:
            body["seed"] = sampling.seed
        if self.target.requested_prefix is not None:
            body["prefix"] = self.target.requested_prefix
        return body


def _deltas(lines: Iterable[bytes]) -> Iterator[str]:
    """Yield the text of a stream's events up to its end.

    Raises:
        UserFault: an event reports an error.
        HTTPException: the stream breaks off.
    """
    for line in lines:
        if line.startswith(b":"):
            # A comment: the server is still reading the prompt.
            continue
        data = line.removeprefix(b"data: ").strip()
        if data == b"[DONE]":
            return
        record = json.loads(data) if data else {"choices": []}
        if "error" in record:
            raise UserFault("server_failed", f"the server reports: {record['error']['message']}")
        for choice in record["choices"]:
            yield choice["delta"].get("content") or ""
    raise http.client.IncompleteRead(b"")


def _message(data: bytes) -> str:
    try:
        return str(json.loads(data)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return "an unreadable error"
