"""What a test looks at of an order that is over, and the request of a sweep."""

from dataclasses import replace
from typing import Any

from daemon.core.evaluation.results import OrderResult
from daemon.core.evaluation.sweeps import Setting, SweepRequest, space_around
from daemon.core.workspace.bases import BaseFacts
from daemon.folders.orders import orders
from daemon.layout import OrderLayout


def result_of(place: OrderLayout) -> Any:
    """Return the result of an order, whatever its kind; None while it is not over."""
    return orders.read_result(place, OrderResult)


def sweep_request(base: BaseFacts, default: Setting, **changes: Any) -> SweepRequest:
    """Return the request of a sweep around a setting, from the untouched base."""
    request = SweepRequest(
        sweep="s000001",
        created_at="2026-01-01T00:00:00+00:00",
        file="sums.jsonl",
        job=None,
        start_version=None,
        settings={},
        base=base,
        step=0,
        seed=7,
        trials=6,
        minutes=None,
        epochs=1,
        rows=512,
        default=default,
        space=space_around(default, 4, True),
    )
    return replace(request, **changes)
