"""Sorts the fields of other servers' APIs: no wish, a wish this server cannot grant, or neither.

A field that would change the answer is refused unless its value requests nothing. One that has
no effect on an answer is taken. Any other is ignored, and the answer names it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SILENT = frozenset(
    {
        "user",
        "metadata",
        "store",
        "service_tier",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "prompt_cache_options",
    }
)
"""OpenAI's fields that are about its own accounts, storage and caches."""


@dataclass(frozen=True)
class Wish:
    """A field that would change the answer."""

    neutral: tuple[Any, ...]
    """The values that request nothing, besides null."""
    refusal: str
    """What is said of any other value, after the field's name."""


_PENALTY = "must be {0}: penalties are not supported"
_SAMPLING = "must be {0}: this way of sampling is not supported"
_SCHEMA = "is not supported: send 'response_format' with a JSON schema instead"
_FUNCTIONS = "is the old form of tools: send 'tools' and 'tool_choice'"


def _only(value: Any, why: str) -> Wish:
    return Wish((value,), why.format(value))


WISHES: Mapping[str, Wish] = {
    "n": _only(1, "must be {0}: this route gives one answer a request"),
    "best_of": _only(1, "must be {0}: this route gives one answer a request"),
    "echo": Wish((False,), "must be false: this route repeats no prompt"),
    "logprobs": Wish((False,), "must be false: this route gives no log-probabilities"),
    "top_logprobs": _only(0, "must be {0}: this route gives no log-probabilities"),
    "tools": Wish(([],), "must be empty: tools are for /v1/chat/completions and /v1/responses"),
    "tool_choice": Wish(("auto", "none"), "must be 'auto' or 'none': there are no tools here"),
    "response_format": Wish(
        ({"type": "text"},),
        "is for /v1/chat/completions; /v1/responses takes 'text.format', /generate 'schema'",
    ),
    "presence_penalty": _only(0, _PENALTY),
    "frequency_penalty": _only(0, _PENALTY),
    "repetition_penalty": _only(1, _PENALTY),
    "repeat_penalty": _only(1, _PENALTY),
    "length_penalty": _only(1, _PENALTY),
    "dry_multiplier": _only(0, _PENALTY),
    "no_repeat_ngram_size": _only(0, _PENALTY),
    "typical_p": _only(1, _SAMPLING),
    "tfs_z": _only(1, _SAMPLING),
    "top_a": _only(0, _SAMPLING),
    "xtc_probability": _only(0, _SAMPLING),
    "mirostat": _only(0, _SAMPLING),
    "dynatemp_range": _only(0, _SAMPLING),
    "logit_bias": Wish(({}, []), "must be empty: a bias is not supported"),
    "bad_words": Wish(([],), "must be empty: forbidden words are not supported"),
    "stop_token_ids": Wish(([],), "must be empty: send the texts themselves as 'stop'"),
    "use_beam_search": Wish((False,), "must be false: beam search is not supported"),
    "ignore_eos": Wish((False,), "must be false: an answer ends where the model ends it"),
    "min_tokens": _only(0, "must be 0: an answer ends where the model ends it"),
    "skip_special_tokens": Wish((True,), "must be true: control tokens are no part of an answer"),
    "add_generation_prompt": Wish((True,), "must be true: the answer is a turn of its own"),
    "continue_final_message": Wish((False,), "must be false: the answer is a turn of its own"),
    "suffix": Wish(("",), "must be empty: filling a gap is not supported"),
    "modalities": Wish((["text"], []), "must be ['text']: answers are text"),
    "audio": Wish((), "is not supported: answers are text"),
    "web_search_options": Wish((), "is not supported: nothing is looked up"),
    "functions": Wish(([],), _FUNCTIONS),
    "function_call": Wish(("auto", "none"), _FUNCTIONS),
    "guided_json": Wish((), _SCHEMA),
    "guided_regex": Wish((), _SCHEMA),
    "guided_choice": Wish(([],), _SCHEMA),
    "guided_grammar": Wish((), _SCHEMA),
    "structured_outputs": Wish((), _SCHEMA),
    "grammar": Wish(("",), _SCHEMA),
    "json_schema": Wish((), _SCHEMA),
    "format": Wish(("",), _SCHEMA),
}


def is_neutral(value: Any, wish: Wish) -> bool:
    """Return whether a value requests nothing; true and false are no numbers."""
    return value is None or any(
        value == neutral and isinstance(value, bool) == isinstance(neutral, bool)
        for neutral in wish.neutral
    )
