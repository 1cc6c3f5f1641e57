"""The README: its tree equals the disk, and its first lines are the two commands."""

from tests.docs.pages import page, script


def test_the_tree_in_the_readme_equals_the_disk() -> None:
    made = script("make_tree.py")["with_tree"](page("README.md"))
    assert page("README.md") == made, "run `make docs`"


def test_every_entry_of_the_tree_has_a_remark() -> None:
    lines = script("make_tree.py")["tree"]().splitlines()
    assert not [line for line in lines if len(line.split()) < 2]


def test_the_two_commands_stand_first() -> None:
    code = page("README.md").split("```")[1]
    assert [line.split("  ")[0] for line in code.splitlines()[1:]] == ["make demo", "make test"]


def test_no_page_is_left_out_of_the_tree() -> None:
    tree = script("make_tree.py")["tree"]()
    assert "test_readme" not in tree
    assert "glossary.md" in tree
