"""Takes one job in: every row of it becomes a training row, a hold-out row or a refused one."""

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from daemon.clock import Clock
from daemon.core.rows.examples import Example
from daemon.core.rows.formats import Fields
from daemon.core.rows.prefix import fingerprint_of
from daemon.core.rows.refusal import Bad
from daemon.core.workspace.untrained import from_records
from daemon.dedup.family_index import ACCEPTED, open_index
from daemon.dedup.family_segments import FamilyIndex, FamilySegment
from daemon.dedup.index import Earlier, Index
from daemon.dedup.judging import Judge
from daemon.dedup.sealing import Sealer
from daemon.dedup.seen import Seen, keys_of, read_row
from daemon.dedup.segments import Segment
from daemon.dedup.suites import Suites
from daemon.dedup.superseding import Superseded
from daemon.errors import SettingsFault
from daemon.folders.disk.atomic import remove_file
from daemon.folders.queue import family_files, reports
from daemon.intake.corrections import corrections_of
from daemon.intake.drawing import draw
from daemon.intake.families import FamilySides, Split
from daemon.intake.gathering import GatheredRows, Gatherer
from daemon.intake.lines import look_at
from daemon.intake.looking import ChangedWhileRead, Progress, Rows, look
from daemon.intake.parsing import RowRules
from daemon.intake.reasons import Reason
from daemon.intake.reporting import refusal, report_of
from daemon.intake.sifting import Elsewhere, SecondSift, sift_first, sift_second
from daemon.intake.tally import Tally
from daemon.intake.writing import CorrectedItem, Written, write, write_exam
from daemon.layout import Layout
from daemon.layout_jobs import JobLayout
from daemon.settings_file import parse_own, with_own
from daemon.settings_records import DAEMONS_OWN, usable_settings
from daemon.text.abilities import remark
from daemon.text.encoder import TextEncoder
from daemon.text.prefix import WORDS

OWN_HOLDOUT = "its own hold-out"


@dataclass(frozen=True)
class OwnHoldout:
    """The hold-out file that was dropped beside a file."""

    written: Written
    sides: FamilySides


