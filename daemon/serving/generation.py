"""What is asked of a model and what comes of it, as values; knows no HTTP and no MLX."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from daemon.core.evaluation.sampling import Sampling
from daemon.core.rows.examples import Call
from daemon.core.rows.prefix import Prefix

Finish = Literal["stop", "length"]


@dataclass(frozen=True)
class ServedVersion:
    """A version that can be asked."""

    model: str
    """Its id as clients know it, `smollm2-135m@v000012`."""
    version: str
    """`v000012`, or `base` for the untouched base model."""
    base: Path
    """The base model's directory."""
    adapter: Path | None
    """The version's directory; None where it adds nothing to the base."""
    prefix: Prefix | None
    context_tokens: int
    """What prompt and answer may have together; 0 where the model does not say."""
    created_s: int
    """When it was made, in seconds since 1970."""
    base_bytes: int = 0
    base_dtype: str = "unknown"


@dataclass(frozen=True)
class GenerationJob:
    """One answer to be made."""

    number: int
    subject: ServedVersion
    prompt: tuple[int, ...]
    sampling: Sampling
    tools: tuple[str, ...] = ()
    """What the model may call, as JSON; its answer is then looked through for calls."""


@dataclass(frozen=True)
class AnswerStep:
    """What an engine adds to an answer in one step."""

    number: int
    text: str
    tokens: int
    finish: Finish | None = None


@dataclass(frozen=True)
class AnswerDelta:
    """A part of an answer on its way to a client."""

    text: str
    tokens: int
    """Of the whole answer so far, the one that ends it not counted."""
    finish: Finish | None = None
    calls: tuple[Call, ...] = ()
    """What the model calls, told with the end."""


@dataclass(frozen=True)
class RequestError:
    """Why there is no answer, or no more of it."""

    status: int
    """The HTTP status."""
    code: str
    message: str
    retry_s: int | None = None
    """When it is worth asking again, in seconds."""
    field: str | None = None
    """What of the request is wrong."""


Event = AnswerDelta | RequestError


class RequestRefused(Exception):
    """A request that gets no answer."""

    def __init__(self, trouble: RequestError) -> None:
        super().__init__(trouble.code)
        self.trouble = trouble


def refused(
    status: int, code: str, message: str, *, retry_s: int | None = None, field: str | None = None
) -> RequestRefused:
    """Return the exception that refuses a request."""
    return RequestRefused(RequestError(status, code, message, retry_s, field))
