"""The one-liners of the page on the status document work on a real one."""

import json
import re
import subprocess
from pathlib import Path

from tests.docs.pages import page
from tests.end_to_end.workspace import Workspace


def one_liner(word: str) -> str:
    """Return the line of a shell block that has a word."""
    lines = [
        line
        for block in re.findall(r"```sh\n(.*?)```", page("docs/status.md"), re.DOTALL)
        for line in block.splitlines()
        if word in line
    ]
    assert len(lines) == 1, lines
    return str(lines[0])


def said(command: str, root: Path) -> str:
    done = subprocess.run(
        ["sh", "-c", command], cwd=root, capture_output=True, text=True, timeout=60, check=True
    )
    return str(done.stdout).strip()


def test_the_accuracy_is_printed_by_the_line_on_the_page(tmp_path: Path) -> None:
    """People copy such a line; one that met a null or a field of another name ended in a trace."""
    command = one_liner("accuracy_percent")
    with Workspace(tmp_path / "w") as space:
        space.start()
        space.wait("a status", space.layout.status_file.exists)
        assert said(command, space.root) == "accuracy: None % lately; 0 of 0 in all"
        space.kill()
        document = json.loads(space.layout.status_file.read_bytes())
        measured = {"accuracy_percent": 62.5, "total_correct": 5, "total_evals": 8}
        assert measured.keys() <= document.keys()
        space.layout.status_file.write_text(json.dumps(document | measured))
        assert said(command, space.root) == "accuracy: 62.5 % lately; 5 of 8 in all"
