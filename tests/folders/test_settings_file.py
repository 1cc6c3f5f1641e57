"""`finetuned.toml`: every setting once, with its meaning, and nothing lost on the way back."""

import re
import tomllib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from daemon.folders import settings_file
from daemon.layout import Layout
from daemon.settings import Settings
from daemon.settings_file import parse_own, parse_settings
from daemon.settings_tables import Section


def test_reading_what_was_written_gives_the_settings_back() -> None:
    assert parse_settings(settings_file.render(Settings()), "x") == Settings()
    changed = Settings.model_validate(
        {"model": 'a "quoted" \\ name', "training": {"scale": 1.5, "keys": ["q", "v"]}}
    )
    assert parse_settings(settings_file.render(changed), "x") == changed


def test_every_key_stands_there_with_its_description_and_range() -> None:
    text = settings_file.render(Settings())
    flat = " ".join(text.replace("\n# ", " ").split())
    for section in (Settings(), *(v for v in vars(Settings()).values() if isinstance(v, Section))):
        for name, field in type(section).model_fields.items():
            if not isinstance(getattr(section, name), Section):
                assert re.search(rf"^(# )?{name} =", text, re.MULTILINE), name
                assert field.description and field.description in flat
    assert "(at least 0.0, at most 600.0)" in text
    assert '(one of "lora", "dora")' in text


def test_a_key_without_a_default_value_is_commented_out() -> None:
    text = settings_file.render(Settings())
    assert "\n# alpha =\n" in text
    assert "alpha" not in tomllib.loads(text)["training"]


def test_lines_fit_a_terminal() -> None:
    assert max(map(len, settings_file.render(Settings()).splitlines())) <= 100


def test_settings_that_are_there_are_left_alone(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert settings_file.write(layout, Settings())
    layout.settings_file.write_text("# mine\n")
    assert not settings_file.write(layout, Settings())
    assert layout.settings_file.read_text() == "# mine\n"


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,9}", fullmatch=True), st.text()))
def test_own_settings_survive_any_text(values: dict[str, str]) -> None:
    own = {"training": values}
    assert parse_own(settings_file.render_own(own)) == own
