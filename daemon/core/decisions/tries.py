"""A run that forgets too much is tried again, with more replay and a lower rate, a few times."""

from collections.abc import Mapping
from typing import Any

from daemon.core.decisions.promotion import Verdict
from daemon.core.decisions.snapshot import Candidate

RATE_FACTOR = 0.5
"""Of the learning rate, from one try to the next."""


def may_try_again(candidate: Candidate, verdict: Verdict) -> bool:
    """Return whether a run is tried again instead of being sealed as refused.

    Only for what it forgot of earlier files: nothing else can be mended by replaying them. All
    bounds are counts that were frozen with the run; no clock decides.
    """
    return (
        verdict.forgot
        and candidate.try_number < candidate.gate.tries
        and candidate.tokens <= candidate.gate.try_tokens
    )


def next_try(
    request: Mapping[str, Any], draft: Mapping[str, Any], verdict: Verdict
) -> dict[str, Any]:
    """Return what `request.json` of the next try says of it, from the try before it.

    The replay is aimed by what this try's candidate has forgotten of the tune rows.
    """
    before = request.get("try") or {"number": 1, "rate_share": 1.0, "before": []}
    replay, jobs = draft["replay"], set(request["jobs"])
    weights = {job: weight for job, weight in replay["next_weights"].items() if job not in jobs}
    return {
        "number": before["number"] + 1,
        "rate_share": before["rate_share"] * RATE_FACTOR,
        "replay_share": replay["next_share"],
        "replay_weights": weights,
        "before": [
            *before["before"],
            {
                "run": request["run"],
                "number": before["number"],
                "rate_share": before["rate_share"],
                "replay_share": replay["share"],
                "replay_weights": dict(replay["weights"]),
                "tokens": draft["metrics"]["tokens"],
                "reasons": list(verdict.reasons),
                "forgetting": draft["judgement"]["forgetting"],
            },
        ],
    }
