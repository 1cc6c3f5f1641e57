"""`sweep`: what it takes, what it refuses with a hint, and what it shows."""

import json
from pathlib import Path

import pytest

from daemon.core.evaluation.sweeps import SweepRequest
from daemon.core.records import to_json_value
from daemon.core.workspace.orders import SWEEP
from daemon.core.workspace.versions import AdapterSpec
from daemon.folders.disk import locks
from daemon.folders.models import current_model
from daemon.folders.models.models import MANIFEST, Models
from daemon.folders.orders import orders
from daemon.layout import Layout
from daemon.settings import Settings
from daemon.settings_file import parse_settings
from daemon.training.engine.stub_base import make_base
from tests.cli.conftest import Command
from tests.end_to_end.workspace import chats
from tests.orders import result_of

JOB = "000001-rows"


@pytest.fixture
def ready(layout: Layout) -> Layout:
    """A workspace whose base is ready and whose current version is the untouched base."""
    facts = make_base(layout, Settings().model)
    Models(layout).seal_base("2030-01-01T00:00:00+00:00", facts, {})
    current_model.point_at(layout, "v000000")
    return layout


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in chats(300)))
    return path


def train_version(layout: Layout, jobs: tuple[str, ...] = ()) -> None:
    """Let the current version carry an adapter, as far as its manifest says."""
    folder = layout.version("v000001")
    folder.mkdir()
    manifest = json.loads((layout.version("v000000") / MANIFEST).read_bytes())
    spec = AdapterSpec("lora", 16, 2.0, 0.0, 16, ())
    manifest |= {
        "version": "v000001",
        "parent": "v000000",
        "run": "r000001",
        "step": 30,
        "job_ids": list(jobs),
        "adapter": to_json_value(spec),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest))
    current_model.point_at(layout, "v000001")


def request_of(layout: Layout, sweep: str) -> SweepRequest:
    return orders.read_request(layout.sweep(sweep), SweepRequest)


@pytest.mark.end_to_end
def test_with_no_daemon_the_command_does_the_sweep_itself(
    finetuned: Command, ready: Layout, rows: Path
) -> None:
    done = finetuned("sweep", rows, "--trials", "4", "--rehearse", "--root", ready.root)
    assert done.exit_code == 0, done.output
    result = result_of(ready.sweep("s000001"))
    assert result is not None and len(result["trials"]) == 4
    assert "s000001: all 4 trials are done" in done.stdout
    assert result["training"].strip() in done.stdout
    parse_settings(result["training"], "the section")
    assert current_model.read(ready) == "v000000"
    assert locks.holder(ready.workspace_lock) is None
    again = finetuned("sweep", "s000001", "--json", "--root", ready.root)
    assert json.loads(again.stdout) == result


@pytest.mark.end_to_end
def test_the_comparison_of_rates_has_three_trials(
    finetuned: Command, ready: Layout, rows: Path
) -> None:
    done = finetuned("sweep", rows, "--rates", "--rehearse", "--json", "--root", ready.root)
    told = json.loads(done.stdout)
    rates = [row["setting"]["learning_rate"] for row in told["trials"]]
    assert rates == [5e-4, 1.58e-4, 1.58e-3]
    assert ready.sweep("s000001").picture.exists()


@pytest.mark.usefixtures("lock_held")
def test_beside_a_daemon_the_sweep_waits_and_can_be_looked_at(
    finetuned: Command, ready: Layout, rows: Path
) -> None:
    asked = finetuned("sweep", rows, "--root", ready.root)
    assert asked.exit_code == 0, asked.output
    assert "0 of 12 trials" in asked.stdout
    shown = finetuned("sweep", "s000001", "--root", ready.root)
    assert "0 of 12 trials" in shown.stdout
    assert orders.names(ready, SWEEP) == ["s000001"]


