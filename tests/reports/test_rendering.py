"""Reports come from templates that escape what they print, and miss nothing in silence."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError
from markdown_it import MarkdownIt

from daemon.core.evaluation.sweeps import Trial
from daemon.evaluation.comparison_report import markdown
from daemon.reports import rendering
from daemon.settings import Settings
from daemon.settings_records import WORDS
from daemon.training.orders import reproduction_report, sweep_report
from tests.evaluation.test_comparing import ALL, HALF, compared, paper
from tests.house.sources import PACKAGE, modules
from tests.manifests import BASE
from tests.orders import sweep_request

EVIL = "x|y`<script>alert(1)</script>\n# z\x1b[2J *b*"
SHOWN = "x|y`<script>alert(1)</script>\\u000a# z\\u001b[2J *b*"
PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")
DEFAULT = {
    "learning_rate": 5e-4,
    "batch_rows": 4,
    "decay_share": 0.2,
    "rank": 2,
    "scale": 2.0,
    "num_layers": 16,
}


def structure(page: str) -> list[str]:
    """Return the elements of a Markdown page, in order, without their texts."""
    tokens = PARSER.parse(page)
    inside = [child.type for token in tokens for child in token.children or ()]
    return [token.type for token in tokens] + [kind for kind in inside if kind != "text"]


def sweep(evil: str) -> str:
    request = sweep_request(
        BASE,
        DEFAULT,
        file=f"sums{evil}",
        settings=Settings().model_dump(mode="json"),
        trials=2,
        notes=(f"a note{evil}",),
    )
    trials = (
        Trial(1, DEFAULT, "finished", ((1.0, 1.0),), ((2.0, 2),) * 9, 4, 1.0),
        Trial(2, {**DEFAULT, "rank": 4}, "failed", (), (), 0, 0.1, f"no memory{evil}"),
    )
    rows = [sweep_report._row(trial, request, ()) for trial in trials]
    training = sweep_report.section(request, trials[0])
    result: Any = {"sweep": "s000001", "message": f"done{evil}", "trials": rows, "best": 1}
    return sweep_report.page(result | {"notes": request.notes, "training": training}, request)


def reproduction(evil: str) -> str:
    found: dict[str, Any] = {
        "steps": {"then": 9, "now": 9, "equal": 8, "loss_gap": 0.5, "first_other": None},
        "changes": [{"what": f"mlx{evil}", "then": f"1{evil}", "now": "2"}],
        "settings": [
            {"setting": f"a{evil}", "saved": f"b{evil}", "used": None, "why": next(iter(WORDS))}
        ],
    }
    result: Any = {"order": "p000001", "version": "v000001", "message": f"other{evil}"}
    return reproduction_report.page(result | {"outcome": "different", "found": found})


@pytest.mark.parametrize("page", [sweep, reproduction])
def test_hostile_texts_change_nothing_of_a_page(page: Any) -> None:
    """Fault: names and messages went into these pages as they were, lines and tags included."""
    assert structure(page(EVIL)) == structure(page("name"))
    shown = PARSER.render(page(EVIL))
    assert "<script" not in shown and "\x1b" not in page(EVIL)
    assert SHOWN.replace("<", "&lt;").replace(">", "&gt;") in shown


def test_a_bar_in_a_name_ends_no_cell_of_an_evaluation() -> None:
    """Fault: it was escaped twice, which is a backslash and then the end of the cell."""
    papers = {(0, 0): paper(HALF), (0, 1): paper(ALL)}
    plain, hostile = (
        structure(markdown(compared(papers, "a", name).report("finished", "ok")))
        for name in ("b", "b|c")
    )
    assert plain == hostile


def test_how_to_read_an_evaluation_is_not_cut_off() -> None:
    """Fault: its Markdown broke off in the middle of a sentence."""
    papers = {(0, 0): paper(HALF), (0, 1): paper(ALL)}
    page = markdown(compared(papers, "a", "b").report("finished", "ok"))
    assert "Tokens per second are measured on answers generated concurrently.\n" in page


@pytest.mark.parametrize("template", ["order.md", "judgement.html"])
def test_a_value_that_is_missing_is_an_error_and_no_hole_in_the_page(template: str) -> None:
    with pytest.raises(UndefinedError):
        rendering.render(template, order="a000001", drawn=())


def test_what_controls_a_terminal_or_turns_a_text_is_seen_in_html() -> None:
    page = rendering.render("curves.html", **empty("\x1b[2J\u202e<b>\ud800"))
    assert "\\u001b[2J\\u202e&lt;b&gt;\\ud800" in page
    page.encode()


def empty(name: str) -> dict[str, Any]:
    return {
        "title": name,
        "name": name,
        "counts": "",
        "rows": [],
        "figures": [],
        "curves": [],
        "drawn": [],
    }


def test_data_of_charts_cannot_end_their_script() -> None:
    evil = "</script><!--<script>"
    page = rendering.render("curves.html", **empty("x") | {"drawn": [{"name": evil}]})
    assert evil not in page and page.count("</script>") == 3


def test_every_template_is_one_that_is_rendered() -> None:
    folder = PACKAGE / "reports" / "templates"
    sources = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")]
    sources += [path.read_text(encoding="utf-8") for path in folder.iterdir()]
    names = {path.name for path in folder.iterdir()}
    assert names and not {name for name in names if not any(f'"{name}"' in s for s in sources)}


def test_no_module_builds_elements_of_a_page_itself() -> None:
    """Fault: four renderers and a builder of elements stood beside a template engine."""
    tag = re.compile(r"</?(?:article|div|li|main|p|section|span|table|t[dhr]|ul)\b[^>]*>|\| ---")
    found = [
        f"{name}:{node.lineno}"
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and tag.search(node.value)
    ]
    assert [place.split(":")[0] for place in found] == ["daemon/self_check/table.py"]


def test_the_template_engine_is_loaded_with_the_first_report_only() -> None:
    code = (
        "import sys, daemon.cli.output.evaluation_tables, daemon.analysis.page\n"
        "import daemon.reports.rendering\n"
        "print('jinja2' in sys.modules, 'markupsafe' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert done.stdout.split() == ["False", "False"]
