"""What models made of items, remembered."""

import os
from pathlib import Path

from daemon.folders.models.known_scores import MOST_MODELS, KnownScores
from daemon.layout import Layout


def test_what_was_kept_is_known_to_the_next_process(tmp_path: Path) -> None:
    KnownScores(Layout(tmp_path)).keep("m", {"a": [1.5, 3], "b": {"text": "ü\n"}})
    KnownScores(Layout(tmp_path)).keep("m", {"c": [2.5, 1]})
    assert KnownScores(Layout(tmp_path)).known("m") == {
        "a": [1.5, 3],
        "b": {"text": "ü\n"},
        "c": [2.5, 1],
    }
    assert KnownScores(Layout(tmp_path)).known("other") == {}


def test_a_torn_line_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    known = KnownScores(Layout(tmp_path))
    known.keep("m", {"a": 1, "b": 2})
    path = Layout(tmp_path).known_scores / "m.jsonl"
    path.write_bytes(path.read_bytes()[:-5])
    assert known.known("m") == {"a": 1}
    known.keep("m", {"c": 3})
    assert known.known("m") == {"a": 1, "c": 3}


def test_the_models_that_were_used_last_are_remembered(tmp_path: Path) -> None:
    known = KnownScores(Layout(tmp_path))
    for number in range(MOST_MODELS):
        known.keep(f"m{number}", {"a": number})
        os.utime(Layout(tmp_path).known_scores / f"m{number}.jsonl", (number, number))
    assert known.known("m0") == {"a": 0}
    known.keep("new", {"a": 9})
    assert known.known("m0") == {"a": 0}
    assert known.known("m1") == {}
