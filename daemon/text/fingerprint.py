"""What tells one tokenizer and one chat template from another; reads a model directory only."""

import hashlib
import json
from pathlib import Path
from typing import Any

NONE = "none"


def tokenizer_fingerprint(folder: Path) -> str:
    """Return the SHA-256 of the tokenizer file and of its special tokens."""
    settings = tokenizer_settings(folder)
    special = {key: settings.get(key) for key in ("bos_token", "eos_token", "pad_token")}
    whole = hashlib.sha256((folder / "tokenizer.json").read_bytes())
    whole.update(json.dumps(special, sort_keys=True).encode())
    return whole.hexdigest()


def template_fingerprint(folder: Path) -> str:
    """Return the SHA-256 of the chat template's text, `none` where there is none."""
    text = template_text(folder)
    return NONE if text is None else hashlib.sha256(text.encode()).hexdigest()


def tokenizer_settings(folder: Path) -> dict[str, Any]:
    """Return `tokenizer_config.json`, empty where there is none."""
    try:
        settings = json.loads((folder / "tokenizer_config.json").read_bytes())
    except FileNotFoundError:
        return {}
    return settings if isinstance(settings, dict) else {}


def template_text(folder: Path) -> str | None:
    """Return the chat template: its own file, or the one in the tokenizer's settings."""
    own = folder / "chat_template.jinja"
    if own.exists():
        return own.read_text(encoding="utf-8")
    value = tokenizer_settings(folder).get("chat_template")
    if isinstance(value, list):
        named = {item["name"]: item["template"] for item in value}
        value = named.get("default")
    return value if isinstance(value, str) else None
