"""Error responses in the form of OpenAI's API."""

import orjson
from starlette.responses import Response

from daemon.core.records import JsonObject
from daemon.serving.generation import RequestError

_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error"}


def json_bytes(value: object) -> bytes:
    """Return JSON in UTF-8."""
    return orjson.dumps(value)


def error_record(trouble: RequestError) -> JsonObject:
    """Return the body of an error."""
    usual = "invalid_request_error" if trouble.status < 500 else "server_error"
    return {
        "error": {
            "message": trouble.message,
            "type": _TYPES.get(trouble.status, usual),
            "param": trouble.field,
            "code": trouble.code,
        }
    }


def error_response(trouble: RequestError, *, close: bool = False) -> Response:
    """Return an error with its status; `close` where the request's body may still be arriving."""
    headers = {}
    if trouble.retry_s is not None:
        headers["Retry-After"] = str(trouble.retry_s)
    if trouble.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if close:
        headers["Connection"] = "close"
    return Response(json_bytes(error_record(trouble)), trouble.status, headers, "application/json")
