"""Only the folders' modules, and a worker inside its own directory, change the disk."""

import ast

from tests.house.sources import ROOT, modules

ROOMS = (
    "daemon/folders/",
    "daemon/intake/",  # inside the one job it was given
    "daemon/training/",  # inside the one run it was given
    "daemon/model/",  # inside the base model that is being made
    "daemon/self_check/",  # inside a temporary directory of its own
)
# `replace` is left out: on a Path it looks like the method of a string.
METHODS = {
    "chmod",
    "hardlink_to",
    "mkdir",
    "rename",
    "rmdir",
    "symlink_to",
    "touch",
    "unlink",
    "write_bytes",
    "write_text",
}
FUNCTIONS = {
    "os": {
        "chmod",
        "chown",
        "link",
        "makedirs",
        "mkdir",
        "mkfifo",
        "remove",
        "removedirs",
        "rename",
        "replace",
        "rmdir",
        "symlink",
        "truncate",
        "unlink",
        "utime",
    },
    "shutil": {"copy", "copy2", "copyfile", "copytree", "move", "rmtree"},
    "mx": {"save", "save_safetensors", "savez"},
    "np": {"save", "savez", "savez_compressed"},
}


def changes(tree: ast.Module) -> list[tuple[int, str]]:
    """Return the line and the name of each call that changes the disk."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = _name(node)
            if name is not None:
                found.append((node.lineno, name))
    return found


def _name(call: ast.Call) -> str | None:
    function = call.func
    if isinstance(function, ast.Name):
        return "open" if function.id == "open" and _writes(call, 1) else None
    if not isinstance(function, ast.Attribute):
        return None
    owner = function.value.id if isinstance(function.value, ast.Name) else ""
    if owner in FUNCTIONS:
        return f"{owner}.{function.attr}" if function.attr in FUNCTIONS[owner] else None
    if owner == "atomic":
        return None
    if function.attr == "open":
        return "open" if _writes(call, 0) else None
    return function.attr if function.attr in METHODS else None


def _writes(call: ast.Call, place: int) -> bool:
    modes = [keyword.value for keyword in call.keywords if keyword.arg == "mode"]
    modes += call.args[place : place + 1]
    return any(
        isinstance(mode, ast.Constant)
        and isinstance(mode.value, str)
        and bool(set(mode.value) & set("wax+"))
        for mode in modes
    )


def test_only_the_folders_and_a_worker_in_its_own_directory_change_the_disk() -> None:
    found = [
        f"{name}:{line} {call}"
        for name, tree in modules()
        if not name.startswith(ROOMS)
        for line, call in changes(tree)
    ]
    assert not found


def test_the_check_sees_every_way_of_changing_the_disk() -> None:
    text = """
open("x", "w"); path.open(mode="ab"); path.write_text(""); os.remove("x"); path.unlink()
shutil.rmtree("x"); mx.save_safetensors("x", {}); path.rename("y"); path.mkdir()
"""
    assert len(changes(ast.parse(text))) == 9


def test_the_check_leaves_reading_alone() -> None:
    text = 'open("x"); path.open("rb"); text.replace("a", "b"); os.listdir("."); atomic.touch(x)'
    assert changes(ast.parse(text)) == []


def test_the_folder_queue_never_hides_the_standard_library() -> None:
    assert not (ROOT / "queue" / "__init__.py").exists()
