"""Asking a running engine's API, for commands: plain http.client, whose only surprise is an OSError.

Not urllib: it would send a question for 127.0.0.1 through a proxy that the environment names.
"""

import os
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final, TypeVar
from urllib.parse import urlsplit

import msgspec

from workers.commands.errors import EXIT_USAGE, CommandError

KEY_VARIABLE: Final = "FANLIGHT_TOP_KEY"
"""A key or token for the API. In the environment, since other users of the machine can read command lines."""

TIMEOUT_S: Final = 5.0
"""Longer than the API itself waits for its workers."""
MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
"""Ten thousand streams are some 10 MB."""

T = TypeVar("T")


class Unreachable(CommandError):
    """Nobody answers there, or not what an engine answers."""


class Api:
    """One engine's API. A connection is made for each question: it may be another process by then."""

    def __init__(self, url: str) -> None:
        """Raise CommandError if `url` is no address."""
        parts = urlsplit(url)
        try:
            self._address = parts.hostname or "", parts.port
        except ValueError:  # the port is none
            self._address = "", None
        if parts.scheme not in ("http", "https") or not self._address[0]:
            raise CommandError(f"{url}: not an address like http://127.0.0.1:1985", exit_code=EXIT_USAGE)
        self.url = url
        self._kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._path = parts.path.rstrip("/")
        key = os.environ.get(KEY_VARIABLE, "")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def get(self, path: str, kind: type[T]) -> T:
        """The answer to GET `path`, in the shape `kind`. Raises Unreachable."""
        status, body = self.ask(path)
        if status in (401, 403):
            raise Unreachable(f"{self.url}: it takes a key or a token, in {KEY_VARIABLE}")
        if status != 200:
            raise Unreachable(f"{self.url}{path}: answered {status}")
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.MsgspecError:
            raise Unreachable(f"{self.url}{path}: that is no engine of this version") from None

    def ask(self, path: str) -> tuple[int, bytes]:
        """Status and body of GET `path`. Raises Unreachable."""
        connection = self._kind(*self._address, timeout=TIMEOUT_S)
        try:
            connection.request("GET", self._path + path, headers=self._headers)
            answer = connection.getresponse()
            return answer.status, answer.read(MAX_ANSWER_BYTES)
        except (OSError, HTTPException, ValueError) as error:
            raise Unreachable(f"{self.url}: no engine answers ({_reason(error)})") from None
        finally:
            connection.close()


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
