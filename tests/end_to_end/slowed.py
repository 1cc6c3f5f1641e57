"""The daemon with a stand-in trainer whose steps take a minute, as on a small Mac."""

from daemon import app
from daemon.cli import main
from daemon.layout import Layout

PACE_S = 60.0

_usual = app._argv


def _slow(module: str, layout: Layout, rehearse: bool) -> list[str]:
    argv = _usual(module, layout, rehearse)
    return [*argv, "--pace", str(PACE_S)] if module == "daemon.training" else argv


app._argv = _slow

if __name__ == "__main__":
    main()