@pytest.mark.usefixtures("lock_held")
def test_without_a_trained_version_the_shape_is_searched_and_that_is_said(
    finetuned: Command, ready: Layout, rows: Path
) -> None:
    shown = finetuned("sweep", rows, "--root", ready.root).stdout
    request = request_of(ready, "s000001")
    assert request.start_version is None and "rank" in request.space
    assert "untouched base" in shown


@pytest.mark.usefixtures("lock_held")
def test_a_trained_version_keeps_its_shape_unless_the_sweep_is_fresh(
    finetuned: Command, ready: Layout, rows: Path
) -> None:
    train_version(ready)
    grown = finetuned("sweep", rows, "--root", ready.root).stdout
    assert "continues from v000001" in grown and "--fresh" in grown
    fresh = finetuned("sweep", rows, "--fresh", "--root", ready.root).stdout
    assert "lineage new" in fresh
    first, second = request_of(ready, "s000001"), request_of(ready, "s000002")
    assert (first.start_version, first.step, "rank" in first.space) == ("v000001", 30, False)
    assert (second.start_version, second.step, "rank" in second.space) == (None, 0, True)


@pytest.mark.usefixtures("lock_held")
def test_settings_that_do_not_fit_the_version_block_a_sweep_that_is_not_fresh(
    finetuned: Command, ready: Layout, rows: Path
) -> None:
    train_version(ready)
    ready.settings_file.write_text("[training]\nrank = 4\n")
    refused = finetuned("sweep", rows, "--root", ready.root)
    assert refused.exit_code == 5 and "rank" in refused.stderr
    assert finetuned("sweep", rows, "--fresh", "--root", ready.root).exit_code == 0
    assert request_of(ready, "s000001").default["rank"] == 4


def test_a_file_in_the_inbox_is_refused_with_a_hint(
    finetuned: Command, ready: Layout, rows: Path
) -> None:
    dropped = ready.inbox / "high" / "rows.jsonl"
    dropped.write_bytes(rows.read_bytes())
    refused = finetuned("sweep", dropped, "--root", ready.root)
    assert refused.exit_code == 1 and "name the job" in refused.stderr
    assert orders.names(ready, SWEEP) == []


def test_what_is_no_file_job_or_sweep_is_named(
    finetuned: Command, ready: Layout, tmp_path: Path
) -> None:
    for named in (str(tmp_path / "no.jsonl"), "000009-x", "s000009"):
        refused = finetuned("sweep", named, "--root", ready.root)
        assert refused.exit_code == 1 and Path(named).name in refused.stderr


