"""Turns a finished run into a candidate: scores it and writes its directory and draft manifest."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from daemon.core.decisions.promotion import decide_verdict, gate_from_record
from daemon.core.evaluation.set_names import EARLIER
from daemon.core.records import JsonObject, from_json_value, to_json_value
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
from daemon.training.data.replay import earlier_jobs
from daemon.training.engine.protocol import ADAPTER, MOMENTS
from daemon.training.judging.examiner import Examiner, JudgementResult
from daemon.training.judging.merging import MergedRun, RunMerger
from daemon.training.records.choices import prefix_of_run, rows_by_job, rows_dropped
from daemon.training.records.history import History
from daemon.training.records.holdout_losses import LOSSES, read_losses
from daemon.training.records.provenance import made_by
from daemon.training.records.state import EVOLUTION, METRICS, STATE, RunState
from daemon.training.records.suite_scores import SCORES
from daemon.training.run.loss_curve import draw_loss
from daemon.training.run.opening import replay_of
from daemon.training.run.untrained_rows import UntrainedRow, left_out, with_places

ADAPTER_CONFIG = "adapter_config.json"


class CandidateJudge:
    """Scores the candidate of one run and writes its directory."""

    def __init__(
        self,
        context: TrainerContext,
        current: CurrentRun,
        state: RunState,
        interrupted: Callable[[], bool],
    ) -> None:
        self._context = context
        self._current = current
        self._state = state
        self._merger = RunMerger(context, current, interrupted)
        self._examiner = Examiner(context, current, interrupted)
        self._history = History(runs.read_metrics(current.place, state.written))
        self._began_s = context.clock.monotonic_s()

    def judge(self) -> bool:
        """Write the candidate directory; return False, leaving nothing behind, when interrupted."""
        newest, _ = runs.newest_checkpoint(self._current.place)
        assert newest is not None
        judged = self._judged(newest)
        if judged is None:
            return False
        merged, found = judged
        self._examiner.alert_forgetting(found.judgement.forgetting)
        runs.write_candidate(
            self._current.place,
            lambda folder: self._fill(folder, newest, merged.folder, found),
            replace(self._draft(found), merge=merged.merge),
            MOMENTS,
        )
        return True

    def _judged(self, end: Path) -> tuple[MergedRun, JudgementResult] | None:
        """Return the results of the end of the run, or of less of its change; None: interrupted.

        An end that is refused is not softened: it is tried again, or stays refused.
        """
        found = self._examiner.examine(end)
        if found is None:
            return None
        gate = gate_from_record(self._current.request.settings.gate.model_dump())
        if decide_verdict(found.judgement, gate).kind == "refuse":
            return MergedRun(end), found
        merged = self._merger.merge(end)
        if merged is not None and merged.folder != end:
            found = self._examiner.examine(merged.folder)
        return None if merged is None or found is None else (merged, found)

    def _fill(self, folder: Path, newest: Path, judged: Path, found: JudgementResult) -> None:
        atomic.copy_file(judged / ADAPTER, folder / ADAPTER)
        atomic.copy_file(newest / MOMENTS, folder / MOMENTS)
        # What a reproduction of the run needs.
        place = self._current.place
        for record in (place.frozen, place.ladder, place.stopped):
            if record.exists():
                atomic.copy_file(record, folder / record.name)
        current = self._current
        left_out_file.write(
            folder,
            left_out(current.request, current.choices, current.rows, self._state.skipped),
        )
        _write(folder / ADAPTER_CONFIG, self._context.engine.adapter_config())
        _write(folder / STATE, to_json_value(self._state.saved()))
        self._history.write(
            folder / METRICS, self._state.run, self._config(), self._state.validation
        )
        answers = self._answers()
        if answers:
            (folder / EVOLUTION).write_text("".join(map(_line, answers)), encoding="utf-8")
        if found.losses is not None:
            _write(folder / LOSSES, to_json_value(found.losses.as_file()))
        if found.scores is not None and found.scores.suites:
            _write(folder / SCORES, to_json_value(found.scores))
        for name, text in found.files.items():
            (folder / name).write_text(text, encoding="utf-8")
        if self._current.request.settings.run.loss_curve:
            title = f"{self._state.run}: {', '.join(self._current.request.jobs)}"[:100]
            losses, validation = self._history.losses, self._state.validation
            draw_loss(folder / "loss_curve.png", title, losses, validation)

    def _config(self) -> JsonObject:
        """Return what the run was trained with, for whoever plots its losses."""
        request = self._current.request
        training = request.settings.training.model_dump(mode="json")
        return {
            "model": request.base.model,
            "jobs": list(request.jobs),
            "start_version": request.start_version,
            **training,
            "learning_rate": request.settings.training.peak_rate,
            "scale": request.settings.training.effective_scale,
            "seed": request.seed,
            "eval_every": request.settings.evaluation.eval_every,
            "steps": self._state.step_in_run,
        }

    def _answers(self) -> list[JsonObject]:
        """Return the answers to the probes, with those of the last milestone, not committed yet."""
        known = self._state.evolution
        committed = runs.read_answers(self._current.place, known.written)
        return [*committed, *map(to_json_value, known.unwritten)]

    def _replay(self, found: JudgementResult) -> ReplayFacts:
        current, choices = self._current, self._current.choices
        losses = found.losses or read_losses(
            self._context.layout.version(current.request.start_version)
        )
        learned = [*earlier_jobs(current.request, current.rows), *current.request.jobs]
        following = replay_of(current.request.settings, current.rows, learned, losses)
        forgetting = found.judgement.forgetting
        return ReplayFacts(
            draws=current.data.plan.drawn(self._state.step_in_run),
            share=choices.replay_share,
            weights=choices.replay_weights,
            next_share=following.share,
            next_weights=following.weights,
            rises={one.name: one.rise for one in forgetting if one.name != EARLIER},
        )

    def _metrics(self) -> RunTotals:
        return replace(
            self._history.totals(),
            validation_loss=self._state.progress.validation_loss,
            peak_bytes=max(self._context.engine.memory().values()),
        )

    def _draft(self, found: JudgementResult) -> Draft:  # long: a line each
        current, request = self._current, self._current.request
        trained = rows_by_job(request, current.choices, self._state.skipped_ids)
        code = made_by(self._context.engine.device)
        duration_s = self._duration_s()
        return Draft(
            run=request.run,
            parent=request.start_version,
            # The lineage has not learned from a job of which no row was trained.
            job_ids=tuple(job for job, rows in trained.items() if rows),
            rows_by_job=trained,
            step=self._state.step,
            step_in_run=self._state.step_in_run,
            epochs=request.settings.training.epochs,
            stopped_early=current.stopped,
            settings=to_record(request.settings),
            seeds=Seeds(run=request.seed),
            data_fingerprint=current.choices.data_fingerprint,
            base=request.base,
            adapter=request.adapter,
            prefix=prefix_of_run(request, current.choices),
            plain_form=current.choices.plain_forms.get(request.jobs[0]),
            git_commit=code.git_commit,
            git_dirty=code.git_dirty,
            platform=code.platform,
            libraries=current.choices.libraries,
            metrics=self._metrics(),
            evaluations=found.evaluations,
            judgement=found.judgement,
            replay=self._replay(found),
            try_=request.retry,
            evolution=self._state.evolution.counts,
            rows_set_aside=tuple(self._skipped_rows()),
            rows_dropped=rows_dropped(current.choices),
            exam_rows_corrected=shown(current.choices.corrected, current.rows),
            rows_shortened=current.rows_shortened,
            duration_s=duration_s,
            phases=self._phases(duration_s),
            energy=self._energy(),
            start_moments="carried" if current.moments_carried else "fresh",
            files={},
        )

    def _skipped_rows(self) -> Iterator[ManifestRow]:
        """Give the rows skipped during the run, replayed ones included."""
        by_job: dict[str, list[UntrainedRow]] = {}
        for row in self._state.skipped:
            record: UntrainedRow = {"row": row.row, "code": row.code, "step": row.step}
            by_job.setdefault(row.job, []).append(record)
        for job, records in by_job.items():
            for record in with_places(self._current.rows, job, records):
                yield from_json_value({"job": job, **record}, ManifestRow)

    def _phases(self, duration_s: float) -> Phases:
        judging_s = self._context.clock.monotonic_s() - self._began_s
        training_s = self._history.seconds
        other_s = max(0.0, duration_s - training_s - judging_s)
        return Phases(training_s=training_s, judging_s=judging_s, other_s=other_s)

    def _duration_s(self) -> float:
        began = datetime.fromisoformat(self._current.choices.attempt_0_at)
        return max(0.0, (self._context.clock.now() - began).total_seconds())

    def _energy(self) -> Energy:
        """Return the joules of the run, or why they are not known."""
        joules, before = self._context.energy.joules(), self._current.joules_before
        if joules is None:
            return Energy(joules=None, reason=self._context.energy.reason)
        if before is None:
            why = "the run was interrupted, and the energy used before that is not known"
            return Energy(joules=None, reason=why)
        return Energy(joules=joules - before, reason=None)


def _line(value: JsonObject) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n"


def _write(path: Path, value: Any) -> None:
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")
