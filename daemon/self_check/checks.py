"""All checks in their order: what the machine is, tiny models, the base model, the system."""

from daemon.self_check import (
    answers,
    base,
    breaking,
    durable,
    machine,
    packing,
    precision,
    steps,
    stopping,
    system,
)
from daemon.self_check.finding import Check

CHECKS: tuple[Check, ...] = (
    Check("machine", machine.facts),
    Check("wheels", machine.wheels),
    Check("memory", machine.memory),
    Check("kernel panics", machine.panics),
    Check("heat", system.heat),
    Check("GPU counters", system.gpu_counters),
    Check("arithmetic", precision.product),
    Check("compiled equals eager", steps.compiled),
    Check("compiled shapes", steps.traces, quick=False),
    Check("texts in one row", packing.tiny_rows),
    Check("packed gradient", steps.packed),
    Check("gradient checkpointing", steps.checkpointed),
    Check("adapters outside layers", steps.outside_layers),
    Check("commit and resume", durable.resumed),
    Check("kept states", durable.kept_states),
    Check("answers", answers.kinds_of_number),
    Check("two versions in one batch", answers.versions_side_by_side),
    Check("durable writes", system.durable_writes),
    Check("file events", system.file_events),
    Check("base: texts in one row", base.texts_share_rows, quick=False),
    Check("base: memory", base.memory, quick=False),
    Check("base: row lengths", base.row_lengths, quick=False),
    Check("stop within 8 s", stopping.stops_in_time, quick=False),
    Check(breaking.NAME, breaking.out_of_memory, breaking=True),
)
