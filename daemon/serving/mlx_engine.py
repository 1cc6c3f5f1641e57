"""The engine on MLX: one base model in memory, and over the same arrays the versions.

Versions that are plain LoRA share one model and one batch, in which each row is bound to its
version's slot; any other has modules and a batch of its own. Nothing is reloaded or switched, and
no answer can meet another version's weights.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.core.rows.examples import Call, compact
from daemon.core.workspace.versions import version_from_manifest
from daemon.errors import UserFault
from daemon.folders.models.models import ADAPTER, read_manifest, verify
from daemon.model.adapters import attach, load_adapter
from daemon.model.backend import Module, give_back, on_cpu
from daemon.model.cores import Cores
from daemon.model.loading import load_model
from daemon.model.parallel import ParallelPasses
from daemon.model.row_adapters import BARE, RowAdapters
from daemon.model.shared_weights import clone_sharing_weights
from daemon.serving.batch import BatchRow, Binding, DecodingBatch, NextToken
from daemon.serving.generation import AnswerStep, GenerationJob, ServedVersion
from daemon.serving.prompt_cache import PromptCache

# mlx_lm imports mlx by itself: it must come after the back end is set up.
from mlx_lm.tokenizer_utils import TokenizerWrapper  # isort: skip

SPARE = 1.25
"""Memory that answering takes, as a multiple of the weights: attention states and logits."""


@dataclass(frozen=True, eq=False)
class _LoadedVersion:
    """A version in memory: the batch that its rows are in, and their slot."""

    name: str
    batch: DecodingBatch
    slot: int


@dataclass(frozen=True)
class _Loaded:
    """The base model, and the batch of the versions that share one model."""

    model: Module
    """Without any adapter."""
    adapters: RowAdapters
    shared: DecodingBatch
    lanes: ParallelPasses
    """One, with the cores that others leave: beside a trainer two threads wait for each other."""


@dataclass(frozen=True)
class _Draft:
    """An answer in the making."""

    loaded_versions: _LoadedVersion
    row: BatchRow
    words: Any
    """mlx-lm's detokenizer of this answer."""


