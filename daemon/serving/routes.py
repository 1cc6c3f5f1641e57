"""The routes of inference and of watching, each a few lines over the desk; no limits here."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, Router

from daemon.serving.asked import Chat, Completion, Generate, understood
from daemon.serving.desk import Desk, Question
from daemon.serving.metrics import CONTENT_TYPE
from daemon.serving.shapes import (
    ChatShape,
    CompletionShape,
    GenerateShape,
    json_bytes,
    model_record,
)
from daemon.serving.work import Refused, refused


def make_router(desk: Desk, pages: Sequence[BaseRoute]) -> Router:
    """Return every route; `pages` are what people look at."""
    return Router([*_answering(desk), *_watching(desk), *pages], redirect_slashes=False)


def _answering(desk: Desk) -> list[Route]:
    async def generate(request: Request) -> Response:
        asked = understood(Generate, await desk.body(request))
        turns = asked.turns()
        question = Question(
            asked.model, asked, lambda s: desk.prompts.of_chat(s, turns, ()), prefix=asked.prefix
        )
        return await desk.answer(request, question, GenerateShape())

    async def chat_completions(request: Request) -> Response:
        asked = understood(Chat, await desk.body(request))
        turns, tools = asked.turns(), asked.tool_texts()
        question = Question(
            asked.model, asked, lambda s: desk.prompts.of_chat(s, turns, tools), tools,
            asked.counts_usage, asked.prefix,
        )  # fmt: skip
        return await desk.answer(request, question, ChatShape())

    async def completions(request: Request) -> Response:
        asked = understood(Completion, await desk.body(request))
        question = Question(
            asked.model, asked, lambda s: desk.prompts.of_text(s, asked.text),
            counts_usage=asked.counts_usage,
        )  # fmt: skip
        return await desk.answer(request, question, CompletionShape())

    return [
        Route("/generate", generate, methods=["POST"]),
        Route("/v1/chat/completions", chat_completions, methods=["POST"]),
        Route("/v1/completions", completions, methods=["POST"]),
    ]


def _watching(desk: Desk) -> list[Route]:
    async def models(_request: Request) -> Response:
        listed = [model_record(subject) for subject in desk.registry.subjects().values()]
        return _json({"object": "list", "data": listed})

    async def model(request: Request) -> Response:
        return _json(model_record(desk.registry.find(request.path_params["model"])))

    async def healthz(_request: Request) -> Response:
        if desk.thread.over is not None:
            raise Refused(desk.thread.over)
        return PlainTextResponse("ok\n")

    async def readyz(_request: Request) -> Response:
        if desk.thread.over is not None:
            raise Refused(desk.thread.over)
        if not desk.registry.has_current():
            raise refused(503, "no_model_yet", "there is no current model yet", retry_s=10)
        return PlainTextResponse("ready\n")

    async def metrics(_request: Request) -> Response:
        return Response(desk.metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    return [
        Route("/v1/models", models),
        Route("/v1/models/{model:path}", model),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
    ]


def _json(value: object) -> Response:
    return Response(json_bytes(value), media_type="application/json")
