"""Whether a request is that of a web page which somebody reads, sent behind his back.

A port on loopback is open to whoever is on the machine, and so to every page that a browser there shows. Such
a page may send what HTML forms could always send (a POST whose body calls itself text) without asking
anybody, and if its name is made to point at 127.0.0.1 it may even read the answers (DNS rebinding). What a
browser says of itself tells the difference, and a page cannot change it:

- `Sec-Fetch-Site` (Fetch Metadata, W3C) and `Origin` (RFC 6454 section 7) name the page's origin;
- `Host` is the name that the browser looked up, which for a rebound one is not ours;
- a body called `application/json` is none that is sent without asking.

Programs send none of the first two, and are not concerned by them.
"""

import ipaddress
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, cast, get_args

PageFault = Literal["foreign_page", "unknown_host", "not_json"]
PAGE_FAULTS: Final = cast("tuple[PageFault, ...]", get_args(PageFault))

FAULTS: Final = MappingProxyType[PageFault, tuple[int, str]](
    {
        "foreign_page": (403, "a web page of another origin may not ask this"),
        "unknown_host": (
            403,
            "while nobody is asked for a key here, only addresses and localhost are names for it: set keys,"
            " or have the proxy in front send another Host",
        ),
        "not_json": (415, "say what the body is with content-type: application/json"),
    }
)
"""Status and sentence."""

_OWN: Final = frozenset({"same-origin", "none"})
"""Of `Sec-Fetch-Site`: a page of this very origin, or the person himself."""
_LOOKS: Final = frozenset({"GET", "HEAD"})
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_JSON: Final = "application/json"


class Asked(NamedTuple):
    """What of a request tells who sends it; a field that is not there is empty."""

    method: str
    host: str
    origin: str = ""
    site: str = ""
    """`Sec-Fetch-Site`."""
    mode: str = ""
    """`Sec-Fetch-Mode`."""
    content_type: str = ""


def fault_of_page(asked: Asked, *, is_open: bool) -> PageFault | None:
    """Why not to answer.

    is_open: nobody is asked who he is. A rebound page has no key to show, and behind a proxy that asks for
    one the name is the proxy's.
    """
    if _is_foreign(asked):
        return "foreign_page"
    if is_open and asked.host and not _is_own_name(asked.host):
        return "unknown_host"
    if asked.method in _WITH_BODY and asked.content_type.partition(";")[0].strip().lower() != _JSON:
        return "not_json"
    return None


def _is_foreign(asked: Asked) -> bool:
    if asked.method in _LOOKS and asked.mode == "navigate":
        return False  # a link that was followed: the page it stood on does not see what comes
    if asked.site:
        return asked.site not in _OWN
    return bool(asked.origin) and asked.origin.partition("://")[2].lower() != asked.host.lower()


def _is_own_name(host: str) -> bool:
    """An address, or the one name that no resolver is asked for (RFC 6761 section 6.3)."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    name = name.rstrip(".").lower()
    return name == "localhost" or name.endswith(".localhost") or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
