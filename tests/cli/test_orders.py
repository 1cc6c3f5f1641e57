"""What the commands that order work have in common: whom they take, and what they say meanwhile."""

import pytest

from daemon.cli.requests.order_client import COMMANDS, waiting
from daemon.core.workspace.orders import KINDS, Header, Kind, name_of
from daemon.folders.orders import orders
from daemon.layout import Layout
from tests.cli.conftest import Command


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_order_that_is_not_there_is_named_with_its_kind_and_place(
    finetuned: Command, layout: Layout, kind: Kind
) -> None:
    """Each command had a sentence of its own."""
    order = name_of(kind, 9)
    done = finetuned(COMMANDS[kind], order, "--root", layout.root)
    assert done.exit_code == 1
    assert f"there is no {kind.name} '{order}' in models/" in done.stderr


@pytest.mark.usefixtures("lock_held")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_order_that_waits_names_the_daemon_and_the_command_that_shows_it(
    layout: Layout, kind: Kind
) -> None:
    """Two of the four said that the command shows a result, which there was none of yet."""
    order = orders.create(layout, kind, Header("", "now", "about"), lambda *_: None)
    assert waiting(layout, order) == (
        f"the daemon does it when no job waits, and 'finetuned {COMMANDS[kind]} {order}' shows "
        "how far it is"
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_without_a_daemon_the_command_itself_takes_the_order_further(
    layout: Layout, kind: Kind
) -> None:
    """An audit or a reproduction was said to wait for the next daemon; its command did it too."""
    order = orders.create(layout, kind, Header("", "now", "about"), lambda *_: None)
    command = f"'finetuned {COMMANDS[kind]} {order}'"
    assert waiting(layout, order, "the rest") == f"{command}, or the next daemon, does the rest"
