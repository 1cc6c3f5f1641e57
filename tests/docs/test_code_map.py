"""The map of the code equals the disk, and leaves no module without a remark."""

from tests.docs.pages import page, script


def test_the_code_map_equals_the_disk() -> None:
    assert page("docs/code-map.md") == script("make_tree.py")["code_map"](), "run `make docs`"


def test_every_entry_of_the_code_map_has_a_remark() -> None:
    lines = script("make_tree.py")["tree"]().splitlines()
    assert not [line for line in lines if len(line.split()) < 2]


def test_the_code_map_has_every_page_and_the_rooms_of_the_tests() -> None:
    tree = script("make_tree.py")["tree"]()
    assert "test_code_map" not in tree
    assert all(name in tree for name in ("glossary.md", "code-map.md", "reliability/"))
