"""One batch for all versions: each row is computed with its own adapter, whoever comes and goes."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from daemon.core.evaluation.sampling import Sampling
from daemon.core.workspace.versions import AdapterSpec
from daemon.layout import Layout
from daemon.model.adapters import adapter_weights, attach, put_weights
from daemon.model.backend import Module, mx
from daemon.model.loading import load_model
from daemon.model.row_adapters import BARE, RowAdapters
from daemon.model.shared_weights import clone_sharing_weights
from daemon.serving.batch import PLACE_TOKENS, READ_TOKENS, BatchRow, DecodingBatch
from daemon.training.engine.stub_base import make_base
from tests.tiny_bases import tolerance
from tests.training.tiny_llama import make_weights

SPECS = (
    AdapterSpec("lora", 2, 20.0, 0.0, 2, ()),
    AdapterSpec("lora", 5, 10.0, 0.0, 2, ()),
    AdapterSpec("lora", 3, 15.0, 0.0, 1, ("self_attn.q_proj", "mlp.down_proj")),
)
"""Other ranks, scales, modules and layers."""

TOKENS = mx.array([[3, 40, 7, 91], [5, 6, 70, 8], [3, 40, 7, 91], [9, 9, 2, 200]])
NEVER = frozenset({-1})
Kept = list[tuple[str, list[int], Any]]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random model."""
    layout = Layout(tmp_path_factory.mktemp("w"))
    facts = make_base(layout, "tiny")
    make_weights(layout.base(facts.name))
    return layout.base(facts.name)


@pytest.fixture(scope="module")
def bare(base: Path) -> Module:
    """The model alone."""
    return load_model(base)[0]


@pytest.fixture(scope="module")
def loaded_versions(bare: Module) -> list[Module]:
    """A model for each adapter alone."""
    return [dressed(bare, spec, seed) for seed, spec in enumerate(SPECS, 1)]


def dressed(bare: Module, spec: AdapterSpec, seed: int, size: float = 0.5) -> Module:
    """Return a model with an adapter that changes much."""
    model = clone_sharing_weights(bare)
    attach(model, spec, seed)
    weights = adapter_weights(model)
    put_weights(
        model, {key: size * mx.random.normal(array.shape) for key, array in weights.items()}
    )
    model.eval()
    return model


HALF = 0.1
"""Three steps between neighbours of bfloat16 where the largest logits here are, at four."""


def most_apart(one: Any, other: Any) -> float:
    """Return the largest difference of logits."""
    return float(mx.abs(one.astype(mx.float32) - other.astype(mx.float32)).max())


# --- the model ----------------------------------------------------------------------------------


def test_each_row_has_the_logits_of_its_own_adapter(bare: Any, loaded_versions: list[Any]) -> None:
    adapters = RowAdapters(clone_sharing_weights(bare))
    slots = [adapters.add(model) for model in loaded_versions]
    assert slots == [1, 2, 3]
    alone = [bare(TOKENS), *(model(TOKENS) for model in loaded_versions)]
    for bound in ((1, 2, 3, BARE), (3, BARE, 1, 2), (2, 2, 1, 1), (3, 3, 3, 3), (BARE,) * 4):
        with adapters.rows(bound):
            mixed = adapters.model(TOKENS)
        for row, slot in enumerate(bound):
            assert most_apart(mixed[row], alone[slot][row]) < 1e-5
            others = [other[row] for number, other in enumerate(alone) if number != slot]
            assert min(most_apart(mixed[row], other) for other in others) > 1e-2


def test_a_slot_that_is_left_and_taken_again_has_nothing_of_the_one_before(
    bare: Any, loaded_versions: list[Any]
) -> None:
    adapters = RowAdapters(clone_sharing_weights(bare))
    wide, narrow = loaded_versions[1], loaded_versions[2]
    first = adapters.add(wide)
    second = adapters.add(loaded_versions[0])
    assert isinstance(first, int) and isinstance(second, int)
    adapters.remove(first)
    # Fewer modules, fewer layers and a lower rank than the one before.
    assert adapters.add(narrow) == first
    with adapters.rows((first, second, first, BARE)):
        mixed = adapters.model(TOKENS)
    for row, model in enumerate((narrow, loaded_versions[0], narrow, bare)):
        assert most_apart(mixed[row], model(TOKENS)[row]) < 1e-5


