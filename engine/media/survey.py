"""What the API and the metrics say about a stream that comes in: totals, rates, codecs, picture size."""

from typing import Final, NamedTuple

from msgspec.structs import replace

from engine.media.classify import Classified, Role
from engine.media.describe import KEY_FRAME_BYTES, describe, size_in_key_frame
from engine.media.formats import AudioFormat, VideoFormat
from engine.media.tags import KIND_AUDIO, KIND_VIDEO, Body
from engine.media.timeline import Fixed
from engine.media.window import RateWindow

_NO_VIDEO: Final = VideoFormat(codec="")
_NO_AUDIO: Final = AudioFormat(codec="")
_LAST_TRACK: Final = 255  # track ids have eight bits


class IntakeStats(NamedTuple):
    """Totals since the stream began, and rates over the last five seconds.

    bytes_in counts whole tags, frames those of the main video track. keyframe_age_ms is the time from its
    newest keyframe to its newest frame, video_ahead_ms that from the newest audio to the newest video, as
    they are decoded: below zero if audio is ahead, 0 while there is only one of them. video and audio have
    an empty codec while there is no such track.
    """

    bytes_in: int
    tags_in: int
    video_tags: int
    audio_tags: int
    keyframes: int
    repairs_backwards: int
    repairs_ahead: int
    epochs: int
    last_tag_ns: int
    bitrate_bps: int
    video_fps_milli: int
    keyframe_interval_ms: int
    video: VideoFormat
    audio: AudioFormat
    frames: int
    keyframe_age_ms: int
    video_ahead_ms: int
    size_is_known: bool
    """Whether the session of now has told the size of the picture; else it is that of one before, or 0."""


