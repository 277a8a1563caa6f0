"""H.264 and HEVC: from the payloads of PES packets to FLV bodies.

A PES packet carries an access unit. Where it carries more, they are told apart by their delimiters, and those
after the first stand one frame step apart. What becomes of the NAL units:

- slices, SEI, filler and whatever else there is pass bit by bit, behind lengths instead of start codes;
- parameter sets come out as codec headers, before the first picture and whenever they change;
- access unit delimiters are left out: FLV's tags delimit.

Pictures before the first parameter sets, and those with a hole, are left out and counted: a torn slice stops
browsers' decoders for good, a missing picture does not.

Which pictures are keyframes? IDR pictures; in HEVC any IRAP picture (BLA, IDR, CRA); and pictures with a
recovery point SEI message, whatever its count. That is how encoders with open GOPs (broadcasters') and with
intra refresh mark where a decoder may begin, and without it nobody could join such streams at all. The few
leading pictures of an open GOP, or the first half second of an intra refresh, are then shown as well as the
decoder can. ffmpeg's rule is the same for H.264.
"""

from collections.abc import Callable
from struct import Struct
from typing import Final, NamedTuple

from engine.media.bits import unescape
from engine.media.tags import KIND_VIDEO
from engine.protocols.mpegts import avc_config, hevc_config
from engine.protocols.mpegts.annexb import split_annexb
from engine.protocols.mpegts.clock import TICKS_PER_S, ms_of, us_of
from engine.protocols.mpegts.events import Media, TsEvent
from engine.protocols.mpegts.parameter_sets import Found, ParameterSets, SetsByKind
from engine.protocols.mpegts.statistics import TsStats

_OTHER, _SLICE, _KEY_SLICE, _SET, _SEI, _DELIMITER = range(6)
_LENGTH: Final = Struct(">I")
_CTS_MASK: Final = 0xFFFFFF

_RECOVERY_POINT: Final = 6  # H.264 §D.1.8, H.265 §D.2.8
_MAX_SEI_BYTES: Final = 1024  # a recovery point stands in the first message or the second
_MAX_SEI_MESSAGES: Final = 16


class Dialect(NamedTuple):
    """What tells H.264 and HEVC apart here. roles is by the first byte of a NAL unit."""

    roles: tuple[int, ...]
    kind_shift: int
    kind_mask: int
    nal_header_bytes: int
    set_kinds: tuple[int, ...]
    encode_config: Callable[[SetsByKind], bytes]
    config_head: bytes
    key_head: bytes
    inter_head: bytes


def _roles(shift: int, mask: int, by_kind: dict[int, int]) -> tuple[int, ...]:
    return tuple(by_kind.get(first >> shift & mask, _OTHER) for first in range(256))


AVC: Final = Dialect(
    # H.264 table 7-1: slices and their partitions, IDR, SEI, parameter sets, delimiter
    roles=_roles(
        0,
        31,
        {1: _SLICE, 2: _SLICE, 3: _SLICE, 4: _SLICE, 5: _KEY_SLICE, 6: _SEI, 7: _SET, 8: _SET, 9: _DELIMITER},
    ),
    kind_shift=0,
    kind_mask=31,
    nal_header_bytes=1,
    set_kinds=(avc_config.SPS, avc_config.PPS),
    encode_config=avc_config.encode_avc_config,
    config_head=b"\x17\x00\x00\x00\x00",
    key_head=b"\x17\x01",
    inter_head=b"\x27\x01",
)
HEVC: Final = Dialect(
    # H.265 table 7-1: slices, IRAP pictures, parameter sets, delimiter, prefix SEI
    roles=_roles(
        1,
        63,
        {
            **dict.fromkeys(range(10), _SLICE),
            **dict.fromkeys(range(16, 24), _KEY_SLICE),
            **dict.fromkeys(range(32, 35), _SET),
            35: _DELIMITER,
            39: _SEI,
        },
    ),
    kind_shift=1,
    kind_mask=63,
    nal_header_bytes=2,
    set_kinds=(hevc_config.VPS, hevc_config.SPS, hevc_config.PPS),
    encode_config=hevc_config.encode_hevc_config,
    config_head=b"\x90hvc1",
    key_head=b"\x91hvc1",
    inter_head=b"\xa1hvc1",
)


class _AccessUnit:
    """NAL units of one picture, sorted as they come."""

    __slots__ = ("coded", "kept", "key", "seis", "sets")

    def __init__(self) -> None:
        self.kept: list[bytes] = []
        self.sets: list[Found] = []
        self.seis: list[bytes] = []
        self.coded = self.key = False


