"""Reads settings from TOML and merges a job's own; reports every mistake with its line."""

import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from daemon.core.records import JsonObject
from daemon.core.rows.prefix import NONE, Prefix
from daemon.errors import SettingsFault, UserFault
from daemon.settings import Settings
from daemon.settings_records import Misfit, SavedSettings, read_saved

OWN_SECTIONS = ("training", "evaluation", "checkpoint")
"""The sections that a job may override with settings of its own."""

OWN_INTAKE = ("fields", "reasoning", "preferences")
"""The keys of `[intake]` that a job may set for itself: how its rows are read."""

FIT_KEYS = ("kind", "rank", "scale", "alpha", "rslora", "num_layers", "keys")
"""The keys of `[training]` that decide which adapters fit; they belong to a lineage, not a job."""


def read_settings(path: Path) -> Settings:
    """Read `finetuned.toml`; a missing file means the defaults.

    Raises:
        SettingsFault: the file is not TOML, or any key or value is wrong; all are listed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsFault("settings_unreadable", f"{path} cannot be read: {error}") from error
    return parse_settings(text, str(path))


def named_prefix(path: Path, name: str) -> Prefix | None:
    """Return a prefix from the current settings; None for the name `none`.

    Raises:
        UserFault: there is no such prefix.
        SettingsFault: as `read_settings`.
    """
    if name == NONE:
        return None
    texts = read_settings(path).prefixes.texts
    if name not in texts:
        known = ", ".join(sorted(texts)) or "it is empty"
        raise UserFault(
            "no_such_prefix",
            f"there is no prefix {name} in [prefixes] of {path} ({known}); by default a version "
            f"gets the prefix it was trained with, and with {NONE} none",
        )
    return Prefix(name, texts[name])


def parse_settings(text: str, name: str) -> Settings:
    """Return the settings in a TOML text; `name` is used in messages.

    Raises:
        SettingsFault: with every mistake at once, each with its line and key.
    """
    try:
        return Settings.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsFault("settings_not_toml", f"{name}: {_not_toml(error, text)}") from error
    except ValidationError as error:
        raise SettingsFault("settings_invalid", _explain(error, text, name)) from error


def parse_own(text: str) -> JsonObject:
    """Return a job's own settings from their TOML text.

    Raises:
        SettingsFault: not TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsFault("own_settings_not_toml", _not_toml(error, text)) from error


def _not_toml(error: tomllib.TOMLDecodeError, text: str) -> str:
    """Return what is wrong with a text; what people paste at its end is often there already."""
    twice = re.match(r"Cannot declare \((.+)\) twice \(at line (\d+)", str(error))
    if twice is not None:
        section = ".".join(re.findall("'([^']*)'", twice[1]))
        head = re.compile(rf"\s*\[\s*{re.escape(section)}\s*\]")
        lines = [str(n) for n, line in enumerate(text.splitlines(), 1) if head.match(line)]
        where = f" in lines {' and '.join(lines[:2])}" if len(lines) > 1 else ""
        return f"the section [{section}] begins twice{where}: move the second one's lines up"
    again = re.match(r"Cannot overwrite a value \(at line (\d+)", str(error))
    if again is not None:
        return f"line {again[1]} sets a key that is set already: remove one of the two lines"
    return f"not valid TOML: {error}"


def with_own(settings: Settings, own: Mapping[str, object]) -> Settings:
    """Return the settings overridden by a job's own.

    Raises:
        SettingsFault: a key that a job cannot set for itself, or a wrong value.
    """
    merged = settings.model_dump()
    for section, values in own.items():
        if not isinstance(values, dict) or not _may_be_own(section, values):
            raise SettingsFault(
                "own_settings_section",
                f"[{section}] cannot be set for one job; only {', '.join(OWN_SECTIONS)} can, and "
                f"of [intake] {', '.join(OWN_INTAKE)}",
            )
        fixed = sorted(set(values) & set(FIT_KEYS)) if section == "training" else []
        if fixed:
            raise SettingsFault(
                "own_settings_fit",
                f"{', '.join(fixed)} cannot be set for one job: the adapter is carried from file "
                "to file; change finetuned.toml and run 'finetuned lineage new'",
            )
        merged[section] |= values
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        raise SettingsFault("own_settings_invalid", _explain(error, "", "the job")) from error


def _may_be_own(section: str, values: Any) -> bool:
    """Return whether a job may override these keys of a section."""
    if not isinstance(values, dict):
        return False
    return section in OWN_SECTIONS or (section == "intake" and set(values) <= set(OWN_INTAKE))


def with_saved_own(settings: Settings, own: str) -> SavedSettings:
    """Return the settings overridden by those saved with a job, maybe by another release.

    If they are unusable, because `finetuned.toml` was edited since, the settings count alone.
    """
    try:
        parsed = parse_own(own)
    except SettingsFault:
        return SavedSettings(settings, ())
    with suppress(SettingsFault):
        return SavedSettings(with_own(settings, parsed), ())
    merged = settings.model_dump()
    refused: list[Misfit] = []
    for section, values in parsed.items():
        if not isinstance(values, dict) or not _may_be_own(section, values):
            refused.append(Misfit(section, "unknown", values, None))
            continue
        for key, value in values.items():
            if section == "training" and key in FIT_KEYS:
                refused.append(Misfit(f"{section}.{key}", "unknown", value, None))
            else:
                merged[section][key] = value
    saved = read_saved(merged)
    used = settings if saved.problem is not None else saved.settings
    return SavedSettings(used, (*saved.misfits, *refused))


def _explain(error: ValidationError, text: str, name: str) -> str:
    mistakes = []
    for item in error.errors():
        keys = [str(part) for part in item["loc"]]
        line = _line_of(text, keys)
        place = f"line {line}: " if line else ""
        what = "unknown key" if item["type"] == "extra_forbidden" else item["msg"]
        mistakes.append(f"  {place}{'.'.join(keys) or 'settings'}: {what}")
    return f"{name} has {len(mistakes)} mistake(s):\n" + "\n".join(mistakes)


def _line_of(text: str, keys: list[str]) -> int | None:
    """Return the line of a key; tomllib does not record positions."""
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            table = stripped.split("]")[0].strip("[ ")
            if [table] == keys:
                return number
        elif "=" in stripped and not stripped.startswith("#"):
            name = stripped.split("=")[0].strip().strip('"')
            if ([*table.split("."), name] if table else name.split(".")) == keys:
                return number
    return None
