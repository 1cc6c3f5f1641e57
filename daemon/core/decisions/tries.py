"""A run that forgets too much is tried again, with more replay and a lower rate, a few times."""

from daemon.core.decisions.promotion import Verdict, decide_verdict
from daemon.core.decisions.snapshot import Candidate, RunOnDisk
from daemon.core.training.manifests import Draft
from daemon.core.training.run_requests import EarlierTry, RunRequest, RunTry

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


def goes_on(run: RunOnDisk) -> bool:
    """Return whether another try of the run's jobs follows it, or is begun already."""
    if run.last_try or run.candidate is None:
        return False
    verdict = decide_verdict(run.candidate.judgement, run.candidate.gate)
    return run.next_try is not None or may_try_again(run.candidate, verdict)


def next_try(request: RunRequest, draft: Draft, verdict: Verdict) -> RunTry:
    """Return what `request.json` of the next try says of it, from the try before it.

    The replay is aimed by what this try's candidate has forgotten of the tune rows.
    """
    before, replay = request.try_, draft.replay
    assert replay is not None and replay.share is not None and replay.next_share is not None
    assert draft.judgement is not None
    number = 1 if before is None else before.number
    rate_share = 1.0 if before is None else before.rate_share
    tried = EarlierTry(
        run=request.run,
        number=number,
        rate_share=rate_share,
        replay_share=replay.share,
        replay_weights=replay.weights,
        tokens=draft.metrics.tokens or 0,
        reasons=verdict.reasons,
        forgetting=draft.judgement.forgetting,
    )
    weights = {job: it for job, it in replay.next_weights.items() if job not in request.jobs}
    return RunTry(
        number=number + 1,
        rate_share=rate_share * RATE_FACTOR,
        replay_share=replay.next_share,
        replay_weights=weights,
        before=(*(() if before is None else before.before), tried),
    )
