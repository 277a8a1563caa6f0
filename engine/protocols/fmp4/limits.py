"""What one stream may make us hold or do. Each number: unit, reason, precedent."""

from typing import Final

KIB: Final = 1024

MAX_CONFIG_BYTES: Final = 64 * KIB
"""A codec header; it stands in every init segment. Encoders' come to 3 KiB or less, and the lengths inside
avcC and hvcC have 16 bits."""

MAX_NAL_UNITS: Final = 4096
"""NAL units of one access unit. A 4K keyframe of 3 MB in slices of 1,400 bytes has 2,200."""

MAX_COMPOSITION_US: Final = 10_000_000
"""Between decoding and showing a picture. H.264 holds back 16 frames at most; beyond 10 s it is nonsense at
any frame rate that is sent live, and such a picture is shown when it is decoded."""

MAX_SYNC_FRAMES: Final = 24
"""Sync frames of E-AC-3 in one message: six blocks in frames of one, three dependent substreams each."""
