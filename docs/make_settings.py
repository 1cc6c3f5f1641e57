"""Write docs/settings.md from the settings themselves; says nothing of its own about them."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from daemon.settings import Settings

OWN_KEYS = {
    "prefixes": "[What a prefix is](data.md#prefixes).",
    "targets": "[What a target is](evaluation.md#targets).",
}
PAGE = Path(__file__).resolve().parent / "settings.md"


def main() -> None:
    PAGE.write_text(settings_page(), encoding="utf-8")


def settings_page() -> str:
    """Return the page of every setting with its default, range and meaning."""
    parts = [
        "# Settings\n\nGenerated from `daemon/settings.py` by `make docs`. `finetuned init` writes "
        "all of them to `finetuned.toml` with these descriptions. A key that is left out has its "
        "default; an unknown key is an error. Edits apply from the next run.\n"
    ]
    sections: dict[str, type[BaseModel]] = {"": Settings, **_sections()}
    for title, section in sections.items():
        parts.append(f"\n## {f'[{title}]' if title else 'Top of the file'}\n\n")
        parts.append(f"{(section.__doc__ or '').strip()}\n\n")
        if title and not section.model_fields:
            parts.append(f"Its keys are your own. {OWN_KEYS[title]}\n")
            continue
        parts.append("| key | default | range | meaning |\n| --- | --- | --- | --- |\n")
        for name, field in section.model_fields.items():
            if not isinstance(field.default, BaseModel):
                default = _shown(field.default)
                parts.append(
                    f"| `{name}` | {default} | {_range(section, name)} | {field.description} |\n"
                )
    return "".join(parts)


def _sections() -> dict[str, type[BaseModel]]:
    return {
        name: type(field.default)
        for name, field in Settings.model_fields.items()
        if isinstance(field.default, BaseModel)
    }


def _shown(value: Any) -> str:
    if value is None or value is PydanticUndefined:
        return "(none)"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{list(value)}`"
    return f"`{value!r}`".replace("'", '"')


def _range(section: type[BaseModel], name: str) -> str:
    schema = section.model_json_schema()["properties"][name]
    options = [schema, *schema.get("anyOf", [])]
    for option in options:
        if "enum" in option:
            return ", ".join(f"`{choice}`" for choice in option["enum"])
    words = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [
        f"{sign} {option[key]:g}" if isinstance(option[key], float) else f"{sign} {option[key]}"
        for option in options
        for key, sign in words.items()
        if key in option
    ]
    return ", ".join(bounds)


if __name__ == "__main__":
    main()
