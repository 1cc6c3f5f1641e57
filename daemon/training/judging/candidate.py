"""A finished run becomes a candidate: judged, described, complete at once; reaches no verdict."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from daemon.core.records import JsonObject, to_json_value
from daemon.core.training.forgetting import next_share
from daemon.core.training.manifests import (
    Draft,
    Energy,
    ManifestRow,
    Phases,
    ReplayFacts,
    RunTotals,
    Seeds,
)
from daemon.folders.disk import atomic
from daemon.folders.runs import left_out as left_out_file
from daemon.folders.runs import runs
from daemon.settings_records import to_record
from daemon.training.context import CurrentRun, TrainerContext
from daemon.training.data.corrections import shown
from daemon.training.engine.protocol import ADAPTER, MOMENTS
from daemon.training.judging.examiner import Examiner, JudgementResult
from daemon.training.records.choices import prefix_of_run, rows_by_job, rows_dropped
from daemon.training.records.history import History
from daemon.training.records.provenance import made_by
from daemon.training.records.state import EVOLUTION, METRICS, STATE, RunState
from daemon.training.run.loss_curve import draw_loss
from daemon.training.run.untrained_rows import left_out, with_places

ADAPTER_CONFIG = "adapter_config.json"


class CandidateJudge:
    """Scores the candidate of one run and writes its directory."""

    def __init__(
        self,
        context: TrainerContext,
        hand: CurrentRun,
        state: RunState,
        interrupted: Callable[[], bool],
    ) -> None:
        self._context = context
        self._hand = hand
        self._state = state
        self._examiner = Examiner(context, hand, interrupted)
        self._history = History(runs.read_metrics(hand.place, state.written))
        self._began_s = context.clock.monotonic_s()

    def judge(self) -> bool:
        """Make the candidate directory; False when interrupted, with nothing left behind."""
        newest, _ = runs.newest_checkpoint(self._hand.place)
        assert newest is not None
        found = self._examiner.examine(newest)
        if found is None:
            return False
        runs.write_candidate(
            self._hand.place,
            lambda folder: self._fill(folder, newest, found),
            self._draft(found),
            MOMENTS,
        )
        return True

    def _fill(self, folder: Path, newest: Path, found: JudgementResult) -> None:
        for name in (ADAPTER, MOMENTS):
            atomic.copy_file(newest / name, folder / name)
        # What the run can be done again from.
        place = self._hand.place
        for kept in (place.frozen, place.ladder, place.stopped):
            if kept.exists():
                atomic.copy_file(kept, folder / kept.name)
        hand = self._hand
        left_out_file.write(
            folder, left_out(hand.request, hand.choices, hand.rows, self._state.skipped)
        )
        _write(folder / ADAPTER_CONFIG, self._context.engine.adapter_config())
        _write(folder / STATE, to_json_value(self._state.saved()))
        self._history.write(folder / METRICS)
        answers = self._answers()
        if answers:
            (folder / EVOLUTION).write_text("".join(map(_line, answers)), encoding="utf-8")
        for name, text in found.files.items():
            (folder / name).write_text(text, encoding="utf-8")
        if self._hand.request.settings.run.loss_curve:
            title = f"{self._state.run}: {', '.join(self._hand.request.jobs)}"[:100]
            losses, validation = self._history.losses, self._state.validation
            draw_loss(folder / "loss_curve.png", title, losses, validation)

    def _answers(self) -> list[dict[str, Any]]:
        """Return the answers to the probes: committed ones, and those of the last milestone."""
        known = self._state.evolution
        committed = runs.read_answers(self._hand.place, known.written)
        return [*committed, *map(to_json_value, known.unwritten)]

    def _replay(self, found: JudgementResult) -> ReplayFacts:
        settings = self._hand.request.settings.replay
        share = self._hand.choices.replay_share
        forgot = any(rise > settings.alarm for rise in found.rises.values())
        return ReplayFacts(
            draws=self._hand.data.plan.drawn(self._state.step_in_run),
            share=share,
            next_share=next_share(share, settings.share, settings.most_share, forgot),
            rises=found.rises,
        )

    def _metrics(self) -> RunTotals:
        return replace(
            self._history.totals(),
            validation_loss=self._state.progress.validation_loss,
            peak_bytes=max(self._context.engine.memory().values()),
        )

    def _draft(self, found: JudgementResult) -> Draft:
        hand, request = self._hand, self._hand.request
        trained = rows_by_job(request, hand.choices, self._state.skipped_ids)
        code = made_by(self._context.engine.device)
        duration_s = self._duration_s()
        return Draft(
            run=request.run,
            parent=request.start_version,
            # A job of which no row was trained is none that the lineage has learned from.
            job_ids=tuple(job for job, rows in trained.items() if rows),
            rows_by_job=trained,
            step=self._state.step,
            step_in_run=self._state.step_in_run,
            epochs=request.settings.training.epochs,
            stopped_early=hand.stopped,
            settings=to_record(request.settings),
            seeds=Seeds(run=request.seed),
            data_fingerprint=hand.choices.data_fingerprint,
            base=request.base,
            adapter=request.adapter,
            prefix=prefix_of_run(request, hand.choices),
            git_commit=code.git_commit,
            git_dirty=code.git_dirty,
            platform=code.platform,
            libraries=hand.choices.libraries,
            metrics=self._metrics(),
            evaluations=found.evaluations,
            judgement=found.judgement,
            replay=self._replay(found),
            evolution=self._state.evolution.counts,
            rows_set_aside=tuple(self._set_aside()),
            rows_dropped=rows_dropped(hand.choices),
            exam_rows_corrected=shown(hand.choices.corrected, hand.rows),
            duration_s=duration_s,
            phases=self._phases(duration_s),
            energy=self._energy(),
            start_moments="carried" if hand.moments_carried else "fresh",
            files={},
        )

    def _set_aside(self) -> Iterator[ManifestRow]:
        """Give the rows that could not be trained, replayed ones included."""
        by_job: dict[str, list[JsonObject]] = {}
        for row in self._state.skipped:
            record: JsonObject = {"row": row.row, "code": row.code, "step": row.step}
            by_job.setdefault(row.job, []).append(record)
        for job, records in by_job.items():
            for record in with_places(self._hand.rows, job, records):
                yield ManifestRow(job=job, **record)

    def _phases(self, duration_s: float) -> Phases:
        judging_s = self._context.clock.monotonic_s() - self._began_s
        training_s = self._history.seconds
        other_s = max(0.0, duration_s - training_s - judging_s)
        return Phases(training_s=training_s, judging_s=judging_s, other_s=other_s)

    def _duration_s(self) -> float:
        began = datetime.fromisoformat(self._hand.choices.attempt_0_at)
        return max(0.0, (self._context.clock.now() - began).total_seconds())

    def _energy(self) -> Energy:
        """Return the joules of the run, or why they are not known."""
        joules, before = self._context.energy.joules(), self._hand.joules_before
        if joules is None:
            return Energy(joules=None, reason=self._context.energy.reason)
        if before is None:
            why = "the run went on after a stop, and what it took before is not known"
            return Energy(joules=None, reason=why)
        return Energy(joules=joules - before, reason=None)


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n"


def _write(path: Path, value: Any) -> None:
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")
