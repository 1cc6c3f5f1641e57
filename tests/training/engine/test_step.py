"""One optimizer step on tiny random models on the CPU, against the plainest way to compute it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlx.utils import tree_flatten, tree_map

from daemon.core.training.packing import RowShapes, lay_out
from daemon.core.workspace.versions import AdapterSpec
from daemon.model import adapters
from daemon.model.anatomy import Anatomy
from daemon.model.backend import mx, nn
from daemon.model.parallel import ParallelPasses
from daemon.settings import TrainingSettings
from daemon.text.encoder import Encoded
from daemon.training.engine.protocol import EncodedPass
from daemon.training.engine.step import Stepper
from daemon.training.engine.trunk_cache import TrunkCache
from tests.model.families import PACKABLE, UNPACKABLE, make
from tests.model.free_cores import Free

PACKED = RowShapes(64, 64)
ALONE = RowShapes(64, 1, packed=False)
LANES = ParallelPasses()
FAMILIES = ["llama", "llama windowed", "qwen3", "gemma2", "gemma3_text", "granite", "cohere2"]


def stepper(
    name: str = "llama",
    shapes: RowShapes = PACKED,
    spec: AdapterSpec | None = None,
    cache: TrunkCache | None = None,
    checkpoint: bool = False,
    parallel: ParallelPasses | None = None,
    **changes: Any,
) -> Stepper:
    model = make(name)
    adapters.attach(model, spec or AdapterSpec("lora", 4, 2.0, 0.0, 2, ()), 5)
    # A fresh adapter has no gradient in one of its halves: it is moved off its beginning.
    weights = adapters.adapter_weights(model)
    mx.random.seed(9)
    adapters.put_weights(
        model, {key: array + 0.1 * mx.random.normal(array.shape) for key, array in weights.items()}
    )
    return Stepper(
        Anatomy(model), TrainingSettings(**changes), shapes, parallel or LANES, cache, checkpoint
    )


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TrunkCache]:
    # These models are so small that on a busy machine reading may not pay.
    monkeypatch.setattr("daemon.training.engine.trunk_cache.TRIED", 10**6)
    made = TrunkCache(tmp_path, 2**20)
    yield made
    made.close()


def texts(count: int = 7, seed: int = 0) -> list[Encoded]:
    draw = np.random.default_rng(seed)
    found = []
    for number in range(count):
        length = 9 + 5 * number
        tokens = draw.integers(3, 300, length).astype(np.int32)
        found.append(Encoded(tokens, np.arange(length) >= length // 2))
    return found


def passes(made: Stepper, items: Sequence[Encoded], again: bool = False) -> list[EncodedPass]:
    lengths = [len(item.tokens) for item in items]
    return [
        EncodedPass(p.width, tuple(tuple(items[n] for n in row) for row in p.rows), again)
        for p in lay_out(range(len(items)), lengths, made.shapes)
    ]


def reference(made: Stepper, items: Sequence[Encoded]) -> tuple[float, dict[str, Any]]:
    """Return loss and gradient, text by text, from the model's own call and nothing else."""
    model: Any = made._model

    def nats(tokens: Any, marks: Any) -> Any:
        logits = model(tokens[None, :-1])[0].astype(mx.float32)
        losses = nn.losses.cross_entropy(logits, tokens[1:], reduction="none")
        return (losses * marks).sum()

    differentiate = nn.utils.value_and_grad(model, nats)
    total, count, gathered = 0.0, 0, None
    for item in items:
        marks = item.supervised[1:].astype(np.float32)
        value, gradient = differentiate(mx.array(item.tokens), mx.array(marks))
        gathered = (
            gradient if gathered is None else tree_map(lambda a, b: a + b, gathered, gradient)
        )
        total, count = total + value.item(), count + int(marks.sum())
    flat: Any = tree_flatten(tree_map(lambda g: g / count, gathered))
    return total / count, dict(flat)


