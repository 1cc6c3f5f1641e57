"""Log-probabilities in the forms of OpenAI's chat and completions."""

from collections.abc import Sequence

from daemon.core.records import JsonObject
from daemon.serving.generation import NamedToken, TokenScore

LEAST = -9999.0
"""What OpenAI writes where a probability is too small for a number; JSON has no infinity."""


def chat_logprobs(scores: Sequence[TokenScore]) -> JsonObject:
    """Return the log-probabilities of an answer, or of a part of one."""
    return {"content": [_chat(score) for score in scores], "refusal": None}


def text_logprobs(scores: Sequence[TokenScore], offset: int) -> JsonObject:
    """Return the log-probabilities of a text that begins at a character; null is no prediction."""
    offsets, data = [], b""
    for score in scores:
        offsets.append(offset + len(data.decode(errors="ignore")))
        data += score.data
    return {
        "tokens": [score.text for score in scores],
        "token_logprobs": [score.token and _finite(score.token.logprob) for score in scores],
        "top_logprobs": [_by_text(score) for score in scores],
        "text_offset": offsets,
    }


def echoed_text(scores: Sequence[TokenScore]) -> str:
    """Return the text of a prompt's tokens."""
    return b"".join(score.data for score in scores if score.of_prompt).decode(errors="replace")


def _by_text(score: TokenScore) -> dict[str, float] | None:
    if score.token is None:
        return None
    best = {one.text: _finite(one.logprob) for one in reversed(score.top)}
    # Clients see by it whether the token was the likeliest.
    return {**best, score.text: _finite(score.token.logprob)}


def _chat(score: TokenScore) -> JsonObject:
    own = score.token or NamedToken(score.text, score.data, LEAST)
    return {**_one(own), "top_logprobs": [_one(other) for other in score.top]}


def _one(token: NamedToken) -> JsonObject:
    return {"token": token.text, "logprob": _finite(token.logprob), "bytes": list(token.data)}


def _finite(logprob: float) -> float:
    return max(logprob, LEAST)