def test_a_binding_does_not_outlive_its_pass_and_fits_its_rows(
    bare: Any, loaded_versions: list[Any]
) -> None:
    adapters = RowAdapters(clone_sharing_weights(bare))
    adapters.add(loaded_versions[0])
    with adapters.rows((1,) * 4):
        adapters.model(TOKENS)
    with pytest.raises(ValueError, match="4 rows, but 0 are bound"):
        adapters.model(TOKENS)
    with adapters.rows((1, BARE)), pytest.raises(ValueError, match="4 rows, but 2 are bound"):
        adapters.model(TOKENS)


def test_the_base_is_not_copied(bare: Any, loaded_versions: list[Any]) -> None:
    adapters = RowAdapters(clone_sharing_weights(bare))
    adapters.add(loaded_versions[0])
    before = bare.model.layers[1].mlp.up_proj.weight
    assert adapters.model.model.layers[1].mlp.up_proj.linear.weight is before


def test_another_kind_of_adapter_gets_no_slot(bare: Any, loaded_versions: list[Any]) -> None:
    adapters = RowAdapters(clone_sharing_weights(bare))
    dora = AdapterSpec("dora", 2, 20.0, 0.0, 2, ())
    assert adapters.add(dressed(bare, dora, 1)) == "its adapter is not plain LoRA on linear modules"
    assert adapters.add(loaded_versions[0]) == 1


MILD = 0.1
"""An adapter of this size moves logits by half of themselves and amplifies no rounding; of those of
`dressed`'s own size one in forty does so by more than any bound on noise allows."""


def half(bare: Module) -> Module:
    """Return the model in half precision."""
    model = clone_sharing_weights(bare)
    model.set_dtype(mx.bfloat16)
    return model


