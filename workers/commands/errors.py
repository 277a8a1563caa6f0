"""How a subcommand fails: one clear line and an exit code, never a traceback.

Exit codes, the same for every subcommand:

    0    done
    1    tried and failed (refused configuration, broken connection, engine that did not start)
    2    could not try: wrong arguments, a file or an address that is not there
    130  stopped by Ctrl-C before it was done (128 + SIGINT, as shells count)
"""

from typing import Final

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130


class CommandError(Exception):
    """A failure the user can act on.

    Args:
        lines: one sentence each, without a full stop; shown as ``fanlight: sentence``.
        exit_code: one of the codes above.
    """

    def __init__(self, *lines: str, exit_code: int = EXIT_FAILED) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
        self.exit_code = exit_code
