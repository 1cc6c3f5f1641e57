"""The rows of a run as tokens."""

from pathlib import Path

from daemon.core.rows.examples import Turn
from daemon.core.rows.prefix import Prefix
from daemon.training.data.row_texts import RowTexts
from tests.text.test_encoder import encoder
from tests.text.test_fitting import LIGHT, TOOLS


def test_a_question_is_asked_with_its_tools_and_its_files_prefix(tmp_path: Path) -> None:
    texts = RowTexts(encoder(tmp_path, TOOLS), {"a": Prefix("brief", "Be brief.")})
    turns = [Turn("user", "dark")]

    def asked(job: str, tools: tuple[str, ...]) -> str:
        return bytes(token for token in texts.prompt(job, turns, tools) if token < 256).decode()

    assert "light" in asked("b", (LIGHT,)) and "light" not in asked("b", ())
    assert "Be brief." in asked("a", ()) and "Be brief." not in asked("b", ())
