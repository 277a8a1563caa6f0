"""From samples to chunks, and from tracks to init segments."""

from collections.abc import Collection, Sequence
from typing import Final

from engine.media.tags import KIND_AUDIO, KIND_VIDEO
from engine.protocols.fmp4 import ChunkWriter, Sample, Track, init_segment
from engine.protocols.hls.cut_outputs import Init, Output
from engine.protocols.hls.cut_settings import MAX_CHUNK_BYTES, MAX_CHUNK_SAMPLES
from engine.protocols.hls.marks import InitMade

_MILLI_US: Final = 1_000_000_000

# Frame rates that encoders are set to, in frames per 1,000 s. A few times in whole milliseconds are not
# enough to tell 29.97 from 30; of such a pair FRAME-RATE, a maximum (RFC 8216bis §4.4.6.2), has the larger.
_USUAL_RATES: Final = tuple(rate * 1000 for rate in (5, 10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120))
_SPAN_ERROR_US: Final = 1_000


class ChunkMaker:
    """The samples of the growing chunk, the tracks they belong to, and the newest init segment.

    `init` is its number, one less than the first while there is none. An init segment is made when a segment
    begins with other tracks than the newest one says, not when the tracks change: they come one by one.
    """

    def __init__(self, next_init: int) -> None:
        self.init = next_init - 1
        self.has_video = False
        self.samples: list[Sample] = []
        self._bytes = 0
        self._ends_us: dict[int, int] = {}  # by kind, where its newest sample ends
        self._tracks: tuple[Track, ...] = ()
        self._written: tuple[Track, ...] = ()  # those of the newest init segment
        self._writer: ChunkWriter | None = None

    @property
    def changed(self) -> bool:
        """Whether there has been an init segment, and the next one will differ."""
        return bool(self._written) and self._tracks != self._written

    def differs(self, tracks: tuple[Track, ...]) -> bool:
        return tracks != self._tracks

    def fits(self, tracks: tuple[Track, ...], held: Collection[int]) -> bool:
        """Whether the samples at hand (and those of the held kinds) could be written with these tracks."""
        kinds = {sample.kind for sample in self.samples}.union(held)
        return all(track in tracks for track in self._tracks if track.kind in kinds)

    def use(self, tracks: tuple[Track, ...]) -> None:
        """These are the tracks from now on."""
        self._tracks = tracks
        self.has_video = any(track.kind == KIND_VIDEO for track in tracks)

    def add(self, sample: Sample, end_us: int) -> None:
        self.samples.append(sample)
        self._bytes += len(sample.data)
        self._ends_us[sample.kind] = end_us

    def has_room(self, sample: Sample) -> bool:
        """Whether the growing chunk may take this sample as well."""
        if not self.samples:
            return True
        return len(self.samples) < MAX_CHUNK_SAMPLES and self._bytes + len(sample.data) <= MAX_CHUNK_BYTES

    @property
    def has_pictures(self) -> bool:
        """Whether there is a picture in the growing chunk."""
        return any(sample.kind == KIND_VIDEO for sample in self.samples)

    def make_init(self, held: Sample | None) -> list[Output]:
        """Make the init segment if the newest one does not say these tracks. held: the next picture."""
        if self._tracks == self._written:
            return []
        self._written, self._writer = self._tracks, ChunkWriter(self._tracks)
        self.init += 1
        made = describe_init(self.init, self._tracks, self._frame_rate_milli(held))
        return [Init(self.init, init_segment(self._tracks)), made]

    def make_chunk(self, capture: tuple[int, int] | None) -> bytes:
        """Write the growing chunk; the next one is empty. make_init has been called with these tracks."""
        writer = self._writer
        if writer is None:
            return b""
        samples, self.samples, self._bytes = self.samples, [], 0
        return writer.chunk(samples, self._ends_us, capture=capture)

    def _frame_rate_milli(self, held: Sample | None) -> int:
        times = [sample.dts_us for sample in self.samples if sample.kind == KIND_VIDEO]
        if held is not None:
            times.append(held.dts_us)
        return frame_rate_milli(len(times) - 1, times[-1] - times[0]) if times else 0


def frame_rate_milli(count: int, span_us: int) -> int:
    """Return the frame rate of so many frames in this time, a usual one if it can be; 0 if it cannot be
    known."""
    if count < 1 or span_us <= 0:
        return 0
    rate = min(_USUAL_RATES, key=lambda usual: abs(count * _MILLI_US // usual - span_us))
    if abs(count * _MILLI_US // rate - span_us) <= _SPAN_ERROR_US:
        return rate
    return round(count * _MILLI_US / span_us)


def describe_init(number: int, tracks: Sequence[Track], frame_rate_milli: int) -> InitMade:
    """Say what playlists tell about these tracks."""
    kinds = {track.kind for track in tracks}
    return InitMade(
        number=number,
        codecs=",".join(track.codecs for track in tracks),
        width=max((track.width for track in tracks), default=0),
        height=max((track.height for track in tracks), default=0),
        frame_rate_milli=frame_rate_milli,
        has_video=KIND_VIDEO in kinds,
        has_audio=KIND_AUDIO in kinds,
    )
