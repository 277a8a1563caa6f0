"""What one transport stream may make us hold or do. Each number: unit, reason, precedent."""

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

MAX_PES_BYTES: Final = 8 * MIB
"""One PES packet of video, whose length may be unsaid. A 4K keyframe at 100 Mbit/s is about 3 MB; the same as
an RTMP message. ffmpeg splits at 200 KiB."""

MAX_PES_PACKETS: Final = MAX_PES_BYTES // 128
"""Transport packets of one PES packet, because tiny payloads cost more memory than they bring."""

MAX_AUDIO_PES_BYTES: Final = 128 * KIB
"""One PES packet of audio. Its length field ends at 64 KiB; some muxers leave it 0 all the same."""

MAX_SYNC_SEARCH_BYTES: Final = 64 * KIB
"""So many bytes in a row without packets: not a transport stream. VLC gives up after 204 bytes when it
probes, ffmpeg after 64 KiB."""

MAX_SECTION_BYTES: Final = 1024
"""Tables of programmes, 3 + 1021 (ISO 13818-1 §2.4.4.4 and §2.4.4.9, section_length)."""

MAX_PROGRAMMES: Final = 256
"""Programmes listed in one stream. A satellite transponder has some twenty."""

MAX_NAL_UNITS: Final = 4096
"""NAL units of one access unit. A 4K keyframe of 3 MB in slices of 1,400 bytes has 2,200."""

MAX_PARAMETER_SETS: Final = 31
"""Of each sort. Encoders send one or two; the count of SPS in an AVC configuration has five bits."""

MAX_PARAMETER_SET_BYTES: Final = 4 * KIB
"""An SPS with all scaling lists stays under 1 KiB."""

MAX_AUDIO_FRAMES: Final = 256
"""Audio frames of one PES packet; what follows is left out. ffmpeg puts 0.2 s into one, 80 of Opus'
shortest."""

MAX_EVENTS_PER_S: Final = 20_000
"""Messages in one second of the caller's clock. A frame of a few bytes costs as much as a large one, here and
all the way to the ring. A stream has 200; one that returns after 8 s in a receiver's buffer brings 1,600."""

MAX_AUDIO_FRAME_BYTES: Final = 32 * KIB
"""One audio frame to be written: it has to fit a PES packet with a length, 64 KiB. Eight channels of Opus at
its highest rate come to 10 KB."""

MAX_COMPOSITION_S: Final = 10
"""Between decoding and showing a picture. H.264 holds back 16 frames at most; 10 s is nonsense at any frame
rate that is sent live, and the decoding time of such a packet is taken to be wrong."""

MAX_OPENING_US: Final = 1_000_000
"""How long the beginning of a stream is held back for a track that has not shown itself. ffmpeg gathers audio
for 350 ms at most before it sends any."""

MAX_OPENING_MESSAGES: Final = 512
"""And how much of it: a second of 120 pictures and of audio in frames of 2.5 ms."""
