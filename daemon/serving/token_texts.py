"""Tokens as bytes and text, and the text of an answer that goes on with its prompt."""

import codecs
from collections.abc import Sequence
from functools import cache
from typing import Any

# mlx_lm imports mlx by itself: it must come after the back end is set up.
from daemon.model.backend import Module  # noqa: F401
from daemon.serving.generation import NamedToken, TokenScore
from daemon.serving.scores import RawScore

from mlx_lm.tokenizer_utils import (  # isort: skip
    BPEStreamingDetokenizer,
    SPMStreamingDetokenizer,
    TokenizerWrapper,
)

CARRIED = 4
"""A character has at most so many bytes, and so many tokens."""


class TokenTexts:
    """The bytes of each token of one tokenizer."""

    def __init__(self, tokenizer: TokenizerWrapper) -> None:
        self._tokenizer = tokenizer
        self._detokenizer: Any = tokenizer.detokenizer

    def data(self, token: int) -> bytes:
        """Return a token's bytes."""
        names = getattr(self._detokenizer, "tokenmap", None)
        if names is None or token >= len(names):
            return str(self._tokenizer.decode([token])).encode()
        if isinstance(self._detokenizer, SPMStreamingDetokenizer):
            return bytes(names[token]).replace("\u2581".encode(), b" ")
        assert isinstance(self._detokenizer, BPEStreamingDetokenizer)
        return b"".join(_bytes_of(char) for char in names[token] or "")

    def text(self, token: int, logprob: float) -> NamedToken:
        """Return a token with its log-probability."""
        data = self.data(token)
        return NamedToken(shown(data), data, logprob)

    def score(self, score: RawScore, *, of_prompt: bool = False) -> TokenScore:
        """Return a token's score in texts."""
        own = self.text(score.token, score.logprob)
        top = tuple(self.text(token, value) for token, value in score.top)
        return TokenScore(own, own.text, own.data, top, of_prompt)

    def unscored(self, token: int) -> TokenScore:
        """Return a token of a prompt without a score."""
        data = self.data(token)
        return TokenScore(None, shown(data), data, of_prompt=True)

    def after(self, prompt: Sequence[int]) -> "ContinuedText":
        """Return what puts the text together that goes on with a prompt."""
        return ContinuedText(self, prompt)


class ContinuedText:
    """Joins tokens after a prompt; keeps leading spaces, and leaves half a character out."""

    def __init__(self, texts: TokenTexts, prompt: Sequence[int]) -> None:
        self._texts = texts
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        # Half a character at the prompt's end is finished by the answer.
        for token in prompt[-CARRIED:]:
            self._decoder.decode(texts.data(token))
        self._text = ""

    def add_token(self, token: int) -> None:
        """Add one token."""
        self._text += self._decoder.decode(self._texts.data(token))

    def finalize(self) -> None:
        """End: half a character is left out."""

    @property
    def last_segment(self) -> str:
        """The text that is new since this was last read."""
        text, self._text = self._text, ""
        return text


def shown(data: bytes) -> str:
    """Return a token's bytes as text, as OpenAI's API names parts of characters."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in data)


def _bytes_of(char: str) -> bytes:
    byte = _byte_chars().get(char)
    return char.encode() if byte is None else bytes([byte])


@cache
def _byte_chars() -> dict[str, int]:
    """Return the byte that each character stands for in byte-level BPE (GPT-2's table)."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {chr(byte): byte for byte in plain}
    others = [byte for byte in range(256) if byte not in set(plain)]
    return table | {chr(256 + number): byte for number, byte in enumerate(others)}