class Taking:
    """One job in the intake worker's hands."""

    def __init__(
        self,
        layout: Layout,
        place: JobLayout,
        encoder: TextEncoder,
        suites: Suites,
        clock: Clock,
        progress: Progress,
        merge: bool = True,
        notice: Callable[[str], None] = lambda doing: None,
        taken_in: Callable[[], int] = lambda: 0,
    ) -> None:
        """`taken_in` tells how many files its worker has read: one may be read in between."""
        self._context = json.loads((place.folder / "context.json").read_bytes())
        self._layout = layout
        self._place = place
        self.encoder = encoder
        self._suites = suites
        self._clock = clock
        self._progress = progress
        self._merge = merge
        self._notice = notice
        self._taken_in = taken_in
        self._opened: tuple[int, FamilyIndex] | None = None
        self.settings = usable_settings(self._context["settings"], DAEMONS_OWN)
        self._began_s = clock.monotonic_s()
        self._sealer = Sealer()
        self._warnings: list[str] = []
        self._name = _name_in(place)
        self._read_bytes = 0

    def take_in(self) -> dict[str, Any]:
        """Write the job's files and return its report, which is written last."""
        report = self._found() or self._needs_memory()
        report |= {
            "job": self._place.folder.name,
            "name": self._name,
            "bytes": self._read_bytes,
            "fingerprints": {
                "tokenizer": self.encoder.fingerprint,
                "template": self.encoder.template_fingerprint,
                "prefix": fingerprint_of(self.encoder.prefix),
            },
            "prefix": self._prefix_record(),
            "own_holdout": self._place.holdout_original.exists(),
            "warnings": [*self._warnings, *self._suites.unreadable],
            "seconds": round(self._clock.monotonic_s() - self._began_s, 3),
        }
        if self.settings.intake.pictures:
            draw(report, self._place)
        reports.write(self._place, report)
        return report

    def _found(self) -> dict[str, Any] | None:
        """Return what was found; None where memory ran out, with all that filled it let go of."""
        try:
            return self._take_in()
        except ChangedWhileRead as changed:
            return refusal("changed", Bad("changed", str(changed), "nothing to do"))
        except FileNotFoundError:
            if self._place.original.exists():
                raise
            return self._refused(
                Bad("file_gone", "original.jsonl was removed by hand", "drop the file again")
            )
        except MemoryError:
            return None

    def _needs_memory(self) -> dict[str, Any]:
        place = self._place
        for path in (
            place.train,
            place.holdout,
            place.train_fingerprints,
            place.holdout_fingerprints,
            place.families,
        ):
            remove_file(path)
        allowed = self.settings.intake.max_memory_bytes
        limit = f"{allowed} bytes" if allowed else "half the machine's memory"
        return self._refused(
            Bad(
                "too_much_memory",
                f"reading it takes more memory than is allowed ({limit})",
                "split the file, or raise intake.max_memory_bytes",
            )
        )

    def _prefix_record(self) -> dict[str, str] | None:
        prefix = self.encoder.prefix
        if prefix is None:
            return None
        return {**prefix.as_record(), "place": WORDS[self.encoder.prefix_place]}

    def _take_in(self) -> dict[str, Any]:
        original = self._place.original
        before = _identity(original)
        self._read_bytes = before[0]
        if before[0] > self.settings.intake.max_file_bytes:
            limit = self.settings.intake.max_file_bytes
            return self._refused(
                Bad("file_too_large", f"{before[0]} bytes, the limit is {limit}", "split the file")
            )
        wrong = look_at(original) or self._wrong_own_settings()
        if wrong is not None:
            return self._refused(wrong)
        self.encoder = self.encoder.prefixed(self.settings.prefix)
        with ExitStack() as stack:
            report = self._read_all(stack)
        if _identity(original) != before:
            raise ChangedWhileRead("the file changed while it was read")
        return report

    def _refused(self, bad: Bad) -> dict[str, Any]:
        self._place.rejected.write_bytes(b"")
        return refusal("refused", bad)

    def _wrong_own_settings(self) -> Bad | None:
        path = self._place.own_settings
        if not path.exists():
            return None
        try:
            self.settings = with_own(self.settings, parse_own(path.read_text(encoding="utf-8")))
        except (SettingsFault, UnicodeDecodeError) as fault:
            return Bad(
                "bad_own_settings", str(fault), "mend the .settings.toml and drop both again"
            )
        return None

    def _read_all(self, stack: ExitStack) -> dict[str, Any]:
        tally = Tally(stack.enter_context(self._place.rejected.open("wb")))
        # Before this file is begun: what is made of others' rows, once, may take minutes.
        self._families()
        own = self._own_holdout(stack)
        elsewhere = self._elsewhere(own)
        self._progress(0)
        rows = self._look(self._place.original, tally)
        if rows.source.had_bom:
            self._warnings.append("the file begins with a byte order mark; it was left out")
        first = sift_first(rows, elsewhere, self.encoder.prefix_stable)
        rows.forget()
        _refuse(tally, rows, first.refused)
        gatherer = Gatherer(self.encoder, self.settings, self._sealer, tally)
        shared = gatherer.boilerplate(rows, first.places)
        gathered = gatherer.gather(
            rows, first.places, first.grown, shared, self._temporary("rows", stack), self._progress
        )
        self._warnings += [remark(lost, rows) for lost, rows in gatherer.lost.items()]
        stack.callback(gathered.close)
        second = sift_second(gathered, elsewhere, self.settings, self._sealer, first.known)
        _refuse(tally, rows, {gathered.places[n]: why for n, why in second.refused.items()})
        sides, split = self._split(rows, gathered, second, own)
        _refuse(tally, rows, {gathered.places[n]: why for n, why in split.refused.items()})
        corrected = _corrected(second, split, elsewhere.held)
        written = write(self._place, gathered, split, second.scores, self._sealer, corrected)
        if own is not None:
            written.halves = own.written.halves
        report = report_of(
            rows, first, gathered, second, split, written, shared, tally, self.settings
        )
        report["corrections"] = corrections_of(
            self._layout, self._place.folder.name, gathered, second
        )
        self._keep(report, sides, own)
        return report

    def _look(self, path: Path, tally: Tally) -> Rows:
        return look(path, self._rules(), tally, self._progress, self.settings.holdout.seed)

    def _split(
        self, rows: Rows, gathered: GatheredRows, second: SecondSift, own: "OwnHoldout | None"
    ) -> tuple[FamilySides, Split]:
        """Divide the rows that stay into those to train and those to hold out."""
        beside = [] if own is None else [own.sides.segment(OWN_HOLDOUT)]
        sides = self._sides(rows, beside)
        sides.remember(family_files.read_or_none(self._place.families))
        if own is not None:
            return sides, sides.split_beside(gathered, second.kept)
        wanted = self.settings.holdout
        corrected = np.zeros(len(gathered), np.bool_)
        corrected[list(second.corrected_exams)] = True
        return sides, sides.split(gathered, second.kept, wanted.share, wanted.max_rows, corrected)

    def _sides(self, rows: Rows, beside: Sequence[FamilySegment]) -> FamilySides:
        fresh = bool(self._context.get("fresh"))
        return FamilySides(rows, self._families(beside), self._place.folder.name, fresh)

    def _families(self, beside: Sequence[FamilySegment] = ()) -> FamilyIndex:
        count = self._taken_in()
        if self._opened is None or self._opened[0] != count:
            self._opened = count, open_index(self._layout, self._merge, self._tell_of_making)
        return self._opened[1].beside([*beside, *self._suites.families()])

    def _tell_of_making(self, rows: int) -> None:
        self._notice(f"making the families of earlier files, once: {rows} rows read")

    def _keep(self, report: dict[str, Any], sides: FamilySides, own: "OwnHoldout | None") -> None:
        """Write the families of an accepted file; of one that is refused none has a side."""
        if report["verdict"] not in ACCEPTED:
            remove_file(self._place.families)
            return
        found = [sides.families] if own is None else [sides.families, own.sides.families]
        family_files.write(self._place.families, np.concatenate(found))

    def _rules(self) -> RowRules:
        intake = self.settings.intake
        return RowRules(intake.max_depth, intake.max_line_bytes, Fields(intake.fields))

    def _temporary(self, name: str, stack: ExitStack) -> Path:
        path = self._place.folder / f"{name}.tmp"
        stack.callback(remove_file, path)
        return path

    def _own_holdout(self, stack: ExitStack) -> "OwnHoldout | None":
        """Take the user's own hold-out file in; its rows are exam rows for the file beside it."""
        path = self._place.holdout_original
        if not path.exists():
            return None
        refused = self._place.folder / "holdout.rejected.jsonl"
        tally = Tally(stack.enter_context(refused.open("wb")))
        self._progress(0)
        rows = self._look(path, tally)
        nothing = self._elsewhere(None, blank=True)
        first = sift_first(rows, nothing, False)
        _refuse(tally, rows, first.refused)
        gatherer = Gatherer(self.encoder, self.settings, self._sealer, tally)
        shared = gatherer.boilerplate(rows, first.places)
        gathered = gatherer.gather(
            rows, first.places, {}, shared, self._temporary("holdout", stack), self._progress
        )
        stack.callback(gathered.close)
        sides = self._sides(rows, ())
        split = sides.split_exam(gathered)
        _refuse(tally, rows, {gathered.places[n]: why for n, why in split.refused.items()})
        if tally.bad:
            self._warnings.append(f"{tally.bad} row(s) of the hold-out file were refused")
        if split.refused:
            self._warnings.append(
                f"{len(split.refused)} row(s) of the hold-out file are variants of rows that are "
                "on an exam or were given to training; holdout.rejected.jsonl names them"
            )
        written = write_exam(self._place, gathered, split, self._sealer)
        return OwnHoldout(written, sides)

    def _elsewhere(self, own: "OwnHoldout | None", blank: bool = False) -> Elsewhere:
        job = self._place.folder.name
        untrained = from_records(self._context.get("untrained_rows", {}))
        seen = Seen(self._layout, "train", [] if blank else self._context["seen_jobs"], untrained)
        held = Seen(self._layout, "holdout", [] if blank else self._context["holdout_jobs"])
        mine = Segment.build([], [])
        if own is not None:
            mine = Segment.build([OWN_HOLDOUT], [keys_of(self._place, "holdout")])
        judge = Judge(self._sealer, self.settings.dedup.threshold)
        lineage = frozenset(self._context["seen_jobs"])
        indexes = seen.open(self._merge), held.open(self._merge)
        past, past_exams = (
            Superseded(
                index,
                kind.example,
                judge,
                lineage.__contains__,
                wanted=self.settings.dedup.corrections == "newest",
            )
            for index, kind in zip(indexes, (seen, held), strict=True)
        )
        return Elsewhere(
            seen=seen,
            seen_index=indexes[0],
            held=held,
            held_index=indexes[1],
            judge=judge,
            past=past,
            past_exams=past_exams,
            suites=None if blank else self._suites,
            own=Index([mine]),
            may_correct_exams=own is None,
            own_example=self._own_example,
            job=job,
        )

    def _own_example(self, earlier: Earlier) -> Example | None:
        return read_row(self._place.holdout, earlier.offset)


def _corrected(second: SecondSift, split: Split, held: Seen) -> dict[int, CorrectedItem]:
    """Return the exam rows that rows of the file correct, on the side each of them is on."""
    return {
        place: CorrectedItem(match.job, match.earlier.row, match.line, held.half(match.earlier))
        for place, match in second.corrected_exams.items()
        if split.exam[place] and match.earlier is not None
    }


def _name_in(place: JobLayout) -> str:
    """Return the file's name as it was dropped, made safe to show."""
    try:
        name = json.loads(place.job_file.read_bytes()).get("name")
    except (OSError, ValueError):
        name = None
    return str(name or place.folder.name)


def _refuse(tally: Tally, rows: Rows, refused: dict[int, Reason]) -> None:
    places = sorted(refused)
    for place, line in zip(places, rows.lines(places), strict=True):
        reason = refused[place]
        tally.refuse(line, reason.bad, reason.of, reason.how)


def _identity(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return (found.st_size, found.st_mtime_ns, found.st_ino)
