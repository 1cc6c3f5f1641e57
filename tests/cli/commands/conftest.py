"""A workspace with one suite, for the tests of commands that evaluate."""

import json

import pytest

from daemon.folders.models import current_model
from daemon.folders.models.models import Models
from daemon.layout import Layout
from daemon.settings import Settings
from daemon.training.engine.stub_base import make_base

HEADER = {
    "suite": "lakes",
    "title": "Lakes",
    "task": "name lakes",
    "scorer": "exact",
    "answer_field": "answers",
    "difficulty": "easy",
    "licence": "CC0-1.0",
    "origin": "by hand",
    "max_tokens": 8,
}
HOSTILE = "<script>x</script> \x1b[31m `|`"


@pytest.fixture
def ready(layout: Layout) -> Layout:
    """A workspace with one suite, whose current version is the untouched base."""
    facts = make_base(layout, Settings().model)
    Models(layout).seal_base("2030-01-01T00:00:00+00:00", facts, {})
    current_model.point_at(layout, "v000000")
    items = [{"id": f"i{n}", "prompt": f"lake {n}?", "answers": [f"lake {n}"]} for n in range(12)]
    items[3]["prompt"] = HOSTILE
    suite = "".join(json.dumps(row) + "\n" for row in (HEADER, *items))
    layout.evals.mkdir(exist_ok=True)
    (layout.evals / "lakes.jsonl").write_text(suite)
    return layout
