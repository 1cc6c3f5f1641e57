"""The routes of inference, health and metrics."""

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
    """Return every route; `pages` are those of the dashboard."""
    return Router(
        [*_inference_routes(handler), *_status_routes(handler), *pages], redirect_slashes=False
    )


def _inference_routes(handler: RequestHandler) -> list[Route]:
    prompts = handler.prompts

    async def generate(request: Request) -> Response:
        fields = validated(GenerateRequest, await handler.body(request))
        turns = fields.turns()
        generation = GenerationRequest(
            fields.model_id, fields, lambda s: prompts.of_chat(s, turns, ()), prefix=fields.prefix
        )
        return await handler.answer(request, generation, GenerateFormat())

    async def chat_completions(request: Request) -> Response:
        fields = validated(ChatRequest, await handler.body(request))
        turns, tools = fields.turns(), fields.tool_texts()
        generation = GenerationRequest(
            fields.model_id,
            fields,
            lambda s: prompts.of_chat(s, turns, tools),
            tools,
            fields.counts_usage,
            fields.prefix,
            fields.parallel_tool_calls is False,
        )
        return await handler.answer(request, generation, ChatFormat())

    async def completions(request: Request) -> Response:
        fields = validated(CompletionRequest, await handler.body(request))
        generation = GenerationRequest(
            fields.model_id,
            fields,
            lambda s: prompts.of_text(s, fields.text),
            counts_usage=fields.counts_usage,
        )
        return await handler.answer(request, generation, CompletionFormat())

    return [
        Route("/generate", generate, methods=["POST"]),
        Route("/v1/chat/completions", chat_completions, methods=["POST"]),
        Route("/v1/completions", completions, methods=["POST"]),
    ]


def _status_routes(handler: RequestHandler) -> list[Route]:
    async def models(_request: Request) -> Response:
        listed = [model_record(subject, name) for name, subject in handler.registry.listed()]
        return _json({"object": "list", "data": listed})

    async def model(request: Request) -> Response:
        asked = request.path_params["model"]
        return _json(model_record(handler.registry.find(asked), asked))

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
