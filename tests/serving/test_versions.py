"""The real engine on a tiny model: versions side by side never mix (A8, T16, V7)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.core.evaluation.sampling import Sampling
from daemon.core.rows.examples import Turn
from daemon.folders.models import current_model
from daemon.layout import Layout
from daemon.model import blas
from daemon.model.adapters import adapter_weights, attach, put_weights, save_adapter
from daemon.model.backend import mx, on_cpu
from daemon.model.generation import stream
from daemon.model.loading import load_model
from daemon.serving.generation import GenerationJob
from daemon.serving.mlx_engine import MlxEngine
from daemon.serving.registry import Registry
from daemon.text.encoder import TextEncoder
from daemon.training.engine.stub_base import make_base
from tests.model.free_cores import Free
from tests.serving.house import Served, add_version, events, make_models, serving
from tests.serving.two_versions import NAMES, SPEC, expected, two_versions
from tests.training.tiny_llama import make_weights

QUESTIONS = ("one", "the second", "a third question", "4")
LONG = 24


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A base and two versions that say different things."""
    return two_versions(Layout(tmp_path_factory.mktemp("w")))


@pytest.fixture(scope="module")
def served(workspace: Layout) -> Iterator[Served]:
    """One server for all tests of this module."""
    with serving(workspace, MlxEngine(versions=3), at_once=8) as found:
        yield found


def ask(served: Served, version: str, question: str) -> tuple[str, str]:
    """Return what a version says, and which one it says it is."""
    body = {"prompt": question, "model": f"rehearsal-tiny@{version}", "max_tokens": LONG}
    answer = served.ask("POST", "/generate", body).json()
    return answer["text"], answer["version"]


def test_clients_that_alternate_get_each_the_answer_of_their_version_alone(
    served: Served, workspace: Layout
) -> None:
    asked = [(version, question) for question in QUESTIONS for version in (*NAMES, "base")]
    with ThreadPoolExecutor(len(asked)) as clients:
        said = list(clients.map(lambda pair: ask(served, *pair), asked))
    sampling = Sampling(LONG)
    alone = [(expected(workspace, *pair, sampling), pair[0]) for pair in asked]
    assert said == alone
    assert len({text for text, _ in alone[:3]}) == 3, "the versions must differ"


def test_a_moved_link_counts_from_the_next_request_and_never_for_an_answer_under_way(
    served: Served, workspace: Layout
) -> None:
    current_model.point_at(workspace, "v000001")
    body = {
        "model": "current",
        "messages": [{"role": "user", "content": "one"}],
        "max_tokens": LONG,
        "stream": True,
    }
    with ThreadPoolExecutor(1) as client:
        under_way = client.submit(served.ask, "POST", "/v1/chat/completions", body)
        current_model.point_at(workspace, "v000002")
        later = served.ask("POST", "/generate", {"prompt": "one", "max_tokens": LONG}).json()
    told = events(under_way.result().body)
    (model,) = {event["model"] for event in told if event != "[DONE]"}
    version = model.rpartition("@")[2]
    text = "".join(
        choice["delta"].get("content", "")
        for event in told
        if event != "[DONE]"
        for choice in event["choices"]
    )
    assert text == expected(workspace, version, "one", Sampling(LONG))
    assert later["version"] == "v000002"
    assert later["text"] == expected(workspace, "v000002", "one", Sampling(LONG))
    current_model.point_at(workspace, "v000000")


def test_the_same_seed_gives_the_same_answer_whoever_else_is_asking(
    served: Served, workspace: Layout
) -> None:
    sampling = Sampling(LONG, temperature=1.0, seed=11)
    body = {"prompt": "one", "max_tokens": LONG, "temperature": 1.0, "seed": 11, "model": "base"}
    with ThreadPoolExecutor(4) as clients:
        others = [clients.submit(ask, served, NAMES[0], question) for question in QUESTIONS]
        mine = served.ask("POST", "/generate", body).json()["text"]
        for other in others:
            other.result()
    assert mine == expected(workspace, "base", "one", sampling)


def test_a_first_word_is_told_before_the_next_prompt_is_read(workspace: Layout) -> None:
    engine = MlxEngine(versions=2)
    engine.load(next(path for path in workspace.bases.iterdir() if path.is_dir()))
    registry = Registry(workspace)
    for number, name in enumerate(NAMES):
        subject = registry.find(f"rehearsal-tiny@{name}")
        engine.begin(GenerationJob(number, subject, tuple(range(3, 40 - number)), Sampling(LONG)))
    steps = iter(engine.step())
    first = next(steps)
    engine.drop(1)
    assert first.number == 0
    assert list(steps) == [], "the second one was read before the first one was heard"
    engine.unload()


