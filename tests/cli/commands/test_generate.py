"""Which model `generate` and `chat` mean, decided before any is loaded."""

from collections.abc import Callable

import pytest
from typer.testing import Result

from daemon.cli.chat.speaking import choose
from daemon.cli.output.screen import safe
from daemon.errors import ModelFault, UserFault
from daemon.folders.models import current_model
from daemon.folders.models.models import Models
from daemon.layout import Layout
from daemon.settings import Settings
from tests.manifests import BASE

Command = Callable[..., Result]


@pytest.fixture
def with_base(layout: Layout) -> Layout:
    Models(layout).seal_base("2030-01-01T00:00:00+00:00", BASE, Settings().model_dump(mode="json"))
    current_model.point_at(layout, "v000000")
    layout.base("tiny").mkdir()
    return layout


def test_a_version_is_meant_by_name_number_path_or_link(with_base: Layout) -> None:
    expected = choose(with_base, None, base=False)
    assert expected.base == with_base.base("tiny")
    folder = with_base.version("v000000")
    for version in ("v000000", "0", str(folder), str(with_base.current_model), "current_model"):
        assert choose(with_base, version, base=False) == expected


def test_the_base_version_wears_no_adapter(with_base: Layout) -> None:
    assert choose(with_base, "v000000", base=False).version is None


def test_a_version_that_was_altered_is_refused(with_base: Layout) -> None:
    """Fault V3."""
    (with_base.version("v000000") / "adapter_config.json").write_text("{}")
    with pytest.raises(UserFault, match="differs in size"):
        choose(with_base, None, base=False)


@pytest.mark.parametrize("version", ["v000007", "../../etc", "/", "v000000/../v000000x"])
def test_what_is_no_version_is_refused(with_base: Layout, version: str) -> None:
    with pytest.raises(UserFault, match="no version"):
        choose(with_base, version, base=False)


def test_a_missing_base_model_has_its_own_exit_code(finetuned: Command, layout: Layout) -> None:
    done = finetuned("generate", "hello", "--base", "--root", layout.root)
    assert done.exit_code == 6
    with pytest.raises(ModelFault):
        choose(layout, None, base=True)


def test_without_a_current_model_it_says_so(finetuned: Command, layout: Layout) -> None:
    done = finetuned("generate", "hello", "--root", layout.root)
    assert done.exit_code == 1
    assert "no current model" in done.stderr


# The model is loaded four times: on a busy machine that takes long.
@pytest.mark.timeout(400)
@pytest.mark.model
def test_a_real_model_answers_once_and_in_conversation(finetuned: Command, layout: Layout) -> None:
    from daemon.model.bases import prepare

    facts = prepare(layout, "smollm2-135m")
    Models(layout).seal_base("2030-01-01T00:00:00+00:00", facts, Settings().model_dump(mode="json"))
    current_model.point_at(layout, "v000000")
    words = ["--max-tokens", "16", "--root", layout.root]
    asked = finetuned("generate", "What is the capital of France?", *words)
    assert (asked.exit_code, "Paris" in asked.stdout) == (0, True)
    talked = finetuned("chat", *words, typed="What is the capital of France?\n/new\n/quit\n")
    assert (talked.exit_code, "Paris" in talked.stdout) == (0, True)


def test_foreign_text_keeps_its_lines_and_loses_its_escapes() -> None:
    assert safe("a\n\tb\x1b[31m\r\x07\u202e") == "a\n\tb\\u001b[31m\\u000d\\u0007\\u202e"
    assert safe("é 日本 ✓") == "é 日本 ✓"
