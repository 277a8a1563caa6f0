"""Limits of the FLV reader."""

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

# As for an RTMP message, from which tags come (DESIGN, limits). The format itself allows 16 MiB less one
# byte.
MAX_TAG_BODY_BYTES: Final = 8 * MIB
# Annex E.2: version 1 has 9 bytes; the field exists so that a later version may have more.
MAX_HEADER_BYTES: Final = 1 * KIB
