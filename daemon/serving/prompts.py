"""Renders and tokenizes prompts, and checks that they fit the model's context."""

from collections.abc import Sequence
from pathlib import Path

from daemon.core.rows.examples import Turn
from daemon.errors import ModelFault
from daemon.serving.generation import ServedVersion, refused
from daemon.text.encoder import TextEncoder
from daemon.text.template import Unrenderable


class Prompts:
    """Tokenizers and templates of base models, each loaded once; used by one thread at a time."""

    def __init__(self) -> None:
        self._encoders: dict[Path, TextEncoder] = {}

    def of_chat(
        self, subject: ServedVersion, turns: Sequence[Turn], tools: Sequence[str]
    ) -> tuple[int, ...]:
        """Return the tokens of a conversation, up to where the answer begins.

        Raises:
            RequestRefused: the model's template refuses it (422), or the base cannot be used (503).
        """
        encoder = self._encoder(subject)
        if tools and not encoder.shows_tools:
            message = (
                "this model's chat template does not support tools, and the version was trained "
                "without the plain form for them"
            )
            raise refused(422, "tools_unsupported", message, field="tools")
        try:
            return tuple(encoder.encode_prompt(turns, tools))
        except Unrenderable as error:
            message = f"the model's chat template does not take these messages: {error}"
            raise refused(422, "messages_refused", message, field="messages") from error

    def of_text(self, subject: ServedVersion, text: str) -> tuple[int, ...]:
        """Return the tokens of a text to continue.

        Raises:
            RequestRefused: it is empty for this model (422), or the base cannot be used (503).
        """
        prompt = tuple(self._encoder(subject).encode_text(text))
        if not prompt:
            raise refused(422, "empty_prompt", "the prompt is empty", field="prompt")
        return prompt

    def _encoder(self, subject: ServedVersion) -> TextEncoder:
        encoder = self._encoders.get(subject.base)
        if encoder is None:
            try:
                encoder = TextEncoder.load(subject.base)
            except (ModelFault, OSError) as error:
                message = f"the base model of {subject.model} cannot be used"
                raise refused(503, "base_unusable", message, retry_s=60) from error
            self._encoders[subject.base] = encoder
        return encoder.for_version(subject.prefix, subject.plain_form)


def room_for(
    subject: ServedVersion, prompt: Sequence[int], requested: int | None, default: int
) -> int:
    """Return the limit of the answer, in tokens.

    Raises:
        RequestRefused: the prompt, alone or with the requested answer, is longer than the model's
            context.
    """
    if not subject.context_tokens:
        return default if requested is None else requested
    room = subject.context_tokens - len(prompt)
    if room < 1:
        message = f"the prompt has {len(prompt)} tokens; this model takes {subject.context_tokens}"
        raise refused(422, "context_length_exceeded", message, field="prompt")
    if requested is not None and requested > room:
        message = (
            f"max_tokens is {requested}, and beside a prompt of {len(prompt)} tokens this model "
            f"has room for {room}"
        )
        raise refused(422, "context_length_exceeded", message, field="max_tokens")
    return min(room, default) if requested is None else requested
