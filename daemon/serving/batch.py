"""Makes answers side by side over one model: reads prompts, then a word of every answer at a time.

A prompt is read alone and gives its first word at once. While words are told, the next ones are
computed already. Each row has its own attention states and is bound to one slot of the adapters
from its beginning to its end. Knows no versions, no texts and no requests.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

from daemon.core.evaluation.sampling import Sampling
from daemon.model.anatomy import Anatomy
from daemon.model.backend import mx
from daemon.model.token_sampling import choosing

# mlx_lm imports mlx by itself: it must come after the back end is set up.
from mlx_lm.models.cache import make_prompt_cache  # isort: skip

READ_TOKENS = 512
"""Of prompts in one step: the other answers' next words wait so long."""

PLACE_TOKENS = 64
"""A prompt is read before one that came earlier and is longer by more than this for each place."""

TIDY_STEPS = 512
"""After so many, memory that is kept for reuse is given back: shapes change with every word."""

Binding = Callable[[Sequence[int]], AbstractContextManager[None]]
"""Has the rows of a pass computed by these slots."""


@dataclass(eq=False)
class BatchRow:
    """One answer in the making."""

    number: int
    model: str
    """Whose words they are."""
    slot: int
    sampling: Sampling
    tokens: list[int]
    """The prompt, then what was said."""
    states: Any = None
    """Of the first `fed` tokens, as long as the row is alone."""
    fed: int = 0
    left: int = field(init=False)
    """How many tokens it may still say."""

    def __post_init__(self) -> None:
        """Begin with nothing said."""
        self.left = self.sampling.max_tokens
        self.choose = choosing(self.sampling)
        self.prompt_length = len(self.tokens)

    @property
    def has_begun(self) -> bool:
        """Whether its prompt is read."""
        return len(self.tokens) > self.prompt_length


@dataclass(frozen=True)
class NextToken:
    """One token of an answer."""

    row: BatchRow
    token: int
    finish: Literal["stop", "length"] | None


Keep = Callable[[str, Sequence[int], Any], None]
"""Takes what a row that has left had read and said, with its states."""


class DecodingBatch:
    """The rows of one model; used by one thread."""

    def __init__(self, model: Any, ends: frozenset[int], binding: Binding, keep: Keep) -> None:
        """An answer is over with one of the tokens `ends`."""
        self._model = model
        self._ends = ends
        self._binding = binding
        self._keep = keep
        with binding((0,)):
            self._anatomy = Anatomy(model)
        self._turns = count()
        self._waiting: list[tuple[int, BatchRow]] = []
        """Prompts to be read, with their place in the order."""
        self._joining: list[BatchRow] = []
        """Read, but not yet in the batch."""
        self._rows: list[BatchRow] = []
        self._states: list[Any] = []
        """Of the rows, a batch for each layer."""
        self._inputs: Any = None
        """The last token of each row, which the next pass is given."""
        self._untold = False
        """Whether nobody has heard of these tokens yet."""
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
            self._keep(row.model, row.tokens[: row.fed], row.states)
        elif row in self._rows:
            self._part([row])

    def step(self) -> Iterator[NextToken]:
        """Go on with every answer by at most one word; first words come as soon as they are known.

        Words are still told of a row that leaves while another one's is heard.
        """
        if self._untold:
            yield from self._tell()
        if self._waiting:
            yield from self._read()
        if not self._untold and (self._rows or self._joining):
            self._launch()

    # --- words --------------------------------------------------------------------------------

    def _tell(self) -> Iterator[NextToken]:
        rows, chosen = list(self._rows), self._inputs
        self._untold = False
        # With this word they are full: no pass is needed for what follows it.
        self._part([row for row in rows if row.left == 1])
        if self._rows and not self._waiting:
            self._launch()
        tokens = chosen.tolist()
        words = [self._word(row, token) for row, token in zip(rows, tokens, strict=True)]
        self._part([word.row for word in words if word.finish == "stop"])
        yield from words

    def _word(self, row: BatchRow, token: int) -> NextToken:
        row.tokens.append(token)
        row.left -= 1
        if token in self._ends:
            return NextToken(row, token, "stop")
        return NextToken(row, token, None if row.left else "length")

    def _launch(self) -> None:
        """Begin to compute the next word of every row."""
        self._join()
        with self._binding([row.slot for row in self._rows]):
            logits = self._model(self._inputs[:, None], cache=self._states)[:, -1]
        self._inputs = _chosen(self._rows, logits)
        mx.async_eval(self._inputs)  # type: ignore[no-untyped-call]
        for row in self._rows:
            row.fed += 1
        self._untold = True
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

    def _part(self, leaving: Sequence[BatchRow]) -> None:
        """Take rows out of the batch; what they have read and said may be kept."""
        kept = [number for number, row in enumerate(self._rows) if row not in leaving]
        if len(kept) == len(self._rows):
            return
        left = [
            (row, [layer.extract(number) for layer in self._states])
            for number, row in enumerate(self._rows)
            if number not in kept
        ]
        self._rows = [self._rows[number] for number in kept]
        if kept:
            for layer in self._states:
                layer.filter(kept)
            self._inputs = self._inputs[mx.array(kept)]
        else:
            self._states, self._inputs, self._untold = [], None, False
        for row, states in left:
            self._keep(row.model, row.tokens[: row.fed], states)

    # --- prompts ------------------------------------------------------------------------------

    def _read(self) -> Iterator[NextToken]:
        """Read prompts, the shortest of those that came together first."""
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
            yield self._first(row, chosen.item())

    def _first(self, row: BatchRow, token: int) -> NextToken:
        self._waiting = [(place, other) for place, other in self._waiting if other is not row]
        word = self._word(row, token)
        if word.finish is None:
            self._joining.append(row)
        else:
            self._keep(row.model, row.tokens[: row.fed], row.states)
        return word

    def _logits_after(self, row: BatchRow, part: list[int]) -> Any:
        """Return the logits of what follows a part of a prompt, (1, words); nothing is computed."""
        row.states = row.states or make_prompt_cache(self._model)
        tokens = mx.array([part])
        with self._binding([row.slot]):
            if not self._anatomy.has_head:
                return self._model(tokens, cache=row.states)[:, -1]
            # The head is a fifth of the work, and of a prompt only the last place needs it.
            return self._anatomy.logits(self._anatomy.hidden(tokens, row.states)[:, -1])


def _chosen(rows: Sequence[BatchRow], logits: Any) -> Any:
    """Return the next token of each row."""
    if all(row.sampling.temperature == 0 for row in rows):
        return mx.argmax(logits, axis=-1)
    chances = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
    return mx.concatenate(
        [row.choose(chances[number : number + 1]) for number, row in enumerate(rows)]
    )
