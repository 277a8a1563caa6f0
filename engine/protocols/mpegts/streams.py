"""From a programme's map to the streams that are read: which ones, and what reads them."""

from engine.media.tags import KIND_VIDEO
from engine.protocols.mpegts.ac3 import Ac3
from engine.protocols.mpegts.adts import Adts
from engine.protocols.mpegts.assembly import Assembly
from engine.protocols.mpegts.audio import AudioCodec, AudioTrack
from engine.protocols.mpegts.clock import TsClock
from engine.protocols.mpegts.codecs import Codec, language_of, opus_channels_of
from engine.protocols.mpegts.events import Track, TsEvent
from engine.protocols.mpegts.latm import Latm
from engine.protocols.mpegts.limits import MAX_AUDIO_PES_BYTES, MAX_PES_BYTES
from engine.protocols.mpegts.mpeg_audio import MpegAudio
from engine.protocols.mpegts.opus import Opus
from engine.protocols.mpegts.pes import parse_pes
from engine.protocols.mpegts.statistics import TsStats
from engine.protocols.mpegts.tables import Elementary, ProgrammeMap
from engine.protocols.mpegts.video import AVC, HEVC, VideoTrack


class ElementaryStream:
    """Whole PES packets in, messages out: takes off the PES header and places its times."""

    def __init__(self, stream: Elementary, clock: TsClock, stats: TsStats) -> None:
        self._clock, self._stats = clock, stats
        self._track = make_track(stream, stats)

    def take(self, data: bytes, torn: bool) -> list[TsEvent]:
        """Take one PES packet; torn says that its end is missing."""
        pes = parse_pes(data)
        if pes is None:
            self._stats.bad_units += 1
            return []
        times = None if pes.pts is None else self._clock.place(pes.pts, pes.dts)
        return self._track.take(pes.payload, times, torn=torn)


def make_track(stream: Elementary, stats: TsStats) -> VideoTrack | AudioTrack:
    """Return what reads this stream, whose codec is one of ours."""
    if stream.codec is Codec.AVC:
        return VideoTrack(AVC, stats)
    if stream.codec is Codec.HEVC:
        return VideoTrack(HEVC, stats)
    return AudioTrack(_audio_codec(stream), stats)


def _audio_codec(stream: Elementary) -> AudioCodec:
    if stream.codec is Codec.AAC_ADTS:
        return Adts()
    if stream.codec is Codec.AAC_LATM:
        return Latm()
    if stream.codec is Codec.MP3:
        return MpegAudio()
    if stream.codec is Codec.AC3:
        return Ac3()
    return Opus(opus_channels_of(stream.descriptors))


def make_assembly(stream: Elementary, clock: TsClock, stats: TsStats) -> Assembly:
    """Return what takes this stream's packets."""
    video = stream.codec is not None and stream.codec.kind == KIND_VIDEO
    limit_bytes = MAX_PES_BYTES if video else MAX_AUDIO_PES_BYTES
    return Assembly(ElementaryStream(stream, clock, stats).take, limit_bytes, stats)


def choose_streams(programme: ProgrammeMap) -> tuple[Elementary, ...]:
    """Return the first stream of each kind that we know."""
    first: dict[int, Elementary] = {}
    for stream in programme.streams:
        if stream.codec is not None:
            first.setdefault(stream.codec.kind, stream)
    return tuple(first.values())


def describe_tracks(programme: ProgrammeMap, used: tuple[Elementary, ...]) -> tuple[Track, ...]:
    """Return what the programme has, for whoever asks."""
    return tuple(
        Track(
            pid=stream.pid,
            stream_type=stream.stream_type,
            codec=stream.codec.fourcc if stream.codec else "",
            language=language_of(stream.descriptors),
            used=stream in used,
        )
        for stream in programme.streams
    )
