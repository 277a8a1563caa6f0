"""`fanlight serve`: be the engine, in the foreground."""

import argparse
import os

from workers.commands.configuration import read_configuration
from workers.commands.standard_streams import hold_standard_streams


def run(arguments: argparse.Namespace) -> int:
    """Run the engine until it is told to stop; its exit code."""
    hold_standard_streams()
    config = read_configuration(arguments.config)
    from workers.supervisor.main import (
        run as supervise,
    )  # here: a refused file is told without waiting for it

    return supervise(config, arguments.config, os.environ)
