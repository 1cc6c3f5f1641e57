"""A workspace with a tiny random model and two versions of it that say different things."""

from daemon.core.evaluation.sampling import Sampling
from daemon.core.rows.examples import Turn
from daemon.core.workspace.versions import AdapterSpec
from daemon.layout import Layout
from daemon.model.adapters import adapter_weights, attach, load_adapter, put_weights, save_adapter
from daemon.model.backend import mx
from daemon.model.generation import stream
from daemon.model.loading import load_model
from daemon.text.encoder import TextEncoder
from daemon.training.engine.stub_base import make_base
from tests.serving.house import add_version, make_models
from tests.training.tiny_llama import make_weights

SPEC = AdapterSpec("lora", 2, 20.0, 0.0, 2, ())
NAMES = ("v000001", "v000002")


def two_versions(layout: Layout) -> Layout:
    """Make them."""
    facts = make_base(layout, "tiny")
    make_weights(layout.base(facts.name))
    make_models(layout, facts)
    for seed, name in enumerate(NAMES, 1):
        model, _ = load_model(layout.base(facts.name))
        attach(model, SPEC, seed)
        mx.random.seed(seed)
        weights = adapter_weights(model)
        put_weights(model, {key: mx.random.normal(array.shape) for key, array in weights.items()})
        made = layout.root / f"{name}.safetensors"
        save_adapter(model, made)
        add_version(layout, facts, name, made.read_bytes(), SPEC)
    return layout


def expected(layout: Layout, version: str, question: str, sampling: Sampling) -> str:
    """Return the answer of a version that was loaded alone."""
    base = next(path for path in layout.bases.iterdir() if path.is_dir())
    model, tokenizer = load_model(base)
    if version != "base":
        attach(model, SPEC, 0)
        load_adapter(model, layout.version(version) / "adapters.safetensors")
        model.eval()
    prompt = TextEncoder.load(base).encode_prompt([Turn("user", question)])
    return "".join(stream(model, tokenizer, prompt, sampling))
