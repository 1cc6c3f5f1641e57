"""The routes that log a browser in and out."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daemon.serving.api.field_types import Part
from daemon.serving.request_handler import RequestHandler
from daemon.serving.sessions import Sessions


class LoginRequest(Part):
    """The body of `POST /login`."""

    token: str


def login_routes(handler: RequestHandler, sessions: Sessions) -> list[Route]:
    """Return the routes of a server that needs a token."""

    async def log_in(request: Request) -> Response:
        fields = await handler.fields(request, LoginRequest)
        return Response(status_code=204, headers={"Set-Cookie": sessions.log_in(fields.token)})

    async def log_out(request: Request) -> Response:
        line = sessions.log_out(request.scope["headers"])
        return Response(status_code=204, headers={"Set-Cookie": line})

    return [
        Route("/login", log_in, methods=["POST"]),
        Route("/logout", log_out, methods=["POST"]),
    ]
