"""Continuous batching: decodes many answers at once over one model, one token a step.

A prompt is prefilled alone and yields its first token at once. While tokens are delivered, the
next ones are already being computed. Each row has its own KV cache and is bound to one adapter
slot from its first token to its last.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

from daemon.core.evaluation.sampling import Sampling
from daemon.model.anatomy import Anatomy
from daemon.model.backend import mx
from daemon.model.token_masks import masked
from daemon.model.token_sampling import sampler_for
from daemon.serving.scores import LazyScore, RawScore, scores_of
from daemon.text.token_constraint import TokenConstraint

# mlx_lm imports mlx by itself: it must come after the back end is set up.
from mlx_lm.models.cache import make_prompt_cache  # isort: skip

READ_TOKENS = 512
"""Prompt tokens prefilled in one step: the other answers wait that long for their next token."""

PLACE_TOKENS = 64
"""A prompt overtakes an earlier one that is longer by more than this for each place between."""

TIDY_STEPS = 512
"""How often MLX's buffer cache is cleared: shapes change with every token."""

SCORED_PLACES = 64
"""Places of a prompt whose logits over the whole vocabulary are in memory at once."""

Binding = Callable[[Sequence[int]], AbstractContextManager[None]]
"""Computes the rows of a pass with these adapter slots."""


@dataclass(eq=False)
class BatchRow:
    """One answer being generated."""

    number: int
    model: str
    """The model id that answers."""
    slot: int
    sampling: Sampling
    tokens: list[int]
    """The prompt, then what was generated."""
    states: Any = None
    """The KV cache of the first `fed` tokens, until the row joins the batch."""
    fed: int = 0
    alternatives: int | None = None
    """How many of the likeliest tokens are scored with each token; None scores nothing."""
    echo: bool = False
    """The prompt's tokens are scored too."""
    constraint: TokenConstraint | None = None
    """What holds the answer to a form."""
    prompt_scores: list[RawScore] = field(default_factory=list)
    """Of all tokens of the prompt but the first."""
    left: int = field(init=False)
    """How many tokens may still be generated."""

    def __post_init__(self) -> None:
        """Begin with nothing generated."""
        self.left = self.sampling.max_tokens
        self.sample = sampler_for(self.sampling)
        self.prompt_length = len(self.tokens)


@dataclass(frozen=True)
class NextToken:
    """One token of an answer."""

    row: BatchRow
    token: int | None
    """None if no token was asked for, but the scores of a prompt."""
    finish: Literal["stop", "length"] | None
    score: RawScore | None = None


OnLeave = Callable[[str, Sequence[int], Any], None]
"""Receives the tokens of a row that has left, with their KV cache."""


