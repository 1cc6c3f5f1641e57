"""Checks generation: in each number format, and with two versions in one batch."""

from pathlib import Path
from typing import Any

from daemon.core.evaluation.answers import Answer, AnswerLimits
from daemon.model.backend import Module, mx
from daemon.model.generation import answer_batch
from daemon.model.loading import load_model
from daemon.model.row_adapters import BARE, RowAdapters
from daemon.model.shared_weights import clone_sharing_weights
from daemon.self_check.finding import CheckContext, CheckResult, bounded, together
from daemon.self_check.precision import bound
from daemon.self_check.tiny import KINDS, SPEC, adapted, make_model, write_base

PROMPTS = ((5, 17, 200, 31, 8), (9, 8, 7), (4, 250, 3, 77, 12, 66, 105))
WORDS = 16
ROWS = ((1, 5, 9, 30, 2, 8), (7, 3, 2, 11, 90, 4), (4, 6, 8, 201, 14, 3))


def kinds_of_number(place: CheckContext) -> CheckResult:
    """Have a tiny model answer in each number format, as evaluations do."""
    base = write_base(place.folder / "answers")
    return together({kind: _answers(kind, base) for kind in KINDS})


def _answers(kind: str, base: Path) -> CheckResult:
    tokenizer = load_model(base)[1]
    model = make_model(kind)
    try:
        batched = _answered(model, tokenizer, PROMPTS)
    except (RuntimeError, TypeError, ValueError) as error:
        return CheckResult(
            "wrong", f"a {kind} model cannot answer: {type(error).__name__}: {error}"
        )
    if not all(answer.tokens and 0.0 < (answer.confidence or 0.0) <= 1.0 for answer in batched):
        return CheckResult(
            "wrong", f"a {kind} model answers without tokens or without a probability"
        )
    alone = [_answered(model, tokenizer, [prompt])[0] for prompt in PROMPTS]
    same = sum(one.text == other.text for one, other in zip(batched, alone, strict=True))
    # With random weights two tokens are often nearly as likely: in half precision noise decides.
    exact = kind == "float32" and bound(kind) <= 1e-4
    words = f"{same} of {len(PROMPTS)} answers are the same in a batch as alone"
    wrong = exact and same < len(PROMPTS)
    return CheckResult("wrong" if wrong else "ok", words, {"same": same, "answers": len(PROMPTS)})


def _answered(model: Module, tokenizer: Any, prompts: Any) -> list[Answer]:
    found = answer_batch(model, tokenizer, prompts, AnswerLimits(WORDS), lambda: False)
    assert found is not None, "nothing interrupts it"
    return found


def versions_side_by_side(_place: CheckContext) -> CheckResult:
    """Compute two versions and the base in one batch, and compare each with a batch of its own."""
    return together({kind: _versions(kind) for kind in KINDS})


def _versions(kind: str) -> CheckResult:
    model: Any = make_model(kind)
    own: list[Any] = [adapted(clone_sharing_weights(model), SPEC, seed) for seed in (9, 10)]
    bare: Any = clone_sharing_weights(model)
    for one in own:
        one.eval()
    shared = RowAdapters(model)
    slots = [shared.add(one) for one in own]
    for slot in slots:
        if isinstance(slot, str):
            return CheckResult("wrong", f"versions cannot share a batch: {slot}")
    tokens = mx.array(ROWS)
    with shared.rows([slot for slot in (*slots, BARE) if isinstance(slot, int)]):
        mixed = model(tokens)
    far = [
        _apart(mixed[row], one(tokens[row : row + 1])[0]) for row, one in enumerate((*own, bare))
    ]
    return bounded("each version in the batch and alone", max(far), bound(kind))


def _apart(found: Any, expected: Any) -> float:
    found, expected = found.astype(mx.float32), expected.astype(mx.float32)
    share: Any = mx.abs(found - expected).mean() / mx.abs(expected).mean()
    return float(share.item())
