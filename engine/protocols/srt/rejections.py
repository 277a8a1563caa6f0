"""Why a handshake was refused (libsrt's srt.h and access_control.h).

Three ranges: below 1000 the library's own reasons, from 1000 those of applications that everybody shares
(400 to 599 of them with HTTP's meanings), from 2000 an application's private ones. In the handshake's request
field a reason travels with 1000 added, since small numbers are taken there.
"""

from enum import IntEnum
from typing import Final

_ON_THE_WIRE: Final = 1000

FIRST_SHARED: Final = 1000
FIRST_PRIVATE: Final = 2000
LAST: Final = 2999


class Rejection(IntEnum):
    """The known reasons. A peer may send others within the ranges."""

    UNKNOWN = 0
    SYSTEM = 1
    PEER = 2
    RESOURCE = 3
    ROGUE = 4
    BACKLOG = 5
    INTERNAL = 6
    CLOSE = 7
    VERSION = 8
    RENDEZVOUS_COOKIE = 9
    BAD_SECRET = 10
    UNSECURE = 11
    MESSAGE_API = 12
    CONGESTION = 13
    FILTER = 14
    GROUP = 15
    TIMEOUT = 16
    CRYPTO = 17

    FALLBACK = 1000
    KEY_NOT_SUPPORTED = 1001
    FILE_PATH = 1002
    HOST_NOT_FOUND = 1003

    BAD_REQUEST = 1400
    UNAUTHORIZED = 1401
    OVERLOAD = 1402
    FORBIDDEN = 1403
    NOT_FOUND = 1404
    BAD_MODE = 1405
    UNACCEPTABLE = 1406
    CONFLICT = 1409
    MEDIA_NOT_SUPPORTED = 1415
    LOCKED = 1423
    FAILED_DEPENDENCY = 1424
    SERVER_ERROR = 1500
    UNIMPLEMENTED = 1501
    GATEWAY = 1502
    DOWN = 1503
    SERVICE_VERSION = 1505
    NO_ROOM = 1507


SENTENCES: Final[dict[Rejection, str]] = {
    Rejection.UNKNOWN: "no reason given",
    Rejection.SYSTEM: "a system function failed",
    Rejection.PEER: "the peer refused",
    Rejection.RESOURCE: "memory or another resource has run out",
    Rejection.ROGUE: "the peer's handshake makes no sense",
    Rejection.BACKLOG: "too many handshakes are waiting",
    Rejection.INTERNAL: "internal error",
    Rejection.CLOSE: "the listener is closing",
    Rejection.VERSION: "the peer's version of SRT is too old",
    Rejection.RENDEZVOUS_COOKIE: "rendezvous cookie collision",
    Rejection.BAD_SECRET: "wrong passphrase",
    Rejection.UNSECURE: "a passphrase is missing, or not expected",
    Rejection.MESSAGE_API: "the peer wants stream mode, not live mode",
    Rejection.CONGESTION: "the peer wants another congestion control than live",
    Rejection.FILTER: "the peer wants a packet filter",
    Rejection.GROUP: "the peer wants a socket group",
    Rejection.TIMEOUT: "no answer in time",
    Rejection.CRYPTO: "the peer's way of encryption is not supported",
    Rejection.FALLBACK: "the application refused",
    Rejection.KEY_NOT_SUPPORTED: "a key in the stream id is not supported",
    Rejection.FILE_PATH: "file path not found",
    Rejection.HOST_NOT_FOUND: "host not found",
    Rejection.BAD_REQUEST: "the stream id cannot be understood",
    Rejection.UNAUTHORIZED: "not authorised",
    Rejection.OVERLOAD: "overloaded, or a limit is reached",
    Rejection.FORBIDDEN: "not allowed",
    Rejection.NOT_FOUND: "no such stream",
    Rejection.BAD_MODE: "mode not supported",
    Rejection.UNACCEPTABLE: "parameters not acceptable",
    Rejection.CONFLICT: "somebody else is publishing this stream",
    Rejection.MEDIA_NOT_SUPPORTED: "type of media not supported",
    Rejection.LOCKED: "locked",
    Rejection.FAILED_DEPENDENCY: "something that this depends on is missing",
    Rejection.SERVER_ERROR: "internal server error",
    Rejection.UNIMPLEMENTED: "not implemented",
    Rejection.GATEWAY: "the server behind refused",
    Rejection.DOWN: "down for maintenance",
    Rejection.SERVICE_VERSION: "version not supported",
    Rejection.NO_ROOM: "no room to store",
}


def request_of(code: int) -> int:
    """The handshake's request field that says this reason."""
    return code + _ON_THE_WIRE


def code_of(request: int) -> int | None:
    """The reason that a handshake's request field says, None if it is no rejection.

    The field is 32 bits wide, and signed in libsrt: conclusion is -1 there.
    """
    code = request - _ON_THE_WIRE
    return code if 0 <= code < 0x8000_0000 - _ON_THE_WIRE else None


def sentence(code: int) -> str:
    """The reason for people: ours if known, else which range it is in."""
    try:
        return SENTENCES[Rejection(code)]
    except ValueError:
        return f"reason {code}" if code < FIRST_PRIVATE else f"the peer's own reason {code}"