def test_a_version_stays_while_it_answers_and_its_place_is_taken_after(workspace: Layout) -> None:
    engine = MlxEngine(versions=1)
    base = next(path for path in workspace.bases.iterdir() if path.is_dir())
    engine.load(base)
    prompt = tuple(TextEncoder.load(base).encode_prompt([Turn("user", "one")]))
    texts: dict[int, str] = {}

    def begin(number: int, version: str) -> None:
        subject = Registry(workspace).find(f"rehearsal-tiny@{version}")
        engine.begin(GenerationJob(number, subject, prompt, Sampling(LONG)))
        texts[number] = ""

    def go_on(steps: int) -> None:
        for _ in range(steps):
            for said in engine.step():
                texts[said.number] += said.text

    begin(0, NAMES[0])
    go_on(3)
    begin(1, NAMES[1])
    assert engine.loaded_versions == 2, "the first one is answering"
    go_on(3)
    begin(2, "base")
    go_on(LONG + 1)
    begin(3, "v000000")
    assert engine.loaded_versions == 1, "the others rest"
    go_on(3)
    begin(4, NAMES[0])
    go_on(LONG + 1)
    asked = (NAMES[0], NAMES[1], "base", "base", NAMES[0])
    alone = [expected(workspace, version, "one", Sampling(LONG)) for version in asked]
    assert [texts[number] for number in range(5)] == alone
    engine.unload()


def test_a_version_that_is_no_plain_lora_answers_beside_the_others(
    workspace: Layout, tmp_path: Path
) -> None:
    layout = Layout(tmp_path)
    facts = make_base(layout, "tiny")
    make_weights(layout.base(facts.name))
    make_models(layout, facts)
    dora = replace(SPEC, kind="dora")
    model, tokenizer = load_model(layout.base(facts.name))
    attach(model, dora, 1)
    mx.random.seed(7)
    put_weights(
        model,
        {
            key: mx.random.normal(array.shape) if key.endswith("lora_b") else array
            for key, array in adapter_weights(model).items()
        },
    )
    save_adapter(model, tmp_path / "made.safetensors")
    add_version(layout, facts, "v000001", (tmp_path / "made.safetensors").read_bytes(), dora)
    weights = (workspace.version("v000001") / "adapters.safetensors").read_bytes()
    add_version(layout, facts, "v000002", weights, SPEC)
    model.eval()
    prompt = TextEncoder.load(layout.base(facts.name)).encode_prompt([Turn("user", "one")])
    alone = "".join(stream(model, tokenizer, prompt, Sampling(LONG)))
    with (
        serving(layout, MlxEngine(versions=3), at_once=4) as served,
        ThreadPoolExecutor(2) as clients,
    ):
        both = list(clients.map(lambda name: ask(served, name, "one")[0], NAMES))
    assert both == [alone, expected(layout, "v000002", "one", Sampling(LONG))]


def test_more_versions_than_are_kept_take_turns(workspace: Layout) -> None:
    with serving(workspace, MlxEngine(versions=1), at_once=2) as served:
        for version in (*NAMES, *NAMES):
            text, named = ask(served, version, "one")
            assert named == version
            assert text == expected(workspace, version, "one", Sampling(LONG))
            assert served.engine.loaded_versions == 1


def with_one_version(workspace: Layout, root: Path) -> tuple[Layout, Path]:
    """Return a workspace of its own with one of the versions, and the version's directory."""
    layout = Layout(root)
    facts = make_base(layout, "tiny")
    make_weights(layout.base(facts.name))
    make_models(layout, facts)
    weights = (workspace.version("v000001") / "adapters.safetensors").read_bytes()
    folder = add_version(layout, facts, "v000001", weights, SPEC)
    return layout, folder


def test_a_damaged_version_is_refused_and_the_others_answer_on(
    workspace: Layout, tmp_path: Path
) -> None:
    layout, folder = with_one_version(workspace, tmp_path)
    weights = (folder / "adapters.safetensors").read_bytes()
    (folder / "adapters.safetensors").write_bytes(weights[:-1] + bytes([weights[-1] ^ 1]))
    with serving(layout, MlxEngine(versions=2)) as served:
        broken = served.ask("POST", "/generate", {"prompt": "x", "model": "rehearsal-tiny@v000001"})
        assert broken.status == 503 and broken.json()["error"]["code"] == "version_damaged"
        whole = served.ask("POST", "/generate", {"prompt": "x", "max_tokens": 2})
        assert whole.status == 200 and whole.json()["version"] == "v000000"


def test_a_version_that_is_removed_while_it_is_loaded_is_not_offered_any_more(
    workspace: Layout, tmp_path: Path
) -> None:
    layout, folder = with_one_version(workspace, tmp_path)
    body = {"prompt": "x", "model": "rehearsal-tiny@v000001", "max_tokens": 2}
    with serving(layout, MlxEngine(versions=2)) as served:
        assert served.ask("POST", "/generate", body).status == 200
        (folder / "adapters.safetensors").unlink()
        assert served.ask("POST", "/generate", body).status == 404


@pytest.mark.parametrize("free", [1, 2])
def test_answers_take_the_cores_that_others_leave(workspace: Layout, free: int) -> None:
    """Beside a trainer the threads of one product would wait for each other's core."""
    most = blas.most_threads()
    if most is None or most < 2 or not on_cpu():
        pytest.skip("no OpenBLAS with more than one thread here")
    blas.set_threads(3 - free)
    engine = MlxEngine(versions=2, cores=lambda: Free(free))
    subject = Registry(workspace).find("current")
    engine.load(subject.base)
    assert blas.threads() == free
    blas.set_threads(3 - free)
    engine.begin(GenerationJob(1, subject, (1, 2, 3), Sampling(4)))
    assert blas.threads() == free
    blas.set_threads(3 - free)
    assert list(engine.step()) and blas.threads() == free
    engine.unload()
    blas.set_threads(most)
