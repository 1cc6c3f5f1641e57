"""Reports which rows of earlier files a file corrects, and warns where these are many."""

from collections import Counter

from daemon.core.records import JsonObject
from daemon.core.rows.examples import Example, last_question
from daemon.core.workspace.jobs import escape
from daemon.dedup.matching import Match
from daemon.dedup.sealing import answers_of
from daemon.dedup.seen import Seen
from daemon.folders.queue import reports
from daemon.folders.queue.queue import find_job
from daemon.intake.families import Split
from daemon.intake.gathering import GatheredRows
from daemon.intake.sifting import SecondSift
from daemon.intake.writing import CorrectedItem
from daemon.layout import Layout

LEAST = 10
SHARE = 0.2
"""A file that contradicts so many rows of an earlier one, and this share, is told of before it
trains."""
SHOWN = 5


def corrections_of(
    layout: Layout, job: str, gathered: GatheredRows, second: SecondSift
) -> JsonObject:
    """Return what the report says of corrections: counts, pairs with both texts, and an alert."""
    found = {
        place: match
        for place, match in sorted((second.corrections | second.corrected_exams).items())
        if second.kept[place]
    }
    by_job = Counter(match.job for match in found.values())
    shown = list(found.items())[:SHOWN]
    return {
        "trained": sum(place not in second.corrected_exams for place in found),
        "held_out": sum(place in second.corrected_exams for place in found),
        "by_job": dict(by_job),
        "examples": [_pair(gathered.example(n), gathered.lines[n], match) for n, match in shown],
        "alert": "" if not _are_many(layout, by_job) else _alert(job, gathered, found, by_job),
    }


def _pair(example: Example, line: int, match: Match) -> JsonObject:
    return {
        "line": line,
        "of": {"job": match.job, "line": match.line},
        "prompt": escape(last_question(example), 120),
        "answer": escape(answers_of(example), 300),
        "other": escape(match.other, 300),
    }


def _are_many(layout: Layout, by_job: Counter[str]) -> bool:
    return any(
        count >= LEAST and count > SHARE * _rows_of(layout, job) for job, count in by_job.items()
    )


def _rows_of(layout: Layout, job: str) -> int:
    place = find_job(layout, job)
    report = None if place is None else reports.read(place)
    rows = {} if report is None else report.rows
    return rows.get("train", 0) + rows.get("holdout", 0)


def _alert(job: str, gathered: GatheredRows, found: dict[int, Match], by_job: Counter[str]) -> str:
    earlier, count = by_job.most_common(1)[0]
    pairs = [
        f"{escape(last_question(gathered.example(place)), 60)!r}: {escape(match.other, 60)!r} -> "
        f"{escape(answers_of(gathered.example(place)), 60)!r}"
        for place, match in found.items()
        if match.job == earlier
    ][:SHOWN]
    return (
        f"{job} answers {count} questions of {earlier} otherwise and will take their place, such "
        f"as {'; '.join(pairs)}. If that is wrong: 'finetuned skip {job}' while it waits or runs, "
        "'finetuned rollback' afterwards; the old answers count again then"
    )


def corrected_items(second: SecondSift, split: Split, held: Seen) -> dict[int, CorrectedItem]:
    """Return the exam rows that rows of the file correct, on the side each of them is on."""
    return {
        place: CorrectedItem(match.job, match.earlier.row, match.line, held.half(match.earlier))
        for place, match in second.corrected_exams.items()
        if split.exam[place] and match.earlier is not None
    }
