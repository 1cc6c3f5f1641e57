"""The process of the self-check with a defect put into the code that it checks.

Run as `planted.py DEFECT FOLDER [OPTIONS]`; what stands here is what the code once was.
"""

import os
import signal
import sys
from collections.abc import Callable
from time import monotonic
from typing import Any

import numpy as np

from daemon import settings
from daemon.model import anatomy, generation, packing_masks
from daemon.model.activations import as_mlx_lm_does
from daemon.model.backend import mx
from daemon.self_check import __main__ as self_check
from daemon.self_check import checks
from daemon.self_check.finding import CheckContext, CheckResult, SelfCheck
from daemon.training.engine.mlx import MlxEngine


def half_precision_to_numpy() -> None:
    """Log-probabilities of half precision went to numpy, which knows no bfloat16."""

    def extend(drafts: dict[int, Any], said: Any) -> list[int]:
        done = []
        chances = mx.stack([one.logprobs[one.token] for one in said]) if said else mx.array([])
        for one, chance in zip(said, np.asarray(chances, dtype=np.float64), strict=True):
            draft = drafts[one.uid]
            draft.began_s = min(draft.began_s, monotonic())
            draft.tokens.append(one.token)
            draft.log_probability += float(chance)
            if one.finish_reason is not None:
                done.append(one.uid)
        return done

    generation._extend = extend  # type: ignore[assignment]


def other_masks_when_computed_again() -> None:
    """A checkpointed layer drew its dropout anew when it was computed again for its gradient."""

    def recomputed(layer: Any) -> Callable[..., Any]:
        def run(given: Any, *args: Any, **kwargs: Any) -> Any:
            def forward(own: Any, into: Any) -> Any:
                layer.update(own)
                with as_mlx_lm_does():
                    return layer(into, *args, **kwargs)

            return mx.checkpoint(forward)(layer.trainable_parameters(), given)

        return run

    anatomy._recomputed = recomputed


def adapters_anywhere() -> None:
    """Adapters on the embedding and on the head were accepted, and trained with half a gradient."""
    settings.OUTSIDE_LAYERS = ()  # type: ignore[assignment]


def texts_that_see_each_other() -> None:
    """The mask of a packed row keeps nothing apart."""

    def make_mask(self: Any, width: int, *_: Any, **__: Any) -> Any:
        places = mx.arange(width)
        return (places[:, None] >= places[None])[None, None]

    packing_masks.BlockDiagonalMask.make_mask = make_mask  # type: ignore[method-assign]


def moments_left_behind() -> None:
    """A resumed run begins with fresh moments."""
    MlxEngine._take_moments = lambda *_: True  # type: ignore[method-assign]


def _died(_place: CheckContext) -> CheckResult:
    os.write(
        2,
        b"[METAL] Command buffer execution failed: "
        b"(00000002:kIOGPUCommandBufferCallbackErrorTimeout)\n",
    )
    os.kill(os.getpid(), signal.SIGABRT)
    return CheckResult("ok", "it lives")


def _stuck(_place: CheckContext) -> CheckResult:
    signal.pause()
    return CheckResult("ok", "it went on")


def driver_that_dies() -> None:
    """The second of three checks ends its process."""
    fine = SelfCheck("first", lambda _: CheckResult("ok", "well"))
    checks.CHECKS = (fine, SelfCheck("second", _died), SelfCheck("third", fine.run))


def driver_that_hangs() -> None:
    """The first of two checks never ends."""
    fine = SelfCheck("second", lambda _: CheckResult("ok", "well"))
    checks.CHECKS = (SelfCheck("first", _stuck), fine)


def driver_that_never_starts_again() -> None:
    """The first of three checks ends its process, and every later one before it begins."""
    if not sys.argv[2].endswith("process-0"):
        sys.exit("no device")
    fine = SelfCheck("second", lambda _: CheckResult("ok", "well"))
    checks.CHECKS = (SelfCheck("first", _died), fine, SelfCheck("third", fine.run))


def driver_that_dies_between_checks() -> None:
    """The first process ends after its first finding is written."""
    fine = SelfCheck("first", lambda _: CheckResult("ok", "well"))
    checks.CHECKS = (fine, SelfCheck("second", fine.run))
    written = self_check._write

    def write(lines: int, record: dict[str, Any]) -> None:
        written(lines, record)
        if "finding" in record and record["finding"]["check"] == "first":
            os.kill(os.getpid(), signal.SIGKILL)

    self_check._write = write


if __name__ == "__main__":
    globals()[sys.argv[1]]()
    self_check.main(sys.argv[2:])
