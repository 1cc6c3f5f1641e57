"""The list of all checks, in order: the machine, tiny models, the base model, the system."""

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
from daemon.self_check.finding import SelfCheck

CHECKS: tuple[SelfCheck, ...] = (
    SelfCheck("machine", machine.facts),
    SelfCheck("wheels", machine.wheels),
    SelfCheck("memory", machine.memory),
    SelfCheck("kernel panics", machine.panics),
    SelfCheck("heat", system.heat),
    SelfCheck("GPU counters", system.gpu_counters),
    SelfCheck("arithmetic", precision.product),
    SelfCheck("compiled equals eager", steps.compiled),
    SelfCheck("compiled shapes", steps.traces, quick=False),
    SelfCheck("texts in one row", packing.tiny_rows),
    SelfCheck("packed gradient", steps.packed),
    SelfCheck("gradient checkpointing", steps.checkpointed),
    SelfCheck("adapters outside layers", steps.outside_layers),
    SelfCheck("commit and resume", durable.resumed),
    SelfCheck("trunk cache", durable.trunk_cache),
    SelfCheck("answers", answers.kinds_of_number),
    SelfCheck("two versions in one batch", answers.versions_side_by_side),
    SelfCheck("durable writes", system.durable_writes),
    SelfCheck("file events", system.file_events),
    SelfCheck("base: texts in one row", base.texts_share_rows, quick=False),
    SelfCheck("base: memory", base.memory, quick=False),
    SelfCheck("stop within 8 s", stopping.stops_in_time, quick=False),
    # The last slow one: it only reports figures, while the others check a guarantee.
    SelfCheck("base: row lengths", base.row_lengths, quick=False),
    SelfCheck(breaking.NAME, breaking.out_of_memory, breaking=True),
)
