"""`fanlight check`: would `serve` take this file? Tells every problem, each with its key."""

import argparse

from workers.commands.configuration import read_configuration
from workers.commands.errors import EXIT_OK


def run(arguments: argparse.Namespace) -> int:
    """Print one line if the file is good; raises CommandError with the problems if not."""
    read_configuration(arguments.file)
    print(f"{arguments.file}: good")
    return EXIT_OK
