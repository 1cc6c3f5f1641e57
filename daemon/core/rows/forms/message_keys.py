"""Classifies the keys of a message, once for all messages with the same keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from daemon.core.rows.forms.names import (
    CALL_KEYS,
    CALLING,
    CONTENT_KEYS,
    MESSAGE_METADATA,
    METADATA_ENDINGS,
    REASONING_KEYS,
    ROLE_KEYS,
    ROLES,
    UNCLEAR_WEIGHTS,
    WEIGHT_KEYS,
    known_as,
)

PLAIN_ROLES = {name: role for name, role in ROLES.items() if name not in CALLING}
"""Roles whose messages have text only."""


@dataclass(frozen=True, slots=True)
class Names:
    """The user's own names for the keys of a message."""

    role: str
    text: str


OPENAI = Names("role", "content")
SHAREGPT = Names("from", "value")


@dataclass(frozen=True, slots=True)
class MessageKeys:
    """The keys of a message by meaning."""

    role: str | None
    content: tuple[str, ...]
    reasoning: tuple[str, ...]
    weights: tuple[str, ...]
    unclear: tuple[str, ...]
    calls: tuple[str, ...]
    roles: tuple[str, ...]
    """Keys that are names of roles."""
    unknown: tuple[str, ...]
    media: tuple[str, ...]
    plain: bool
    """Only a role, one content, and metadata."""


@lru_cache(4096)
def keys_of(keys: tuple[str, ...], names: Names) -> MessageKeys:
    """Return the keys of a message by meaning; messages with the same keys share it."""
    by_name: dict[str, str] = {}
    for key in keys:
        by_name.setdefault(known_as(key), key)
    role = names.role if names.role in keys else _first(by_name, ROLE_KEYS)
    content = tuple(
        dict.fromkeys(
            ([names.text] if names.text in keys else [])
            + [by_name[name] for name in CONTENT_KEYS if name in by_name]
        )
    )
    reasoning = _all(by_name, REASONING_KEYS)
    weights, unclear = _all(by_name, WEIGHT_KEYS), _all(by_name, UNCLEAR_WEIGHTS)
    calls, media = _all(by_name, CALL_KEYS), _all(by_name, MEDIA)
    known = {role, *content, *reasoning, *weights, *unclear, *calls, *media}
    rest = [key for key in keys if key not in known]
    roles = tuple(key for key in rest if role is None and known_as(key) in PLAIN_ROLES)
    unknown = tuple(key for key in rest if key not in roles and not _is_metadata(key))
    plain = (
        bool(role)
        and len(content) == 1
        and not (
            reasoning or weights or unclear or calls or unknown or media or "refusal" in by_name
        )
    )
    return MessageKeys(
        role, content, reasoning, weights, unclear, calls, roles, unknown, media, plain
    )


MEDIA = ("images", "image", "videos", "video", "audios", "audio", "image_url", "attachments")


def _first(by_name: dict[str, str], names: Sequence[str]) -> str | None:
    return next((by_name[name] for name in names if name in by_name), None)


def _all(by_name: dict[str, str], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(by_name[name] for name in names if name in by_name)


def _is_metadata(key: str) -> bool:
    name = known_as(key)
    return name in MESSAGE_METADATA or name.endswith(METADATA_ENDINGS)
