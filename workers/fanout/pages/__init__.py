"""The pages that a browser gets from the media port: the player, what it needs, and the list of what is live.

Files beside this module, read once. They hold no inline script or style, so that the policy sent with them
can forbid both: whatever came into a page by mistake could not run.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib import resources
from typing import Final
from urllib.parse import quote

import msgspec

HTML_TYPE: Final = "text/html; charset=utf-8"

ASSET_TYPES: Final = {
    "player.js": "text/javascript; charset=utf-8",
    "media.js": "text/javascript; charset=utf-8",
    "player.css": "text/css; charset=utf-8",
}
"""What the pages load, by the last component of its path."""

# CSP 3. 'self' in connect-src is ws: and wss: of the same host as well (section 6.7.2.8). blob: is what a
# MediaSource is attached by, data: the icon. Other sites may show the player in a frame: it acts for nobody.
_NOTHING: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src 'self'"
_PLAYER: Final = "script-src 'self'; connect-src 'self'; media-src 'self' blob:"

# A page's address may hold a key, which no other site is to learn.
_REFERRER: Final = ("Referrer-Policy", "same-origin")

PLAYER_FIELDS: Final = (("Content-Security-Policy", f"{_NOTHING}; {_PLAYER}"), _REFERRER)
"""Fields to send with the player page."""

INDEX_FIELDS: Final = (("Content-Security-Policy", _NOTHING), _REFERRER)
"""Fields to send with the list."""

_PLAYER_FILE: Final = "player.html"
_INDEX_FILE: Final = "index.html"
_LIST_MARK: Final = b"<!-- streams -->"
_NO_STREAMS: Final = "<p>Nothing is live now.</p>"


class Asset(msgspec.Struct, frozen=True):
    """A file as it is sent; `etag` has its quotes."""

    content_type: str
    body: bytes
    etag: str


def asset(name: str) -> Asset:
    """Return what the pages load by this name; KeyError for any other name."""
    return _load(name, ASSET_TYPES[name])


def player_page() -> Asset:
    """Return the player page, which is the same for every stream: its script reads the name off the path."""
    return _load(_PLAYER_FILE, HTML_TYPE)


def index_page(names: Sequence[str]) -> bytes:
    """Return the page that lists these streams, in this order, with links to their player pages."""
    frame = _load(_INDEX_FILE, HTML_TYPE).body
    items = "".join(map(_item, names))
    return frame.replace(_LIST_MARK, f"<ul>{items}</ul>".encode() if items else _NO_STREAMS.encode())


def _item(name: str) -> str:
    return f'<li><a href="/play/{quote(name)}">{escape(name)}</a></li>'


@cache
def _load(name: str, content_type: str) -> Asset:
    body = resources.files(__name__).joinpath(name).read_bytes()
    return Asset(content_type, body, f'"{hashlib.sha256(body).hexdigest()[:16]}"')
