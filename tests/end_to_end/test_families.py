"""Families through the whole daemon: two files with variants of the same questions."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from daemon.folders.queue.family_files import jobs_on_disk
from daemon.layout_jobs import JobLayout
from tests.end_to_end.workspace import Workspace

FAMILIES = 1_000
SETTINGS = "[inbox]\nsettle_s = 0.1\n[training]\nbatch_rows = 64\n[evaluation]\neval_every = 0\n"
WAYS = ("Tell me about", "I wonder what is known of", "Explain in short the matter of")


def thing(number: int) -> str:
    return f"the {number // 10}th letter to correspondent {number} of the archive"


def original(number: int) -> dict[str, str]:
    return {
        "prompt": f"What is {thing(number)}?",
        "completion": f"It is item {number}.",
        "group": f"g{number}",
    }


def variant(number: int, way: str) -> dict[str, str]:
    return {
        "prompt": f"{way} {thing(number)}",
        "completion": f"{way}: item {number}.",
        "variant_of": original(number)["prompt"],
    }


ORIGINALS = [original(n) for n in range(FAMILIES)]
VARIANTS = [variant(n, way) for n in range(FAMILIES) for way in WAYS]


def rows_of(place: JobLayout, kind: str) -> list[dict[str, Any]]:
    path: Path = getattr(place, kind)
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def families(rows: Iterable[dict[str, Any]]) -> set[int]:
    asked = (row["messages"][0]["content"] for row in rows)
    return {int(text.split("correspondent ")[1].split()[0]) for text in asked}


@pytest.mark.parametrize("originals_first", [True, False], ids=["originals", "variants"])
def test_no_family_on_an_exam_is_trained_whichever_file_comes_first(
    tmp_path: Path, originals_first: bool
) -> None:
    """Of 100 exam families 34 were trained by a later file of variants, 9 of 10 the other way."""
    files = [ORIGINALS, VARIANTS] if originals_first else [VARIANTS, ORIGINALS]
    with Workspace(tmp_path / "w", settings=SETTINGS) as space:
        for number, rows in enumerate(files):
            space.drop(f"{number}.jsonl", rows)
            assert space.drain() == 0, space.story()
        places = list(jobs_on_disk(space.layout))
        trained = set[int]().union(*(families(rows_of(place, "train")) for place in places))
        held = [families(rows_of(place, "holdout")) for place in places]
        assert len(held[0]) == FAMILIES // 10 and not held[1] and not held[0] & trained
        for place, rows in zip(places, files, strict=True):
            lines = Counter(
                row["line"]
                for kind in ("train", "holdout", "rejected")
                for row in rows_of(place, kind)
            )
            assert lines == Counter(range(1, len(rows) + 1))
        manifests = [
            json.loads((space.layout.version(f"v{n:06d}") / "manifest.json").read_bytes())
            for n in (1, 2)
        ]
        # The second file holds nothing out: its own exam is the first one's, counted once.
        sets = [manifest["evaluations"]["loss"] for manifest in manifests]
        first = places[0].folder.name
        for own in (one["own_holdout"] for one in sets):
            assert list(own["jobs"]) == [first] and FAMILIES // 25 <= own["items"] <= FAMILIES // 10
        assert sets[1]["earlier_holdout"]["items"] == 0
