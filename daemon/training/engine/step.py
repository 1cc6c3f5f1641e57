"""One optimizer step on an mlx-lm model: loss, gradient accumulation, clipping, update.

The loss is the mean over all supervised tokens of the step, however it is split into passes.
"""

import math
from collections.abc import Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import Any

from mlx.utils import tree_flatten, tree_map

from daemon.core.training.packing import Pass, RowShapes, lay_out
from daemon.core.training.plan import mix
from daemon.evaluation.scoring import Interrupted
from daemon.model.anatomy import Anatomy
from daemon.model.arithmetic import arithmetic_of
from daemon.model.backend import mx, nn
from daemon.model.parallel import ParallelPasses
from daemon.settings import TrainingSettings
from daemon.text.encoder import Encoded
from daemon.training.engine.arrays import PassArrays, arrange
from daemon.training.engine.losses import Losses
from daemon.training.engine.optimizers import make_optimizer
from daemon.training.engine.partial_gradient import PartialGradient, key_of
from daemon.training.engine.protocol import INTERRUPTED, EncodedPass, StepResult, never
from daemon.training.engine.trunk_cache import TrunkCache

WITH_STATE = 6
"""Number of arguments of the gradient function when a cached trunk state is one of them."""


@dataclass(frozen=True, slots=True)
class _Gradient:
    """Loss and gradient of one pass, evaluated."""

    total: Any
    """Sum of nats over its supervised tokens."""
    gradients: Any
    supervised: int
    arithmetic: float


