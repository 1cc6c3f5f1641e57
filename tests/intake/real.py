"""Real rows out of installed packages, for tests."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

EXAMPLES = Path(__file__).parents[2] / "examples"


def faq(name: str) -> bytes:
    """Return a file of 503 questions about building in Sweden (Zaragoza AB, CC BY 4.0)."""
    return (files("zaragoza_construction_faq") / "data" / name).read_bytes()


def tech_support() -> list[dict[str, str]]:
    """Return 1,050 rows of which 10 differ (ChatterBot corpus)."""
    path = files("chatterbot_corpus") / "data" / "english" / "tech_support.yml"
    pairs = yaml.safe_load(path.read_text())["conversations"]
    return [{"prompt": asked, "completion": answer} for asked, answer in pairs]


def rows_of(data: bytes) -> list[dict[str, Any]]:
    """Return the rows of JSON lines."""
    return [json.loads(line) for line in data.splitlines()]


def example_rows(name: str) -> list[dict[str, Any]]:
    """Return the rows of a shipped example file."""
    return rows_of((EXAMPLES / name).read_bytes())
