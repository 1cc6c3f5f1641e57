"""What a light process must not load."""

import subprocess
import sys

HEAVY = ("mlx", "mlx_lm", "transformers", "tokenizers", "numpy", "scipy", "matplotlib", "jinja2")


def test_the_supervisor_and_its_object_graph_load_no_model_and_no_numbers() -> None:
    assert _loaded_by("import daemon.app, daemon.supervisor.supervisor") == []


def test_the_command_line_loads_no_model_before_a_command_asks_for_it() -> None:
    assert _loaded_by("import daemon.cli; daemon.cli.main") == []


def test_the_package_shares_no_name_with_the_standard_library() -> None:
    code = "import queue, sys; assert 'Queue' in dir(queue), queue"
    subprocess.run([sys.executable, "-c", code], check=True)


def _loaded_by(code: str) -> list[str]:
    program = f"import sys\n{code}\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return done.stdout.split()
