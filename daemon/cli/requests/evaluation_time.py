"""Estimates how long an evaluation takes, from what earlier ones measured on this machine."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

from daemon.core.evaluation.evaluations import EvaluationRequest, suite_runs
from daemon.core.evaluation.pace import paces_of, seconds_for
from daemon.core.evaluation.reports import AnsweringFigures
from daemon.core.status.durations import duration
from daemon.core.workspace.orders import EVALUATION
from daemon.folders.orders import evaluations, orders
from daemon.layout import Layout

LONG_S = 60.0
"""An evaluation that takes longer is announced."""
LOOKED_AT = 20
"""Earlier evaluations that are read, the newest."""
FEW = 20
"""So few answers are not worth a word where nothing was measured yet."""


def announcement(layout: Layout, evaluation: str) -> str | None:
    """Return how long an evaluation will take, in words; None if it is short."""
    place = layout.evaluation(evaluation)
    request = orders.read_request(place, EvaluationRequest)
    suites = evaluations.read_suites(place)
    left: Counter[str] = Counter()
    for one in suite_runs(request.subjects, len(suites)):
        if not place.results(one.suite, one.subject).exists():
            left[suites[one.suite].suite.name] += len(suites[one.suite].suite.items)
    needed_s = seconds_for(paces_of(_measured(layout, request)), left)
    count = left.total()
    if needed_s is None:
        return (
            f"{evaluation} needs up to {count:,} answers; how long they take was not measured "
            "here yet, and is reported after the first unit"
            if count > FEW
            else None
        )
    if needed_s < LONG_S:
        return None
    return (
        f"{evaluation} needs up to {count:,} answers: about {duration(needed_s)}, as earlier "
        "evaluations measured here; cached answers take no time"
    )


def _measured(
    layout: Layout, request: EvaluationRequest
) -> Iterator[tuple[str, AnsweringFigures | None]]:
    """Yield what was measured of each suite with the same base, in the newest evaluations."""
    for name in reversed(orders.names(layout, EVALUATION)[-LOOKED_AT:]):
        place = layout.evaluation(name)
        with suppress(OSError, ValueError):
            earlier = orders.read_request(place, EvaluationRequest)
            if earlier.base.get("fingerprint") != request.base.get("fingerprint"):
                continue
            for number, one in enumerate(evaluations.read_suites(place)):
                for who in range(len(earlier.subjects)):
                    found = evaluations.read_results(place, number, who)
                    yield one.suite.name, None if found is None else found.measured
