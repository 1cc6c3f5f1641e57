"""Takes one job in: every row of it becomes a training row, a hold-out row or a refused one."""

import json
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.clock import Clock
from daemon.core.examples import Example
from daemon.core.fingerprint import key_of
from daemon.core.formats import Bad
from daemon.errors import SettingsFault
from daemon.folders import reports
from daemon.folders.atomic import remove_file
from daemon.intake.accepted import Accepted, Lengths, write_rows
from daemon.intake.known import Known
from daemon.intake.lines import Line, Source, look_at
from daemon.intake.parsing import parse
from daemon.intake.tally import DUPLICATES, Tally
from daemon.layout import JobLayout, Layout
from daemon.settings import Settings, parse_own, with_own
from daemon.text.encoder import Encoded, TextEncoder

BATCH = 512
Progress = Callable[[int], None]
Waiting = list[tuple[Line, Example]]
Check = Callable[[bytes], tuple[Bad, dict[str, Any] | None] | None]
"""Says of a row's key why it is not trained, and where it is known from."""


@dataclass
class _Pass:
    """One reading of one file."""

    source: Source
    read: int
    forms: Counter[str]


class Taking:
    """One job in the intake worker's hands."""

    def __init__(
        self,
        layout: Layout,
        place: JobLayout,
        encoder: TextEncoder,
        clock: Clock,
        progress: Progress,
    ) -> None:
        context = json.loads((place.folder / "context.json").read_bytes())
        self._place = place
        self._encoder = encoder
        self._clock = clock
        self._progress = progress
        self._known = Known.read(layout, context)
        self._settings = Settings.model_validate(context["settings"])
        self._began_s = clock.monotonic_s()
        self._keys: dict[bytes, int] = {}
        self._own_exam: dict[bytes, int] = {}
        self._warnings: list[str] = []

    def take_in(self) -> dict[str, Any]:
        """Write the job's files and return its report, which is written last."""
        report = self._take_in()
        reports.write(self._place, report)
        return report

    def _take_in(self) -> dict[str, Any]:
        original = self._place.original
        before = _identity(original)
        if before[0] > self._settings.intake.max_file_bytes:
            limit = self._settings.intake.max_file_bytes
            return self._refused(
                Bad("file_too_large", f"{before[0]} bytes, the limit is {limit}", "split the file")
            )
        wrong = look_at(original) or self._wrong_own_settings()
        if wrong is not None:
            return self._refused(wrong)
        with ExitStack() as stack:
            report = self._read_all(stack)
        if _identity(original) != before:
            return self._report("changed", "changed", "the file changed while it was read", {})
        return report

    def _wrong_own_settings(self) -> Bad | None:
        path = self._place.own_settings
        if not path.exists():
            return None
        try:
            self._settings = with_own(self._settings, parse_own(path.read_text(encoding="utf-8")))
        except (SettingsFault, UnicodeDecodeError) as fault:
            return Bad(
                "bad_own_settings", str(fault), "mend the .settings.toml and drop both again"
            )
        return None

    def _read_all(self, stack: ExitStack) -> dict[str, Any]:
        tally = Tally(stack.enter_context(self._place.rejected.open("wb")))
        own = self._own_holdout(stack)
        gathered = self._place.folder / "rows.tmp"
        stack.callback(remove_file, gathered)
        accepted = Accepted(stack.enter_context(gathered.open("wb")), self._settings.holdout)
        done = self._pass(self._place.original, accepted, tally, self._refuse_known)
        accepted.flush()
        if done.source.had_bom:
            self._warnings.append("the file begins with a byte order mark; it was left out")
        held = frozenset() if own is not None else accepted.held_out()
        lengths, halves = write_rows(self._place, gathered, accepted.rows, held)
        return self._verdict(done, tally, lengths, own or halves)

    def _own_holdout(self, stack: ExitStack) -> dict[str, int] | None:
        """Take the user's own hold-out file in; its rows are exam rows for the file beside it."""
        path = self._place.holdout_original
        if not path.exists():
            return None
        refused = self._place.folder / "holdout.rejected.jsonl"
        tally = Tally(stack.enter_context(refused.open("wb")))
        gathered = self._place.folder / "holdout.tmp"
        stack.callback(remove_file, gathered)
        accepted = Accepted(stack.enter_context(gathered.open("wb")), self._settings.holdout)
        self._pass(path, accepted, tally, lambda key: None)
        accepted.flush()
        if tally.bad:
            self._warnings.append(f"{tally.bad} row(s) of the hold-out file were refused")
        self._own_exam, self._keys = self._keys, {}
        _, halves = write_rows(self._place, gathered, accepted.rows, None)
        return halves

    def _pass(
        self,
        path: Path,
        accepted: Accepted,
        tally: Tally,
        known: Check,
    ) -> _Pass:
        rules = self._settings.intake
        done = _Pass(Source(path, rules.max_line_bytes), 0, Counter())
        waiting: Waiting = []
        for line in done.source.lines():
            done.read += 1
            found = parse(line, rules.max_depth, rules.max_line_bytes)
            if isinstance(found, Bad):
                tally.refuse(line, found)
            else:
                done.forms[found.form] += 1
                waiting.append((line, found.example))
            if len(waiting) >= BATCH:
                self._judge(waiting, accepted, tally, known)
                waiting = []
                self._progress(done.read)
        self._judge(waiting, accepted, tally, known)
        return done

    def _judge(
        self,
        waiting: Waiting,
        accepted: Accepted,
        tally: Tally,
        known: Check,
    ) -> None:
        """Drop what is known, count the tokens of the rest in one go, keep what fits."""
        fresh: list[tuple[Line, Example, bytes]] = []
        for line, example in waiting:
            key = key_of(example)
            if key in self._keys:
                earlier = self._keys[key]
                bad = Bad("duplicate_in_file", f"equal to line {earlier}", "nothing to do")
                tally.refuse(line, bad, {"job": self._place.folder.name, "line": earlier})
                continue
            self._keys[key] = line.number
            refusal = known(key)
            if refusal is not None:
                tally.refuse(line, *refusal)
            else:
                fresh.append((line, example, key))
        limit = self._settings.training.max_row_tokens
        encoded = self._encoder.encode([example for _, example, _ in fresh], limit)
        for (line, example, key), item in zip(fresh, encoded, strict=True):
            if isinstance(item, Encoded):
                accepted.add(
                    example, key, line.number, len(item.tokens), int(item.supervised.sum())
                )
            else:
                tally.refuse(
                    line, Bad(item.code, item.message, HINTS.get(item.code, "change the row"))
                )

    def _refuse_known(self, key: bytes) -> tuple[Bad, dict[str, Any] | None] | None:
        if key in self._own_exam:
            place = {"job": self._place.folder.name, "line": self._own_exam[key]}
            bad = Bad("exam_row", "it is a row of the hold-out file beside it", "nothing to do")
            return bad, place
        exam = self._known.examined(key)
        if exam is not None:
            bad = Bad(
                "exam_row", f"held out of {exam['job']}, line {exam['line']}", "nothing to do"
            )
            return bad, exam
        seen = self._known.trained(key)
        if seen is not None:
            bad = Bad(
                "duplicate_seen", f"trained in {seen['job']}, line {seen['line']}", "nothing to do"
            )
            return bad, seen
        return None

    def _verdict(
        self, done: _Pass, tally: Tally, lengths: Lengths, halves: dict[str, int]
    ) -> dict[str, Any]:
        rows = {
            "read": done.read,
            "train": lengths.rows,
            "holdout": sum(halves.values()),
            **halves,
            "rejected": tally.bad,
            **{code: tally.count([code]) for code in DUPLICATES},
        }
        extra = {
            "rows": rows,
            "formats": dict(done.forms),
            "reasons": tally.reasons,
            "tokens": lengths.as_record(),
            "source": {"size": done.source.size, "sha256": done.source.sha256},
        }
        share = tally.bad / done.read if done.read else 1.0
        if lengths.rows == 0 and tally.bad == 0 and done.read:
            message = f"all {done.read} rows are known already"
            return self._report("nothing_new", "nothing_new", message, extra)
        if share > self._settings.intake.max_bad_share:
            code, message = _too_bad(tally, done.read)
            return self._report("refused", code, message, extra)
        if lengths.rows == 0:
            return self._report(
                "nothing_new", "nothing_new", "no row is both usable and new", extra
            )
        return self._report("accepted", "", "", extra)

    def _refused(self, bad: Bad) -> dict[str, Any]:
        """Report a file that is refused as a whole, with one reason."""
        self._place.rejected.write_bytes(b"")
        reason = {"code": bad.code, "count": 1, "hint": bad.hint, "examples": []}
        report = self._report("refused", bad.code, bad.message, {"reasons": [reason]})
        return report | {"hint": bad.hint}

    def _report(
        self, verdict: str, code: str, message: str, extra: dict[str, Any]
    ) -> dict[str, Any]:
        empty = dict.fromkeys(
            ("read", "train", "holdout", "tune", "judge", "rejected", *DUPLICATES), 0
        )
        return {
            "schema_version": 1,
            "job": self._place.folder.name,
            "verdict": verdict,
            "code": code,
            "message": message,
            "hint": "",
            "rows": empty,
            "formats": {},
            "reasons": [],
            "tokens": Lengths().as_record(),
            "fingerprints": {
                "tokenizer": self._encoder.fingerprint,
                "template": self._encoder.template_fingerprint,
            },
            "own_holdout": self._place.holdout_original.exists(),
            "warnings": self._warnings,
            "seconds": round(self._clock.monotonic_s() - self._began_s, 3),
            "source": {"size": 0, "sha256": None},
            **extra,
        }


HINTS = {
    "too_long": "shorten the row, or raise training.max_row_tokens",
    "template_error": "use the roles and order that the model's chat template knows",
    "no_supervised_tokens": "give the row an answer to learn",
}


def _too_bad(tally: Tally, read: int) -> tuple[str, str]:
    if tally.bad == read and len(tally.reasons) == 1:
        return tally.reasons[0]["code"], f"none of the {read} rows is usable"
    if tally.bad == read:
        return "no_usable_rows", f"none of the {read} rows is usable"
    return (
        "too_many_bad_rows",
        f"{tally.bad} of {read} rows are bad, more than intake.max_bad_share",
    )


def _identity(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return (found.st_size, found.st_mtime_ns, found.st_ino)
