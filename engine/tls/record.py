"""The first record of a TLS connection: whether it is there, told without OpenSSL.

OpenSSL sets buffers aside with the first byte that it is shown of a record, some 40 KiB in all. Whoever drips
a ClientHello in shall not get them: it is gathered first (RFC 8446 section 5.1).
"""

from typing import Final

HEADER_BYTES: Final = 5  # content type, version, length
HANDSHAKE: Final = 0x16
MAJOR_VERSION: Final = 3  # of all versions from SSL 3.0 to TLS 1.3
MAX_FRAGMENT_BYTES: Final = 2**14


def is_whole_record(data: bytes | bytearray) -> bool:
    """Whether these first bytes hold a handshake record, or cannot become one any more."""
    if data[:1] not in (b"", bytes([HANDSHAKE])) or data[1:2] not in (b"", bytes([MAJOR_VERSION])):
        return True
    length = int.from_bytes(data[3:HEADER_BYTES])
    return len(data) >= HEADER_BYTES and (length > MAX_FRAGMENT_BYTES or len(data) >= HEADER_BYTES + length)