class Survey:
    """Counts what passes. Called for every tag, so it does little: a few additions and a comparison of
    codecs."""

    __slots__ = (
        "_ahead", "_audio", "_audio_ms", "_audio_tags", "_audio_track", "_backwards", "_epochs", "_key_ms",
        "_keyframe_interval_ms", "_keyframes", "_last_tag_ns", "_main_ms", "_size_is_known", "_tags",
        "_video", "_video_ms", "_video_tags", "_video_track", "_window",
    )  # fmt: skip

    def __init__(self) -> None:
        self._tags = self._video_tags = self._audio_tags = 0
        self._keyframes = self._backwards = self._ahead = self._epochs = 0
        self._last_tag_ns = 0
        self._key_ms: int | None = None
        self._keyframe_interval_ms = 0
        self._main_ms = 0  # newest frame of the main video track, as shown
        self._video_ms: int | None = None  # the same, as decoded
        self._audio_ms: int | None = None  # newest audio
        self._window = RateWindow()
        self._video, self._video_track = _NO_VIDEO, _LAST_TRACK
        self._size_is_known = False
        self._audio, self._audio_track = _NO_AUDIO, _LAST_TRACK

    def frame(
        self, kind: int, length: int, now_ns: int, found: Classified, fixed: Fixed, body: Body, *, main: bool
    ) -> None:
        """Count a frame of coded media; main: it belongs to the video track that is described."""
        self._tags += 1
        self._last_tag_ns = now_ns
        if fixed.repaired is not None or fixed.new_epoch:
            self._count_break(fixed)
        if kind == KIND_VIDEO:
            self._video_tags += 1
            self._window.add(now_ns, length, main)
            if main:
                self._video_ms = fixed.ms
                self._count_main(found, fixed.ms + found.cts_ms)
                if found.keyframe:
                    self._read_size(found, body)
            return
        self._audio_ms = fixed.ms
        self._audio_tags += 1
        self._window.add(now_ns, length, 0)
        if found.codec != self._audio.codec and found.track <= self._audio_track:
            self._audio, self._audio_track = AudioFormat(codec=_printable(found.codec)), found.track

    def aside(self, kind: int, length: int, now_ns: int, found: Classified, body: Body) -> None:
        """Count a message that is no coded media, and read it if it configures a decoder."""
        self._tags += 1
        self._last_tag_ns = now_ns
        self._window.add(now_ns, length, 0)
        self._video_tags += kind == KIND_VIDEO
        self._audio_tags += kind == KIND_AUDIO
        if found.role is Role.CONFIG:
            self._read_config(kind, found, body)

    def begin_session(self) -> None:
        """What comes next comes from a publisher of its own."""
        self._video_ms = self._audio_ms = None
        self._size_is_known = False

    def forget(self, kind: int) -> None:
        """There is no such track any more."""
        if kind == KIND_VIDEO:
            self._video_ms = None
            self._video, self._video_track = _NO_VIDEO, _LAST_TRACK
            self._size_is_known = False
        else:
            self._audio_ms = None
            self._audio, self._audio_track = _NO_AUDIO, _LAST_TRACK

    def report(self, now_ns: int) -> IntakeStats:
        """Return everything as of now."""
        bitrate_bps, fps_milli = self._window.rates(now_ns)
        return IntakeStats(
            bytes_in=self._window.bytes,
            tags_in=self._tags,
            video_tags=self._video_tags,
            audio_tags=self._audio_tags,
            keyframes=self._keyframes,
            repairs_backwards=self._backwards,
            repairs_ahead=self._ahead,
            epochs=self._epochs,
            last_tag_ns=self._last_tag_ns,
            bitrate_bps=bitrate_bps,
            video_fps_milli=fps_milli,
            keyframe_interval_ms=self._keyframe_interval_ms,
            video=self._video,
            audio=self._audio,
            frames=self._window.frames,
            keyframe_age_ms=max(0, self._main_ms - self._key_ms) if self._key_ms is not None else 0,
            video_ahead_ms=self._video_ahead_ms(),
            size_is_known=self._size_is_known,
        )

    def _video_ahead_ms(self) -> int:
        if self._video_ms is None or self._audio_ms is None:
            return 0
        return self._video_ms - self._audio_ms

    def _count_break(self, fixed: Fixed) -> None:
        self._backwards += fixed.repaired == "backwards"
        self._ahead += fixed.repaired == "ahead"
        if fixed.new_epoch:
            self._epochs += 1
            self._key_ms = self._video_ms = self._audio_ms = None

    def _count_main(self, found: Classified, pts_ms: int) -> None:
        """Key frames are measured by when they are shown: with B-frames they are not decoded evenly."""
        if found.codec != self._video.codec:
            self._video, self._size_is_known = VideoFormat(codec=_printable(found.codec)), False
        self._main_ms = pts_ms
        if not found.keyframe:
            return
        self._keyframes += 1
        if self._key_ms is not None and pts_ms > self._key_ms:
            self._keyframe_interval_ms = pts_ms - self._key_ms
        self._key_ms = pts_ms

    def _read_size(self, found: Classified, body: Body) -> None:
        """Some codecs tell their picture's size in key frames, and some of them nowhere else."""
        at = min(found.parts, key=lambda part: part.track).start if found.parts else found.payload_at
        size = size_in_key_frame(found.codec, bytes(body[at : at + KEY_FRAME_BYTES]))
        if not all(size):
            return
        self._size_is_known = True
        if size != (self._video.width, self._video.height):
            self._video = replace(self._video, width=size[0], height=size[1])

    def _read_config(self, kind: int, found: Classified, body: Body) -> None:
        """Describe the lowest track; a header that does not parse leaves its codec's name."""
        end = found.parts[0].end if found.parts else len(body)
        read = describe(found.codec, bytes(body[found.payload_at : end]))
        if read is None and found.codec != (self._video if kind == KIND_VIDEO else self._audio).codec:
            form = VideoFormat if kind == KIND_VIDEO else AudioFormat
            read = form(codec=_printable(found.codec))
        if isinstance(read, VideoFormat) and found.track <= self._video_track:
            self._take_video(read)
            self._video_track = found.track
        elif isinstance(read, AudioFormat) and found.track <= self._audio_track:
            self._audio, self._audio_track = read, found.track

    def _take_video(self, read: VideoFormat) -> None:
        """A header without a size takes none away that a key frame has told."""
        if read.width and read.height:
            self._size_is_known = True
        elif self._size_is_known and read.codec == self._video.codec:
            read = replace(read, width=self._video.width, height=self._video.height)
        else:
            self._size_is_known = False
        self._video = read


def _printable(codec: str) -> str:
    """A FourCC is four bytes of the publisher's choosing; what goes to the API and the console is text."""
    return codec if codec.isascii() and codec.isprintable() else "????"
