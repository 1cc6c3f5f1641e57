"""Grids of settings for a sweep: read from `KEY=VALUE,VALUE…`, multiplied out, or sampled.

The settings check the range of each value.
"""

import tomllib
from collections.abc import Mapping, Sequence
from math import prod

from daemon.core.evaluation.sweeps import Setting, Value
from daemon.core.training.plan import mix, shuffled

SHAPE_KEYS = ("kind", "rank", "scale", "num_layers")
"""They belong to an adapter from its first run on, so a trial that continues one cannot change
them."""

GRID_KEYS = (
    "learning_rate",
    "batch_rows",
    "epochs",
    "warmup_steps",
    "decay_share",
    "decay_floor",
    "dropout",
    "weight_decay",
    "clip_norm",
    "optimizer",
    *SHAPE_KEYS,
)
"""The keys of `[training]` whose values a grid may list."""

MOST = 1000
"""Trials of a sweep."""

FORM = "--values takes KEY=VALUE,VALUE…, as in --values learning_rate=5e-6,1e-5,2e-5"

Axes = Mapping[str, tuple[Value, ...]]
"""By key, the values to try."""


class GridError(ValueError):
    """A grid that cannot be tried; the message says what to write instead."""


def read_axes(given: Sequence[str]) -> Axes:
    """Return the values of each key, each value once, in the order given.

    Raises:
        GridError: not of the form, an unknown key, a key given twice, or no value.
    """
    axes: dict[str, tuple[Value, ...]] = {}
    for text in given:
        key, equals, values = (part.strip() for part in text.partition("="))
        key = key.removeprefix("training.")
        if not equals:
            raise GridError(f"{text!a} has no '=': {FORM}")
        if key not in GRID_KEYS:
            raise GridError(f"{key!a} cannot be swept; these can: {', '.join(GRID_KEYS)}")
        if key in axes:
            raise GridError(f"{key} is given twice: list all its values in one --values")
        found = tuple(_value(key, one.strip()) for one in values.split(","))
        axes[key] = tuple(dict.fromkeys(found))
    return axes


def _value(key: str, text: str) -> Value:
    """Return a number as TOML writes it, or a word."""
    if not text:
        raise GridError(f"{key} has an empty value: {FORM}")
    try:
        found = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        found = _plain_number(text)
    if isinstance(found, bool) or not isinstance(found, int | float | str):
        raise GridError(f"{key}={text}: {FORM}")
    return found


def _plain_number(text: str) -> Value:
    """Return numbers that TOML writes otherwise, as `.5` and `1.e-5`; else the text itself."""
    try:
        return float(text)
    except ValueError:
        return text


def grid_of(axes: Axes, draw: int | None, seed: int) -> tuple[Setting, ...]:
    """Return every combination of the values, or `draw` of them; the same ones for one seed.

    Raises:
        GridError: more combinations than a sweep may have, or than there are to draw from.
    """
    size = prod(len(values) for values in axes.values())
    if draw is None and size > MOST:
        raise GridError(
            f"the grid has {size} combinations and a sweep at most {MOST} trials: "
            f"give fewer values, or try some of them with --draw {MOST}"
        )
    if draw is not None and draw > size:
        raise GridError(f"--draw {draw}: the grid has only {size} combinations")
    places = range(size)
    chosen = places if draw is None else sorted(_drawn(places, draw, seed))
    return tuple(_combination(axes, place) for place in chosen)


def _drawn(places: range, draw: int, seed: int) -> list[int]:
    if len(places) <= MOST:
        return shuffled(places, mix(seed, "grid"))[:draw]
    found: dict[int, None] = {}
    number = 0
    while len(found) < draw:
        found[mix(seed, "grid", number) % len(places)] = None
        number += 1
    return list(found)


def _combination(axes: Axes, place: int) -> Setting:
    """Return one combination by its number; the values of the last key change fastest."""
    found: dict[str, Value] = {}
    for key, values in reversed(tuple(axes.items())):
        place, one = divmod(place, len(values))
        found[key] = values[one]
    return {key: found[key] for key in axes}


def planned_trials(in_force: Setting, grid: Sequence[Setting]) -> tuple[Setting, ...]:
    """Return the settings to try: the one in force first, to compare with, then the grid."""
    return (in_force, *(setting for setting in grid if dict(setting) != dict(in_force)))
