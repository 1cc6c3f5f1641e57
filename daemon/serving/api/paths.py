"""Finds the route of a path as clients write it, and the nearest one of a path there is not."""

import difflib
import re
from collections.abc import Sequence

from daemon.core.workspace.jobs import escape

ALIASES = {
    "/health": "/healthz",
    "/v1/health": "/healthz",
    "/v1/healthz": "/healthz",
    "/ready": "/readyz",
}
ELSEWHERE = {
    "/api/tags": "/v1/models",
    "/api/ps": "/v1/models",
    "/api/show": "/v1/models",
    "/api/version": "/healthz",
    "/api/chat": "/v1/chat/completions",
    "/api/generate": "/generate",
    "/v1/messages": "/v1/chat/completions",
    "/completion": "/v1/completions",
    "/infill": "/v1/completions",
    "/props": "/v1/models",
    "/slots": "/metrics",
    "/v1": "/v1/models",
    "/index.html": "/",
    "/dashboard": "/",
}
"""What other servers call what there is here."""

MAIN = "/v1/chat/completions, /v1/completions, /v1/responses, /generate and /v1/models"
MODELS = "/v1/models"


class Paths:
    """The paths of a server's routes."""

    def __init__(self, known: Sequence[str]) -> None:
        self._known = [path for path in known if "{" not in path]

    def canonical(self, path: str) -> str:
        """Return the path of the route that is meant: slashes and `/v1` may be many or missing."""
        if path in self._known:
            return path
        plain = re.sub("/{2,}", "/", path).rstrip("/")
        while plain.startswith("/v1/v1/"):
            plain = plain.removeprefix("/v1")
        plain = ALIASES.get(plain, plain)
        for found in (plain, f"/v1{plain}"):
            if found in self._known or found.startswith(f"{MODELS}/"):
                return found
        return path

    def sentence(self, path: str) -> str:
        """Return what is said of a path there is not."""
        near = self.nearest(path)
        hint = f"did you mean {near}?" if near else f"the routes to ask are {MAIN}"
        return f"there is no {escape(path, 100)} here: {hint}"

    def nearest(self, path: str) -> str | None:
        """Return the route that may be meant; None if none is alike."""
        plain = re.sub("/{2,}", "/", path[:200]).rstrip("/").lower()
        if plain in ELSEWHERE:
            return ELSEWHERE[plain]
        ends = [known for known in self._known if known != "/" and plain.endswith(_end(known))]
        if ends:
            return max(ends, key=len)
        near = difflib.get_close_matches(plain, self._known, n=1, cutoff=0.6)
        return near[0] if near else None


def _end(path: str) -> str:
    return path.removeprefix("/v1")
