"""Words that do not come back: the field has better ones (docs/glossary.md)."""

import io
import re
import tokenize
from functools import cache

import pytest

from tests.house.sources import ROOT, modules

GONE = {
    "abreast": "concurrency",
    "aside": "skipped, moved",
    "asked": "requested; prompt, question",
    "bench": "context (a benchmark is something else)",
    "bury": "reap",
    "climb": "fall back",
    "dear": "over budget",
    "desk": "mailbox, request handler",
    "dress": "load the adapter",
    "errand": "background task",
    "footing": "shape",
    "grave": "severe",
    "guilty": "offending",
    "hasten": "kill sooner",
    "hear": "receive",
    "heard": "received, reported",
    "hearing": "receiving reports",
    "illness": "finding",
    "lanes": "threads, parallel passes",
    "lonely": "orphaned",
    "mourn": "on death",
    "owed": "retry queue",
    "pay": "flush, retry",
    "quicken": "use the fast form",
    "rung": "fallback",
    "sitter": "examinee",
    "told": "reported, notified",
    "twin": "duplicate, match",
    "wear": "load the adapter, age",
    "worn": "loaded, aged",
}
"""Each with what stands in its place."""

KEYS = {
    "aside": {"core/training/run_state.py", "training/records/state.py"},
    "asked_to": {
        "core/training/probes.py",
        "core/training/run_state.py",
        "training/records/state.py",
        "training/run/probes.py",
    },
    "rows_set_aside": {
        "core/evaluation/explanation.py",
        "core/training/manifests.py",
        "folders/models/models.py",
        "training/judging/candidate.py",
    },
    "set_aside": {"core/evaluation/explained.py"},
    "rungs": {"core/training/fallback.py", "folders/runs/runs.py"},
}
"""Keys of records on disk, which keep their names, with the files that read or write them."""


def words_of(identifier: str) -> set[str]:
    """Return the words of a name, in small letters and the singular."""
    parts = re.split(r"_|(?<=[a-z0-9])(?=[A-Z])", identifier)
    return {form for part in parts for form in (part.lower(), part.lower().removesuffix("s"))}


def names_in(source: str) -> set[str]:
    """Return every identifier of a module."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.string for token in tokens if token.type == tokenize.NAME}


@pytest.mark.parametrize("word", GONE)
def test_a_word_that_went_does_not_come_back_in_a_name(word: str) -> None:
    found = [
        f"{name}: {identifier} (say {GONE[word]})"
        for name, identifier in _identifiers()
        if word in words_of(identifier) and not _is_allowed(word, name, identifier)
    ]
    assert not found


def _is_allowed(word: str, module: str, identifier: str) -> bool:
    return module.removeprefix("daemon/") in KEYS.get(identifier, ())


def test_no_file_is_named_by_a_word_that_went() -> None:
    assert not [name for name, _ in modules() if words_of(name.split("/")[-1][:-3]) & set(GONE)]


def test_a_word_is_found_in_any_form_of_name() -> None:
    assert "desk" in words_of("_OrderDesks") and "worn" in words_of("is_worn")
    assert "bench" not in words_of("benchmark")


@cache
def _identifiers() -> list[tuple[str, str]]:
    return [
        (name, identifier)
        for name, _ in modules()
        for identifier in sorted(names_in((ROOT / name).read_text(encoding="utf-8")))
    ]
