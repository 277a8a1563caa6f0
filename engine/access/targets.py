"""URLs that the engine itself goes to: read strictly, by one reader, before anything happens.

Attacks on such URLs live on two readers that disagree: one checks, the other connects. So what comes out here
are parts, from which the request is made; nobody reads the text again.
"""

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from engine.access.hosts import BadHost, Host, host_text, parse_host

MAX_URL_CHARACTERS: Final = 2048
"""More than any service asks for; nginx takes request lines of 8 KiB, Internet Explorer took URLs of
2,083."""

PORTS: Final = {"http": 80, "https": 443}
MAX_PORT: Final = 65535

_AUTHORITY: Final = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]+)(:(?P<port>[0-9]{0,5}))?")


class BadUrl(ValueError):
    """The engine does not go there. The message says why, and repeats nothing of the URL but its scheme: the
    rest may hold a key."""


class Target(Struct, frozen=True):
    """Where a request goes. `resource` is path and query as they stand in the URL, beginning with a slash."""

    scheme: str
    host: Host
    port: int
    resource: str

    @property
    def authority(self) -> str:
        """Host and port as a Host header has them: the scheme's own port is left out."""
        port = "" if self.port == PORTS.get(self.scheme) else f":{self.port}"
        return f"{host_text(self.host)}{port}"

    @property
    def origin(self) -> str:
        """What may be logged: the URL without path and query."""
        return f"{self.scheme}://{self.authority}"


def parse_target(url: str, schemes: Collection[str] = frozenset(PORTS)) -> Target:
    """Read a URL. schemes: those of PORTS that are welcome here. Raises BadUrl."""
    _refuse_odd_characters(url)
    try:
        parts = urlsplit(url)
    except ValueError:
        raise BadUrl("it is no URL") from None
    if parts.scheme not in schemes:
        raise BadUrl(f"only {' and '.join(sorted(schemes))} are possible here")
    host, port = _parse_authority(parts.netloc)
    resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or PORTS[parts.scheme], resource)


def _refuse_odd_characters(url: str) -> None:
    """Before the library sees it, which strips and replaces some of these."""
    if len(url) > MAX_URL_CHARACTERS:
        raise BadUrl(f"it has more than {MAX_URL_CHARACTERS} characters")
    if not all("!" <= character <= "~" for character in url) or "\\" in url:
        raise BadUrl("spaces, backslashes and letters beyond ASCII have to be percent-encoded")


def _parse_authority(authority: str) -> tuple[Host, int | None]:
    """Host and port. Not the library's own attributes: they overlook what stands between the two."""
    if "@" in authority:
        # Half of the tricks with URLs need it, and a password in a URL ends up in logs.
        raise BadUrl("a user or password in a URL is not taken; use a header, or a key in its query")
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise BadUrl("what stands for host and port is neither")
    port = int(match["port"]) if match["port"] else None
    if port is not None and not 1 <= port <= MAX_PORT:
        raise BadUrl(f"the port is not a number from 1 to {MAX_PORT}")
    try:
        return parse_host(match["host"]), port
    except BadHost as error:
        raise BadUrl(str(error)) from None
