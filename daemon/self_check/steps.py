"""Checks the training step: compiled, checkpointed, packed and plain give the same gradient."""

from dataclasses import replace

import numpy as np

from daemon.core.training.packing import RowShapes
from daemon.core.workspace.versions import AdapterSpec
from daemon.errors import ModelFault
from daemon.model.backend import can_compile, mx
from daemon.self_check.finding import CheckContext, CheckResult, State, bounded, together
from daemon.self_check.gradients import (
    apart,
    make_stepper,
    passes_of,
    plain_gradient,
    slope_error,
    step_gradient,
)
from daemon.self_check.precision import bound
from daemon.self_check.tiny import KINDS, SPEC, adapted, make_model, texts
from daemon.settings import TrainingSettings

ROW = 64
PACKED = RowShapes(ROW, 2 * ROW)
FEW = replace(PACKED, few=True)
SAME = 1e-4
"""For the same sums in nearly the same order, in any number format."""

SLOPE, SLOPE_TF32 = 2e-2, 2e-1
"""The error of a slope from two losses by the rounding of the losses alone."""

DROPOUT = 0.3
MANY_STEPS = 50
MOST_TRACES = 24
WITH_DROPOUT = replace(SPEC, dropout=DROPOUT)
DORA = replace(SPEC, kind="dora")


def compiled(place: CheckContext) -> CheckResult:
    """Compare the compiled step with the uncompiled one."""
    if not can_compile():
        return CheckResult("left out", "nothing is compiled here: there is no g++")
    cases: dict[str, tuple[AdapterSpec, bool]] = {
        "lora": (SPEC, False),
        "dropout": (WITH_DROPOUT, False),
        "dora": (DORA, False),
        "checkpointing": (SPEC, True),
    }
    chosen = list(cases.items())[: 2 if place.quick else None]
    return together({name: _compiled(*case) for name, case in chosen})


def _compiled(spec: AdapterSpec, checkpoint: bool) -> CheckResult:
    # All of one length: each shape is compiled separately, which takes a second on a CPU.
    items = [text for seed in (0, 1) for text in texts(1, seed)]
    found = step_gradient(adapted(make_model("float32"), spec), items, FEW, checkpoint)
    mx.disable_compile()
    try:
        plain = step_gradient(adapted(make_model("float32"), spec), items, FEW, checkpoint)
    finally:
        mx.enable_compile()
    return bounded("compiled and not", apart(found, plain), SAME)


def traces(_place: CheckContext) -> CheckResult:
    """Count the compiled shapes of many random steps."""
    if not can_compile():
        return CheckResult("left out", "nothing is compiled here: there is no g++")
    stepper = make_stepper(adapted(make_model("float32")), FEW)
    draw = np.random.default_rng(2)
    for number in range(MANY_STEPS):
        items = texts(int(draw.integers(1, 9)), number, int(draw.integers(12, 2 * ROW)))
        stepper.step(passes_of(items, FEW), 1e-3, number)
    count = stepper.traces
    stepper.close()
    words = f"{count} compiled shapes after {MANY_STEPS} steps of random lengths"
    state: State = "ok" if count <= MOST_TRACES else "wrong"
    return CheckResult(state, f"{words}, at most {MOST_TRACES}", {"traces": count})


def checkpointed(_place: CheckContext) -> CheckResult:
    """Compare gradients with and without checkpointing; with dropout, gradient and own loss.

    The dropout masks may differ with checkpointing, but the gradient must be that of its own loss:
    moving the adapter along it must change that loss accordingly.
    """
    items = texts()
    found = step_gradient(adapted(make_model("float32")), items, PACKED, True)
    plain = step_gradient(adapted(make_model("float32")), items, PACKED)
    slope = slope_error(adapted(make_model("float32"), WITH_DROPOUT), items, PACKED, True)
    most = SLOPE if bound("float32") <= SAME else SLOPE_TF32
    return together(
        {
            "no dropout": bounded("gradient with and without", apart(found, plain), SAME),
            f"dropout {DROPOUT}": bounded("gradient and slope of the loss", slope, most),
        }
    )


def packed(_place: CheckContext) -> CheckResult:
    """Compare the gradient of packed rows with that of the texts one by one."""
    return together({kind: _packed(kind) for kind in KINDS})


def _packed(kind: str) -> CheckResult:
    items = texts()
    plain = plain_gradient(adapted(make_model(kind)), items)
    found = step_gradient(adapted(make_model(kind)), items, PACKED)
    return bounded("packed and one by one", apart(found, plain), bound(kind))


def outside_layers(_place: CheckContext) -> CheckResult:
    """Check that adapters outside the layers are refused, or trained correctly."""
    tied, own = {"tie_word_embeddings": True}, {"tie_word_embeddings": False}
    return together(
        {
            "embedding that is the head": _outside(tied, "model.embed_tokens"),
            "embedding": _outside(own, "model.embed_tokens"),
            "head": _outside(own, "lm_head"),
        }
    )


def _outside(changes: dict[str, bool], key: str) -> CheckResult:
    keys = ("self_attn.q_proj", key)
    try:
        TrainingSettings(keys=keys)
    except ValueError:
        return CheckResult("ok", "refused by the settings")
    spec, items = replace(SPEC, keys=keys), texts()
    try:
        plain = plain_gradient(adapted(make_model("float32", changes), spec), items)
        found = step_gradient(adapted(make_model("float32", changes), spec), items, PACKED)
    except (ModelFault, ValueError) as error:
        return CheckResult("ok", f"refused ({error})")
    return bounded("its gradient and the plain one", apart(found, plain), bound("float32"))
