"""Reports how many questions of the suites a new version has right."""

from daemon.core.evaluation.benchmarks import benchmarks_of
from daemon.core.training.manifests import Manifest
from daemon.supervisor.journal import Journal


def publish_benchmarks(journal: Journal, manifest: Manifest) -> None:
    """Publish the event of a version's benchmarks; none if no suite was measured."""
    found = benchmarks_of(manifest.evaluations)
    if found is not None:
        message = f"{manifest.version}, benchmarks: {found.sentence}"
        record = found.as_record()
        journal.event(
            "benchmarks",
            message,
            version=manifest.version,
            run=manifest.run,
            suites=record["suites"],
            difficulties=record["difficulties"],
            overall=record["overall"],
        )
