"""Takes in one job: each of its rows becomes a training row, a hold-out row or a refused one."""

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from daemon.analysis.charts import part
from daemon.clock import Clock
from daemon.core.records import JsonObject, to_json_value
from daemon.core.rows.formats import Fields
from daemon.core.rows.prefix import fingerprint_of
from daemon.core.rows.refusal import Bad
from daemon.dedup.family_index import ACCEPTED, JobFamilies
from daemon.dedup.family_segments import FamilyIndex, FamilySegment
from daemon.dedup.judging import Judge
from daemon.dedup.sealing import Sealer
from daemon.dedup.suites import Suites
from daemon.errors import SettingsFault
from daemon.files.limits import Unreadable
from daemon.folders.disk.atomic import remove_file, temporary_name
from daemon.folders.disk.file_state import FileState
from daemon.folders.queue import family_files, reports
from daemon.folders.queue.queue import read_context
from daemon.intake.comparing import OWN_HOLDOUT, elsewhere_of
from daemon.intake.corrections import corrected_items, corrections_of
from daemon.intake.drawing import draw
from daemon.intake.families import FamilySides, Split
from daemon.intake.gathering import GatheredRows, Gatherer
from daemon.intake.looking import ChangedWhileRead, Progress, Rows, look
from daemon.intake.parsing import CUT_OFF, RowRules
from daemon.intake.reasons import Reason
from daemon.intake.reporting import refusal, report_of
from daemon.intake.sifting import Elsewhere, SecondSift, sift_first, sift_second
from daemon.intake.tally import Tally
from daemon.intake.unpacking import UnpackedText, Unpacker
from daemon.intake.writing import Written, write, write_exam
from daemon.layout import Layout
from daemon.layout_jobs import JobLayout
from daemon.settings_file import parse_own, with_own
from daemon.settings_records import DAEMONS_OWN, usable_settings
from daemon.text.abilities import remarks
from daemon.text.encoder import TextEncoder
from daemon.text.prefix import WORDS


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
        families: JobFamilies,
        clock: Clock,
        progress: Progress,
        merge: bool = True,
        notice: Callable[[str], None] = lambda doing: None,
    ) -> None:
        self._context = read_context(place)
        self._layout = layout
        self._place = place
        self.encoder = encoder
        self._suites = suites
        self._job_families = families
        self._clock = clock
        self._progress = progress
        self._merge = merge
        self._notice = notice
        self._opened: tuple[int, FamilyIndex] | None = None
        self.settings = usable_settings(self._context.settings, DAEMONS_OWN)
        self._began_s = clock.monotonic_s()
        self._sealer = Sealer()
        self._warnings: list[str] = []
        self._name = _name_in(place)
        self._state = FileState()
        self._file: JsonObject = {"plain": True}
        self._text: UnpackedText | None = None

    def take_in(self) -> JsonObject:
        """Write the job's files and return its report, which is written last."""
        try:
            return self._reported()
        finally:
            # Whatever became of it, and of files that were read in between.
            self._job_families.written(self._place.folder.name)

    def _reported(self) -> JsonObject:
        report = self._found() or self._needs_memory()
        report |= {
            "job": self._place.folder.name,
            "name": self._name,
            "bytes": self._state.size_bytes,
            "read_as": str(self._state),
            "fingerprints": {
                "tokenizer": self.encoder.fingerprint,
                "template": self.encoder.template_fingerprint,
                "prefix": fingerprint_of(self.encoder.prefix),
                "plain_form": self.encoder.plain_form,
            },
            "prefix": self._prefix_record(),
            "file": self._text.as_record() if self._text else self._file,
            "own_holdout": bool(self._exam_files()),
            "warnings": [*self._warnings, *self._suites.unreadable],
            "seconds": round(self._clock.monotonic_s() - self._began_s, 3),
        }
        if self.settings.intake.pictures:
            draw(report, self._place)
        reports.write(self._place, report)
        return report

    def _found(self) -> JsonObject | None:
        """Return what was found; None if memory ran out, with all that filled it let go of."""
        try:
            return self._take_in()
        except Unreadable as wrong:
            self._file = {"plain": False}
            return self._refused(wrong.bad)
        except ChangedWhileRead as changed:
            return refusal("changed", Bad("changed", str(changed), "nothing to do"))
        except FileNotFoundError:
            if self._place.original.exists():
                raise
            return self._refused(
                Bad(
                    "file_gone",
                    f"{self._place.original.name} was removed by hand",
                    "drop the file again",
                )
            )
        except MemoryError:
            return None

    def _needs_memory(self) -> JsonObject:
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
        return {**to_json_value(prefix), "place": WORDS[self.encoder.prefix_place]}

    def _take_in(self) -> JsonObject:
        original = self._place.original
        before = self._state = FileState.of(original)
        most = self.settings.intake.max_file_bytes
        if before.size_bytes > most:
            words = f"{before.size_bytes} bytes, the limit is {most}"
            return self._refused(Bad("file_too_large", words, "split the file"))
        wrong = self._wrong_own_settings()
        if wrong is not None:
            return self._refused(wrong)
        with ExitStack() as stack:
            unpacker = Unpacker(
                self._place.folder, self.settings.intake, lambda: self._progress(0), stack
            )
            self.encoder = self.encoder.for_version(self.settings.prefix, self.settings.plain_form)
            if self._is_exam_only():
                return self._read_exam(stack, unpacker)
            unpacker.kind(original)
            report = self._read_all(stack, unpacker)
        if FileState.of(original) != before:
            raise ChangedWhileRead("the file changed while it was read")
        return report

    def _refused(self, bad: Bad) -> JsonObject:
        self._place.rejected.write_bytes(b"")
        return refusal("refused", bad)

    def _wrong_own_settings(self) -> Bad | None:
        path = self._place.own_settings
        if not path.exists():
            return None
        try:
            self.settings = with_own(self.settings, parse_own(path.read_text(encoding="utf-8")))
        except (SettingsFault, UnicodeDecodeError) as fault:
            words = str(fault).replace(":\n  ", ": ", 1).replace("\n  ", "; ")
            return Bad("bad_own_settings", words, "fix the .settings.toml and drop both again")
        return None

    def _is_exam_only(self) -> bool:
        """Say whether the dropped file is empty and only what it is measured with holds rows."""
        return self._state.size_bytes == 0 and bool(self._exam_files())

    def _read_exam(self, stack: ExitStack, unpacker: Unpacker) -> JsonObject:
        """Take in rows that are only measured with."""
        self._families()
        own = self._own_holdout(stack, unpacker)
        assert own is not None, "there are files of it"
        count = sum(own.written.halves.values())
        if not count:
            hint = "holdout.rejected.jsonl names each row and what to do"
            return self._refused(Bad("no_usable_rows", "none of its rows can be on an exam", hint))
        family_files.write(self._place.families, own.sides.families)
        self._place.rejected.write_bytes(b"")
        words = f"{count} rows are on the exam from now on, and none is trained"
        report = refusal("nothing_new", Bad("exam_only", words, ""))
        counted = {"read": count, "holdout": count, **own.written.halves}
        return {**report, "rows": {**part(report, "rows"), **counted}}

    def _read_all(self, stack: ExitStack, unpacker: Unpacker) -> JsonObject:
        tally = Tally(stack.enter_context(self._place.rejected.open("wb")))
        # Before this file is begun: what is made of others' rows, once, may take minutes.
        self._families()
        own = self._own_holdout(stack, unpacker)
        elsewhere = self._elsewhere(own)
        self._progress(0)
        self._text = unpacker.read("rows-of-original", [self._place.original])
        self._warnings += self._text.remarks("the file")
        rows = self._look(self._text, tally, "the file")
        if not rows.read:
            return self._without_rows(self._text)
        self._warnings += rows.encoding_notes()
        self._warnings += rows.readings.sentences()
        first = sift_first(rows, elsewhere, self.encoder.prefix_stable)
        rows.forget()
        _refuse(tally, rows, first.refused)
        gatherer = Gatherer(self.encoder, self.settings, self._sealer, tally)
        shared = gatherer.boilerplate(rows, first.places)
        gathered = gatherer.gather(
            rows, first.places, first.grown, shared, self._temporary("rows", stack), self._progress
        )
        self._warnings += remarks(gatherer.lost, self.encoder.plain_form)
        stack.callback(gathered.close)
        second = sift_second(gathered, elsewhere, self.settings, self._sealer, first.known)
        _refuse(tally, rows, {gathered.places[n]: why for n, why in second.refused.items()})
        sides, split = self._split(rows, gathered, second, own)
        _refuse(tally, rows, {gathered.places[n]: why for n, why in split.refused.items()})
        corrected = corrected_items(second, split, elsewhere.held)
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

    def _look(self, text: UnpackedText, tally: Tally, whose: str) -> Rows:
        seed, words = self.settings.holdout.seed, self._sealer.words
        rows = look(text.path, self._rules(), tally, self._progress, seed, words)
        if tally.count([CUT_OFF]):
            self._warnings += text.last_line_remarks(whose)
        return rows

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
        fresh = self._context.fresh
        return FamilySides(rows, self._families(beside), self._place.folder.name, fresh)

    def _families(self, beside: Sequence[FamilySegment] = ()) -> FamilyIndex:
        count = self._job_families.written_count
        if self._opened is None or self._opened[0] != count:
            self._opened = count, self._job_families.index(self._tell_of_making)
        return self._opened[1].beside([*beside, *self._suites.families()])

    def _tell_of_making(self, rows: int) -> None:
        self._notice(f"making the families of earlier files, once: {rows} rows read")

    def _keep(self, report: JsonObject, sides: FamilySides, own: "OwnHoldout | None") -> None:
        """Write the families of an accepted file; of one that is refused none has a side."""
        if report["verdict"] not in ACCEPTED:
            remove_file(self._place.families)
            return
        found = [sides.families] if own is None else [sides.families, own.sides.families]
        family_files.write(self._place.families, np.concatenate(found))

    def _rules(self) -> RowRules:
        intake = self.settings.intake
        fields = Fields(intake.fields, intake.reasoning == "keep", intake.preferences == "chosen")
        return RowRules(intake.max_depth, intake.max_line_bytes, fields)

    def _temporary(self, name: str, stack: ExitStack) -> Path:
        path = temporary_name(self._place.folder / name)
        stack.callback(remove_file, path)
        return path

    def _without_rows(self, text: UnpackedText) -> JsonObject:
        words = f"the file is {text.as_record()['kind']} and holds no row"
        return self._refused(Bad("empty", words, "write one JSON object for each row"))

    def _exam_files(self) -> list[Path]:
        """Return the files that were dropped beside the file to measure it with."""
        place = self._place
        return [p for p in (place.holdout_original, place.exam_original) if p.exists()]

    def _tune_lines(self, text: UnpackedText) -> int | None:
        """Return up to which line rows may be looked at in a run; None if chance decides."""
        if not self._place.exam_original.exists():
            return None
        return text.lines[0] if self._place.holdout_original.exists() else 0

    def _own_holdout(self, stack: ExitStack, unpacker: Unpacker) -> "OwnHoldout | None":
        """Take the user's own hold-out file in; its rows are exam rows for the file beside it."""
        files = self._exam_files()
        if not files:
            return None
        refused = self._place.folder / "holdout.rejected.jsonl"
        tally = Tally(stack.enter_context(refused.open("wb")))
        self._progress(0)
        text = unpacker.read("rows-of-holdout", files)
        self._warnings += text.remarks("the hold-out file")
        rows = self._look(text, tally, "the hold-out file")
        self._warnings += [f"hold-out file: {said}" for said in rows.readings.sentences()]
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
        written = write_exam(self._place, gathered, split, self._sealer, self._tune_lines(text))
        return OwnHoldout(written, sides)

    def _elsewhere(self, own: "OwnHoldout | None", blank: bool = False) -> Elsewhere:
        return elsewhere_of(
            self._place,
            self._layout,
            replace(self._context, seen_jobs=(), holdout_jobs=()) if blank else self._context,
            self.settings.dedup,
            Judge(self._sealer, self.settings.dedup.threshold),
            self._merge,
            None if blank else self._suites,
            has_own_holdout=own is not None,
        )


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
