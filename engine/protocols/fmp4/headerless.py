"""Tracks of MP3, AC-3 and E-AC-3 out of what their frames say: their codec headers are empty."""

from typing import Final

from engine.protocols.fmp4.boxes import box
from engine.protocols.fmp4.forms import Track, audio_track
from engine.protocols.fmp4.frame_headers import Ac3Header, Mp3Header
from engine.protocols.fmp4.sample_entries import audio_entry, esds

_OBJECT_MP3: Final = 0x6B  # ISO 14496-1 table 5: ISO 11172-3; players read the frames of ISO 13818-3 alike


def mp3_track(header: Mp3Header) -> Track:
    """Return the track of such frames; HLS calls them by their MPEG-4 object type, 34."""
    entry = audio_entry(b"mp4a", header.sample_rate, header.channels, esds(_OBJECT_MP3))
    return audio_track(".mp3", "mp4a.40.34", entry, header.sample_rate, header.channels, header.samples)


def ac3_track(header: Ac3Header) -> Track:
    """Return the track of such frames, with dac3 (ETSI TS 102 366 annex F.4)."""
    word = header.rate_code << 22 | header.bsid << 17 | header.bsmod << 14 | header.acmod << 11
    word |= header.lfe << 10 | header.size << 5
    return _dolby_track("ac-3", header, box(b"dac3", word.to_bytes(3, "big")))


def eac3_track(header: Ac3Header) -> Track:
    """Return the track of such frames, with dec3 for one independent substream (ETSI TS 102 366 annex
    F.6)."""
    word = header.size << 27 | header.rate_code << 22 | header.bsid << 17
    word |= header.acmod << 9 | header.lfe << 8
    return _dolby_track("ec-3", header, box(b"dec3", word.to_bytes(5, "big")))


def _dolby_track(codec: str, header: Ac3Header, config: bytes) -> Track:
    entry = audio_entry(codec.encode(), header.sample_rate, header.channels, config)
    return audio_track(codec, codec, entry, header.sample_rate, header.channels, header.samples)
