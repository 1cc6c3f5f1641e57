"""Sizes: a file shows its room at a glance, a function its step."""

import ast

from tests.house.sources import ROOT, functions, lines_of, modules

LONGEST_FILE = 400
LONGEST_FUNCTION = 40
EXCUSE = "# long:"


def test_no_file_is_longer_than_400_lines() -> None:
    """Files of tests and benchmarks included: three of them had grown past it."""
    paths = [
        path for room in ("daemon", "tests", "benchmarks") for path in ROOT.glob(f"{room}/**/*.py")
    ]
    sizes = {path: path.read_text(encoding="utf-8").count("\n") for path in paths}
    assert len(sizes) > 1000
    assert not {path: size for path, size in sizes.items() if size > LONGEST_FILE}


def test_no_function_is_longer_than_40_lines_unless_its_first_line_says_why() -> None:
    found = [
        f"{name}:{function.lineno} {function.name} has {lines_of(function)} lines"
        for name, tree in modules()
        for function in functions(tree)
        if lines_of(function) > LONGEST_FUNCTION
        and EXCUSE
        not in (ROOT / name).read_text(encoding="utf-8").splitlines()[function.lineno - 1]
    ]
    assert not found


def test_the_middle_function_is_ten_lines_or_less() -> None:
    sizes = sorted(lines_of(function) for _, tree in modules() for function in functions(tree))
    assert sizes[len(sizes) // 2] <= 10


def test_every_module_says_in_its_first_line_what_it_does() -> None:
    assert not [name for name, tree in modules() if not ast.get_docstring(tree)]
