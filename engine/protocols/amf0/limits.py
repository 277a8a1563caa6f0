"""How much AMF0 a peer may make us hold. Each number: unit, reason, precedent."""

from typing import Final

MAX_DEPTH: Final = 16
"""Containers inside containers. Real clients use two or three (the FourCC maps of enhanced RTMP inside the
command object). flvmeta#29 crashed on 70,000 nested arrays; ZLMediaKit#4787 shows 64 to be too generous."""

MAX_NODES: Final = 1024
"""Values in one message, containers included. The longest `onMetaData` seen in the wild (FLV files with a
keyframe index aside, which nobody streams live) has about 60. Bounds the memory a small body can expand to:
a null takes 1 byte on the wire and 8 in a Python list."""

MAX_STRING_BYTES: Final = 64 * 1024
"""One string or key. A short string cannot be longer anyway (16-bit length, AMF0 section 1.3.1); a long
string announces up to 4 GiB. Tokens in stream names, the longest strings that matter, stay under 4 KiB."""
