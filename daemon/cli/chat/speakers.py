"""Gives who answers `generate` and `chat`: the running server, or a model loaded here."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from daemon.cli.chat.running_server import ServerSpeaker, running_server
from daemon.cli.chat.speaking import LoadTarget, Speaker
from daemon.cli.output.screen import complain, err, safe
from daemon.core.evaluation.sampling import Sampling
from daemon.core.rows.examples import Turn
from daemon.folders.disk import locks
from daemon.layout import Layout

LOCK_WAIT_S = 24 * 3600.0


class Speaking(Protocol):
    """Somebody who answers as one version, and can become another."""

    target: LoadTarget
    here: bool
    """Whether this process holds the model."""

    def turn_to(self, target: LoadTarget) -> None:
        """Be another version.

        Raises:
            UserFault: it cannot; the one before answers on.
        """
        ...

    def stream(self, turns: Sequence[Turn], sampling: Sampling) -> Iterator[str]:
        """Give an answer piece by piece.

        Raises:
            UserFault: there is none, or no more of it.
        """
        ...


@contextmanager
def speaker(layout: Layout, target: LoadTarget, here: bool) -> Iterator[Speaking]:
    """Give the running server, if it has the version and `here` is not asked for, else a model.

    One process a workspace may load one, beside the server, so this waits for the trainer.
    """
    server = None if here else running_server(layout)
    if server is not None and server.has(target):
        _tell(f"the server at {server.url} answers; --here loads the model in this process")
        yield ServerSpeaker(server, target)
        return
    if server is not None:
        _tell(f"the server at {server.url} does not have {target.name}: it is loaded here")
    with locks.hold(layout.trainer_lock, LOCK_WAIT_S, _waiting):
        yield Speaker(target)


def _tell(sentence: str) -> None:
    err.print(safe(sentence), markup=False, soft_wrap=True)


def _waiting(holder: locks.Holder | None) -> None:
    named_by = f" (process {holder.pid})" if holder is not None else ""
    complain(f"waiting for the model: the trainer{named_by} is using it; Ctrl-C gives up")
