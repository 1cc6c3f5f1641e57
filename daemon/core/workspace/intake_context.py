"""A job's `context.json`: what the supervisor hands to the intake worker beside the file."""

from dataclasses import dataclass, field

from daemon.core.records import JsonObject, from_json_value
from daemon.core.workspace.untrained import Untrained


@dataclass(frozen=True)
class IntakeContext:
    """What a file is read by, and the jobs that its rows are compared with."""

    base: JsonObject = field(default_factory=dict)
    """Facts of the base model; empty if the tokenizer is given otherwise."""
    seen_jobs: tuple[str, ...] = ()
    """Jobs that the current lineage was trained on, by age."""
    untrained_rows: JsonObject = field(default_factory=dict)
    """By job, what of it was not trained."""
    holdout_jobs: tuple[str, ...] = ()
    settings: JsonObject = field(default_factory=dict)
    fresh: bool = False
    """The families of the file's rows are found anew."""

    @property
    def base_name(self) -> str:
        """The name of the base model's directory."""
        return str(self.base["name"])

    @property
    def untrained(self) -> dict[str, Untrained]:
        """The rows that were not trained, by job."""
        return from_json_value(self.untrained_rows, dict[str, Untrained])
