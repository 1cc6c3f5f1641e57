"""The dashboard's versions, newest first, and how the answers to probes changed."""

from dataclasses import dataclass

from daemon.core.curves.curves import Curve, Probe
from daemon.core.evaluation.differences import word_changes
from daemon.core.records import JsonObject, to_json_value
from daemon.core.status.shown import ShownSample, ShownStatus
from daemon.core.training.evaluations import Evaluations
from daemon.core.training.manifests import Manifest
from daemon.core.workspace.jobs import escape, one_line
from daemon.core.workspace.versions import Version, ancestry
from daemon.folders.models import current_model
from daemon.folders.models.models import read_manifest, version_names
from daemon.folders.models.training_records import probes
from daemon.layout import Layout
from daemon.serving.dashboard.report_pages import has_report
from daemon.serving.dashboard.section_cache import UNREADABLE, Section
from daemon.serving.dashboard.texts import LONGEST, escape_lines

SHOWN_VERSIONS = 40
SHOWN_PROBES = 6
SHOWN_SAMPLES = 6
SHOWN_MILESTONES = 8


@dataclass(frozen=True)
class KnownVersion:
    """What is shown of a version's manifest, which is too large to be kept whole."""

    version: Version
    reasons: tuple[str, ...]
    evaluations: Evaluations


def versions_section(layout: Layout, known: dict[str, KnownVersion]) -> Section:
    """Return the versions; `known` caches manifests and is filled."""
    names = version_names(layout)
    problems = []
    for name in names:
        if name not in known:
            try:
                known[name] = _known_version(read_manifest(layout.version(name)))
            except UNREADABLE as error:
                problems.append(f"{name} cannot be read: {error}")
    there = [known[name] for name in names if name in known]
    current = current_model.read(layout)
    versions = {one.version.version: one.version for one in there}
    line = {version.version for version in ancestry(current or "", versions)}
    shown = [
        _facts(one, current, line) | {"report": has_report(layout.version(one.version.version))}
        for one in reversed(there[-SHOWN_VERSIONS:])
    ]
    return {"current": current, "count": len(names), "versions": shown, "problems": problems}


def _known_version(manifest: Manifest) -> KnownVersion:
    return KnownVersion(manifest.described(), manifest.verdict_reasons, manifest.evaluations)


def _facts(one: KnownVersion, current: str | None, line: set[str]) -> JsonObject:
    names = ("version", "parent", "lineage", "verdict", "promotes", "created_at", "step")
    version = one.version
    return {
        **{name: getattr(version, name) for name in names},
        "current": version.version == current,
        "in_line": version.version in line,
        "jobs": [escape(job) for job in version.job_ids],
        "reasons": [escape(reason, 400) for reason in one.reasons],
        "exact": to_json_value(one.evaluations.exact_match),
        "loss": {
            part: {"before": loss.before, "after": loss.after}
            for part, loss in one.evaluations.loss.items()
        },
    }


def evolution_section(layout: Layout, run: str | None, version: str | None) -> Section:
    """Return how the answers to the probes changed in the current run, or in a version's."""
    found, damaged = probes(layout, Curve(run or version or "", (), run=run, version=version))
    shown = [_probe(probe) for probe in found[:SHOWN_PROBES]]
    return {"of": run or version, "count": len(found), "probes": shown, "damaged": damaged}


def _probe(probe: Probe) -> JsonObject:
    answers = probe.answers
    if len(answers) > SHOWN_MILESTONES:
        # The first shows where the run began; the others are the latest.
        answers = (answers[0], *answers[1 - SHOWN_MILESTONES :])
    return {
        "prompt": one_line(probe.prompt, LONGEST),
        "golden": one_line(probe.golden, LONGEST),
        "left_out": len(probe.answers) - len(answers),
        "answers": [
            {"step": a.step, "answer": one_line(a.answer, LONGEST), "similarity": a.similarity}
            for a in answers
        ],
    }


def samples_section(document: ShownStatus) -> Section:
    """Return the newest sample answers, each with its differences from the golden answer."""
    found = [s for s in document.get("eval_samples") or () if isinstance(s, dict)]
    return {"samples": [_sample(sample) for sample in found[: -SHOWN_SAMPLES - 1 : -1]]}


def _sample(sample: ShownSample) -> JsonObject:
    texts = {
        name: escape_lines(str(sample.get(name) or ""))
        for name in ("prompt", "golden_answer", "model_answer")
    }
    return {
        **texts,
        "step": sample.get("step"),
        "file": escape(str(sample.get("current_file") or "")),
        "matches": bool(sample.get("matches")),
        "changes": word_changes(texts["golden_answer"], texts["model_answer"]),
    }
