"""Handles a request from its body to its response: queues the generation, awaits its events."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from itertools import count
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from daemon.clock import Clock
from daemon.core.rows.examples import Turn
from daemon.serving.answer_events import Answering, ClientGone, Indexed, Nothing
from daemon.serving.answer_form import AnswerForm
from daemon.serving.api.request_notes import IgnoredFields, notes_of
from daemon.serving.api.validation import Body, validated
from daemon.serving.body import read_json
from daemon.serving.engine_thread import EngineThread
from daemon.serving.errors import json_bytes
from daemon.serving.generation import (
    AnswerDelta,
    GenerationJob,
    RequestError,
    RequestRefused,
    ServedVersion,
    TokenScore,
    refused,
)
from daemon.serving.metrics import ServerMetrics
from daemon.serving.prompts import Prompts, room_for
from daemon.serving.registry import Registry
from daemon.serving.request_bodies import SEEDS, SamplingFields
from daemon.serving.response_formats import AnswerParts, Frame, ResponseFormat
from daemon.serving.stream import EventStream
from daemon.serving.usage import AnswerUsage, UsageRecorder
from daemon.settings_serving import ServerSettings

PromptsOf = Callable[[ServedVersion], Sequence[tuple[int, ...]]]


@dataclass(frozen=True)
class GenerationRequest:
    """A request as its route has parsed it."""

    model: str
    choices: SamplingFields
    prompts_of: PromptsOf
    tools: tuple[str, ...] = ()
    counts_usage: bool = False
    prefix: str | None = None
    """A name of `[prefixes]`, or `none`; None for the version's own."""
    one_call: bool = False
    """Only the first of several calls is wanted."""
    answers: int = 1
    """How many answers to each prompt."""
    alternatives: int | None = None
    """How many of the likeliest tokens are scored with each token; None scores nothing."""
    echo: bool = False
    """The prompt's tokens come before the answer's."""
    continues: bool = False
    """The answers go on with the prompt's text."""
    form: AnswerForm | None = None
    """The form that the answers must have."""
    turns: tuple[Turn, ...] = ()
    """The conversation, for those who send a better answer; none of a text to continue."""


@dataclass
class RequestHandler:
    """Everything that the routes share."""

    settings: ServerSettings
    registry: Registry
    prompts: Prompts
    thread: EngineThread
    metrics: ServerMetrics
    clock: Clock
    usage: UsageRecorder
    # Rendering and tokenizing a long prompt takes time: a thread does it, not the event loop.
    _executor: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="prompts")
    )
    _ignored: IgnoredFields = field(default_factory=IgnoredFields)
    _numbers: "count[int]" = field(default_factory=count)

    async def fields(self, request: Request, kind: type[Body]) -> Body:
        """Return the fields of a request's body; unknown ones are noted.

        Raises:
            RequestRefused: it cannot be read, or describes no request.
        """
        body = await read_json(request, self.settings.max_body_bytes, self.settings.body_s)
        found = validated(kind, body)
        self._ignored.report(notes_of(request.scope), found.ignored)
        return found.fields

    async def answer(
        self, request: Request, generation: GenerationRequest, shape: ResponseFormat
    ) -> Response:
        """Return the answer, at once or as a stream.

        Raises:
            RequestRefused: there is no answer.
            ClientDisconnect: the client has disconnected.
        """
        began_s = self.clock.monotonic_s()
        subject = self.registry.find(generation.model, generation.prefix)
        loop = asyncio.get_running_loop()
        # Compiled before the prompt is read: a schema's fault is the request's, and cheap to find.
        constraint = await loop.run_in_executor(
            self._executor, self.prompts.constraint, subject, generation.form
        )
        prompts = await loop.run_in_executor(self._executor, generation.prompts_of, subject)
        works = [
            replace(work, constraint=constraint and constraint.copy())
            for work in self._works(generation, subject, prompts)
        ]
        created_s = int(self.clock.now().timestamp())
        frame = Frame(uuid4().hex, created_s, subject, sum(map(len, prompts)), len(works))
        client = notes_of(request.scope).client

        def ended(answering: Answering) -> None:
            self.usage.answered(self._usage(frame, client, answering), generation.turns)

        answering = Answering(self.thread, self.metrics, self.clock, works, began_s, on_end=ended)
        answering.submit()
        events = answering.events(request.receive)
        if generation.choices.stream:
            first = await anext(events)
            if isinstance(first, tuple) and isinstance(first[1], RequestError):
                await events.aclose()
                raise RequestRefused(first[1])
            return EventStream(first, events, frame, shape, generation.counts_usage)
        async with aclosing(events):
            parts = await _whole(events, len(works))
        return Response(json_bytes(shape.whole(frame, parts)), media_type="application/json")

    def _usage(self, frame: Frame, client: str, answering: Answering) -> AnswerUsage:
        return AnswerUsage(
            frame.id,
            frame.subject.model,
            frame.subject.version,
            client,
            frame.prompt_tokens,
            sum(answering.tokens.values()),
            len(answering.works),
            answering.first_s,
            self.clock.monotonic_s() - answering.began_s,
            ", ".join(sorted(set(answering.ends.values()))),
        )

    def _works(
        self,
        generation: GenerationRequest,
        subject: ServedVersion,
        prompts: Sequence[tuple[int, ...]],
    ) -> list[GenerationJob]:
        """Return the answers to make, in the order of their index."""
        count, most = len(prompts) * generation.answers, self.settings.at_once
        if count > most + self.settings.waiting:
            message = (
                f"{count} answers are more than this server takes at a time: "
                f"{most + self.settings.waiting} (server.at_once and server.waiting)"
            )
            raise refused(422, "too_many_answers", message, field="n")
        return [
            self._work(generation, subject, prompt, number)
            for prompt in prompts
            for number in range(generation.answers)
        ]

    def _work(
        self,
        generation: GenerationRequest,
        subject: ServedVersion,
        prompt: tuple[int, ...],
        number: int,
    ) -> GenerationJob:
        requested = generation.choices.requested_tokens
        most = room_for(subject, prompt, requested, self.settings.max_tokens)
        sampling = generation.choices.sampling(most)
        if number and sampling.seed is not None:
            # Each answer of a request has a seed of its own, and the same one each time.
            sampling = replace(sampling, seed=(sampling.seed + number) % SEEDS)
        return GenerationJob(
            next(self._numbers),
            subject,
            prompt,
            sampling,
            generation.tools,
            generation.one_call,
            generation.alternatives,
            generation.echo,
            generation.continues,
        )


async def _whole(events: AsyncIterator[Indexed | Nothing], count: int) -> list[AnswerParts]:
    drafts = [_Draft() for _ in range(count)]
    async for item in events:
        if isinstance(item, Nothing):
            continue
        index, event = item
        if isinstance(event, RequestError):
            raise RequestRefused(event)
        drafts[index].add(event)
    if any(draft.last is None or draft.last.finish is None for draft in drafts):
        raise ClientGone
    return [draft.parts() for draft in drafts]


@dataclass
class _Draft:
    """A whole answer, as far as it has come."""

    texts: list[str] = field(default_factory=list)
    scores: list[TokenScore] = field(default_factory=list)
    last: AnswerDelta | None = None

    def add(self, delta: AnswerDelta) -> None:
        self.texts.append(delta.text)
        self.scores += delta.scores
        self.last = delta

    def parts(self) -> AnswerParts:
        assert self.last is not None and self.last.finish is not None
        text, scores = "".join(self.texts), tuple(self.scores)
        return AnswerParts(text, self.last.tokens, self.last.finish, self.last.calls, scores)
