"""`finetuned.toml`: writes every setting with its meaning and range.

All of it is taken from the fields of `daemon/settings.py`, so nothing is stated twice.
"""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from daemon.folders.disk import atomic
from daemon.layout import Layout
from daemon.settings import Settings
from daemon.settings_tables import Section

WIDTH = 100
HEAD = """\
Settings of this finetuned workspace. Every key is optional; what is written is the default.
Changes take effect with the next run; a mistake keeps the old settings and raises an alert.
"""


def write(layout: Layout, settings: Settings) -> bool:
    """Write the settings of a workspace that has none; return whether it was written."""
    if layout.settings_file.exists():
        return False
    atomic.write_bytes(layout.settings_file, render(settings).encode())
    return True


def render(settings: Settings) -> str:
    """Return settings as TOML, every key with a comment; parsing it gives the same settings."""
    lines = [*_comment(HEAD)]
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, Section):
            entries = list(_table(value))
            # An empty table is for the user's own names: its header is written with the first one.
            lines += ["", f"[{name}]" if entries else f"# [{name}]", *_comment(_docstring(value))]
            lines += entries
        else:
            lines += ["", *_entry(name, field, value)]
    return "\n".join(lines) + "\n"


def render_own(own: Mapping[str, Mapping[str, object]]) -> str:
    """Return a job's own settings as TOML."""
    lines = []
    for section, values in own.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {literal(value)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def literal(value: Any) -> str:
    """Return a value as a TOML literal."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # A TOML string allows JSON's escapes, but neither lone surrogates nor raw DEL.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    if isinstance(value, dict):
        items = ", ".join(f"{_key(key)} = {literal(item)}" for key, item in value.items())
        return f"{{ {items} }}" if items else "{}"
    return repr(value)


def _table(section: Section) -> Iterator[str]:
    for name, field in type(section).model_fields.items():
        yield ""
        yield from _entry(name, field, getattr(section, name))
    # Only prefixes and targets have user-defined keys.
    for name, value in (section.model_extra or {}).items():
        yield f"{_key(name)} = {literal(value)}"


def _key(name: str) -> str:
    bare = re.fullmatch(r"[A-Za-z0-9_-]+", name)
    return name if bare else literal(name)


def _entry(name: str, field: FieldInfo, value: Any) -> Iterator[str]:
    limits = _limits(field)
    yield from _comment(f"{field.description}{f' ({limits})' if limits else ''}")
    if value is None:
        yield f"# {name} ="
    elif value == {}:
        # Written out, an empty table could not be reopened as [section.name] further down.
        yield f"# {name} = {{}}"
    else:
        yield f"{name} = {literal(value)}"


def _limits(field: FieldInfo) -> str:
    """Return the range in words, from the field's own constraints."""
    if get_origin(field.annotation) is Literal:
        return "one of " + ", ".join(literal(choice) for choice in get_args(field.annotation))
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    bounds = [
        f"{word} {getattr(limit, bound)}"
        for limit in field.metadata
        for bound, word in words.items()
        if hasattr(limit, bound)
    ]
    unset = ["not set by default"] if field.default is None else []
    return ", ".join(bounds + unset)


def _docstring(section: Section) -> str:
    return (type(section).__doc__ or "").strip().splitlines()[0]


def _comment(text: str) -> list[str]:
    return [
        f"# {line}"
        for part in text.strip().splitlines()
        for line in textwrap.wrap(part, WIDTH - 2, break_on_hyphens=False)
    ]
