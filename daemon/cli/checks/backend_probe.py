"""Prints as one JSON line what MLX finds on this machine.

`doctor` runs it as a separate process, because a broken driver can kill the process that probes.
"""

import json
import sys
from importlib.metadata import version


def main() -> None:
    """Write the facts to stdout."""
    from daemon.model.backend import BLAS, device_name, mx, on_cpu

    facts = {
        "mlx": version("mlx"),
        "mlx_lm": version("mlx-lm"),
        "device": str(mx.default_device()),
        "cpu": on_cpu(),
        "name": device_name(),
        "blas": BLAS,
    }
    sys.stdout.write(json.dumps(facts, default=str) + "\n")


if __name__ == "__main__":
    main()