class VideoTrack:
    """One video track: PES payloads in, FLV messages out."""

    def __init__(self, dialect: Dialect, stats: TsStats) -> None:
        self._dialect = dialect
        self._stats = stats
        self._sets = ParameterSets(dialect.set_kinds, dialect.nal_header_bytes, dialect.encode_config, stats)
        self._told: bytes | None = None  # the record of the newest codec header
        self._dts: int | None = None
        self._step = TICKS_PER_S // 25

    def take(self, payload: bytes, times: tuple[int, int] | None, *, torn: bool) -> list[TsEvent]:
        """Take the payload of one PES packet: its decoding and its presentation time if it has them, and
        whether its end is missing."""
        nals = None if torn else split_annexb(payload)
        if nals is None:
            self._stats.bad_units += not torn
            return []
        events: list[TsEvent] = []
        for unit in self._access_units(nals):
            times = self._times(times)
            if times is None:
                self._stats.untimed_units += 1
            else:
                events += self._picture(unit, *times)
            times = None
        return events

    def _access_units(self, nals: list[bytes]) -> list[_AccessUnit]:
        """Sort the NAL units, and begin a new access unit at a delimiter behind a picture."""
        roles, dialect = self._dialect.roles, self._dialect
        unit = _AccessUnit()
        units = [unit]
        for nal in nals:
            role = roles[nal[0]]
            if role == _DELIMITER:
                if unit.coded:
                    unit = _AccessUnit()
                    units.append(unit)
                continue
            if role == _SET:
                unit.sets.append((nal[0] >> dialect.kind_shift & dialect.kind_mask, nal))
                continue
            unit.kept.append(nal)
            if role == _SLICE:
                unit.coded = True
            elif role == _KEY_SLICE:
                unit.coded = unit.key = True
            elif role == _SEI:
                unit.seis.append(nal)
        return units

    def _times(self, times: tuple[int, int] | None) -> tuple[int, int] | None:
        """Return the given times, or else those one step after the last ones."""
        last = self._dts
        if times is None:
            if last is None:
                return None
            times = (last + self._step, last + self._step)
        elif last is not None and 0 < times[0] - last <= TICKS_PER_S:
            self._step = times[0] - last
        self._dts = times[0]
        return times

    def _picture(self, unit: _AccessUnit, dts: int, pts: int) -> list[TsEvent]:
        if unit.sets:
            self._sets.take(unit.sets)
        if not unit.coded:
            return []
        config = self._sets.config
        if config is None:
            self._stats.headless_frames += 1
            return []
        dialect, dts_ms = self._dialect, ms_of(dts)
        key = unit.key or self._recovers(unit.seis)
        cts_ms = (ms_of(pts) - dts_ms) & _CTS_MASK
        parts = [dialect.key_head if key else dialect.inter_head, cts_ms.to_bytes(3, "big")]
        for nal in unit.kept:
            parts += (_LENGTH.pack(len(nal)), nal)
        stamp_ms, dts_us = dts_ms & 0xFFFFFFFF, us_of(dts)
        picture = Media(KIND_VIDEO, stamp_ms, b"".join(parts), dts_us, us_of(pts))
        if config == self._told:
            return [picture]
        self._told = config
        return [Media(KIND_VIDEO, stamp_ms, dialect.config_head + config, dts_us, dts_us), picture]

    def _recovers(self, seis: list[bytes]) -> bool:
        return any(has_recovery_point(nal, self._dialect.nal_header_bytes) for nal in seis)


def has_recovery_point(nal: bytes, header_bytes: int) -> bool:
    """Look for a recovery point among the messages of an SEI NAL unit (H.264 §7.3.2.3.1, H.265 §7.3.5)."""
    data = unescape(nal[header_bytes:_MAX_SEI_BYTES])
    at = 0
    for _ in range(_MAX_SEI_MESSAGES):
        kind, at = _sei_number(data, at)
        size, at = _sei_number(data, at)
        if at >= len(data):
            return False
        if kind == _RECOVERY_POINT:
            return True
        at += size
    return False


def _sei_number(data: bytes, at: int) -> tuple[int, int]:
    """Read a number of which each 0xFF adds 255; return it and what follows."""
    end = at
    while end < len(data) and data[end] == 0xFF:
        end += 1
    last = data[end] if end < len(data) else 0
    return 255 * (end - at) + last, end + 1
