"""What a reader has seen, good and bad; and what a writer has written."""

import msgspec


class TsStats(msgspec.Struct):
    """Totals since the reader began. Whatever was left out of the media is in one of these."""

    packets: int = 0
    null_packets: int = 0
    foreign_packets: int = 0
    """Of other programmes, further tracks, and tables that are not read."""
    scrambled_packets: int = 0
    transport_errors: int = 0
    """Packets that a demodulator or the like has marked as damaged."""
    malformed_packets: int = 0
    """An adaptation field longer than its packet, or the reserved value of its control bits."""
    sync_losses: int = 0
    skipped_bytes: int = 0
    """Bytes between packets, while looking for the next one."""
    continuity_errors: int = 0
    duplicate_packets: int = 0
    discontinuities: int = 0
    """Announced by the discontinuity indicator."""
    bad_tables: int = 0
    """Sections with a wrong CRC32 or of impossible shape."""
    tables: int = 0
    """New versions of PAT and PMT."""
    damaged_units: int = 0
    """PES packets with a hole in them: video is left out as a whole, of audio the frames before the hole
    stay."""
    oversized_units: int = 0
    bad_units: int = 0
    """PES packets or access units that make no sense, or are scrambled."""
    stray_packets: int = 0
    """Media packets outside any PES packet, which follow damage or a start in the middle."""
    untimed_units: int = 0
    """Left out because no time is known for them yet."""
    headless_frames: int = 0
    """Pictures before the first parameter sets, audio before the first configuration: nobody can decode
    them."""
    bad_frames: int = 0
    """Times that audio frames were not where they should be, and frames of a form that FLV cannot carry."""
    early_units: int = 0
    """Pictures given out at their last packet instead of at the next picture's first."""
    pcr_jitter_us: int = 0
    """Smoothed difference between the spacing of clock references and that of their arrival, as in RFC 3550
    §6.4.1."""


class WriterStats(msgspec.Struct):
    """Totals since the writer began."""

    frames: int = 0
    left_out: int = 0
    """Frames and codec headers for which a transport stream has no form, or that could not be read."""
