"""`fanlight check`: would `serve` take this file? Tells every problem, each with its key.

The certificate is looked at as well, and refused once it has expired, which `serve` would only log.
"""

import argparse

from workers.commands.configuration import read_configuration
from workers.commands.errors import EXIT_OK, CommandError
from workers.runtime.certificates import Unusable, check, check_time


def run(arguments: argparse.Namespace) -> int:
    """Print one line if the file is good; raises CommandError with the problems if not."""
    tls = read_configuration(arguments.file).tls
    if tls.enabled:
        try:
            check_time(tls, check(tls))
        except Unusable as error:
            raise CommandError(f"{arguments.file}: {error}") from None
    print(f"{arguments.file}: good")
    return EXIT_OK
