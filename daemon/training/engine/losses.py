"""Token losses and their gradient, with the head computed in chunks at supervised positions only.

Each chunk has its own gradient, so that no more than one chunk of logits is ever in memory,
whatever the vocabulary. This is exact, because the head itself is not trained.
"""

from typing import Any

from daemon.model.anatomy import Anatomy
from daemon.model.backend import mx, nn
from daemon.model.packing_masks import packing_masks
from daemon.training.engine.arrays import PassArrays

CHUNK_BYTES = 64 * 2**20
"""Size of the logits of one chunk, in bytes."""

LEAST_CHUNK = 64


def chunk_positions(vocabulary: int) -> int:
    """Return how many positions the head computes at once."""
    fitting = CHUNK_BYTES // (4 * vocabulary)
    return max(LEAST_CHUNK, fitting // LEAST_CHUNK * LEAST_CHUNK)


class Losses:
    """The losses of one model."""

    def __init__(self, anatomy: Anatomy, below: int) -> None:
        """The first `below` layers are not trained: their output may be passed as a state."""
        self._anatomy = anatomy
        self.below = below
        self._layers = len(anatomy.layers)
        # Only the shape is read, so nothing is computed.
        vocabulary = int(anatomy.model(mx.zeros((1, 1), mx.int32)).shape[-1])
        self._chunk = chunk_positions(vocabulary)

    def tokens(self, item: PassArrays, state: Any = None) -> Any:
        """Return the loss in nats at each picked position, without a gradient."""
        with self._anatomy.building:
            if not self._anatomy.has_head:
                logits = self._flat_logits(item.tokens, item.segments)[item.picks]
                return _nats(logits, item.targets)
            hidden = self._hidden(item.tokens, item.segments, state)
        flowing = hidden.reshape(-1, hidden.shape[-1])[item.picks]
        found = []
        for start, end in self._chunks(item.picks.size):
            with self._anatomy.building:
                logits = self._anatomy.logits(flowing[start:end])
            found.append(_nats(logits, item.targets[start:end]))
            mx.eval(found[-1])
        return mx.concatenate(found)

    def total(
        self, tokens: Any, segments: Any, picks: Any, targets: Any, weights: Any, state: Any = None
    ) -> tuple[Any, Any]:
        """Return a surrogate that has the gradient of the weighted sum of losses, and that sum.

        The surrogate is ⟨h, ∂L/∂h⟩ with the hidden states h that enter the head: its gradient is
        that of the loss, without the logits of all chunks in memory.
        """
        if not self._anatomy.has_head:
            logits = self._flat_logits(tokens, segments)[picks]
            sum_ = (_nats(logits, targets) * weights).sum()
            return sum_, sum_
        hidden = self._hidden(tokens, segments, state)
        flowing = hidden.reshape(-1, hidden.shape[-1])[picks]
        given = mx.stop_gradient(flowing)
        sums: list[Any] = []
        gradients: list[Any] = []
        for start, end in self._chunks(picks.size):
            own = given[start:end]
            if sums:
                # MLX evaluates breadth first: without this order all chunks would exist at once.
                (own,) = mx.depends([own], [sums[-1], gradients[-1]])
            found, gradient = mx.value_and_grad(self._of_chunk)(
                own, targets[start:end], weights[start:end]
            )
            sums.append(found)
            gradients.append(gradient)
        slope = mx.stop_gradient(mx.concatenate(gradients))
        return (flowing * slope).astype(mx.float32).sum(), mx.stop_gradient(mx.stack(sums).sum())

    def state(self, item: PassArrays) -> Any:
        """Return the output of the layers that are not trained, (rows, width, hidden)."""
        with self._anatomy.building:
            found = self._anatomy.state_below(self.below, item.tokens, self._cache(item.segments))
        mx.eval(found)
        return found

    def _of_chunk(self, hidden: Any, targets: Any, weights: Any) -> Any:
        return (_nats(self._anatomy.logits(hidden), targets) * weights).sum()

    def _hidden(self, tokens: Any, segments: Any, state: Any) -> Any:
        cache = self._cache(segments)
        if state is None:
            return self._anatomy.hidden(tokens, cache)
        return self._anatomy.hidden_above(self.below, state, tokens, cache)

    def _cache(self, segments: Any) -> Any:
        return None if segments is None else packing_masks(self._layers, segments)

    def _flat_logits(self, tokens: Any, segments: Any) -> Any:
        logits = self._anatomy.model(tokens, cache=self._cache(segments))
        return logits.reshape(-1, logits.shape[-1])

    def _chunks(self, size: int) -> list[tuple[int, int]]:
        return [(start, min(start + self._chunk, size)) for start in range(0, size, self._chunk)]


def _nats(logits: Any, targets: Any) -> Any:
    return nn.losses.cross_entropy(logits.astype(mx.float32), targets, reduction="none")
