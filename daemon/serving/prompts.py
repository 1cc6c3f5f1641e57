"""Turns what is asked into a prompt of tokens that fits the model; loads no weights."""

from collections.abc import Sequence
from pathlib import Path

from daemon.core.rows.examples import Turn
from daemon.errors import ModelFault
from daemon.serving.generation import ServedVersion, refused
from daemon.text.encoder import TextEncoder
from daemon.text.template import Unrenderable


class Prompts:
    """The text sides of base models, each loaded once; used by one thread at a time."""

    def __init__(self) -> None:
        self._encoders: dict[Path, TextEncoder] = {}

    def of_chat(
        self, subject: ServedVersion, turns: Sequence[Turn], tools: Sequence[str]
    ) -> tuple[int, ...]:
        """Return the tokens of a conversation up to where the answer begins.

        Raises:
            Refused: the model's template does not take it (422), or there is no such base (503).
        """
        encoder = self._encoder(subject)
        if tools and not encoder.shows_tools:
            message = "this model's chat template knows no tools"
            raise refused(422, "tools_unsupported", message, field="tools")
        try:
            return tuple(encoder.encode_prompt(turns, tools))
        except Unrenderable as error:
            message = f"the model's chat template does not take these messages: {error}"
            raise refused(422, "messages_refused", message, field="messages") from error

    def of_text(self, subject: ServedVersion, text: str) -> tuple[int, ...]:
        """Return the tokens of a text that is to be gone on with.

        Raises:
            Refused: it is empty for this model (422), or there is no such base (503).
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
        return encoder.prefixed(subject.prefix)


def room_for(subject: ServedVersion, prompt: Sequence[int], asked: int | None, usual: int) -> int:
    """Return how long the answer may be, in tokens.

    Raises:
        Refused: the prompt alone, or with the answer that was asked for, is longer than the
            model's context.
    """
    if not subject.context_tokens:
        return usual if asked is None else asked
    room = subject.context_tokens - len(prompt)
    if room < 1:
        message = f"the prompt has {len(prompt)} tokens; this model takes {subject.context_tokens}"
        raise refused(422, "context_length_exceeded", message, field="prompt")
    if asked is not None and asked > room:
        message = (
            f"max_tokens is {asked}, and beside a prompt of {len(prompt)} tokens this model has "
            f"room for {room}"
        )
        raise refused(422, "context_length_exceeded", message, field="max_tokens")
    return min(room, usual) if asked is None else asked
