"""Turns examples into tokens and loss masks as the model's own template and tokenizer say.

Knows no model weights, and not where examples come from.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from daemon.core.examples import Chat, Example, Text, Turn
from daemon.errors import ModelFault
from daemon.text.spans import Rendered, Renderer, Span
from daemon.text.template import PLAIN, ChatTemplate, Unrenderable
from daemon.text.tokenizer_files import TokenizerFiles, read_json


@dataclass(frozen=True, slots=True)
class Encoded:
    """One example as a model sees it."""

    tokens: npt.NDArray[np.int32]
    """Shape (n,)."""
    supervised: npt.NDArray[np.bool_]
    """Shape (n,); True where the token itself is a target of the loss."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why an example cannot be trained: `template_error`, `no_supervised_tokens`, `too_long`."""

    code: str
    message: str


class TextEncoder:
    """The text side of one base model."""

    def __init__(self, files: TokenizerFiles) -> None:
        self.fingerprint = files.fingerprint
        self.template_fingerprint = files.template_fingerprint
        self._tokenizer = files.tokenizer()
        frame = self._tokenizer.encode("").ids
        # Templates write their control tokens themselves; a post-processor would add some more,
        # and byte-level ones cut white space off the offsets.
        self._tokenizer.post_processor = None
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._eos = _eos(files, self._tokenizer)
        self._bos = [token for token in frame if token != self._eos]
        self._controls = _controls(self._tokenizer)
        self._renderer = self._make_renderer(files)
        self._as_text: Tokenizer | None = None

    @classmethod
    def load(cls, folder: Path) -> "TextEncoder":
        """Load from a model directory.

        Raises:
            ModelFault: its tokenizer or template cannot be used.
        """
        return cls(TokenizerFiles.read(folder))

    def _make_renderer(self, files: TokenizerFiles) -> Renderer:
        eos = "" if self._eos is None else self._tokenizer.id_to_token(self._eos) or ""
        tokens = {"bos_token": files.token("bos_token") or "", "eos_token": eos}
        vocabulary = self._tokenizer
        # As mlx-lm does when it generates: thinking is on where the vocabulary has words for it.
        thinking = None not in (vocabulary.token_to_id(t) for t in ("<think>", "</think>"))
        template = PLAIN if files.template is None else files.template
        try:
            return Renderer(ChatTemplate(template, tokens, thinking), self._controls)
        except Unrenderable as error:
            raise ModelFault("model_unsupported", f"{error} ({files.folder})") from error

    def encode(self, examples: Sequence[Example], max_tokens: int) -> list[Encoded | Unfit]:
        """Return tokens and masks, or the reason there are none, in the order of the examples."""
        rendered = [self._render(example) for example in examples]
        texts = [item.text for item in rendered if isinstance(item, Rendered)]
        encodings = iter(self._tokenizer.encode_batch(texts, add_special_tokens=False))
        found: list[Encoded | Unfit] = []
        for example, item in zip(examples, rendered, strict=True):
            if isinstance(item, Unfit):
                found.append(item)
                continue
            encoding = next(encodings)
            if isinstance(example, Text):
                encoded = self._plain(encoding.ids)
            else:
                encoded = self._masked(item, encoding)
            found.append(_checked(encoded, max_tokens))
        return found

    def encode_prompt(self, turns: Sequence[Turn]) -> list[int]:
        """Return the tokens up to where an answer begins.

        Raises:
            Unrenderable: the template does not take these turns.
        """
        text = self._renderer.prompt(turns)
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, tokens: Iterable[int]) -> str:
        """Return the text of tokens, without control tokens."""
        return str(self._tokenizer.decode([int(token) for token in tokens]))

    def _render(self, example: Example) -> Rendered | Unfit:
        if isinstance(example, Text):
            return Rendered(example.text, (), ())
        return self._render_chat(example)

    def _render_chat(self, chat: Chat) -> Rendered | Unfit:
        try:
            return self._renderer.render(chat.turns)
        except Unrenderable as error:
            return Unfit("template_error", f"the model's chat template refuses it: {error}")

    def _plain(self, ids: list[int]) -> Encoded:
        ending = [] if self._eos is None or ids[-1:] == [self._eos] else [self._eos]
        tokens = np.array([*self._bos, *ids, *ending], dtype=np.int32)
        supervised = np.ones(len(tokens), dtype=np.bool_)
        supervised[: len(self._bos)] = False
        return Encoded(tokens, supervised)

    def _masked(self, rendered: Rendered, encoding: Any) -> Encoded:
        forged = self._forged(rendered)
        ids, starts = encoding.ids, [offset[0] for offset in encoding.offsets]
        if forged:
            ids, starts = self._encode_around(rendered.text, forged)
        begins = np.array(starts, dtype=np.int64)
        supervised = np.zeros(len(begins), dtype=np.bool_)
        for start, end in rendered.answers:
            supervised[np.searchsorted(begins, start) : np.searchsorted(begins, end)] = True
        return Encoded(np.array(ids, dtype=np.int32), supervised)

    def _forged(self, rendered: Rendered) -> list[Span]:
        """Return where contents spell control tokens: these must stay text."""
        return [
            match.span()
            for start, end in rendered.contents
            for match in self._controls.finditer(rendered.text, start, end)
        ]

    def _encode_around(self, text: str, forged: list[Span]) -> tuple[list[int], list[int]]:
        ids: list[int] = []
        starts: list[int] = []
        position = 0
        for begin, end in [*forged, (len(text), len(text))]:
            for tokenizer, start, stop in (
                (self._tokenizer, position, begin),
                (self._text_tokenizer(), begin, end),
            ):
                piece = tokenizer.encode(text[start:stop], add_special_tokens=False)
                ids += piece.ids
                starts += [start + offset[0] for offset in piece.offsets]
            position = end
        return ids, starts

    def _text_tokenizer(self) -> Tokenizer:
        """Return the same tokenizer, blind to control tokens; few rows ever need it."""
        if self._as_text is None:
            self._as_text = Tokenizer.from_str(self._tokenizer.to_str())
            self._as_text.encode_special_tokens = True
        return self._as_text


def _checked(encoded: Encoded, max_tokens: int) -> Encoded | Unfit:
    if len(encoded.tokens) > max_tokens:
        return Unfit("too_long", f"{len(encoded.tokens)} tokens, the limit is {max_tokens}")
    # The first token is never predicted.
    if not encoded.supervised[1:].any():
        return Unfit("no_supervised_tokens", "there is nothing in it for the model to say")
    return encoded


def _controls(tokenizer: Tokenizer) -> re.Pattern[str]:
    added = tokenizer.get_added_tokens_decoder().values()
    texts = sorted((t.content for t in added if t.special), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, texts)) or "(?!)")


def _eos(files: TokenizerFiles, tokenizer: Tokenizer) -> int | None:
    text = files.token("eos_token")
    if text is not None and (token := tokenizer.token_to_id(text)) is not None:
        return int(token)
    found = read_json(files.folder / "config.json").get("eos_token_id")
    first = found[0] if isinstance(found, list) and found else found
    return first if isinstance(first, int) else None
