"""Reading a configuration file for a command: from a path to a Config, or to sentences that say why not."""

import os
from pathlib import Path

from engine.config import Config, ConfigError, load
from workers.commands.errors import EXIT_FAILED, EXIT_USAGE, CommandError


def read_configuration(path: str | None) -> Config:
    """The configuration in the file (none: the defaults), with the environment laid over it.

    Raises CommandError: code 2 where the file cannot be read, 1 where it is refused.
    """
    text = _read(path) if path is not None else ""
    try:
        return load(text, os.environ)
    except ConfigError as error:
        where = f"{path}: " if path is not None else ""
        raise CommandError(*(f"{where}{problem}" for problem in error.problems)) from None


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", exit_code=EXIT_USAGE) from None
    except UnicodeDecodeError:
        raise CommandError(f"{path}: not a text in UTF-8", exit_code=EXIT_FAILED) from None
