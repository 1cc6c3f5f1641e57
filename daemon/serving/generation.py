"""Values of one generation: the version, the job, the deltas of its answer, and errors."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from daemon.core.evaluation.sampling import Sampling
from daemon.core.rows.examples import Call
from daemon.core.rows.prefix import Prefix
from daemon.text.token_constraint import TokenConstraint

Finish = Literal["stop", "length"]


@dataclass(frozen=True)
class ServedVersion:
    """A version that can answer requests."""

    model: str
    """Its id as clients know it, `smollm2-135m@v000012`."""
    version: str
    """`v000012`, or `base` for the untouched base model."""
    base: Path
    """The base model's directory."""
    adapter: Path | None
    """The version's directory; None if it adds nothing to the base."""
    prefix: Prefix | None
    context_tokens: int
    """The limit of prompt and answer together; 0 if the model does not state one."""
    created_s: int
    """When it was created, in seconds since 1970."""
    plain_form: str | None = None
    """The plain form of what the chat template leaves out; None without one."""
    base_bytes: int = 0
    base_dtype: str = "unknown"


@dataclass(frozen=True)
class NamedToken:
    """One token as text and as bytes; a part of a character has bytes only."""

    text: str
    """`bytes:\\xf0` if it is not a whole character."""
    data: bytes
    logprob: float
    """The natural logarithm of its probability."""


@dataclass(frozen=True)
class TokenScore:
    """A token of a prompt or an answer, and the likeliest at its place."""

    token: NamedToken | None
    """None for a token that nothing predicts: the first of a prompt."""
    text: str
    data: bytes
    top: tuple[NamedToken, ...] = ()
    of_prompt: bool = False


@dataclass(frozen=True)
class GenerationJob:
    """One answer to generate."""

    number: int
    subject: ServedVersion
    prompt: tuple[int, ...]
    sampling: Sampling
    tools: tuple[str, ...] = ()
    """The tools the model may call, as JSON; its answer is then parsed for calls."""
    one_call: bool = False
    """Return only the first call of the answer."""
    alternatives: int | None = None
    """How many of the likeliest tokens are scored with each token; None scores nothing."""
    echo: bool = False
    """Return the prompt's tokens before the answer's, scored if tokens are."""
    continues: bool = False
    """The answer continues the prompt's text: a leading space is part of it."""
    constraint: TokenConstraint | None = None
    """The format that the answer must follow; None for a free answer."""


@dataclass(frozen=True)
class AnswerStep:
    """What an engine adds to an answer in one step."""

    number: int
    text: str
    tokens: int
    finish: Finish | None = None
    scores: tuple[TokenScore, ...] = ()
    trouble: "RequestError | None" = None
    """Why the answer ends here without being complete."""


@dataclass(frozen=True)
class AnswerDelta:
    """A part of an answer on its way to a client."""

    text: str
    tokens: int
    """Of the whole answer so far, without its end token."""
    finish: Finish | None = None
    calls: tuple[Call, ...] = ()
    """Tool calls; they come with the end."""
    scores: tuple[TokenScore, ...] = ()


@dataclass(frozen=True)
class RequestError:
    """Why a request gets no answer, or only a part of one."""

    status: int
    """The HTTP status."""
    code: str
    message: str
    retry_s: int | None = None
    """When a retry is worthwhile, in seconds."""
    field: str | None = None
    """The field of the request that is wrong."""


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
