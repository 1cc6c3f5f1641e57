"""Opens what a file's rows are compared with: rows trained before, exams, suites, own hold-out."""

from collections.abc import Callable

from daemon.core.rows.examples import Example
from daemon.core.workspace.intake_context import IntakeContext
from daemon.dedup.index import Earlier, Index
from daemon.dedup.judging import Judge
from daemon.dedup.seen import Seen, keys_of, read_row
from daemon.dedup.segments import Segment
from daemon.dedup.suites import Suites
from daemon.dedup.superseding import Superseded
from daemon.intake.sifting import Elsewhere
from daemon.layout import Layout
from daemon.layout_jobs import JobLayout
from daemon.settings_files import DedupSettings

OWN_HOLDOUT = "its own hold-out"


def elsewhere_of(
    place: JobLayout,
    layout: Layout,
    context: IntakeContext,
    settings: DedupSettings,
    judge: Judge,
    merge: bool,
    suites: Suites | None,
    *,
    has_own_holdout: bool,
) -> Elsewhere:
    """Return the rows elsewhere that a job's rows are compared with; `context` names the jobs."""
    seen = Seen(layout, "train", context.seen_jobs, context.untrained)
    held = Seen(layout, "holdout", context.holdout_jobs)
    mine = Segment.build([], [])
    if has_own_holdout:
        mine = Segment.build([OWN_HOLDOUT], [keys_of(place, "holdout")])
    in_lineage = frozenset(context.seen_jobs).__contains__
    newest = settings.corrections == "newest"
    indexes = seen.open(merge), held.open(merge)
    past, past_exams = (
        Superseded(index, kind.example, judge, in_lineage, wanted=newest)
        for index, kind in zip(indexes, (seen, held), strict=True)
    )
    return Elsewhere(
        seen=seen,
        seen_index=indexes[0],
        held=held,
        held_index=indexes[1],
        judge=judge,
        past=past,
        past_exams=past_exams,
        suites=suites,
        own=Index([mine]),
        may_correct_exams=not has_own_holdout,
        own_example=_own_example(place),
        job=place.folder.name,
    )


def _own_example(place: JobLayout) -> Callable[[Earlier], Example | None]:
    return lambda earlier: read_row(place.holdout, earlier.offset)
