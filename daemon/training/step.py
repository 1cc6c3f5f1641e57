"""One optimizer step on an mlx-lm model: loss, gradient, clipping, update; knows no run, no file.

The loss is the mean over all supervised tokens of the step, however it is split into passes.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from mlx.utils import tree_flatten, tree_map

from daemon.model.backend import mx, nn, optim
from daemon.settings import TrainingSettings
from daemon.text.encoder import Encoded
from daemon.training.engine import EncodedPass, StepResult

PICK_MULTIPLE = 64
"""Supervised positions are padded to a multiple of this, so that shapes stay few."""

Head = Callable[[Any], Any]


class Padded:
    """Rows as arrays: inputs, positions whose next token is supervised, those tokens, weights."""

    def __init__(self, rows: Sequence[Encoded], width: int, height: int, fixed: bool) -> None:
        tokens = np.zeros((height, width), np.int32)
        marked = np.zeros((height, width), bool)
        for number, row in enumerate(rows):
            tokens[number, : len(row.tokens)] = row.tokens
            marked[number, : len(row.tokens)] = row.supervised
        marked[:, 0] = False
        owners, columns = np.nonzero(marked)
        self.owners = owners
        size = _pick_size(len(owners), height * width, fixed)
        picks = np.zeros(size, np.int32)
        picks[: len(owners)] = owners * width + columns - 1
        targets = np.zeros(size, np.int32)
        targets[: len(owners)] = tokens[owners, columns]
        weights = np.zeros(size, np.float32)
        weights[: len(owners)] = 1.0
        self.inputs = mx.array(tokens)
        self.picks, self.targets, self.weights = map(mx.array, (picks, targets, weights))

    @property
    def supervised(self) -> int:
        """Return the number of supervised tokens."""
        return len(self.owners)


def _pick_size(count: int, most: int, fixed: bool) -> int:
    """Return the length of the picks; where traces are kept for ever, in quarters of the whole."""
    if fixed:
        quarter = -(-most // 4)
        return max(1, -(-count // quarter)) * quarter
    return min(most, max(1, -(-count // PICK_MULTIPLE)) * PICK_MULTIPLE)


class Losses:
    """The loss of single tokens; the head works at supervised positions only, if that is exact."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._head = _separable_head(model)

    def __call__(self, inputs: Any, picks: Any, targets: Any) -> Any:
        """Return nats at each picked position."""
        if self._head is not None:
            hidden = self._model.model(inputs)
            logits = self._head(hidden.reshape(-1, hidden.shape[-1])[picks])
        else:
            logits = self._model(inputs)
            logits = logits.reshape(-1, logits.shape[-1])[picks]
        return nn.losses.cross_entropy(logits.astype(mx.float32), targets, reduction="none")


def _separable_head(model: Any) -> Head | None:
    """Return what follows the trunk, if trunk and head alone give the model's own logits.

    Tried rather than known: some models scale or cap their logits after the head.
    """
    trunk: Any = getattr(model, "model", None)
    if hasattr(model, "lm_head"):
        head = model.lm_head
    elif hasattr(trunk, "embed_tokens"):
        head = trunk.embed_tokens.as_linear
    else:
        return None
    probe = mx.arange(1, 9)[None]
    whole = model(probe)
    parts = head(trunk(probe))
    if whole.shape != parts.shape or not mx.allclose(whole, parts, rtol=1e-4, atol=1e-4).item():
        return None
    return head  # type: ignore[no-any-return]


class Stepper:
    """A model in training with its optimizer."""

    def __init__(self, model: Any, training: TrainingSettings, compiled: bool) -> None:
        self._model = model
        self._training = training
        self._compiled = compiled
        self.losses = Losses(model)
        self.optimizer = make_optimizer(training)
        self._differentiate: Any = nn.utils.value_and_grad(model, self._total)
        self._gradient: Any = self._value_and_gradient
        if compiled:
            # The random state goes in and out, or dropout would be the same in every call.
            state = [model.state, mx.random.state]
            self._gradient = mx.compile(
                self._value_and_gradient, inputs=state, outputs=[mx.random.state]
            )

    def _value_and_gradient(self, inputs: Any, picks: Any, targets: Any, weights: Any) -> Any:
        own = self._model.trainable_parameters()
        found = self._differentiate(inputs, picks, targets, weights)
        # Differentiating leaves its own tracers in the model; a compiled trace would keep them.
        self._model.update(own)
        return found

    def _total(self, inputs: Any, picks: Any, targets: Any, weights: Any) -> Any:
        return (self.losses(inputs, picks, targets) * weights).sum()

    def step(self, passes: Sequence[EncodedPass], learning_rate: float, seed: int) -> StepResult:
        """Apply one step, or nothing where loss or gradient is not finite."""
        mx.random.seed(seed)
        self._model.train()
        loss, gradients = self._accumulate(passes)
        norm = _norm(gradients)
        if not math.isfinite(loss) or not math.isfinite(norm):
            return StepResult(None, None, False)
        shrink = min(1.0, self._training.clip_norm / (norm + 1e-6))
        self.optimizer.learning_rate = learning_rate
        self.optimizer.update(self._model, tree_map(lambda g: g * shrink, gradients))
        mx.eval(self._model.trainable_parameters(), self.optimizer.state)
        return StepResult(loss, norm, True)

    def _accumulate(self, passes: Sequence[EncodedPass]) -> tuple[float, Any]:
        """Return the mean loss and gradient over all supervised tokens of all passes."""
        total, tokens, gathered = 0.0, 0, None
        for item in passes:
            padded = Padded(item.rows, item.width, self._height(item), self._compiled)
            tokens += padded.supervised
            value, gradients = self._gradient(
                padded.inputs, padded.picks, padded.targets, padded.weights
            )
            if gathered is not None:
                gradients = tree_map(lambda new, old: new + old, gradients, gathered)
            # Evaluated pass by pass: memory never holds the activations of two.
            mx.eval(value, gradients)
            total += float(value.item())
            gathered = gradients
        count = max(1, tokens)
        return total / count, tree_map(lambda g: g / count, gathered)

    def _height(self, item: EncodedPass) -> int:
        """Return the rows of a pass; where traces are kept for ever, one number for each width."""
        if not self._compiled:
            return len(item.rows)
        fitting = max(1, self._training.pass_tokens // item.width)
        return max(len(item.rows), min(self._training.batch_rows, fitting))


def _norm(gradients: Any) -> float:
    leaves: Any = tree_flatten(gradients)
    total: Any = mx.stack([mx.square(leaf).sum() for _, leaf in leaves]).sum().item()
    return math.sqrt(total)


def make_optimizer(training: TrainingSettings) -> Any:
    """Return the optimizer the settings name; the rate is set before each step."""
    decay, rate = training.weight_decay, training.learning_rate
    match training.optimizer:
        case "adamw":
            return optim.AdamW(rate, bias_correction=True, weight_decay=decay)
        case "adam":
            return optim.Adam(rate, bias_correction=True)
        case "sgd":
            return optim.SGD(rate, momentum=0.9, weight_decay=decay)
        case "lion":
            return optim.Lion(rate, weight_decay=decay)
        case "adafactor":
            return optim.Adafactor(rate, relative_step=False, scale_parameter=False)
        case "rmsprop":
            return optim.RMSprop(rate)
