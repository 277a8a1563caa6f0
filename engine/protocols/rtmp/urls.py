"""rtmp:// URLs, taken apart for a client."""

from typing import Final

import msgspec

from engine.protocols.rtmp.errors import LocalProtocolError

DEFAULT_PORT: Final = 1935


class Url(msgspec.Struct, frozen=True):
    """An rtmp:// URL in its parts."""

    host: str
    port: int
    app: str
    name: str
    """With the query, as it is sent."""
    tc_url: str


def split_url(url: str) -> Url:
    """The last segment is the stream, everything before it the app, as ffmpeg splits.

    Raises LocalProtocolError if it is not an rtmp URL.
    """
    scheme, mark, rest = url.partition("://")
    authority, _, path = rest.partition("/")
    host, colon, port = authority.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = authority, str(DEFAULT_PORT)
    if scheme != "rtmp" or not mark or not host or not port.isdecimal():
        raise LocalProtocolError(f"not an rtmp URL: {url}")
    before, question, query = path.partition("?")
    app, _, name = before.rpartition("/")
    tc_url = f"rtmp://{authority}/{app}"
    return Url(host.strip("[]"), int(port), app, name + question + query, tc_url)
