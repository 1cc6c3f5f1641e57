"""`finetuned.toml`: every setting once, with its meaning, and nothing lost on the way back."""

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.rows.prefix import Prefix
from daemon.errors import SettingsFault
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


def test_prefixes_are_a_table_with_keys_of_the_users_own() -> None:
    table = {"brief": 'Answer "so",\nbriefly.', "json_2": "One object."}
    chosen = Settings.model_validate({"prefixes": table, "training": {"prefix": "brief"}})
    text = settings_file.render(chosen)
    assert parse_settings(text, "x") == chosen
    assert chosen.prefix == Prefix("brief", table["brief"]) and Settings().prefix is None
    added = settings_file.render(Settings()).replace(
        "\n# [prefixes]\n", '\n[prefixes]\na = " b "\n'
    )
    assert parse_settings(added, "x").prefixes.texts == {"a": "b"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[training]\nprefix = "brief"\n', "'brief', which is not in [prefixes] (it is empty)"),
        ('[prefixes]\n"a b" = "x"\n', "line 2: prefixes.a b"),
        ('[prefixes]\nnone = "x"\n', "'none' stands for no prefix"),
        ('[prefixes]\na = " "\n', "line 2: prefixes.a"),
        (f'[prefixes]\na = "{"x" * 8193}"\n', "at most 8192"),
        ("[prefixes]\na = 3\n", "line 2: prefixes.a"),
    ],
)
def test_a_prefix_that_cannot_be_one_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(SettingsFault) as caught:
        parse_settings(text, "x")
    assert told in caught.value.message


def test_targets_are_a_table_with_keys_of_the_users_own() -> None:
    text = '[targets]\n"lakes.main" = 0.9\n"*.repetition" = { at_most = 0.2 }\n'
    settings = parse_settings(text, "x")
    assert [str(one) for one in settings.targets.wanted] == [
        "lakes.main ≥ 0.9",
        "repetition ≤ 0.2",
    ]
    assert parse_settings(settings_file.render(settings), "again") == settings


def test_a_target_whose_key_is_not_in_quotes_is_told_so() -> None:
    with pytest.raises(SettingsFault, match="a key with a dot in quotes"):
        parse_settings("[targets]\nlakes.main = 0.9\n", "x")


def test_a_section_pasted_at_the_end_is_named_with_both_of_its_lines() -> None:
    """The file has every section already; the parser alone says "Cannot declare … twice"."""
    text = settings_file.render(Settings()) + "\n[server]\nport = 9001\n"
    lines = [n for n, line in enumerate(text.splitlines(), 1) if line == "[server]"]
    with pytest.raises(SettingsFault) as refused:
        parse_settings(text, "finetuned.toml")
    where = f"begins twice in lines {lines[0]} and {lines[1]}: move"
    assert f"finetuned.toml: the section [server] {where}" in str(refused.value)


def test_a_key_that_is_set_twice_is_named_with_its_line() -> None:
    with pytest.raises(SettingsFault, match="line 3 sets a key that is set already"):
        parse_settings("[server]\nport = 1\nport = 2\n", "finetuned.toml")
