"""Runs pip as if on another system: `pip_as.py '{"sys_platform": "darwin"}' install ...`.

`pip --platform` chooses wheels only: what a package asks for "on macOS" or "before Python 3.13" is
still decided by the system that pip runs on. No option changes that, so its markers are given here.
"""

import json
import sys
from typing import Any

from pip._internal.cli.main import main
from pip._vendor.packaging import markers

if __name__ == "__main__":
    environment: dict[str, str] = json.loads(sys.argv[1])
    here: Any = markers.default_environment
    markers.default_environment = lambda: {**here(), **environment}
    sys.exit(main(sys.argv[2:]))
