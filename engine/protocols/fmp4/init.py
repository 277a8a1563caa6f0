"""The init segment: what a decoder needs before the first chunk (ISO 14496-12 §8.2, §8.8)."""

from collections.abc import Sequence
from struct import Struct
from typing import Final

from engine.media.tags import KIND_VIDEO
from engine.protocols.fmp4.boxes import box, full_box
from engine.protocols.fmp4.errors import LocalProtocolError
from engine.protocols.fmp4.forms import DELTA_SAMPLE, SYNC_SAMPLE, Track

FIRST_TRACK_ID: Final = 1

_MAJOR_BRAND: Final = b"iso6"  # ISO 14496-12 annex E.8: default-base-is-moof, tfdt
_BRANDS: Final = b"iso6mp41"
_AV1_BRAND: Final = b"av01"  # AV1-ISOBMFF §2.1: shall be there
_MOVIE_TIMESCALE: Final = 1000
_UNDETERMINED: Final = 0x55C4  # ISO 639-2 "und" in three times five bits
_MATRIX: Final = Struct(">9i").pack(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_ENABLED_IN_MOVIE: Final = 3
_SELF_CONTAINED: Final = 1
_FULL_VOLUME: Final = 0x100

# times of creation and change, timescale, no duration; rate 1, full volume, reserved
_MVHD: Final = Struct(">8xIIIH10x")
# times, track id, reserved, no duration, reserved; layer, group, volume, reserved
_TKHD: Final = Struct(">8xI4x4x8xhhH2x")
_TKHD_SIZE: Final = Struct(">II")  # 16.16
_MDHD: Final = Struct(">8xIIHH")
# one entry: to the end, from this media time on, at rate 1; a duration that is not known is 0 (§8.6.6)
_ELST: Final = Struct(">IIiI")
_RATE_1: Final = 0x10000
_TREX: Final = Struct(">IIIII")
_WORD: Final = Struct(">I")
_TABLE: Final = bytes(4)  # no entries: all samples are in chunks


def init_segment(tracks: Sequence[Track]) -> bytes:
    """Return ftyp and moov for these tracks, ids from 1 in order; raises LocalProtocolError for none."""
    if not tracks:
        raise LocalProtocolError("a file without tracks")
    brands = _BRANDS + (_AV1_BRAND if any(track.codec == "av01" for track in tracks) else b"")
    ids = range(FIRST_TRACK_ID, FIRST_TRACK_ID + len(tracks))
    boxes = [_trak(number, track) for number, track in zip(ids, tracks, strict=True)]
    defaults = [_trex(number, track) for number, track in zip(ids, tracks, strict=True)]
    moov = box(b"moov", _mvhd(ids.stop), *boxes, box(b"mvex", *defaults))
    return box(b"ftyp", _MAJOR_BRAND, _WORD.pack(0), brands) + moov


def _mvhd(next_track_id: int) -> bytes:
    head = _MVHD.pack(_MOVIE_TIMESCALE, 0, 0x10000, _FULL_VOLUME)
    return full_box(b"mvhd", 0, 0, head, _MATRIX, bytes(24), _WORD.pack(next_track_id))


def _trex(number: int, track: Track) -> bytes:
    flags = DELTA_SAMPLE if track.kind == KIND_VIDEO else SYNC_SAMPLE
    return full_box(b"trex", 0, 0, _TREX.pack(number, 1, 0, 0, flags))


def _trak(number: int, track: Track) -> bytes:
    volume = 0 if track.kind == KIND_VIDEO else _FULL_VOLUME
    size = _TKHD_SIZE.pack((track.shown_width or track.width) << 16, track.height << 16)
    tkhd = full_box(b"tkhd", 0, _ENABLED_IN_MOVIE, _TKHD.pack(number, 0, 0, volume), _MATRIX, size)
    return box(b"trak", tkhd, _edts(track), _mdia(track))


def _edts(track: Track) -> bytes:
    """What comes before the first sound that is meant to be heard is cut (Opus-in-ISOBMFF §4.4)."""
    if not track.lead_ticks:
        return b""
    return box(b"edts", full_box(b"elst", 0, 0, _ELST.pack(1, 0, track.lead_ticks, _RATE_1)))


def _mdia(track: Track) -> bytes:
    mdhd = full_box(b"mdhd", 0, 0, _MDHD.pack(track.timescale, 0, _UNDETERMINED, 0))
    video = track.kind == KIND_VIDEO
    handler, name = (b"vide", b"video\0") if video else (b"soun", b"audio\0")
    hdlr = full_box(b"hdlr", 0, 0, bytes(4), handler, bytes(12), name)
    header = full_box(b"vmhd", 0, 1, bytes(8)) if video else full_box(b"smhd", 0, 0, bytes(4))
    url = full_box(b"url ", 0, _SELF_CONTAINED)
    dinf = box(b"dinf", full_box(b"dref", 0, 0, _WORD.pack(1), url))
    return box(b"mdia", mdhd, hdlr, box(b"minf", header, dinf, _stbl(track)))


def _stbl(track: Track) -> bytes:
    stsd = full_box(b"stsd", 0, 0, _WORD.pack(1), track.sample_entry)
    tables = [full_box(kind, 0, 0, _TABLE) for kind in (b"stts", b"stsc", b"stco")]
    return box(b"stbl", stsd, *tables, full_box(b"stsz", 0, 0, _TABLE, _TABLE))
