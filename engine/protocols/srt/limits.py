"""What one SRT peer may make us hold or do. Each number: unit, reason, precedent."""

from typing import Final

MAX_DATAGRAM_BYTES: Final = 1472
"""The largest datagram taken: an Ethernet frame's 1500 bytes without the IPv4 and UDP headers, which is what
libsrt's default MSS of 1500 stands for. Longer ones were fragmented on the way or are no SRT."""

HEADER_BYTES: Final = 16
"""Every packet begins with four words (draft-sharabayko-srt section 3)."""

MAX_PAYLOAD_BYTES: Final = MAX_DATAGRAM_BYTES - HEADER_BYTES
"""1456, as libsrt's SRT_LIVE_MAX_PLSIZE."""

MAX_ACK_WORDS: Final = 8
"""Words of an ACK. Seven are in use; libsrt 1.0.2 alone sent an eighth."""

MAX_LOSS_WORDS: Final = MAX_PAYLOAD_BYTES // 4
"""Words of one loss list: what a datagram holds, and where libsrt stops filling one."""

MAX_KM_BYTES: Final = 104
"""A key material message with two 256-bit keys: 16 of header, 16 of salt, 64 of keys, 8 of the key wrap's
check (draft section 3.2.2). libsrt before 1.5.6 copied whatever came into a buffer on its stack
(CVE-2026-55868, CVE-2026-55869)."""
