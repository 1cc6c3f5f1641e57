"""Renders and tokenizes prompts, and checks that they fit the model's context."""

from collections.abc import Sequence
from pathlib import Path

from daemon.core.rows.examples import Turn
from daemon.errors import ModelFault
from daemon.serving.answer_form import AnswerForm
from daemon.serving.api.field_types import MOST_TOKENS
from daemon.serving.api.prompts_field import TextOrTokens
from daemon.serving.generation import RequestRefused, ServedVersion, refused
from daemon.text.encoder import TextEncoder
from daemon.text.template import Unrenderable
from daemon.text.token_constraint import Grammars, TokenConstraint


class Prompts:
    """Tokenizers and templates of base models, each loaded once; used by one thread at a time."""

    def __init__(self) -> None:
        self._encoders: dict[Path, TextEncoder] = {}
        self._grammars: dict[Path, Grammars] = {}

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

    def of_text(self, subject: ServedVersion, text: TextOrTokens) -> tuple[int, ...]:
        """Return the tokens of a text to continue, or the token ids that are given.

        Raises:
            RequestRefused: it is empty for this model, an id is none of its tokens (422), or the
                base cannot be used (503).
        """
        encoder = self._encoder(subject)
        prompt = tuple(encoder.encode_text(text)) if isinstance(text, str) else text
        if not isinstance(text, str) and max(text, default=0) >= encoder.vocabulary:
            message = f"prompt has a token id over {encoder.vocabulary - 1}, the model's last one"
            raise refused(422, "invalid_value", message, field="prompt")
        if not prompt:
            raise refused(422, "empty_prompt", "the prompt is empty", field="prompt")
        return prompt

    def constraint(self, subject: ServedVersion, form: AnswerForm | None) -> TokenConstraint | None:
        """Return what holds an answer to a form; None if any answer will do.

        Raises:
            RequestRefused: a schema cannot be followed (422), or the base cannot be used (503).
        """
        if form is None or (form.is_optional and self._encoder(subject).abilities.calls):
            # A template's own way of writing calls is not held to ours.
            return None
        if subject.base not in self._grammars:
            try:
                self._grammars[subject.base] = Grammars.load(subject.base)
            except (ModelFault, OSError, ValueError) as error:
                raise _base_unusable(subject) from error
        return form.constraint(self._grammars[subject.base])

    def _encoder(self, subject: ServedVersion) -> TextEncoder:
        encoder = self._encoders.get(subject.base)
        if encoder is None:
            try:
                encoder = TextEncoder.load(subject.base)
            except (ModelFault, OSError) as error:
                raise _base_unusable(subject) from error
            self._encoders[subject.base] = encoder
        return encoder.for_version(subject.prefix, subject.plain_form)


def _base_unusable(subject: ServedVersion) -> RequestRefused:
    message = f"the base model of {subject.model} cannot be used"
    return refused(503, "base_unusable", message, retry_s=60)


def room_for(
    subject: ServedVersion, prompt: Sequence[int], requested: int | None, default: int
) -> int:
    """Return the limit of the answer, in tokens: what is requested, as far as there is room.

    Raises:
        RequestRefused: the prompt alone fills the model's context.
    """
    length = subject.context_tokens or MOST_TOKENS
    room = length - len(prompt)
    if room < 1:
        # Clients look for these words, and for 400, to shorten a conversation.
        message = (
            f"This model's maximum context length is {length} tokens. However, your prompt has "
            f"{len(prompt)} tokens. Please reduce the length of the prompt."
        )
        raise refused(400, "context_length_exceeded", message, field="prompt")
    return min(room, default if requested is None else requested if requested >= 0 else room)