class DecodingBatch:
    """The rows of one model; used by one thread."""

    def __init__(
        self, model: Any, ends: frozenset[int], binding: Binding, on_leave: OnLeave
    ) -> None:
        """An answer ends with any of the tokens `ends`."""
        self._model = model
        self._ends = ends
        self._binding = binding
        self._on_leave = on_leave
        with binding((0,)):
            self._anatomy = Anatomy(model)
        self._turns = count()
        self._waiting: list[tuple[int, BatchRow]] = []
        """Prompts to prefill, with their place in the order."""
        self._joining: list[BatchRow] = []
        """Prefilled, but not yet in the batch."""
        self._rows: list[BatchRow] = []
        self._states: list[Any] = []
        """The KV caches of the rows, one batch for each layer."""
        self._inputs: Any = None
        """The last token of each row: the input of the next pass."""
        self._scores: dict[BatchRow, LazyScore] = {}
        """Of these tokens, of the rows that ask for scores."""
        self._pending = False
        """Whether these tokens are still to be yielded."""
        self._passes = 0

    def add(self, row: BatchRow) -> None:
        """Begin an answer."""
        place = next(self._turns) * PLACE_TOKENS + len(row.tokens) - row.fed
        self._waiting.append((place, row))

    def leave(self, row: BatchRow) -> None:
        """End an answer where it is."""
        self._waiting = [(place, other) for place, other in self._waiting if other is not row]
        if row in self._joining:
            self._joining.remove(row)
            self._on_leave(row.model, row.tokens[: row.fed], row.states)
        elif row in self._rows:
            self._remove([row])

    def step(self) -> Iterator[NextToken]:
        """Generate at most one token of every answer; first tokens come as soon as they are known.

        A row that leaves while the caller handles another row's token may still yield one.
        """
        if self._pending:
            yield from self._yield_pending()
        if self._waiting:
            yield from self._prefill()
        if not self._pending and (self._rows or self._joining):
            self._launch()

    # --- tokens -------------------------------------------------------------------------------

    def _yield_pending(self) -> Iterator[NextToken]:
        rows, chosen, scores = list(self._rows), self._inputs, self._scores
        self._pending = False
        # This token is their last: no pass is needed for what would follow it.
        self._remove([row for row in rows if row.left == 1])
        # What a constraint allows next is known only when its token is.
        constrained = any(row.constraint is not None for row in self._rows)
        if self._rows and not self._waiting and not constrained:
            self._launch()
        tokens = chosen.tolist()
        pending = [
            self._append(row, token, scores.get(row))
            for row, token in zip(rows, tokens, strict=True)
        ]
        self._remove([new.row for new in pending if new.finish == "stop"])
        yield from pending

    def _append(self, row: BatchRow, token: int, score: LazyScore | None) -> NextToken:
        row.tokens.append(token)
        row.left -= 1
        read = None if score is None else score.read()
        ended = row.constraint is not None and row.constraint.take(token)
        if ended or token in self._ends:
            return NextToken(row, token, "stop", read)
        return NextToken(row, token, None if row.left else "length", read)

    def _launch(self) -> None:
        """Begin to compute the next token of every row."""
        self._join()
        with self._binding([row.slot for row in self._rows]):
            logits = self._model(self._inputs[:, None], cache=self._states)[:, -1]
        self._inputs = _chosen(self._rows, logits)
        self._scores = {
            row: LazyScore(logits[number], self._inputs[number], row.alternatives)
            for number, row in enumerate(self._rows)
            if row.alternatives is not None
        }
        mx.async_eval(self._inputs)  # type: ignore[no-untyped-call]
        for row in self._rows:
            row.fed += 1
        self._pending = True
        self._passes += 1
        if self._passes % TIDY_STEPS == 0:
            mx.clear_cache()

    def _join(self) -> None:
        new, self._joining = self._joining, []
        if not new:
            return
        layers = zip(*(row.states for row in new), strict=True)
        states = [layer[0].merge(list(layer)) for layer in layers]
        inputs = mx.array([row.tokens[-1] for row in new], mx.uint32)
        if self._rows:
            for mine, its in zip(self._states, states, strict=True):
                mine.extend(its)
            self._inputs = mx.concatenate([self._inputs, inputs])
        else:
            self._states, self._inputs = states, inputs
        for row in new:
            row.states = None
        self._rows += new

    def _remove(self, leaving: Sequence[BatchRow]) -> None:
        """Take rows out of the batch; their tokens and KV caches may be cached."""
        remaining = [number for number, row in enumerate(self._rows) if row not in leaving]
        if len(remaining) == len(self._rows):
            return
        left = [
            (row, [layer.extract(number) for layer in self._states])
            for number, row in enumerate(self._rows)
            if number not in remaining
        ]
        self._rows = [self._rows[number] for number in remaining]
        if remaining:
            for layer in self._states:
                layer.filter(remaining)
            self._inputs = self._inputs[mx.array(remaining)]
        else:
            self._states, self._inputs, self._pending = [], None, False
        for row, states in left:
            self._on_leave(row.model, row.tokens[: row.fed], states)

    # --- prompts ------------------------------------------------------------------------------

    def _prefill(self) -> Iterator[NextToken]:
        """Prefill prompts; of those that came together the shortest is first."""
        room = READ_TOKENS
        while room > 0 and self._waiting:
            _, row = min(self._waiting, key=lambda waiting: waiting[0])
            part = row.tokens[row.fed : row.fed + room]
            room -= len(part)
            logits = self._logits_after(row, part)
            row.fed += len(part)
            if row.fed < row.prompt_length:
                mx.eval([layer.state for layer in row.states])
                continue
            chosen = _chosen([row], logits)
            mx.eval(chosen, [layer.state for layer in row.states])
            mx.clear_cache()
            asks = row.alternatives
            score = None if asks is None else LazyScore(logits[0], chosen[0], asks)
            yield self._first(row, chosen.item(), score)

    def _first(self, row: BatchRow, token: int, score: LazyScore | None) -> NextToken:
        self._waiting = [(place, other) for place, other in self._waiting if other is not row]
        if not row.left:
            self._on_leave(row.model, row.tokens[: row.fed], row.states)
            return NextToken(row, None, "length")
        new = self._append(row, token, score)
        if new.finish is None:
            self._joining.append(row)
        else:
            self._on_leave(row.model, row.tokens[: row.fed], row.states)
        return new

    def _logits_after(self, row: BatchRow, part: list[int]) -> Any:
        """Return the logits after a part of a prompt, (1, vocabulary); nothing is evaluated yet."""
        row.states = row.states or make_prompt_cache(self._model)
        tokens = mx.array([part])
        with self._binding([row.slot]):
            if not self._anatomy.has_head:
                logits = self._model(tokens, cache=row.states)
                row.prompt_scores += scores_of(logits[0], self._targets(row, part), row)
                return logits[:, -1]
            if row.echo:
                return self._scored(row, part, self._anatomy.hidden(tokens, row.states))
            # The head is a fifth of the work, and only the last position of a prompt needs it.
            return self._anatomy.logits(self._anatomy.hidden(tokens, row.states)[:, -1])

    def _scored(self, row: BatchRow, part: list[int], hidden: Any) -> Any:
        """RawScore the next token at each place of a part; return the logits after its last one."""
        targets = self._targets(row, part)
        for begin in range(0, len(part), SCORED_PLACES):
            places = slice(begin, begin + SCORED_PLACES)
            logits = self._anatomy.logits(hidden[:, places])
            row.prompt_scores += scores_of(logits[0], targets[places], row)
        return logits[:, -1]

    def _targets(self, row: BatchRow, part: list[int]) -> list[int]:
        return row.tokens[row.fed + 1 : row.fed + 1 + len(part)] if row.echo else []


def _chosen(rows: Sequence[BatchRow], logits: Any) -> Any:
    """Return the next token of each row."""
    logits = masked(logits, [row.constraint for row in rows])
    if all(row.sampling.temperature == 0 for row in rows):
        return mx.argmax(logits, axis=-1)
    chances = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
    return mx.concatenate(
        [row.sample(chances[number : number + 1]) for number, row in enumerate(rows)]
    )