def test_a_file_that_a_job_would_be_refused_for_is_refused_with_the_same_words(
    finetuned: Command, ready: Layout, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text("no json\nneither\n")
    refused = finetuned("sweep", bad, "--root", ready.root)
    assert refused.exit_code == 1 and "cannot be swept" in refused.stderr
    assert orders.names(ready, SWEEP) == []


def test_a_file_too_small_for_a_hold_out_is_refused(
    finetuned: Command, ready: Layout, tmp_path: Path
) -> None:
    small = tmp_path / "small.jsonl"
    small.write_text(json.dumps(chats(1)[0]) + "\n")
    refused = finetuned("sweep", small, "--root", ready.root)
    assert refused.exit_code == 1 and "held-out row" in refused.stderr


@pytest.mark.usefixtures("lock_held")
def test_few_held_out_rows_are_used_and_the_result_says_so(
    finetuned: Command, ready: Layout, tmp_path: Path
) -> None:
    few = tmp_path / "few.jsonl"
    few.write_text("".join(json.dumps(row) + "\n" for row in chats(60)))
    shown = finetuned("sweep", few, "--root", ready.root)
    assert shown.exit_code == 0 and "a little optimistic" in shown.stdout


def test_before_the_base_is_ready_a_sweep_is_refused(
    finetuned: Command, layout: Layout, rows: Path
) -> None:
    refused = finetuned("sweep", rows, "--root", layout.root)
    assert refused.exit_code == 6 and "is not ready" in refused.stderr


def test_a_job_that_the_lineage_has_learned_is_swept_only_afresh(
    finetuned: Command, ready: Layout
) -> None:
    place = ready.job("done", JOB)
    place.folder.mkdir()
    place.job_file.write_text("{}")
    train_version(ready, (JOB,))
    refused = finetuned("sweep", "1", "--root", ready.root)
    assert refused.exit_code == 1 and "has learned from" in refused.stderr
    assert "--fresh" in refused.stderr


@pytest.mark.end_to_end
def test_a_grid_tries_the_values_in_force_and_every_combination(
    finetuned: Command, ready: Layout, rows: Path
) -> None:
    """`sweep --values KEY=V,V --values KEY=V,V`: a table of all pairs, none of them cut short."""
    values = ("--values", "learning_rate=5e-6,1e-3", "--values", "rank=2,8")
    done = finetuned("sweep", rows, *values, "--rehearse", "--json", "--root", ready.root)
    assert done.exit_code == 0, done.output
    trials = json.loads(done.stdout)["trials"]
    assert [(one["outcome"], one["setting"]) for one in trials] == [
        ("finished", {"learning_rate": 5e-4, "rank": 16}),
        ("finished", {"learning_rate": 5e-6, "rank": 2}),
        ("finished", {"learning_rate": 5e-6, "rank": 8}),
        ("finished", {"learning_rate": 1e-3, "rank": 2}),
        ("finished", {"learning_rate": 1e-3, "rank": 8}),
    ]


@pytest.mark.usefixtures("lock_held")
def test_a_grid_may_be_drawn_from(finetuned: Command, ready: Layout, rows: Path) -> None:
    """`--draw N`: so many of the combinations, beside the values in force."""
    values = ("--values", "learning_rate=1e-5,1e-4,1e-3", "--values", "optimizer=lion,adafactor")
    done = finetuned("sweep", rows, *values, "--draw", "3", "--root", ready.root)
    assert done.exit_code == 0 and "0 of 4 trials" in done.stdout, done.output
    grid = request_of(ready, "s000001").grid
    assert grid[0] == {"learning_rate": 5e-4, "optimizer": "adamw"} and len(grid) == 4


@pytest.mark.usefixtures("lock_held")
@pytest.mark.parametrize("key", ["rank", "scale", "num_layers", "kind"])
def test_the_shape_of_a_continued_adapter_is_in_no_grid_and_fresh_is_named(
    finetuned: Command, ready: Layout, rows: Path, key: str
) -> None:
    """A sweep over ranks ended in an error that did not say how to have it."""
    train_version(ready)
    values = ("--values", f"{key}={'dora' if key == 'kind' else 2}")
    refused = finetuned("sweep", rows, *values, "--root", ready.root)
    assert refused.exit_code == 1 and orders.names(ready, SWEEP) == []
    assert "add --fresh" in refused.stderr and key in refused.stderr
    assert finetuned("sweep", rows, *values, "--fresh", "--root", ready.root).exit_code == 0


@pytest.mark.usefixtures("lock_held")
@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--values", "rank=16,2000"), "less than or equal to 1024"),
        (("--values", "learning_rate=fast"), "learning_rate fast cannot be used"),
        (("--values", "rank=8", "--rates"), "not both"),
        (("--values", "rank=8", "--trials", "5"), "--draw 5"),
        (("--draw", "5"), "--values"),
        (("--values", "lr=1e-5"), "learning_rate"),
    ],
)
def test_a_grid_that_cannot_be_tried_is_refused_with_what_to_write(
    finetuned: Command, ready: Layout, rows: Path, options: tuple[str, ...], named: str
) -> None:
    """A value out of range would otherwise have failed hours later, trial by trial."""
    refused = finetuned("sweep", rows, *options, "--root", ready.root)
    assert refused.exit_code == 1 and named in refused.stderr, refused.output
    assert orders.names(ready, SWEEP) == []
