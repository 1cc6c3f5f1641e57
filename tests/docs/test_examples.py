"""Examples of settings in the pages can be added to the file that `init` writes.

Fault: `init` wrote `fields = {}`, so the three lines of the documentation made the file invalid.
"""

import re

import pytest

from daemon.folders import settings_file
from daemon.settings import Settings
from daemon.settings_file import parse_settings
from tests.docs.pages import ROOT, page, pages, script

EXAMPLES = [
    (path.relative_to(ROOT).as_posix(), example)
    for path in pages()
    for example in re.findall(r"```toml\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
]


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_an_example_of_settings_can_stand_below_what_init_writes(name: str, example: str) -> None:
    text = f"{settings_file.render(Settings())}\n{example}"
    assert parse_settings(text, name) != Settings()


def test_there_are_examples_of_settings() -> None:
    """The test above would say nothing if it saw none."""
    assert {name for name, _ in EXAMPLES} >= {"docs/data.md"}


def test_the_page_of_names_is_made_from_the_table_of_names() -> None:
    made = script("make_field_names.py")["field_names_page"]()
    assert page("docs/field-names.md") == made, "run `make docs`"
