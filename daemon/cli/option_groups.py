"""Groups of options that several commands share, each defined once as a dataclass.

Typer has no such groups, so `spread` shows it one option for each field of the dataclass.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints

from daemon.cli.place import HERE, Json, Rehearse, Root, Wait
from daemon.core.records import JsonObject


@dataclass(frozen=True)
class OrderOptions:
    """The options of every command that places an order with the trainer."""

    wait: Wait = False
    rehearse: Rehearse = False
    root: Root = HERE
    json: Json = False


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """Turn the dataclass parameters of a command into one option for each of their fields."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}

    @wraps(command)
    def spread_out(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        command(**given)

    signature = inspect.signature(command)
    shown = [one for own in signature.parameters.values() for one in _parameters(own, hints)]
    spread_out.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]
    return spread_out


def _parameters(parameter: inspect.Parameter, hints: JsonObject) -> Iterator[inspect.Parameter]:
    kind, hint = inspect.Parameter.KEYWORD_ONLY, hints[parameter.name]
    if not is_dataclass(hint):
        yield parameter.replace(kind=kind, annotation=hint)
        return
    own = get_type_hints(hint, include_extras=True)
    for field in fields(hint):
        name = field.name
        yield inspect.Parameter(name, kind, default=field.default, annotation=own[name])
