"""The rows of a run as tokens."""

from pathlib import Path

from daemon.core.rows.examples import Call, Chat, Turn
from daemon.core.rows.plain_form import PLAIN_FORM
from daemon.core.rows.prefix import Prefix
from daemon.training.data.row_texts import RowTexts
from tests.text.test_encoder import encoder
from tests.text.test_fitting import LIGHT, TOOLS
from tests.text.tiny_tokenizer import CHATML


def test_a_question_is_asked_with_its_tools_and_its_files_prefix(tmp_path: Path) -> None:
    texts = RowTexts(encoder(tmp_path, TOOLS), {"a": Prefix("brief", "Be brief.")}, {})
    turns = [Turn("user", "dark")]

    def asked(job: str, tools: tuple[str, ...]) -> str:
        return bytes(token for token in texts.prompt(job, turns, tools) if token < 256).decode()

    assert "light" in asked("b", (LIGHT,)) and "light" not in asked("b", ())
    assert "Be brief." in asked("a", ()) and "Be brief." not in asked("b", ())


def test_rows_are_encoded_in_the_form_their_file_was_taken_in_with(tmp_path: Path) -> None:
    """Rows of before there was a form are replayed with as many tokens as were counted then."""
    texts = RowTexts(encoder(tmp_path, CHATML), {}, {"new": PLAIN_FORM})
    called = Turn("assistant", "On.", calls=(Call("light", "{}"),))
    row = Chat((Turn("user", "dark"), called), tools=(LIGHT,))
    old, new, again = texts.encode([("old", row), ("new", row), ("old", row)])
    assert len(new.tokens) > len(old.tokens) + 100
    assert old.tokens.tolist() == again.tokens.tolist()
    assert new.supervised.sum() > old.supervised.sum()
    asked = texts.prompt("new", row.turns[:-1], row.tools)
    assert tuple(new.tokens[: len(asked)].tolist()) == asked
    assert len(texts.prompt("old", row.turns[:-1], row.tools)) < len(asked)
