"""Reads settings that were saved with a run, a version or an order, by this or another release.

The user's own file is read strictly (`settings_file.py`), so that typing errors are noticed. Saved
settings were valid once, and must keep their meaning after an upgrade.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from daemon.core.decisions.blocking import SAVED_SETTINGS
from daemon.core.evaluation.targets import target_of
from daemon.core.records import JsonObject
from daemon.core.rows.prefix import NONE
from daemon.errors import SavedSettingsFault
from daemon.settings import Settings
from daemon.settings_tables import Section

SCHEMA = 1
VERSION = "schema_version"
"""Schema of recorded settings; the oldest have none."""

DAEMONS_OWN = ("access", "inbox", "pause", "retention", "server", "memory", "log")
IDLE = (*DAEMONS_OWN, "intake", "holdout", "quality", "privacy")
"""Sections that no run or order depends on: an unusable value there stops none of them."""

Why = Literal["unknown", "missing", "out_of_range", "unusable"]
WORDS: Mapping[Why, str] = {
    "unknown": "unknown to this release, so it is ignored",
    "missing": "unknown to the release that saved it, so it has today's default",
    "out_of_range": "outside today's range, and kept as it was saved",
    "unusable": "not a value that this release can use",
}


@dataclass(frozen=True)
class Misfit:
    """A saved setting that this release would not accept as it is."""

    setting: str
    """As `training.rank`, or the name of a whole section."""
    why: Why
    saved: Any
    """None if nothing was saved."""
    used: Any
    """None if nothing is used."""

    def __str__(self) -> str:
        """Return it as a sentence for people."""
        value = "" if self.why == "missing" else f" = {self.saved!r}"
        return f"{self.setting}{value}: {WORDS[self.why]}"


@dataclass(frozen=True)
class SavedSettings:
    """Settings as they are used, and how they differ from their record."""

    settings: Settings
    misfits: tuple[Misfit, ...]

    @property
    def problem(self) -> str | None:
        """Why a run or an order cannot use them; None if it can."""
        return _problem(self.misfits, IDLE)


def to_record(settings: Settings) -> JsonObject:
    """Return settings as plain JSON values, to be saved."""
    return {VERSION: SCHEMA, **settings.model_dump(mode="json")}


def usable_settings(record: Mapping[str, object], idle: Collection[str] = IDLE) -> Settings:
    """Return saved settings to use; in `idle` sections unusable values are ignored.

    Raises:
        SavedSettingsFault: this release cannot use a value; the message names it.
    """
    with suppress(ValidationError):
        if record.get(VERSION, SCHEMA) == SCHEMA:
            return Settings.model_validate({k: v for k, v in record.items() if k != VERSION})
    saved = read_saved(record)
    problem = _problem(saved.misfits, idle)
    if problem is not None:
        raise SavedSettingsFault(SAVED_SETTINGS, problem)
    return saved.settings


def _problem(misfits: Iterable[Misfit], idle: Collection[str]) -> str | None:
    wrong = [
        f"{one.setting} = {one.saved!r}"
        for one in misfits
        if one.why == "unusable" and one.setting.split(".")[0] not in idle
    ]
    if not wrong:
        return None
    return (
        f"this release cannot use the settings that were saved with it ({', '.join(wrong)}), "
        "the one that saved them can"
    )


def read_saved(record: Mapping[str, object]) -> SavedSettings:
    """Return saved settings, with today's default for what is missing or cannot be used."""
    schema, body = record.get(VERSION, SCHEMA), {k: v for k, v in record.items() if k != VERSION}
    newer = (Misfit(VERSION, "unusable", schema, SCHEMA),) if schema != SCHEMA else ()
    values, misfits = _table(Settings(), body, "")
    misfits += tuple(_without_its_prefix(values["training"].prefix, values["prefixes"].texts))
    # Rules between settings are not checked again: they held when these were saved.
    return SavedSettings(Settings.model_construct(**values), (*newer, *misfits))


def _table(
    table: Section, record: Mapping[str, object], before: str
) -> tuple[dict[str, Any], tuple[Misfit, ...]]:
    """Return the values of a table by its record; `table` has the defaults."""
    values: dict[str, Any] = {}
    misfits: list[Misfit] = []
    for name, field in type(table).model_fields.items():
        key, default = before + name, getattr(table, name)
        saved = record.get(name)
        if name not in record:
            values[name] = default
            misfits.append(Misfit(key, "missing", None, _plain(default)))
        elif isinstance(default, Section):
            values[name], more = _section(default, saved, key)
            misfits += more
        else:
            values[name], why = _value(field, saved, default)
            misfits += [Misfit(key, why, saved, _plain(values[name]))] if why else []
    return values, (*misfits, *_unknown(table, record, before))


def _unknown(table: Section, record: Mapping[str, object], before: str) -> Iterator[Misfit]:
    if type(table).model_config.get("extra") == "allow":
        return
    for name in record:
        if name not in type(table).model_fields:
            yield Misfit(before + name, "unknown", record[name], None)


def _section(default: Section, saved: Any, key: str) -> tuple[Section, Iterable[Misfit]]:
    if not isinstance(saved, Mapping):
        return default, [Misfit(key, "unusable", saved, _plain(default))]
    values, misfits = _table(default, saved, f"{key}.")
    if type(default).model_config.get("extra") != "allow":
        return type(default).model_construct(**values), misfits
    # The user's own keys: texts of prefixes, and figures to reach.
    usable = {name: value for name, value in saved.items() if _is_own(key, name, value)}
    lost = [Misfit(f"{key}.{n}", "unknown", saved[n], None) for n in saved if n not in usable]
    return type(default).model_construct(**values, **usable), [*misfits, *lost]


def _is_own(section: str, name: str, value: Any) -> bool:
    if section == "prefixes":
        return isinstance(value, str)
    try:
        target_of(name, value)
    except ValueError:
        return False
    return True


def _value(field: FieldInfo, saved: Any, default: Any) -> tuple[Any, Why | None]:
    """Return a value as it is used, and how it differs from the record."""
    bare: Any = field.annotation
    kind = bare
    for limit in field.metadata:
        kind = Annotated[kind, limit]
    with suppress(ValidationError):
        return _validated(kind, saved), None
    with suppress(ValidationError):
        return _validated(bare, saved), "out_of_range"
    return default, "unusable"


def _validated(kind: Any, saved: Any) -> Any:
    adapter: TypeAdapter[Any] = TypeAdapter(kind, config=ConfigDict(allow_inf_nan=False))
    return adapter.validate_python(saved)


def _without_its_prefix(name: str, texts: Mapping[str, str]) -> Iterator[Misfit]:
    if name != NONE and name not in texts:
        yield Misfit("training.prefix", "unusable", name, NONE)


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, Section) else value
