"""A run that cannot begin, until what the sentence asks for was done; with real processes."""

from pathlib import Path

from daemon.errors import ExitCode
from tests.end_to_end.workspace import Workspace, chats

QUICK = "[inbox]\nsettle_s = 0.1\n"


def test_a_run_that_was_refused_begins_when_its_cause_was_mended_and_the_settings_edited(
    tmp_path: Path,
) -> None:
    """It stayed refused until the link moved or the daemon was started again."""
    with Workspace(tmp_path / "w", settings=QUICK) as space:
        assert space.drain() == ExitCode.OK
        adapter = space.layout.version("v000000") / "adapters.safetensors"
        whole = adapter.read_bytes()
        adapter.write_bytes(b"x")
        space.drop("a.jsonl", chats(30))
        assert space.drain() == ExitCode.BLOCKED
        space.start()
        space.wait("blocked", lambda: space.status()["status"] == "blocked")
        assert "v000000 is damaged" in space.status()["message"]
        assert len(space.told("run_opened")) == 1, "it is not opened anew while nothing changes"
        adapter.write_bytes(whole)
        settings = space.layout.settings_file
        settings.write_text(settings.read_text() + "\n[log]\nkeep = 4\n")
        space.wait("a trained job", lambda: space.jobs("done"))
        assert space.told("run_refused") and space.told("alert_ended", code="blocked")
