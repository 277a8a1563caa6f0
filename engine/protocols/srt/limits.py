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

REFRESH_PACKETS: Final = 1 << 24
"""Packets that one key encrypts: libsrt's SRTO_KMREFRESHRATE. At 10 Mbit/s that is five hours."""

ANNOUNCE_PACKETS: Final = 1 << 12
"""Packets before its use that a new key is announced: libsrt's SRTO_KMPREANNOUNCE, 4 s at 10 Mbit/s."""

MIN_PASSPHRASE_BYTES: Final = 10
MAX_PASSPHRASE_BYTES: Final = 79
"""libsrt's SRTO_PASSPHRASE; some of its versions take 80."""

MIN_SEED_BYTES: Final = 16
"""Of what stream keys are made from. Give 32: as strong as the longest key."""

MIN_DERIVATION_INTERVAL_US: Final = 1_000_000
"""Between two key messages with new salts on one connection; each costs a third of a millisecond. A refresh
keeps its salt, so an honest peer needs none after the handshake, and later versions of libsrt one."""

MAX_STREAM_ID_BYTES: Final = 512
"""libsrt's MAX_SID_LENGTH. The draft says the same (section 3.2.1.3)."""

DEFAULT_MTU_BYTES: Final = 1500
"""IP packet, headers included: libsrt's SRTO_MSS."""

MIN_MTU_BYTES: Final = 76
"""Room for a handshake: libsrt's least SRTO_MSS."""

UDP_IP_HEADER_BYTES: Final = 28
"""What libsrt takes off the MTU, over IPv6 too."""

DEFAULT_FLOW_WINDOW_PACKETS: Final = 8192
"""What libsrt's default receive buffer announces."""

MIN_FLOW_WINDOW_PACKETS: Final = 2
"""libsrt calls a handshake with less invalid."""

DEFAULT_LATENCY_MS: Final = 120
"""libsrt's SRTO_LATENCY in live mode."""

MAX_LATENCY_MS: Final = 0xFFFF
"""The field has 16 bits."""

MAX_ASKED: Final = 1024
"""Conclusions that wait for a decision. Each is an address that has proved itself and about 1 KB here; a
decision takes microseconds, or a hook's round trip. libsrt's backlog is chosen by its application."""

MAX_ANSWERED: Final = 4096
"""Answers kept to be given again, some hundred bytes each; when there are more, the oldest go."""

ANSWER_LIFE_US: Final = 10_000_000
"""How long an answer is kept: a caller repeats its conclusion every 250 ms and gives up after 3 s (libsrt's
SRTO_CONNTIMEO), some applications after 10 s."""

MAX_INDUCTIONS_PER_S: Final = 500
"""Inductions of one address that are answered. An answer is as long as the question, so a forged address
receives 32 KB/s of them at most. Not fewer, since a whole venue may play from one address."""

INDUCTION_CELLS: Final = 4096
"""Counters of inductions; addresses share them by a keyed hash. So the memory is fixed, whatever comes:
20,000 forged addresses a second put five into each."""

CALL_INTERVAL_US: Final = 250_000
"""Between two attempts of a caller, as libsrt's."""

CALL_TIMEOUT_US: Final = 3_000_000
"""A caller gives up after so long: libsrt's SRTO_CONNTIMEO."""