class MlxEngine:
    """Answers side by side, each by the version it asks for."""

    def __init__(
        self,
        versions: int,
        prompts: PromptCache | None = None,
        cores: Callable[[], Cores] = Cores,
    ) -> None:
        """At most so many versions are kept at once, but for those that are answering.

        Without a cache every prompt is computed from its beginning.
        """
        self._versions = versions
        self._cores = cores
        self._loaded: _Loaded | None = None
        self._tokenizer: TokenizerWrapper = None
        self._version_adapters: dict[str, _LoadedVersion] = {}
        """By the version's name, the one asked longest ago first."""
        self._drafts: dict[int, _Draft] = {}
        self._prompts = prompts if prompts is not None else PromptCache(0)
        self.base: Path | None = None

    @property
    def loaded_versions(self) -> int:
        """How many versions are in memory."""
        return len(self._version_adapters)

    @property
    def kept_bytes(self) -> int:
        """What the states of earlier prompts take."""
        return self._prompts.size_bytes

    def load(self, base: Path) -> None:
        """Take a base model into memory.

        Raises:
            ModelFault: it cannot be loaded.
        """
        lanes = ParallelPasses(1, self._cores())
        model, self._tokenizer = load_model(base)
        lanes.share(1)
        adapters = RowAdapters(clone_sharing_weights(model))
        shared = self._batch(adapters.model, adapters.rows)
        self._loaded = _Loaded(model, adapters, shared, lanes)
        self.base = base

    def _batch(self, model: Module, binding: Binding) -> DecodingBatch:
        ends = frozenset(self._tokenizer.eos_token_ids)
        return DecodingBatch(model, ends, binding, self._prompts.keep)

    def unload(self) -> None:
        """Give everything back."""
        self._version_adapters.clear()
        self._drafts.clear()
        self._tokenizer = self.base = self._loaded = None
        self.forget()

    def forget(self) -> None:
        """Give back what is kept of earlier prompts."""
        self._prompts.clear()
        give_back()

    def begin(self, work: GenerationJob) -> None:
        """Begin an answer.

        Raises:
            UserFault: its version is damaged or does not fit the base.
        """
        self._share_cores()
        loaded_versions = self._wearing(work.subject)
        states, known = self._prompts.find(loaded_versions.name, work.prompt)
        tokens = list(work.prompt)
        row = BatchRow(
            work.number,
            loaded_versions.name,
            loaded_versions.slot,
            work.sampling,
            tokens,
            states,
            known,
        )
        loaded_versions.batch.add(row)
        self._drafts[work.number] = _Draft(loaded_versions, row, self._tokenizer.detokenizer)

    def _share_cores(self) -> None:
        assert self._loaded is not None
        self._loaded.lanes.share(1)

    def _wearing(self, subject: ServedVersion) -> _LoadedVersion:
        """Return a version in memory; of those that rest, the one asked longest ago may go."""
        loaded_versions = self._version_adapters.pop(subject.model, None)
        if loaded_versions is None:
            busy = {draft.loaded_versions.name for draft in self._drafts.values()}
            resting = [name for name in self._version_adapters if name not in busy]
            for name in resting[: max(0, len(self._version_adapters) + 1 - self._versions)]:
                self._undress(self._version_adapters.pop(name))
            loaded_versions = self._ensure_adapter(subject)
        self._version_adapters[subject.model] = loaded_versions
        return loaded_versions

    def _undress(self, loaded_versions: _LoadedVersion) -> None:
        assert self._loaded is not None
        if loaded_versions.batch is self._loaded.shared:
            self._loaded.adapters.take_off(loaded_versions.slot)
        self._prompts.forget(loaded_versions.name)

    def _ensure_adapter(self, subject: ServedVersion) -> _LoadedVersion:
        assert self._loaded is not None
        if subject.adapter is None:
            return _LoadedVersion(subject.model, self._loaded.shared, BARE)
        problem = verify(subject.adapter)
        if problem is not None:
            message = f"{subject.version} cannot be used: {problem}"
            raise UserFault("version_damaged", message)
        spec = version_from_manifest(read_manifest(subject.adapter)).adapter
        assert spec is not None, "the registry gives no adapter for a version without one"
        own = clone_sharing_weights(self._loaded.model)
        attach(own, spec, 0)
        load_adapter(own, subject.adapter / ADAPTER)
        # An adapter's layers are new, and a new layer would drop out as in training.
        own.eval()
        slot = self._loaded.adapters.put_on(own)
        if isinstance(slot, int):
            return _LoadedVersion(subject.model, self._loaded.shared, slot)
        sys.stderr.write(f"{subject.version} is answered in a batch of its own: {slot}\n")
        return _LoadedVersion(subject.model, self._batch(own, lambda _: nullcontext()), BARE)

    def step(self) -> Iterator[AnswerStep]:
        """Go on with every answer by at most one token.

        What one says is given before the next thing is computed: its client does not wait for it.
        """
        self._share_cores()
        batches = {
            id(draft.loaded_versions.batch): draft.loaded_versions.batch
            for draft in self._drafts.values()
        }
        for batch in batches.values():
            for word in batch.step():
                # Another one may have left while this one was heard.
                if word.row.number in self._drafts:
                    yield self._said(word)

    def _said(self, word: NextToken) -> AnswerStep:
        words = self._drafts[word.row.number].words
        ended = word.finish == "stop"
        if not ended:
            words.add_token(word.token)
        if word.finish is not None:
            words.finalize()
            del self._drafts[word.row.number]
        return AnswerStep(word.row.number, words.last_segment, int(not ended), word.finish)

    def drop(self, number: int) -> None:
        """Leave an answer."""
        draft = self._drafts.pop(number, None)
        if draft is not None:
            # One that met a stop string of its own is left too, and its conversation may go on.
            draft.loaded_versions.batch.leave(draft.row)

    def calls(self, text: str, tools: Sequence[str]) -> tuple[str, tuple[Call, ...]]:
        """Return what an answer says and what it calls, as mlx-lm reads the model's own form.

        What cannot be read as a call stays text.
        """
        opening, closing = self._tokenizer.tool_call_start, self._tokenizer.tool_call_end
        if not self._tokenizer.has_tool_calling or opening not in text:
            return text, ()
        known = [json.loads(tool) for tool in tools]
        said, *asked = text.split(opening)
        found: list[Call] = []
        for part in asked:
            inner, _, after = part.partition(closing) if closing else (part, "", "")
            try:
                made = self._tokenizer.tool_parser(inner.strip(), known)
                found += [_call(one) for one in (made if isinstance(made, list) else [made])]
            except (ValueError, KeyError, TypeError, AttributeError, IndexError, SyntaxError):
                return text, ()
            said += after
        return (said.strip(), tuple(found)) if found else (text, ())

    def bytes_for(self, subject: ServedVersion) -> int:
        """Return the memory that a base takes, and what answering needs, in bytes."""
        bits = {"bfloat16": 16, "float16": 16, "4-bit": 4.5, "8-bit": 8.5}.get(subject.base_dtype)
        # The CPU computes in full precision, whatever the file holds.
        growth = 32 / bits if bits is not None and on_cpu() else 1.0
        return int(subject.base_bytes * growth * SPARE)


def _call(made: dict[str, Any]) -> Call:
    arguments = made["arguments"]
    if isinstance(arguments, str):
        arguments = json.loads(arguments)
    return Call(str(made["name"]), compact(arguments))
