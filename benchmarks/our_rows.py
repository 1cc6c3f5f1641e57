"""Lays given rows out as a run of this package does: job, plan, packed passes; trains nothing."""

from datetime import UTC, datetime
from pathlib import Path

from benchmarks.task import LEARNING_RATE, RANK, SCALE, Task
from daemon.core.rows.examples import Example, to_record
from daemon.core.rows.formats import Good, recognise
from daemon.core.training.fallback import Fallback
from daemon.core.training.packing import RowShapes
from daemon.core.training.plan import steps_of
from daemon.core.workspace.bases import BaseFacts
from daemon.core.workspace.versions import AdapterSpec
from daemon.folders.disk import atomic
from daemon.layout import Layout
from daemon.settings import Settings
from daemon.text.encoder import Encoded, TextEncoder
from daemon.training.data.batches import TrainingRows
from daemon.training.data.row_texts import RowTexts
from daemon.training.data.rows import JobRows
from daemon.training.records.choices import Choices, Request

JOB = "000001-rows"


def settings(task: Task) -> Settings:
    """Return the settings of a run that does what the other side does."""
    training = {
        "rank": RANK,
        "scale": SCALE,
        "num_layers": task.num_layers,
        "epochs": task.epochs,
        "batch_rows": task.batch_rows,
        "learning_rate": LEARNING_RATE,
        "seed": task.seed,
        "keys": list(task.keys),
    }
    return Settings.model_validate({"training": training, "replay": {"share": 0.0}})


def adapter_spec(task: Task) -> AdapterSpec:
    """Return the adapter of both sides."""
    return AdapterSpec("lora", RANK, SCALE, 0.0, task.num_layers, task.keys)


def examples_of(task: Task) -> list[Example]:
    """Return the rows as examples.

    Raises:
        ValueError: one is none.
    """
    found = []
    for row in task.lines():
        item = recognise(row)
        if not isinstance(item, Good):
            raise ValueError(f"a row of the benchmark is no example: {item}")
        found.append(item.example)
    return found


def encoded(encoder: TextEncoder, examples: list[Example]) -> list[Encoded]:
    """Return the examples as tokens.

    Raises:
        ValueError: one cannot be encoded.
    """
    items = encoder.encode(examples, 2**20)
    rows = [item for item in items if isinstance(item, Encoded)]
    if len(rows) != len(items):
        raise ValueError("a row of the benchmark cannot be encoded")
    return rows


def as_in_a_run(task: Task, shapes: RowShapes) -> TrainingRows:
    """Return the rows, step by step, out of a job as the intake worker leaves it."""
    layout = Layout(Path(task.scratch))
    encoder = TextEncoder.load(Path(task.base))
    count = _write_job(layout, encoder, examples_of(task))
    chosen = settings(task)
    request = Request(
        run="r000001",
        start_version="v000000",
        proven_version="v000000",
        jobs=(JOB,),
        lineage_jobs=(),
        holdout_jobs=(),
        settings=chosen,
        base=BaseFacts("", "", "", "", "", "", "", "", 0, 0, 0),
        step=0,
        seed=task.seed,
    )
    choices = Choices(
        attempt_0_at=datetime.fromtimestamp(0, UTC).isoformat(),
        libraries={},
        examples=tuple((0, row) for row in range(count)),
        dropped={},
        replay=(),
        replay_share=0.0,
        tune=(),
        judge=(),
        earlier=(),
        samples=(),
        steps=steps_of(count, task.batch_rows, task.epochs),
        data_fingerprint="",
        row_tokens=shapes.row_tokens,
        longest=0,
        estimate=None,
        fallback=Fallback(0, shapes.pass_tokens),
        prefixes={},
    )
    return TrainingRows(request, choices, JobRows(layout), RowTexts(encoder, {}, {}), shapes)


def _write_job(layout: Layout, encoder: TextEncoder, examples: list[Example]) -> int:
    place = layout.job("running", JOB)
    atomic.make_directory(place.folder)
    records = [
        {
            "row": number,
            "line": number + 1,
            "tokens": len(item.tokens),
            "supervised": int(item.supervised.sum()),
            **to_record(example),
        }
        for number, (example, item) in enumerate(
            zip(examples, encoded(encoder, examples), strict=True)
        )
    ]
    atomic.write_json(place.job_file, {})
    atomic.write_json_lines(place.train, records)
    return len(records)