def assert_same_gradient(made: Stepper, found: Any, expected: dict[str, Any]) -> None:
    flat: Any = tree_flatten(found)
    scale = max(np.abs(np.array(array)).max() for array in expected.values())
    assert scale > 0 and len(flat) == len(expected)
    for name, array in flat:
        difference = np.abs(np.array(array) - np.array(expected[name])).max()
        assert difference <= 1e-5 * scale, name


@pytest.mark.parametrize("name", FAMILIES)
def test_a_packed_step_has_the_loss_and_gradient_of_its_texts_one_by_one(name: str) -> None:
    made = stepper(name)
    laid = passes(made, texts())
    assert max(len(row) for item in laid for row in item.rows) > 1
    loss, gradient = made._accumulate(laid, 0)
    expected_loss, expected = reference(made, texts())
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert_same_gradient(made, gradient, expected)


@pytest.mark.parametrize("name", [name for name in UNPACKABLE if name != "llama dynamic"])
def test_models_that_cannot_share_a_row_have_it_too(name: str) -> None:
    keys = {"mamba": ("mixer.in_proj", "mixer.out_proj"), "gpt2": ("attn.c_proj", "mlp.c_fc")}[name]
    spec = AdapterSpec("lora", 4, 2.0, 0.0, 2, keys)
    made = stepper(name, RowShapes(64, 128, packed=False), spec)
    loss, gradient = made._accumulate(passes(made, texts()), 0)
    expected_loss, expected = reference(made, texts())
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert_same_gradient(made, gradient, expected)


@pytest.mark.parametrize("kind", ["lora", "dora"])
@pytest.mark.parametrize("checkpoint", [False, True])
def test_both_kinds_of_adapter_and_checkpointing_change_nothing(
    kind: Any, checkpoint: bool
) -> None:
    made = stepper(spec=AdapterSpec(kind, 4, 2.0, 0.0, -1, ()), checkpoint=checkpoint)
    loss, gradient = made._accumulate(passes(made, texts()), 0)
    expected_loss, expected = reference(made, texts())
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert_same_gradient(made, gradient, expected)


def test_the_head_in_many_chunks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.training.engine.losses.CHUNK_BYTES", 1)
    monkeypatch.setattr("daemon.training.engine.losses.LEAST_CHUNK", 5)
    made = stepper("gemma2", RowShapes(128, 128))
    loss, gradient = made._accumulate(passes(made, texts()), 0)
    expected_loss, expected = reference(made, texts())
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert_same_gradient(made, gradient, expected)


def state_of(made: Stepper) -> dict[str, Any]:
    weights: Any = tree_flatten(made._model.trainable_parameters())
    moments: Any = tree_flatten(made.optimizer.state)
    return {
        **{f"weights {name}": np.array(array) for name, array in weights},
        **{f"moments {name}": np.array(array) for name, array in moments},
    }


@pytest.mark.parametrize("name", PACKABLE)
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.cpu_bits
def test_the_trunk_cache_changes_no_bit(cache: TrunkCache, name: str, dropout: float) -> None:
    spec = AdapterSpec("lora", 4, 2.0, dropout, 2, ())
    plain = stepper(name, spec=spec)
    keeping = stepper(name, spec=spec, cache=cache)
    for number in range(3):
        first = plain.step(passes(plain, texts(), again=True), 1e-2, number)
        second = keeping.step(passes(keeping, texts(), again=True), 1e-2, number)
        assert first == second
    kept = keeping.trunk_cache
    assert kept is not None and len(kept) == len(passes(plain, texts()))
    for key, array in state_of(plain).items():
        np.testing.assert_array_equal(state_of(keeping)[key], array)
    assert keeping.score(texts()) == plain.score(texts())


