"""What the supervisor remembers of a refusal, and when it forgets it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon.core import messages as say
from daemon.core.decisions.blocking import FIRST_REST_S
from daemon.core.decisions.decide import decide
from daemon.core.records import to_json_value
from daemon.core.status.ledger_rows import run_record
from daemon.core.training.progress import Progress
from daemon.folders.disk.record_files import write_record
from daemon.folders.models.bases import write_facts
from daemon.settings import Settings
from daemon.settings_records import to_record
from daemon.supervisor.supervisor import Supervisor
from tests.clocks import StillClock
from tests.core import worlds as w
from tests.manifests import BASE, run_request
from tests.supervisor.parts import Parts, parts_of

RUN = "r000001"


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def parts(tmp_path: Path, clock: StillClock) -> Parts:
    made = parts_of(tmp_path, clock)
    open_run(made, RUN)
    return made


def open_run(parts: Parts, run: str) -> None:
    settings = to_record(parts.workspace.settings.now)
    parts.workspace.runs.open(run_request(run, jobs=["000001-job"], settings=settings))


def decided(supervisor: Supervisor, **changes: Any) -> list[str]:
    """Return what is done about the run and the base, all else being well."""
    seen = supervisor._observer.observe(stopping=False)
    calm = w.quiet(run=w.run(1, run=RUN), running=w.running(1), refusal=seen.refusal, now=seen.now)
    return [type(action).__name__ for action in decide(replace(calm, **changes))]


def test_a_passing_error_is_tried_again_after_a_rest_without_anybodys_help(
    supervisor: Supervisor, clock: StillClock
) -> None:
    """One error of the disk while the base was loaded blocked the daemon until its next start."""
    supervisor._worker_reports._on_report(
        say.RunRefused(RUN, "model_unsupported", "refused", passing=True)
    )
    assert decided(supervisor) == []
    clock.pass_s(FIRST_REST_S)
    assert decided(supervisor) == ["BeginRun"]
    supervisor._worker_reports._on_report(
        say.RunRefused(RUN, "model_unsupported", "refused", passing=True)
    )
    clock.pass_s(FIRST_REST_S)
    assert decided(supervisor) == []


def test_an_edit_of_the_settings_lifts_a_refusal(supervisor: Supervisor, parts: Parts) -> None:
    """It ended only when the link moved, whatever the sentence had asked the user to do."""
    supervisor._worker_reports._on_report(say.RunRefused(RUN, "model_unsupported", "refused"))
    assert decided(supervisor) == []
    parts.workspace.layout.settings_file.write_text("[training]\nnum_layers = 1\n")
    assert parts.workspace.settings.refresh()
    assert decided(supervisor) == ["ReturnJob", "RemoveRun"]


def test_a_setting_that_is_new_with_a_release_is_no_edit_of_the_settings(
    supervisor: Supervisor, parts: Parts
) -> None:
    """A run that an upgrade found in progress was begun anew at its first refusal, as edited."""
    settings = to_record(parts.workspace.settings.now)
    training: Any = settings["training"]
    del training["min_delta"]
    training["gone"] = 1
    request = run_request(RUN, settings=settings)
    write_record(parts.workspace.layout.run(RUN).request, request)
    parts.workspace.runs._requests.clear()
    supervisor._worker_reports._on_report(say.RunRefused(RUN, "too_little_memory", "refused"))
    assert decided(supervisor) == []


def test_a_learning_rate_that_was_chosen_for_the_base_is_no_edit_of_the_settings(
    supervisor: Supervisor, parts: Parts
) -> None:
    """A run's request has a rate where the settings have none: that is nobody's edit."""
    wide = replace(BASE, width=4096)
    parts.workspace.layout.base(wide.name).mkdir(parents=True)
    write_facts(parts.workspace.layout, replace(wide, model=Settings().model))
    settings = to_record(parts.workspace.settings.now.with_rate(4096))
    request = run_request(RUN, settings=settings, base=to_json_value(wide))
    write_record(parts.workspace.layout.run(RUN).request, request)
    parts.workspace.runs._requests.clear()
    supervisor._worker_reports._on_report(say.RunRefused(RUN, "too_little_memory", "refused"))
    assert decided(supervisor) == []


def test_a_refusal_ends_with_its_run(supervisor: Supervisor, parts: Parts) -> None:
    supervisor._worker_reports._on_report(say.RunRefused(RUN, "model_unsupported", "refused"))
    parts.workspace.runs.end(run_record(run_request(RUN), None, "skipped", "2026-01-02"))
    assert supervisor._observer.observe(stopping=False).refusal is None


def test_a_refusal_ends_when_the_run_begins(supervisor: Supervisor) -> None:
    supervisor._worker_reports._on_report(say.RunRefused(RUN, "version_damaged", "refused"))
    assert supervisor._observer.observe(stopping=False).refusal is not None
    supervisor._worker_reports._on_report(say.RunBegun(RUN, 0, 0, 0, 10, Progress()))
    assert supervisor._observer.observe(stopping=False).refusal is None


def test_a_base_that_failed_is_tried_again_and_forgotten_when_it_is_ready(
    supervisor: Supervisor, parts: Parts, clock: StillClock
) -> None:
    """A failed download blocked the daemon until the settings were edited or it was restarted."""
    model = parts.workspace.settings.now.model
    supervisor._worker_reports._on_report(
        say.PrepareFailed(model, "model_download_failed", "no network")
    )
    base = supervisor._observer.observe(stopping=False).base
    assert base.refusal is not None and decide(w.quiet(base=base)) == []
    clock.pass_s(FIRST_REST_S)
    base = supervisor._observer.observe(stopping=False).base
    assert [type(action).__name__ for action in decide(w.quiet(base=base))] == ["PrepareBase"]
    supervisor._worker_reports._on_report(say.Prepared(model, "model"))
    assert supervisor._observer.observe(stopping=False).base.refusal is None
    assert supervisor._publisher._base_problem is None


def test_what_another_model_failed_of_is_not_held_against_the_one_that_is_chosen_now(
    supervisor: Supervisor,
) -> None:
    """The failure of a model came after the user had chosen another, which was never tried."""
    supervisor._worker_reports._on_report(
        say.PrepareFailed("earlier", "model_missing", "not there")
    )
    assert supervisor._observer.observe(stopping=False).base.refusal is None


def test_a_trainer_that_dies_over_the_base_again_and_again_rests_between(
    supervisor: Supervisor, clock: StillClock
) -> None:
    """Three deaths blocked the daemon until it was started again."""
    for _ in range(3):
        supervisor._observer.refusals.count_base_death("killed by signal 9")
    base = supervisor._observer.observe(stopping=False).base
    assert decide(w.quiet(base=base)) == []
    clock.pass_s(FIRST_REST_S)
    base = supervisor._observer.observe(stopping=False).base
    assert [type(action).__name__ for action in decide(w.quiet(base=base))] == ["PrepareBase"]


def test_asking_about_another_run_forgets_nothing(supervisor: Supervisor) -> None:
    """To ask for the refusal of one run made the supervisor forget that of another."""
    refusals = supervisor._observer.refusals
    refusals.refuse_run(say.RunRefused(RUN, "model_unsupported", "refused"))
    assert refusals.of_run("r000002") is None
    assert refusals.of_run(RUN) is not None


def test_a_base_that_failed_is_tried_at_once_when_its_model_is_chosen_again(
    supervisor: Supervisor, parts: Parts
) -> None:
    """An edit of the settings, not a look at them, ends the refusal of an earlier model."""
    first = parts.workspace.settings.now.model
    refusals = supervisor._observer.refusals
    refusals.refuse_base(first, "model_missing", "not there", passing=False)
    for model in ("another", first):
        parts.workspace.layout.settings_file.write_text(f'model = "{model}"\n')
        assert parts.workspace.settings.refresh()
        supervisor._observer.settings_changed()
    assert refusals.of_base(first) is None
