"""The routes of inference and of watching, each a few lines over the desk; no limits here."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, Router

from daemon.serving.generation import RequestRefused, refused
from daemon.serving.metrics import CONTENT_TYPE
from daemon.serving.request_bodies import ChatRequest, CompletionRequest, GenerateRequest, validated
from daemon.serving.request_handler import GenerationRequest, RequestHandler
from daemon.serving.response_formats import (
    ChatFormat,
    CompletionFormat,
    GenerateFormat,
    json_bytes,
    model_record,
)


def make_router(handler: RequestHandler, pages: Sequence[BaseRoute]) -> Router:
    """Return every route; `pages` are what people look at."""
    return Router([*_answering(handler), *_watching(handler), *pages], redirect_slashes=False)


def _answering(handler: RequestHandler) -> list[Route]:
    async def generate(request: Request) -> Response:
        asked = validated(GenerateRequest, await handler.body(request))
        turns = asked.turns()
        question = GenerationRequest(
            asked.model, asked, lambda s: handler.prompts.of_chat(s, turns, ()), prefix=asked.prefix
        )
        return await handler.answer(request, question, GenerateFormat())

    async def chat_completions(request: Request) -> Response:
        asked = validated(ChatRequest, await handler.body(request))
        turns, tools = asked.turns(), asked.tool_texts()
        question = GenerationRequest(
            asked.model,
            asked,
            lambda s: handler.prompts.of_chat(s, turns, tools),
            tools,
            asked.counts_usage,
            asked.prefix,
        )
        return await handler.answer(request, question, ChatFormat())

    async def completions(request: Request) -> Response:
        asked = validated(CompletionRequest, await handler.body(request))
        question = GenerationRequest(
            asked.model,
            asked,
            lambda s: handler.prompts.of_text(s, asked.text),
            counts_usage=asked.counts_usage,
        )
        return await handler.answer(request, question, CompletionFormat())

    return [
        Route("/generate", generate, methods=["POST"]),
        Route("/v1/chat/completions", chat_completions, methods=["POST"]),
        Route("/v1/completions", completions, methods=["POST"]),
    ]


def _watching(handler: RequestHandler) -> list[Route]:
    async def models(_request: Request) -> Response:
        listed = [model_record(subject) for subject in handler.registry.subjects().values()]
        return _json({"object": "list", "data": listed})

    async def model(request: Request) -> Response:
        return _json(model_record(handler.registry.find(request.path_params["model"])))

    async def healthz(_request: Request) -> Response:
        if handler.thread.over is not None:
            raise RequestRefused(handler.thread.over)
        return PlainTextResponse("ok\n")

    async def readyz(_request: Request) -> Response:
        if handler.thread.over is not None:
            raise RequestRefused(handler.thread.over)
        if not handler.registry.has_current():
            raise refused(503, "no_model_yet", "there is no current model yet", retry_s=10)
        return PlainTextResponse("ready\n")

    async def metrics(_request: Request) -> Response:
        return Response(handler.metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    return [
        Route("/v1/models", models),
        Route("/v1/models/{model:path}", model),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
    ]


def _json(value: object) -> Response:
    return Response(json_bytes(value), media_type="application/json")
