"""Sessions of the dashboard where a token is needed: logging in, the cookie, logging out.

A session's id is random and no part of the token. Only its hash is kept, in memory, for a while.
"""

import hmac
import secrets
from collections import deque
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie

from daemon.clock import Clock
from daemon.serving.generation import refused
from daemon.serving.guard import Headers, values

SESSION_S = 12 * 3600
MOST_SESSIONS = 100
MOST_FAILURES, FAILURES_S = 5, 60.0
"""After so many wrong tokens within so many seconds nobody may try for as long."""


class Sessions:
    """The sessions of one server; used by its event loop only."""

    def __init__(self, clock: Clock, token: str, port: int) -> None:
        """The cookie's name has the port: a browser shows cookies to all ports of a host."""
        self._clock = clock
        self._token = token.encode()
        self.cookie = f"finetuned_{port}"
        self._until_s: dict[bytes, float] = {}
        """By the hash of a session's id, the oldest first."""
        self._failures: deque[float] = deque()

    def log_in(self, token: str) -> str:
        """Return the `Set-Cookie` line of a new session.

        Raises:
            RequestRefused: the token is wrong (401), or there were too many tries (429).
        """
        now_s = self._clock.monotonic_s()
        while self._failures and self._failures[0] <= now_s - FAILURES_S:
            self._failures.popleft()
        if len(self._failures) >= MOST_FAILURES:
            wait_s = int(self._failures[0] + FAILURES_S - now_s) + 1
            message = f"too many wrong tokens: try again in {wait_s} s"
            raise refused(429, "too_many_tries", message, retry_s=wait_s)
        if not hmac.compare_digest(token.encode(), self._token):
            self._failures.append(now_s)
            raise refused(401, "wrong_token", "this is not the text of server.token", field="token")
        name = secrets.token_urlsafe(32)
        self._until_s[_hashed(name)] = now_s + SESSION_S
        while len(self._until_s) > MOST_SESSIONS:
            self._until_s.pop(next(iter(self._until_s)))
        return self._line(name, SESSION_S)

    def log_out(self, headers: Headers) -> str:
        """End the request's session; return the `Set-Cookie` line that removes the cookie."""
        for name in self._sent(headers):
            self._until_s.pop(_hashed(name), None)
        return self._line("", 0)

    def holds(self, headers: Headers) -> bool:
        """Return whether a request carries an open session."""
        now_s = self._clock.monotonic_s()
        return any(self._until_s.get(_hashed(name), 0.0) > now_s for name in self._sent(headers))

    def _sent(self, headers: Headers) -> list[str]:
        found = []
        for line in values(headers, "cookie"):
            try:
                morsel = SimpleCookie(line).get(self.cookie)
            except CookieError:
                continue
            found += [morsel.value] if morsel is not None else []
        return found

    def _line(self, value: str, age_s: int) -> str:
        return f"{self.cookie}={value}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Strict"


def _hashed(name: str) -> bytes:
    return sha256(name.encode()).digest()
