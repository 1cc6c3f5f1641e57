"""The routes of inference, health and metrics."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import wraps

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, Router

from daemon.serving.api.openapi import document
from daemon.serving.api.response_items import ResponsesRequest
from daemon.serving.errors import json_bytes
from daemon.serving.generation import RequestRefused, refused
from daemon.serving.metrics import CONTENT_TYPE
from daemon.serving.prompts import Prompts
from daemon.serving.request_bodies import (
    ChatRequest,
    CompletionRequest,
    FeedbackRequest,
    GenerateRequest,
)
from daemon.serving.request_handler import GenerationRequest, RequestHandler
from daemon.serving.response_formats import (
    ChatFormat,
    CompletionFormat,
    GenerateFormat,
    model_record,
)
from daemon.serving.responses_format import ResponsesFormat

Endpoint = Callable[[Request], Awaitable[Response]]


def make_router(handler: RequestHandler, pages: Sequence[BaseRoute]) -> Router:
    """Return every route; `pages` are those of the dashboard."""
    return Router(
        [*_inference_routes(handler), *_status_routes(handler), *pages], redirect_slashes=False
    )


def _inference_routes(handler: RequestHandler) -> list[Route]:
    prompts = handler.prompts

    async def generate(request: Request) -> Response:
        fields = await handler.fields(request, GenerateRequest)
        return await handler.answer(request, plain_generation(prompts, fields), GenerateFormat())

    async def chat_completions(request: Request) -> Response:
        fields = await handler.fields(request, ChatRequest)
        shape = ChatFormat(scores=fields.alternatives is not None)
        return await handler.answer(request, chat_generation(prompts, fields), shape)

    async def completions(request: Request) -> Response:
        fields = await handler.fields(request, CompletionRequest)
        shape = CompletionFormat(bool(fields.echo), fields.alternatives is not None)
        return await handler.answer(request, text_generation(prompts, fields), shape)

    async def responses(request: Request) -> Response:
        fields = await handler.fields(request, ResponsesRequest)
        return await handler.answer(
            request, response_generation(prompts, fields), ResponsesFormat(fields)
        )

    async def embeddings(_request: Request) -> Response:
        message = "these models write text and give no embeddings: ask a server of another model"
        raise refused(400, "embeddings_unsupported", message)

    async def feedback(request: Request) -> Response:
        fields = await handler.fields(request, FeedbackRequest)
        handler.usage.feedback(fields.id, fields.rating, fields.better)
        return _json({"recorded": True})

    return [
        Route("/v1/feedback", as_openai(feedback), methods=["POST"]),
        Route("/generate", generate, methods=["POST"]),
        Route("/v1/chat/completions", as_openai(chat_completions), methods=["POST"]),
        Route("/v1/completions", as_openai(completions), methods=["POST"]),
        Route("/v1/responses", as_openai(responses), methods=["POST"]),
        Route("/v1/embeddings", embeddings, methods=["POST"]),
    ]


def plain_generation(prompts: Prompts, fields: GenerateRequest) -> GenerationRequest:
    """Return what a request to `/generate` asks for."""
    turns = fields.turns()
    return GenerationRequest(
        fields.model_id,
        fields,
        lambda s: [prompts.of_chat(s, turns, ())],
        prefix=fields.prefix,
        form=fields.form(),
        turns=tuple(turns),
    )


def chat_generation(prompts: Prompts, fields: ChatRequest) -> GenerationRequest:
    """Return what a chat asks for."""
    turns, tools = fields.turns(), fields.tool_texts()
    return GenerationRequest(
        fields.model_id,
        fields,
        lambda s: [prompts.of_chat(s, turns, tools)],
        tools,
        fields.counts_usage,
        fields.prefix,
        fields.parallel_tool_calls is False,
        fields.n or 1,
        fields.alternatives,
        form=fields.form(),
        turns=tuple(turns),
    )


def response_generation(prompts: Prompts, fields: ResponsesRequest) -> GenerationRequest:
    """Return what a response asks for."""
    turns, tools = fields.turns(), fields.tool_texts()
    return GenerationRequest(
        fields.model_id,
        fields,
        lambda s: [prompts.of_chat(s, turns, tools)],
        tools,
        one_call=fields.parallel_tool_calls is False,
        form=fields.form(),
        turns=tuple(turns),
    )


def text_generation(prompts: Prompts, fields: CompletionRequest) -> GenerationRequest:
    """Return what a completion asks for."""
    return GenerationRequest(
        fields.model_id,
        fields,
        lambda s: [prompts.of_text(s, text) for text in fields.prompts],
        counts_usage=fields.counts_usage,
        answers=fields.n or 1,
        alternatives=fields.alternatives,
        echo=bool(fields.echo),
        continues=True,
    )


def as_openai(endpoint: Endpoint) -> Endpoint:
    """Return an endpoint that refuses fields with OpenAI's status."""

    @wraps(endpoint)
    async def send(request: Request) -> Response:
        try:
            return await endpoint(request)
        except RequestRefused as no:
            if no.trouble.status != 422:
                raise
            raise RequestRefused(replace(no.trouble, status=400)) from no

    return send


def _status_routes(handler: RequestHandler) -> list[Route]:
    async def models(_request: Request) -> Response:
        listed = [model_record(subject, name) for name, subject in handler.registry.listed()]
        return _json({"object": "list", "data": listed})

    async def model(request: Request) -> Response:
        requested = request.path_params["model"]
        return _json(model_record(handler.registry.find(requested), requested))

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

    async def favicon(_request: Request) -> Response:
        return Response(status_code=204, headers={"Cache-Control": "max-age=86400"})

    async def metrics(_request: Request) -> Response:
        return Response(handler.metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    async def described(request: Request) -> Response:
        url = f"http://{request.headers['host']}"
        return _json(document(url, needs_token=handler.settings.needs_token))

    return [
        Route("/openapi.json", described),
        Route("/v1/models", models),
        Route("/v1/models/{model:path}", model),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
        Route("/favicon.ico", favicon),
    ]


def _json(value: object) -> Response:
    return Response(json_bytes(value), media_type="application/json")
