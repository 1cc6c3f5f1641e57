"""Selects what answers `generate` and `chat`: the running server, or a model loaded here."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from daemon.cli.chat.running_server import ServerSpeaker, running_server
from daemon.cli.chat.speaking import LoadTarget, Speaker
from daemon.cli.output.screen import echo_error, err, safe
from daemon.core.evaluation.sampling import Sampling
from daemon.core.rows.examples import Turn
from daemon.folders.disk import locks
from daemon.layout import Layout

LOCK_WAIT_S = 24 * 3600.0


class Speaking(Protocol):
    """Answers as one version, and can switch to another."""

    target: LoadTarget
    here: bool
    """Whether this process holds the model."""

    def switch_to(self, target: LoadTarget) -> None:
        """Switch to another version.

        Raises:
            UserFault: it cannot; the previous one stays.
        """
        ...

    def stream(self, turns: Sequence[Turn], sampling: Sampling) -> Iterator[str]:
        """Yield an answer chunk by chunk.

        Raises:
            UserFault: there is no answer, or it breaks off.
        """
        ...


@contextmanager
def speaker(layout: Layout, target: LoadTarget, here: bool) -> Iterator[Speaking]:
    """Yield the running server if it has the version and `here` is false, else a loaded model.

    Besides the server, one process a workspace may load a model, so this waits for the trainer.
    """
    server = None if here else running_server(layout)
    if server is not None and server.has(target):
        _notify(f"the server at {server.url} answers; --here loads the model in this process")
        yield ServerSpeaker(server, target)
        return
    if server is not None:
        _notify(f"the server at {server.url} does not have {target.name}: it is loaded here")
    with locks.hold(layout.trainer_lock, LOCK_WAIT_S, _waiting):
        yield Speaker(target)


def _notify(sentence: str) -> None:
    err.print(safe(sentence), markup=False, soft_wrap=True)


def _waiting(holder: locks.Holder | None) -> None:
    process = f" (process {holder.pid})" if holder is not None else ""
    echo_error(f"waiting for the model: the trainer{process} is using it; Ctrl-C gives up")
