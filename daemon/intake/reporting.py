"""Puts what was found about a file into its report, and the verdict with it."""

from collections import Counter

from daemon.core.records import JsonObject
from daemon.core.rows.refusal import Bad
from daemon.core.workspace.jobs import escape
from daemon.dedup.boilerplate import Boilerplate
from daemon.intake.families import Split
from daemon.intake.gathering import GatheredRows
from daemon.intake.looking import Rows
from daemon.intake.sifting import FirstSift, SecondSift
from daemon.intake.tally import CHOSEN, KNOWN, Tally
from daemon.intake.writing import Written
from daemon.settings import Settings

FAMILIES = ("held_out", "trained", "exam")
"""Families that were held out of this file, and those on a side already."""
WAYS = ("exact", "wording", "spelling")
BLAMELESS = ("too_long", "bad_example", "not_to_be_trained")
"""Reasons that say nothing bad about a file: such rows do not count for its share of bad ones."""


def report_of(
    rows: Rows,
    first: FirstSift,
    gathered: GatheredRows,
    second: SecondSift,
    split: Split,
    written: Written,
    shared: Boilerplate,
    tally: Tally,
    settings: Settings,
) -> JsonObject:
    """Return the report of a file that was read to its end."""
    collapsed = sum(map(len, first.grown.values()))
    counts = {
        "read": rows.read,
        "train": written.train,
        "holdout": sum(written.halves.values()),
        **written.halves,
        "rejected": tally.bad,
        "collapsed": collapsed,
        **{code: tally.count([code]) for code in (*KNOWN, *CHOSEN)},
    }
    return {
        **_empty(),
        **_verdict(counts, tally, settings, len(second.corrected_exams)),
        "rows": counts,
        "families": {name: split.counts[name] for name in FAMILIES},
        "formats": dict(rows.forms),
        "reading": rows.readings.record(),
        "reasons": tally.reasons,
        "duplicates": _duplicates(second, shared, tally, settings, first.repeated),
        "tokens": written.tokens,
        "statistics": written.statistics,
        "quality": second.quality,
        "secrets": {
            "rows": len(gathered.private),
            "kinds": dict(Counter(kind for kinds in gathered.private.values() for kind in kinds)),
        },
        "source": {"size": rows.source.size, "sha256": rows.source.sha256},
    }


def _duplicates(
    second: SecondSift,
    shared: Boilerplate,
    tally: Tally,
    settings: Settings,
    repeated: list[dict[str, int]],
) -> JsonObject:
    found: JsonObject = {
        name: {way: tally.ways[code, way] for way in WAYS}
        for name, code in zip(("in_file", "seen", "exam"), KNOWN, strict=False)
    }
    found["conflicts"] = {
        "count": second.conflicts,
        "policy": settings.dedup.conflicts,
        "examples": second.examples,
    }
    rows, questions = second.meant
    found["on_purpose"] = {"rows": rows, "questions": questions}
    found["repeated"] = repeated
    found["boilerplate"] = [escape(text, 200) for text in shared.examples]
    found["unchecked"] = second.unchecked
    return found


def _verdict(
    counts: dict[str, int], tally: Tally, settings: Settings, corrected: int
) -> dict[str, str]:
    read, bad = counts["read"], tally.bad
    judged = read - tally.count(BLAMELESS)
    share = (bad - tally.count(BLAMELESS)) / judged if judged else float(not read)
    if counts["train"] == 0 and bad == 0 and read:
        message = f"all {read} rows are known already"
        if corrected:
            message = (
                f"{corrected} rows correct what is on an exam and none is new: a run needs rows to "
                "train, so drop them together with the file's other rows"
            )
        elif any(counts[code] for code in CHOSEN):
            message = f"none of the {read} rows is both new and wanted"
        return _say("nothing_new", "nothing_new", message)
    if share > settings.intake.max_bad_share:
        return _say("refused", *_too_bad(tally, read))
    if counts["train"] == 0 and bad == read:
        return _say("refused", *_too_bad(tally, read))
    if counts["train"] == 0:
        return _say("nothing_new", "nothing_new", "no row is both usable and new")
    return _say("accepted", "", "")


def _too_bad(tally: Tally, read: int) -> tuple[str, str]:
    """Return code and sentence of a refused file: the most frequent reason, and what to do."""
    if not tally.reasons:
        return "no_usable_rows", f"none of the {read} rows is usable"
    first = next(r for r in tally.reasons if r["code"] not in (*KNOWN, *CHOSEN))
    shown = str(first["examples"][0]["message"]) if first["examples"] else first["code"]
    why = f"{shown}; {first['hint']}"
    if tally.bad == read:
        code = first["code"] if len(tally.reasons) == 1 else "no_usable_rows"
        most = "" if len(tally.reasons) == 1 else f"{first['count']} of them: "
        return code, f"none of the {read} rows is usable: {most}{why}"
    return (
        "too_many_bad_rows",
        f"{tally.bad} of {read} rows are bad, more than intake.max_bad_share; "
        f"{first['count']} of them: {why}",
    )


def refusal(verdict: str, bad: Bad) -> JsonObject:
    """Return the report of a file that is set aside as a whole, with one reason."""
    reason = {"code": bad.code, "count": 1, "hint": bad.hint, "examples": []}
    message = f"{bad.message}; {bad.hint}" if verdict == "refused" and bad.hint else bad.message
    return {
        **_empty(),
        **_say(verdict, bad.code, message),
        "hint": bad.hint,
        "reasons": [reason] if verdict == "refused" else [],
    }


def _say(verdict: str, code: str, message: str) -> dict[str, str]:
    return {"verdict": verdict, "code": code, "message": message}


def _empty() -> JsonObject:
    names = ("read", "train", "holdout", "tune", "judge", "rejected", "collapsed", *KNOWN, *CHOSEN)
    return {
        "schema_version": 1,
        "hint": "",
        "rows": dict.fromkeys(names, 0),
        "families": {},
        "formats": {},
        "reading": {},
        "reasons": [],
        "duplicates": {},
        "corrections": {},
        "tokens": {},
        "statistics": {},
        "quality": {},
        "secrets": {"rows": 0, "kinds": {}},
        "source": {"size": 0, "sha256": None},
    }
