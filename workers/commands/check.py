"""`fanlight check`: would `serve` take this file? Tells every problem, each with its key.

The certificate is looked at as well, and refused once it has expired, which `serve` would only log; and so
are the public keys that tokens are checked with, of which `serve` leaves out what is none.
"""

import argparse

from engine.access.trust import unusable_keys
from workers.commands.configuration import read_configuration
from workers.commands.errors import EXIT_OK, CommandError
from workers.runtime.certificates import Unusable, check, check_time


def run(arguments: argparse.Namespace) -> int:
    """Print one line if the file is good; raises CommandError with the problems if not."""
    config = read_configuration(arguments.file)
    if problems := unusable_keys(config.access):
        raise CommandError(*(f"{arguments.file}: {problem}" for problem in problems))
    tls = config.tls
    if tls.enabled:
        try:
            check_time(tls, check(tls))
        except Unusable as error:
            raise CommandError(f"{arguments.file}: {error}") from None
    print(f"{arguments.file}: good")
    return EXIT_OK
