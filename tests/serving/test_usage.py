"""`served/`: figures and feedback for whoever operates the server; nothing unless it is wanted."""

import errno
import json
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.clock import SystemClock
from daemon.core.records import JsonObject
from daemon.folders import served as folder
from daemon.layout import Layout
from daemon.serving.generation import RequestRefused
from daemon.serving.rehearsal import RehearsalEngine
from daemon.serving.usage import MOST_REMEMBERED, MOST_WAITING, AnswerUsage, UsageRecorder
from daemon.settings_serving import ServerSettings
from tests.serving.house import Served, make_models, serving, wait_for

HI: Any = [{"role": "user", "content": "a secret question"}]
AGENT = {"User-Agent": "probe/1.0 (x)"}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    make_models(made)
    return made


@pytest.fixture
def recording(layout: Layout) -> Iterator[Served]:
    engine = RehearsalEngine(SystemClock(), 0.0)
    with serving(layout, engine, usage=True, keep_examples=True) as served:
        yield served


def lines(layout: Layout, file: str, count: int) -> list[Any]:
    """Wait for so many lines of a file of `served/`."""
    path = layout.served / f"{file}.jsonl"

    def found() -> list[Any]:
        texts = path.read_text().splitlines() if path.exists() else []
        return [json.loads(text) for text in texts]

    wait_for(lambda: len(found()) >= count, f"no {count} lines in {file}")
    return found()


def chat(served: Served, **fields: Any) -> Any:
    return served.ask("POST", "/v1/chat/completions", {"messages": HI, **fields}, AGENT)


def feedback(served: Served, **fields: Any) -> Any:
    return served.ask("POST", "/v1/feedback", fields)


def test_nothing_is_written_unless_it_is_wanted(rehearsed: Served) -> None:
    reply = chat(rehearsed)
    refused = feedback(rehearsed, id=reply.json()["id"], rating="good")
    assert refused.status == 403 and "server.usage" in refused.json()["error"]["message"]
    assert not rehearsed.layout.served.exists()


def test_each_request_leaves_its_figures_and_no_text(recording: Served) -> None:
    reply = chat(recording, n=2).json()
    chat(recording, stream=True)
    recording.ask("POST", "/generate", {"prompt": "a secret question"}, AGENT)
    found = lines(recording.layout, "usage", 3)
    first = found[0]
    assert first["id"] == reply["id"].removeprefix("chatcmpl-") and first["answers"] == 2
    assert first["version"] == "v000000" and first["client"] == "probe/1.0"
    assert first["tokens"] == reply["usage"]["completion_tokens"] and first["end"] == "stop"
    assert first["prompt_tokens"] == reply["usage"]["prompt_tokens"]
    assert 0 <= first["first_token_s"] <= first["seconds"] and first["at"].endswith("+00:00")
    everything = (recording.layout.served / "usage.jsonl").read_text()
    assert "secret" not in everything and "rehearses" not in everything
    mode = stat.S_IMODE(recording.layout.served.stat().st_mode)
    assert mode == 0o700


def test_reading_records_nothing(recording: Served) -> None:
    for path in ("/v1/models", "/", "/dashboard/state", "/metrics", "/openapi.json"):
        assert recording.ask("GET", path).status == 200
    assert not recording.layout.served.exists()


def test_feedback_is_about_one_of_the_newest_answers(recording: Served) -> None:
    answer = chat(recording).json()["id"]
    response = recording.ask("POST", "/v1/responses", {"input": "hi"}).json()["id"]
    assert feedback(recording, id=answer, rating="good").json() == {"recorded": True}
    assert feedback(recording, id=response, rating="bad").status == 200
    good, bad = lines(recording.layout, "feedback", 2)
    assert good["rating"] == "good" and good["version"] == "v000000" and bad["rating"] == "bad"
    assert good["client"] == "probe/1.0"
    missing = feedback(recording, id="chatcmpl-0", rating="good")
    assert missing.status == 404 and missing.json()["error"]["param"] == "id"
    wrong = feedback(recording, id=answer, rating="fine")
    assert wrong.status == 400 and wrong.json()["error"]["param"] == "rating"


def test_a_better_answer_becomes_a_row_that_can_be_dropped(recording: Served) -> None:
    answer = chat(recording).json()["id"]
    assert feedback(recording, id=answer, rating="bad", better="forty-two").status == 200
    (row,) = lines(recording.layout, "examples", 1)
    assert row["messages"] == [*HI, {"role": "assistant", "content": "forty-two"}]
    (told,) = lines(recording.layout, "feedback", 1)
    assert "better" not in told and "forty-two" not in json.dumps(told)


def test_texts_are_kept_only_where_that_is_wanted(layout: Layout) -> None:
    with serving(layout, RehearsalEngine(SystemClock(), 0.0), usage=True) as served:
        answer = chat(served).json()["id"]
        refused = feedback(served, id=answer, rating="bad", better="forty-two")
        assert refused.status == 403 and refused.json()["error"]["param"] == "better"
        assert "server.keep_examples" in refused.json()["error"]["message"]
        lines(layout, "usage", 1)
    assert sorted(path.name for path in layout.served.iterdir()) == ["usage.jsonl"]


def test_the_files_are_bounded(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "MOST_BYTES", 300)
    for number in range(100):
        folder.append(layout, "usage", [{"number": number, "text": "x" * 40}])
    files = sorted(layout.served.iterdir())
    assert len(files) == 1 + folder.ROTATED
    assert all(path.stat().st_size <= 300 for path in files)
    assert json.loads((layout.served / "usage.jsonl").read_text().splitlines()[-1])["number"] == 99


def usage(number: int) -> AnswerUsage:
    return AnswerUsage(str(number), "m@v000000", "v000000", "probe", 3, 4, 1, 0.1, 0.2, "stop")


def test_a_full_disk_drops_records_and_counts_them(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_layout: Layout, _file: folder.File, _records: list[JsonObject]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    recorder = UsageRecorder(layout, ServerSettings(usage=True), SystemClock(), full)
    for number in range(5):
        recorder.answered(usage(number), ())
    recorder.close(20)
    assert recorder.dropped == 5
    assert capsys.readouterr().err.count("No space left on device") == 1


def test_a_slow_disk_delays_nobody(layout: Layout) -> None:
    free = threading.Event()

    def slow(_layout: Layout, _file: folder.File, _records: list[JsonObject]) -> None:
        free.wait(20)

    recorder = UsageRecorder(layout, ServerSettings(usage=True), SystemClock(), slow)
    for number in range(MOST_WAITING + 500):
        recorder.answered(usage(number), ())
    assert recorder.dropped >= 499
    with pytest.raises(RequestRefused):
        recorder.feedback("0", "good", None)
    recorder.feedback(str(MOST_REMEMBERED + 400), "good", None)
    free.set()
    recorder.close(20)