class Stepper:
    """A model in training with its optimizer."""

    def __init__(
        self,
        anatomy: Anatomy,
        training: TrainingSettings,
        shapes: RowShapes,
        parallel: ParallelPasses,
        trunk_cache: TrunkCache | None = None,
        checkpoint: bool = False,
        concurrency: int | None = None,
    ) -> None:
        """`checkpoint` recomputes each layer for its gradient instead of storing its activations.

        With `trunk_cache`, the output of the layers that are not trained is computed once. At most
        `concurrency` passes are computed at once.
        """
        self._anatomy = anatomy
        self._model: Any = anatomy.model
        self._training = training
        self.shapes = shapes
        self._parallel = parallel
        self._concurrency = concurrency
        self._checkpoint = checkpoint
        below = anatomy.first_adapted() if trunk_cache is not None else 0
        self.trunk_cache = trunk_cache if below else None
        self.losses = Losses(anatomy, below)
        self.optimizer = make_optimizer(training)
        self._cost = arithmetic_of(anatomy, below)
        self.gathered: PartialGradient | None = None
        """The sums of an interrupted step, to resume from."""
        self._traced: set[tuple[int, ...]] = set()
        self._differentiate: Any = nn.utils.value_and_grad(self._model, self._total)
        self._gradient: Any = self._value_and_gradient
        if shapes.few:
            # The random state goes in and out, or dropout would be the same in every call.
            state = [self._model.state, mx.random.state]
            self._gradient = mx.compile(
                self._value_and_gradient, inputs=state, outputs=[mx.random.state]
            )

    def close(self) -> None:
        """Drop the compiled functions: they and the stepper hold each other, and the moments."""
        del self._differentiate, self._gradient

    @property
    def traces(self) -> int:
        """Return how many compiled traces there are; only `close` frees them."""
        return len(self._traced) if self.shapes.few else 0

    def _value_and_gradient(self, *arrays: Any) -> Any:
        own = self._model.trainable_parameters()
        found = self._differentiate(*arrays)
        # Differentiating leaves its own tracers in the model; a compiled trace would keep them.
        self._model.update(own)
        return found

    def _total(self, *arrays: Any) -> Any:
        with self._anatomy.checkpointed() if self._checkpoint else nullcontext():
            return self.losses.total(*arrays)

    def step(
        self,
        passes: Sequence[EncodedPass],
        learning_rate: float,
        seed: int,
        interrupted: Interrupted = never,
    ) -> StepResult:
        """Apply one step, or nothing if loss or gradient is not finite."""
        self._model.train()
        begun, self.gathered = self.gathered, None
        found = self._gather(passes, seed, interrupted, begun)
        if found.passes < len(passes):
            self.gathered = found
            return INTERRUPTED
        loss, gradients = found.mean()
        norm = _norm(gradients)
        if not math.isfinite(loss) or not math.isfinite(norm):
            return StepResult(None, None, None, False, found.arithmetic)
        shrink = min(1.0, self._training.clip_norm / (norm + 1e-6))
        before = self._model.trainable_parameters()
        self.optimizer.learning_rate = learning_rate
        self.optimizer.update(self._model, tree_map(lambda g: g * shrink, gradients))
        after = self._model.trainable_parameters()
        mx.eval(after, self.optimizer.state)
        moved = _norm(tree_map(lambda new, old: new - old, after, before))
        return StepResult(loss, norm, moved, True, found.arithmetic)

    def restore(self, gathered: PartialGradient) -> None:
        """Go on with the gradient of an interrupted step, if the next one is the same."""
        self.gathered = gathered

    def finite_alone(self, text: Encoded, seed: int) -> bool:
        """Return whether loss and gradient of one text by itself are finite."""
        self._model.train()
        (item,) = lay_out([0], [len(text.tokens)], self.shapes)
        loss, gradients = self._accumulate([EncodedPass(item.width, ((text,),))], seed)
        return math.isfinite(loss) and math.isfinite(_norm(gradients))

    def _accumulate(self, passes: Sequence[EncodedPass], seed: int) -> tuple[float, Any]:
        """Return the mean loss and gradient over all supervised tokens of all passes."""
        return self._gather(passes, seed).mean()

    def _gather(
        self,
        passes: Sequence[EncodedPass],
        seed: int,
        interrupted: Interrupted = never,
        begun: PartialGradient | None = None,
    ) -> PartialGradient:
        """Return the sums over all passes, resuming from `begun`; fewer when interrupted."""
        sums = PartialGradient(key_of(passes, seed, self._checkpoint))
        if begun is not None and begun.key == sums.key:
            sums = begun
        self._settle()
        work = partial(self._differentiated, seed=seed)
        left = list(enumerate(passes))[sums.passes :]
        with closing(self._parallel.each(work, left, self._concurrency)) as found:
            # In the order of the passes, not of completion, so that sums are bit-identical.
            for one in found:
                total = float(one.total.item())
                sums = sums.plus(total, one.supervised, one.arithmetic, one.gradients)
                if sums.passes < len(passes) and interrupted():
                    break
        return sums

    def _settle(self) -> None:
        """Evaluate all weights first: other threads cannot evaluate arrays built on this one."""
        mx.eval(self._model.state)

    def _differentiated(self, numbered: tuple[int, EncodedPass], seed: int) -> _Gradient:
        """Return loss and gradient of one pass; several threads run this at once."""
        number, item = numbered
        arrays = arrange(item.rows, item.width, self.shapes)
        given = self._given(arrays, item.again)
        with self._anatomy.building:
            # Each pass has its own dropout, whatever runs before or beside it.
            mx.random.seed(mix(seed, number))
            (_, total), gradients = self._gradient(*given)
        mx.eval(total, gradients)
        work = self._work(item, arrays.supervised, len(given) == WITH_STATE)
        return _Gradient(total, gradients, arrays.supervised, work)

    def _work(self, item: EncodedPass, supervised: int, state: bool) -> float:
        real = sum(len(text.tokens) for text in item.texts)
        of_token = self._cost.upper_token + (0.0 if state else self._cost.lower_token)
        return real * of_token + supervised * self._cost.supervised

    def _given(self, item: PassArrays, again: bool) -> tuple[Any, ...]:
        """Return the arguments of the gradient function, with the cached trunk state if any."""
        state = self._state(item, again)
        given = (item.tokens, item.segments, item.picks, item.targets, item.weights)
        masked = item.segments is not None
        self._traced.add((*item.tokens.shape, item.picks.size, masked, state is not None))
        return given if state is None else (*given, state)

    def _state(self, item: PassArrays, again: bool) -> Any:
        if self.trunk_cache is None:
            return None
        state = self.trunk_cache.get(item.key)
        if state is not None or not again or self.trunk_cache.given_up:
            return state
        began_s = perf_counter()
        state = self.losses.state(item)
        self.trunk_cache.put(item.key, state, perf_counter() - began_s)
        return state

    def score(self, texts: Sequence[Encoded]) -> list[tuple[float, int]]:
        """Return for each text the sum of its losses in nats, and its supervised tokens."""
        self._model.eval()
        totals, counts = [0.0] * len(texts), [0] * len(texts)
        lengths = [len(text.tokens) for text in texts]
        # Scoring is not compiled: a new shape costs nothing, but padding does.
        shapes = replace(self.shapes, few=False)

        def scored(item: Pass) -> list[tuple[int, float]]:
            rows = [[texts[number] for number in row] for row in item.rows]
            arrays = arrange(rows, item.width, shapes)
            nats: Any = self.losses.tokens(arrays, self._state(arrays, again=True)).tolist()
            owners = (item.texts[owner] for owner in arrays.owners.tolist())
            # The picks end in padding, so there are more losses than owners.
            return list(zip(owners, nats, strict=False))

        laid = lay_out(range(len(texts)), lengths, shapes)
        self._settle()
        for pairs in self._parallel.each(scored, laid, self._concurrency):
            for number, loss in pairs:
                totals[number] += loss
                counts[number] += 1
        return list(zip(totals, counts, strict=True))


def _norm(gradients: Any) -> float:
    leaves: Any = tree_flatten(gradients)
    total: Any = mx.stack([mx.square(leaf.astype(mx.float32)).sum() for _, leaf in leaves]).sum()
    return math.sqrt(total.item())