def test_states_beyond_the_room_are_computed_again(
    cache: TrunkCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_most", 64 * 32 * 4)
    keeping = stepper(cache=cache)
    plain = stepper()
    for number in range(2):
        first = keeping.step(passes(keeping, texts(), again=True), 1e-2, number)
        assert first == plain.step(passes(plain, texts()), 1e-2, number)
    assert keeping.trunk_cache is not None and len(keeping.trunk_cache) == 1
    assert keeping.trunk_cache.size_bytes <= 64 * 32 * 4


def test_a_full_disk_ends_the_keeping_and_nothing_else(
    cache: TrunkCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    keeping = stepper(cache=cache)
    monkeypatch.setattr("daemon.training.engine.trunk_cache.os.pwrite", full)
    assert keeping.step(passes(keeping, texts(), again=True), 1e-2, 0).applied
    assert keeping.trunk_cache is not None and keeping.trunk_cache.given_up is not None
    assert "No space left" in keeping.trunk_cache.given_up and not keeping.trunk_cache.size_bytes


def test_keeping_that_does_not_pay_is_given_up_and_says_so(tmp_path: Path) -> None:
    costly, cheap = TrunkCache(tmp_path, 2**20), TrunkCache(tmp_path, 2**20)
    state = mx.zeros((1, 8, 32))
    costly.put(b"a", state, 3600.0)
    cheap.put(b"a", state, 0.0)
    for cache in (costly, cheap):
        assert cache.take_remark() is None
        for _ in range(4):
            cache.get(b"a")
    assert "takes 3600" in (costly.take_remark() or "") and costly.take_remark() is None
    assert "not cached" in (cheap.take_remark() or "") and cheap.get(b"a") is None
    for cache in (costly, cheap):
        cache.close()


def test_states_of_half_precision_come_back_bit_by_bit(cache: TrunkCache, tmp_path: Path) -> None:
    state = mx.random.normal((1, 8, 32)).astype(mx.bfloat16)
    cache.put(b"a", state, 1.0)
    assert mx.array_equal(cache.get(b"a"), state).item() and cache.get(b"b") is None
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("few", [False, True])
def test_accumulated_passes_give_the_step_of_one_pass(few: bool) -> None:
    whole = stepper(shapes=RowShapes(256, 256), optimizer="sgd")
    parts = stepper(shapes=RowShapes(64, 128, few=few), optimizer="sgd")
    for number in range(3):
        first = whole.step(passes(whole, texts()), 1e-2, number)
        second = parts.step(passes(parts, texts()), 1e-2, number)
        assert first.loss == pytest.approx(second.loss, rel=1e-5)
        assert first.gradient_norm == pytest.approx(second.gradient_norm, rel=1e-4)
    for name, array in state_of(whole).items():
        np.testing.assert_allclose(state_of(parts)[name], array, atol=1e-5)
    assert parts.traces == (2 if few else 0)


@pytest.mark.parametrize("checkpoint", [False, True])
@pytest.mark.cpu_bits
def test_steps_have_the_same_bits_with_any_number_of_lanes(checkpoint: bool) -> None:
    spec = AdapterSpec("lora", 4, 2.0, 0.3, 2, ())
    shapes = RowShapes(32, 32)
    one, three = (
        stepper(
            "gemma2",
            shapes,
            spec,
            checkpoint=checkpoint,
            parallel=ParallelPasses(count, Free(count)),
        )
        for count in (1, 3)
    )
    assert len(passes(one, texts())) > 3
    for number in range(3):
        first = one.step(passes(one, texts()), 1e-2, number)
        second = three.step(passes(three, texts()), 1e-2, number)
        assert first == second and first.applied
    for name, array in state_of(one).items():
        np.testing.assert_array_equal(state_of(three)[name], array)
    assert one.score(texts()) == three.score(texts())


def test_each_pass_has_its_own_dropout() -> None:
    spec = AdapterSpec("lora", 4, 2.0, 0.5, 2, ())
    made = stepper("llama", RowShapes(32, 32), spec)
    made._model.train()
    (laid, *_) = passes(made, texts(1))
    once, _ = made._accumulate([laid], 1)
    twice, _ = made._accumulate([laid, laid], 1)
    assert made._accumulate([laid], 1)[0] == once != made._accumulate([laid], 2)[0]
    assert twice != pytest.approx(once, rel=1e-6)


def test_scores_are_those_of_each_text_alone() -> None:
    made = stepper("gemma3_text")
    for item, (total, count) in zip(texts(), made.score(texts()), strict=True):
        loss, _ = reference(made, [item])
        assert count == int(item.supervised[1:].sum())
        assert total / count == pytest.approx(loss, rel=1e-5)


def test_a_text_that_is_put_aside_leaves_the_others_where_they_are() -> None:
    from daemon.training.data.batches import blank

    made = stepper()
    laid = passes(made, texts())
    gone = texts()[3]
    without = [
        EncodedPass(
            item.width,
            tuple(
                tuple(blank(t) if t.tokens.tobytes() == gone.tokens.tobytes() else t for t in row)
                for row in item.rows
            ),
        )
        for item in laid
    ]
    loss, gradient = made._accumulate(without, 0)
    expected_loss, expected = reference(made, [*texts()[:3], *texts()[4:]])
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert_same_gradient(made, gradient, expected)


def test_a_step_that_is_not_finite_changes_neither_adapter_nor_moments() -> None:
    """Fault T10."""
    made = stepper()
    assert made.step(passes(made, texts()), 1e-3, 0).applied
    before = state_of(made)
    norm = made._model.model.norm
    good = norm.weight
    norm.weight = good * float("nan")
    result = made.step(passes(made, texts()), 1e-3, 1)
    assert (result.applied, result.loss, result.gradient_norm) == (False, None, None)
    for name, array in state_of(made).items():
        np.testing.assert_array_equal(array, before[name])
    norm.weight = good
    assert made.step(passes(made, texts()), 1e-3, 2).applied


def test_a_text_that_spoils_a_step_is_found_alone() -> None:
    made = stepper()
    table = made._model.model.embed_tokens
    table.weight[7] = float("nan")
    sick = Encoded(np.array([5, 7, 9, 11], np.int32), np.ones(4, bool))
    assert not made.finite_alone(sick, 0)
    # The head is the table itself: a token that is not finite spoils every text's sum.
    made = stepper("llama untied")
    made._model.model.embed_tokens.weight[7] = float("nan")
    assert not made.finite_alone(sick, 0)
    healthy = Encoded(np.array([5, 8, 9, 11], np.int32), np.ones(4, bool))
    assert made.finite_alone(healthy, 0)


def test_a_long_gradient_is_scaled_to_the_clip_norm() -> None:
    made = stepper(optimizer="sgd", clip_norm=1e-3)
    before = state_of(made)
    result = made.step(passes(made, texts()), 1.0, 0)
    assert result.gradient_norm is not None and result.gradient_norm > 1e-2
    moved = [
        array - before[name] for name, array in state_of(made).items() if name.startswith("weights")
    ]
    length = np.sqrt(sum((m**2).sum() for m in moved))
    assert length == pytest.approx(1e-3, rel=1e-2)
    assert result.update_norm == pytest.approx(length, rel=1e-3)


@pytest.mark.parametrize(
    "optimizer",
    [
        "adamw",
        "adam",
        "adamax",
        "adagrad",
        "adadelta",
        "sgd",
        "lion",
        "adafactor",
        "rmsprop",
        "muon",
    ],
)
def test_every_optimizer_lowers_the_loss(optimizer: str) -> None:
    made = stepper(optimizer=optimizer, clip_norm=10.0)
    rate = 1.0 if optimizer == "adadelta" else 3e-3
    first = made.step(passes(made, texts()), rate, 0).loss
    for number in range(5):
        last = made.step(passes(made, texts()), rate, number).loss
    assert first is not None and last is not None and last < first
