"""The headers by which a browser lets an allowed page of elsewhere ask; never with credentials."""

import re
from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.responses import Response

from daemon.serving.guard import Headers, values

METHODS = "GET, HEAD, POST"
EXPOSED = "X-Request-Id, X-Finetuned-Ignored, Retry-After"
REMEMBERED_S = 600
_NAMES = re.compile(r"[a-z0-9_-]{1,60}(, ?[a-z0-9_-]{1,60}){0,40}")


def allow_reading(headers: MutableHeaders, origin: str) -> None:
    """Let the page of an origin read a response."""
    headers["Access-Control-Allow-Origin"] = origin
    headers["Access-Control-Expose-Headers"] = EXPOSED
    headers["Vary"] = "Origin"


def preflight_response(headers: Headers) -> Response:
    """Return what lets the request itself be sent."""
    found = {
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": _asked(values(headers, "access-control-request-headers")),
        "Access-Control-Max-Age": str(REMEMBERED_S),
    }
    if values(headers, "access-control-request-private-network") == ["true"]:
        found["Access-Control-Allow-Private-Network"] = "true"
    return Response(status_code=204, headers=found)


def _asked(lines: Sequence[str]) -> str:
    """Return the headers that are asked for: clients send many of their own."""
    asked = lines[0].lower() if len(lines) == 1 else ""
    return asked if _NAMES.fullmatch(asked) else "authorization, content-type"