def test_rows_of_several_versions_share_a_batch_where_products_round_in_other_ways(
    bare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rounding was weighed, not rows: versions got batches of their own, and nobody was told."""
    gather = mx.gather_mm

    def as_on_metal(*args: Any, **kwargs: Any) -> Any:
        # Another kernel than that of a plain product: one more rounding to half precision.
        found = gather(*args, **kwargs)
        return found.astype(mx.bfloat16).astype(found.dtype)

    monkeypatch.setattr(mx, "gather_mm", as_on_metal)
    base = half(bare)
    adapters = RowAdapters(clone_sharing_weights(base))
    found = [
        adapters.add(dressed(base, spec, seed, MILD)) for seed in range(1, 5) for spec in SPECS
    ]
    assert found == list(range(1, 13))


@pytest.mark.parametrize("precision", [half, clone_sharing_weights], ids=["bfloat16", "float32"])
def test_rows_that_are_computed_with_another_slot_are_found_and_told(
    bare: Any, precision: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gather = mx.gather_mm

    def mixed_up(given: Any, stack: Any, rhs_indices: Any) -> Any:
        return gather(given, stack, rhs_indices=rhs_indices[::-1][[1, 2, 0]])

    base = precision(bare)
    adapters = RowAdapters(clone_sharing_weights(base))
    assert adapters.add(dressed(base, SPECS[0], 1)) == 1
    monkeypatch.setattr(mx, "gather_mm", mixed_up)
    assert "of its size" in str(adapters.add(dressed(base, SPECS[1], 2)))


# --- the batch ----------------------------------------------------------------------------------


class Bench:
    """A batch over all adapters, and what each row says alone."""

    def __init__(self, bare: Any, loaded_versions: list[Any]) -> None:
        self._alone = [bare, *loaded_versions]
        adapters = RowAdapters(clone_sharing_weights(bare))
        for model in loaded_versions:
            adapters.add(model)
        self.kept: Kept = []
        self.batch = DecodingBatch(adapters.model, NEVER, adapters.rows, self._keep)
        self.said: dict[int, list[int]] = {}
        self.order: list[int] = []

    def _keep(self, model: str, tokens: Sequence[int], states: Any) -> None:
        mx.eval([state.state for state in states])
        self.kept.append((model, list(tokens), states))

    def add(self, number: int, slot: int, prompt: Sequence[int], most: int) -> BatchRow:
        """Begin an answer."""
        row = BatchRow(number, f"m{slot}", slot, Sampling(most), list(prompt))
        self.batch.add(row)
        self.said[number] = []
        return row

    def step(self, steps: int = 1) -> set[int]:
        """Go on; return who has ended."""
        ended = set()
        for _ in range(steps):
            for word in self.batch.step():
                assert word.token is not None
                self.said[word.row.number].append(word.token)
                self.order.append(word.row.number)
                if word.finish is not None:
                    ended.add(word.row.number)
        return ended

    def alone(self, slot: int, prompt: Sequence[int], most: int) -> list[int]:
        """Return the greedy answer without states, batch or slots."""
        tokens = list(prompt)
        for _ in range(most):
            tokens.append(int(self._alone[slot](mx.array([tokens]))[0, -1].argmax().item()))
        return tokens[len(prompt) :]


@pytest.fixture
def bench(bare: Any, loaded_versions: list[Any]) -> Iterator[Bench]:
    """A fresh one."""
    yield Bench(bare, loaded_versions)


PROMPTS = ([5, 9, 77, 31, 8], [60, 61, 62], [7] * 11 + [4], [200, 3, 150, 9, 9, 12, 44])


def test_rows_that_join_and_leave_in_flight_say_what_their_version_says_alone(
    bench: Bench,
) -> None:
    for number in range(3):
        bench.add(number, number, PROMPTS[number], 6 + 3 * number)
    bench.step(2)
    bench.add(3, 3, PROMPTS[3], 9)
    bench.step(2)
    late = bench.add(4, 1, PROMPTS[3], 12)
    bench.step()
    bench.add(5, 2, PROMPTS[0], 5)
    bench.step(3)
    bench.batch.leave(late)
    heard = len(bench.said[4])
    bench.step(12)
    for number, slot, prompt, most in (
        (0, 0, PROMPTS[0], 6),
        (1, 1, PROMPTS[1], 9),
        (2, 2, PROMPTS[2], 12),
        (3, 3, PROMPTS[3], 9),
        (4, 1, PROMPTS[3], heard),
        (5, 2, PROMPTS[0], 5),
    ):
        assert bench.said[number] == bench.alone(slot, prompt, most), number
    assert 0 < heard < 12
    assert len({tuple(bench.alone(slot, PROMPTS[0], 6)) for slot in range(4)}) == 4


def test_what_is_kept_of_a_row_is_what_its_version_computes(
    bench: Bench, loaded_versions: list[Any]
) -> None:
    bench.add(1, 1, PROMPTS[0], 5)
    bench.add(2, 2, PROMPTS[2], 9)
    left = bench.add(3, 3, PROMPTS[3], 9)
    bench.step(3)
    bench.batch.leave(left)
    while len(bench.kept) < 3:
        bench.step()
    assert sorted(name for name, _, _ in bench.kept) == ["m1", "m2", "m3"]
    for name, tokens, states in bench.kept:
        model = loaded_versions[int(name[1:]) - 1]
        whole = model(mx.array([[*tokens, 17]]))[0, -1]
        assert states[0].size() == len(tokens)
        assert most_apart(model(mx.array([[17]]), cache=states)[0, -1], whole) < tolerance(
            1e-4, HALF
        )


def test_of_prompts_that_come_together_a_short_one_is_read_first_but_none_waits_for_ever(
    bench: Bench,
) -> None:
    bench.add(0, 1, [5] * (3 * PLACE_TOKENS), 1)
    for number in range(1, 5):
        bench.add(number, 2, [6, 7, number], 1)
    bench.step()
    assert bench.order == [1, 2, 0, 3, 4]


def test_a_long_prompt_lets_others_say_their_words_between_its_parts(bench: Bench) -> None:
    bench.add(0, 1, PROMPTS[0], 9)
    bench.step(2)
    bench.add(1, 2, [7] * (2 * READ_TOKENS + 5), 2)
    before = len(bench.said[0])
    bench.step(2)
    assert len(bench.said[0]) == before + 2 and bench.said[1] == []
    bench.step()
    assert len(bench.said[1]) == 1


def test_an_answer_of_one_word_takes_no_further_pass(bare: Any) -> None:
    passes = []

    class Counted(Module):
        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self.inner = bare

        @property
        def layers(self) -> Any:
            return bare.layers

        def __call__(self, tokens: Any, cache: Any = None) -> Any:
            passes.append(tokens.shape)
            return bare(tokens, cache=cache)

    batch = DecodingBatch(Counted(), NEVER, lambda _: nullcontext(), lambda *_: None)
    passes.clear()
    batch.add(BatchRow(1, "m", BARE, Sampling(1), [5, 6, 7]))
    batch.add(BatchRow(2, "m", BARE, Sampling(2), [5, 6, 8]))
    words = [word for _ in range(3) for word in batch.step()]
    assert [(word.row.number, word.finish) for word in words] == [
        (1, "length"),
        (2, None),
        (2, "length"),
    ]
    assert passes == [(1, 3), (1, 3), (1, 1)]
