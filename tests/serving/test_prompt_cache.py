"""What is kept of earlier prompts saves work, changes no answer and stays within its bounds."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon.clock import SystemClock
from daemon.core.evaluation.sampling import Sampling
from daemon.core.rows.examples import Turn
from daemon.folders.disk import locks
from daemon.layout import Layout
from daemon.model.backend import mx
from daemon.serving.engine_thread import EngineThread
from daemon.serving.generation import AnswerDelta, Event, GenerationJob
from daemon.serving.memory_rule import MemoryRule
from daemon.serving.mlx_engine import MlxEngine
from daemon.serving.prompt_cache import LEAST_TOKENS, PromptCache
from daemon.serving.registry import Registry
from daemon.settings_serving import ServerSettings
from daemon.text.encoder import TextEncoder
from tests.serving.house import serving, wait_for
from tests.serving.two_versions import NAMES, expected, two_versions

ROOM = 2**24
TOKENS = 12


class Told(PromptCache):
    """Remembers how much of each prompt was known."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__(most_bytes)
        self.known: list[int] = []

    def find(self, model: str, prompt: Sequence[int]) -> tuple[list[Any] | None, int]:
        """Remember it."""
        states, known = super().find(model, prompt)
        self.known.append(known)
        return states, known


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A base and two versions that say different things."""
    return two_versions(Layout(tmp_path_factory.mktemp("w")))


@pytest.fixture
def cache() -> Told:
    """An empty one."""
    return Told(ROOM)


@pytest.fixture
def engine(workspace: Layout, cache: Told) -> Iterator[MlxEngine]:
    """The real engine with the tiny model."""
    made = MlxEngine(versions=2, prompts=cache)
    made.load(base_of(workspace))
    yield made
    made.unload()


def base_of(layout: Layout) -> Path:
    """Return the only base."""
    return next(path for path in layout.bases.iterdir() if path.is_dir())


def work(
    layout: Layout, number: int, version: str, turns: Sequence[Turn], **more: Any
) -> GenerationJob:
    """Return what a request for it becomes."""
    subject = Registry(layout).find(f"rehearsal-tiny@{version}")
    prompt = TextEncoder.load(base_of(layout)).encode_prompt(turns)
    return GenerationJob(number, subject, tuple(prompt), Sampling(TOKENS, **more))


def answers(engine: MlxEngine, *asked: GenerationJob) -> list[str]:
    """Let the engine make these answers side by side."""
    texts = {one.number: "" for one in asked}
    for one in asked:
        engine.begin(one)
    left = set(texts)
    while left:
        for said in engine.step():
            texts[said.number] += said.text
            if said.finish is not None:
                left.discard(said.number)
    return list(texts.values())


def fresh(layout: Layout, *asked: GenerationJob) -> list[str]:
    """Return the answers of an engine that keeps nothing, each made alone."""
    engine = MlxEngine(versions=2)
    engine.load(base_of(layout))
    found = [answers(engine, one)[0] for one in asked]
    assert engine.prompt_cache_bytes == 0
    return found


def test_a_conversation_goes_on_where_it_ended_and_says_the_same(
    workspace: Layout, engine: MlxEngine, cache: Told
) -> None:
    turns = [Turn("user", "tell me something long")]
    before = 0
    for number in range(4):
        asked = work(workspace, number, NAMES[0], turns)
        (said,) = answers(engine, asked)
        assert [said] == fresh(workspace, asked)
        assert cache.known[-1] >= before
        before = len(asked.prompt)
        turns += [Turn("assistant", said), Turn("user", f"and then {number}?")]


def test_the_same_question_of_another_version_is_read_anew(
    workspace: Layout, engine: MlxEngine, cache: Told
) -> None:
    turns = [Turn("user", "the same question")]
    first, second = (work(workspace, n, name, turns) for n, name in enumerate(NAMES))
    said = answers(engine, first) + answers(engine, second)
    assert cache.known == [0, 0]
    assert said == fresh(workspace, first, second) and said[0] != said[1]
    assert answers(engine, first) == said[:1]
    assert cache.known[-1] == len(first.prompt) - 1


def test_known_and_unknown_beginnings_are_answered_side_by_side(
    workspace: Layout, engine: MlxEngine, cache: Told
) -> None:
    shared = [Turn("system", "a long system text that everybody shares")]
    asked = [work(workspace, n, NAMES[0], [*shared, Turn("user", "x" * n)]) for n in range(1, 4)]
    asked.append(work(workspace, 4, NAMES[0], [Turn("user", "something else altogether")]))
    answers(engine, asked[0])
    assert answers(engine, *asked) == fresh(workspace, *asked)
    repeated, second, third, other = cache.known[1:]
    assert repeated == len(asked[0].prompt) - 1
    assert min(second, third) > len("a long system text that everybody shares")
    assert other < len(asked[3].prompt) - len("something else altogether")


def test_an_answer_that_its_client_ends_is_kept_too(
    workspace: Layout, engine: MlxEngine, cache: Told
) -> None:
    asked = work(workspace, 1, NAMES[0], [Turn("user", "stop in the middle of it")])
    engine.begin(asked)
    while not list(engine.step()):
        pass
    engine.drop(1)
    assert answers(engine, asked) == fresh(workspace, asked)
    assert cache.known == [0, len(asked.prompt) - 1]


def test_an_answer_left_before_its_first_word_keeps_nothing(
    workspace: Layout, engine: MlxEngine
) -> None:
    engine.begin(work(workspace, 1, NAMES[0], [Turn("user", "never mind what I ask")]))
    engine.drop(1)
    assert engine.prompt_cache_bytes == 0 and list(engine.step()) == []


def test_it_never_takes_more_than_it_may_and_those_used_longest_ago_go(
    workspace: Layout, cache: Told
) -> None:
    engine = MlxEngine(versions=2, prompts=cache)
    engine.load(base_of(workspace))
    answers(engine, work(workspace, 0, NAMES[0], [Turn("user", "how much is one of them?")]))
    bound = engine.prompt_cache_bytes * 5 // 2
    few = Told(bound)
    engine = MlxEngine(versions=2, prompts=few)
    engine.load(base_of(workspace))
    asked = [
        work(workspace, n, NAMES[0], [Turn("user", f"{n} is one of these questions")])
        for n in range(3)
    ]
    for one in (asked[0], asked[1], asked[0], asked[2]):
        answers(engine, one)
        assert 0 < engine.prompt_cache_bytes <= bound
    for one, is_known in ((asked[0], True), (asked[2], True), (asked[1], False)):
        _, known = few.find(one.subject.model, one.prompt)
        assert (known == len(one.prompt) - 1) is is_known


def test_a_version_that_leaves_the_memory_takes_its_prompts_along(
    workspace: Layout, cache: Told
) -> None:
    engine = MlxEngine(versions=1, prompts=cache)
    engine.load(base_of(workspace))
    turns = [Turn("user", "who is asked here?")]
    first = work(workspace, 1, NAMES[0], turns)
    answers(engine, first)
    answers(engine, work(workspace, 2, NAMES[1], turns))
    assert cache.find(first.subject.model, first.prompt) == (None, 0)
    assert engine.prompt_cache_bytes > 0
    engine.unload()
    assert engine.prompt_cache_bytes == 0


def test_training_that_needs_the_memory_gets_what_was_kept(workspace: Layout, cache: Told) -> None:
    engine = MlxEngine(versions=2, prompts=cache)
    free = [100, 100]
    rule = MemoryRule(workspace, lambda: (free[0], free[1]))
    thread = EngineThread(engine, rule, ServerSettings(), SystemClock())
    thread.start()

    def ask(number: int, tokens: int = TOKENS) -> list[Event]:
        asked = work(workspace, number, NAMES[0], [Turn("user", "a question")])
        told: list[Event] = []
        thread.submit(replace(asked, sampling=Sampling(tokens)), told.append)
        return told

    def ended(told: list[Event]) -> bool:
        return any(isinstance(event, AnswerDelta) and event.finish is not None for event in told)

    with ExitStack() as stack:
        stack.callback(thread.close, 20.0)
        first = ask(1)
        wait_for(lambda: ended(first), "no answer")
        assert thread.prompt_cache_bytes > 0
        lock = locks.acquire(workspace.trainer_lock)
        assert lock is not None
        stack.callback(lock.release)
        # While one answer is in the making the model cannot be given back, what is kept can.
        long = ask(2, tokens=8000)
        wait_for(lambda: thread.busy[0] == 1, "it did not begin")
        free[0] = 5
        ask(3)
        wait_for(lambda: thread.prompt_cache_bytes == 0, "it was kept")
        assert thread.busy[0] == 1 and not ended(long)


class Fixed:
    """States that cannot go back, as recurrent layers have them."""

    nbytes = 1

    def __init__(self) -> None:
        self.state = mx.zeros(1)

    def is_trimmable(self) -> bool:
        """They cannot."""
        return False


def test_states_that_cannot_go_back_are_of_use_only_as_a_whole() -> None:
    cache = PromptCache(ROOM)
    begun = list(range(LEAST_TOKENS))
    cache.keep("m", begun, [Fixed()])
    assert cache.find("m", [*begun, 1])[1] == LEAST_TOKENS
    assert cache.find("m", begun) == (None, 0)
    cache.keep("m", [*begun, 7, 8], [Fixed()])
    assert cache.find("m", [*begun, 7, 9, 9])[1] == LEAST_TOKENS


def test_clients_of_a_server_with_a_cache_get_the_answers_of_their_versions(
    workspace: Layout,
) -> None:
    engine = MlxEngine(versions=2, prompts=PromptCache(ROOM))
    asked = [(name, f"a question, {n}") for n in (1, 1, 2, 1) for name in NAMES]
    with serving(workspace, engine) as served, ThreadPoolExecutor(4) as clients:

        def ask(pair: tuple[str, str]) -> str:
            body = {"prompt": pair[1], "model": f"rehearsal-tiny@{pair[0]}", "max_tokens": TOKENS}
            return str(served.ask("POST", "/generate", body).json()["text"])

        said = list(clients.map(ask, asked))
        shown = served.ask("GET", "/metrics").body.decode()
    assert said == [expected(workspace, *pair, Sampling(TOKENS)) for pair in asked]
    assert "finetuned_prompt_cache_bytes " in shown and "_prompt_cache_bytes 0.0" not in shown
