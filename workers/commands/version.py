"""`fanlight version`: which engine this is and what it stands on."""

import argparse
import platform
from importlib import metadata

from workers.commands.errors import EXIT_OK


def run(arguments: argparse.Namespace) -> int:
    """Print one line; no engine needs to run."""
    print(
        f"fanlight {metadata.version('fanlight')} (Python {platform.python_version()}, {platform.machine()})"
    )
    return EXIT_OK
