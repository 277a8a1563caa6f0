"""Chunks: one moof and one mdat with a few frames of each track (ISO 14496-12 §8.8).

    prft        when a capture time is given (§8.16.5)
    moof        mfhd: number of the chunk
      traf      per track with samples: tfhd (offsets count from moof), tfdt of 64 bits, one trun
    mdat        the frames of the first track, then those of the second

All lengths follow from the numbers of samples, so that each traf is one pack up to its first row.
"""

from collections.abc import Mapping, Sequence
from struct import Struct
from typing import Final

from engine.media.tags import KIND_VIDEO
from engine.protocols.fmp4.errors import LocalProtocolError
from engine.protocols.fmp4.forms import DELTA_SAMPLE, SYNC_SAMPLE, Sample, Track
from engine.protocols.fmp4.init import FIRST_TRACK_ID
from engine.protocols.fmp4.lines import AudioLine, Line, Run, VideoLine

# moof, mfhd: version and flags, sequence number
_MOOF: Final = Struct(">I4sI4sII")
# traf; tfhd: flags, track id, default flags; tfdt: version and flags, time; trun: version and flags, number
# of samples, data offset
_TRAF: Final = Struct(">I4sI4sIIII4sIQI4sIIi")
_TFHD_BYTES: Final = 20
_TFDT_BYTES: Final = 20
_TRUN_BYTES: Final = 20
_TRAF_HEAD_BYTES: Final = 8
_TFHD_FLAGS: Final = 0x020020  # §8.8.7.1: default-base-is-moof, default-sample-flags-present
_TFDT_64: Final = 1 << 24
_TRUN_V1: Final = 1 << 24  # §8.8.8: composition offsets are signed
_ROW_FLAGS: Final = {False: 0x0301, True: 0x0F01}  # data offset; duration, size; of video flags, offset too
_MDAT: Final = Struct(">I4s")
_MASK_32: Final = 0xFFFFFFFF

# prft: version 1 and flags, track id, NTP time, media time
_PRFT: Final = Struct(">I4sIIQQ")
_PRFT_FORM: Final = 1 << 24 | 24  # the time is that of capture
_NTP_EPOCH_US: Final = 2_208_988_800_000_000  # from 1900 to 1970, RFC 868
_MASK_64: Final = (1 << 64) - 1
_US: Final = 1_000_000


class _Lane:
    """One track of the file."""

    def __init__(self, number: int, track: Track) -> None:
        self.number = number
        self.kind = track.kind
        self.timescale = track.timescale
        self.lead_ticks = track.lead_ticks
        self.is_video = track.kind == KIND_VIDEO
        self._line: Line = VideoLine() if self.is_video else AudioLine(track)
        self._flags = DELTA_SAMPLE if self.is_video else SYNC_SAMPLE

    def run(self, samples: Sequence[Sample], end_us: int | None) -> Run:
        return self._line.run(samples, end_us)

    def head(self, run: Run, traf_bytes: int, data_offset: int) -> bytes:
        """Return a traf up to its first row."""
        return _TRAF.pack(
            traf_bytes, b"traf",
            _TFHD_BYTES, b"tfhd", _TFHD_FLAGS, self.number, self._flags,
            _TFDT_BYTES, b"tfdt", _TFDT_64, run.ticks + self.lead_ticks,
            traf_bytes - _TRAF_HEAD_BYTES - _TFHD_BYTES - _TFDT_BYTES, b"trun",
            _TRUN_V1 | _ROW_FLAGS[self.is_video], len(run.rows), data_offset,
        )  # fmt: skip


class ChunkWriter:
    """Writes the chunks that follow an init segment of the same tracks."""

    def __init__(self, tracks: Sequence[Track]) -> None:
        if not tracks:
            raise LocalProtocolError("a file without tracks")
        self._lanes = [_Lane(number, track) for number, track in enumerate(tracks, FIRST_TRACK_ID)]
        self._kinds = {lane.kind for lane in self._lanes}
        self._number = 0

    def chunk(
        self,
        samples: Sequence[Sample],
        ends_us: Mapping[int, int],
        *,
        capture: tuple[int, int] | None = None,
    ) -> bytes:
        """Return one chunk with these samples, which are in order of decoding for each kind.

        ends_us: for each kind the decoding time of its next sample; where that is not known, the last
        duration is taken once more. capture: microseconds since 1970, and the decoding time to which they
        belong. Raises LocalProtocolError for no samples, and for some of a kind that has no track.
        """
        if not samples:
            raise LocalProtocolError("a chunk without samples")
        if any(sample.kind not in self._kinds for sample in samples):
            raise LocalProtocolError("a sample without a track")
        self._number += 1
        runs, data = [], []
        for lane in self._lanes:
            own = [sample for sample in samples if sample.kind == lane.kind]
            if own:
                runs.append((lane, lane.run(own, ends_us.get(lane.kind))))
                data.append([sample.data for sample in own])
        return b"".join(self._pieces(runs, data, capture))

    def _pieces(
        self, runs: list[tuple[_Lane, Run]], data: list[list[bytes]], capture: tuple[int, int] | None
    ) -> list[bytes]:
        pieces = [] if capture is None else [self._prft(*capture)]
        traf_bytes = [_TRAF.size + len(run.rows) * len(run.rows[0]) for _, run in runs]
        moof_bytes = _MOOF.size + sum(traf_bytes)
        pieces.append(_MOOF.pack(moof_bytes, b"moof", _MOOF.size - 8, b"mfhd", 0, self._number & _MASK_32))
        offset = moof_bytes + _MDAT.size
        for (lane, run), size, frames in zip(runs, traf_bytes, data, strict=True):
            pieces.append(lane.head(run, size, offset))
            pieces += run.rows
            offset += sum(map(len, frames))
        pieces.append(_MDAT.pack(offset - moof_bytes, b"mdat"))
        for frames in data:
            pieces += frames
        return pieces

    def _prft(self, wall_us: int, dts_us: int) -> bytes:
        """Say when something was captured, for the first track."""
        lane = self._lanes[0]
        ntp = ((wall_us + _NTP_EPOCH_US) << 32) // _US & _MASK_64
        ticks = max(0, (dts_us * lane.timescale + _US // 2) // _US) + lane.lead_ticks
        return _PRFT.pack(_PRFT.size, b"prft", _PRFT_FORM, lane.number, ntp, ticks)
