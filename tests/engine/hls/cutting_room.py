"""Streams for the cutter, made by hand, and what its outputs amount to: every rule that always holds is
checked while they are folded."""

from collections.abc import Iterable, Iterator, Sequence
from struct import Struct
from typing import Final, NamedTuple

from engine.media.flags import HEADER, KEYFRAME, START
from engine.media.tags import KIND_AUDIO, KIND_VIDEO
from engine.protocols.hls.cut_outputs import Chunk, Init, Output
from engine.protocols.hls.cut_settings import CutSettings
from engine.protocols.hls.cutter import Cutter
from engine.protocols.hls.marks import InitMade, PartEnd, SegmentBegin, SegmentEnd, StreamEnd
from engine.protocols.hls.settings import PlaylistSettings
from engine.protocols.hls.ts_cutter import TsCutter
from engine.protocols.hls.window import Window

WALL_US: Final = 1_700_000_000_000_000
SECOND_US: Final = 1_000_000
LOW_LATENCY: Final = CutSettings(part_s=0.2)

SPS: Final = bytes.fromhex("6764000dacd941519e226c0440000003004000000c83c50a6580")  # 322x182, High, 1.3
PPS: Final = bytes.fromhex("68ebe3cb22c0")
AVC_CONFIG: Final = bytes.fromhex("0164000dffe1001a") + SPS + b"\1\0\6" + PPS + b"\xfd\xf8\xf8\0"
OTHER_AVC_CONFIG: Final = AVC_CONFIG.replace(PPS, PPS[:-1] + b"\xc1")
AAC_48K: Final = b"\x11\x90"
AAC_44K: Final = b"\x12\x10"

_BOX: Final = Struct(">I4s")
_WORD: Final = Struct(">I")
_LONG: Final = Struct(">Q")
_VIDEO_ROW: Final = Struct(">IIIi")
_AUDIO_ROW: Final = Struct(">II")


class Tag(NamedTuple):
    """What the cutter takes."""

    kind: int
    flags: int
    dts_us: int
    pts_us: int
    body: bytes

    @property
    def payload(self) -> bytes:
        """What of it must be in the file."""
        return self.body[5:] if self.kind == KIND_VIDEO else self.body[2:]


def video_header(config: bytes = AVC_CONFIG) -> Tag:
    return Tag(KIND_VIDEO, HEADER, 0, 0, b"\x17\0\0\0\0" + config)


def audio_header(config: bytes = AAC_48K) -> Tag:
    return Tag(KIND_AUDIO, HEADER, 0, 0, b"\xaf\0" + config)


def picture(number: int, ms: int, *, key: bool, cts_ms: int = 0) -> Tag:
    """A picture whose bytes say its number."""
    nal = (b"\x65" if key else b"\x41") + f"picture {number}".encode()
    body = bytes((0x17 if key else 0x27, 1)) + cts_ms.to_bytes(3, "big") + _WORD.pack(len(nal)) + nal
    flags = START | KEYFRAME if key else 0
    return Tag(KIND_VIDEO, flags, ms * 1000, (ms + cts_ms) * 1000, body)


def sound(number: int, ms: int, *, start: bool = False) -> Tag:
    """An AAC frame whose bytes say its number."""
    return Tag(KIND_AUDIO, START * start, ms * 1000, ms * 1000, b"\xaf\1" + f"sound {number}".encode())


def pictures(seconds: float, fps: float, gop_s: float, *, begin_ms: int = 0) -> list[Tag]:
    """A steady film in FLV's whole milliseconds."""
    gop = round(gop_s * fps)
    times = [(n, begin_ms + round(n * 1000 / fps)) for n in range(round(seconds * fps))]
    return [picture(n, ms, key=n % gop == 0) for n, ms in times]


def sounds(seconds: float, *, rate: int = 48_000, begin_ms: int = 0, start_s: float = 0) -> list[Tag]:
    """Steady AAC; with start_s, so often a start point."""
    tags, last_ms = [], -1_000_000
    for n in range(int(seconds * rate / 1024)):
        ms = begin_ms + round(n * 1024 * 1000 / rate)
        start = start_s > 0 and ms - last_ms >= start_s * 1000
        last_ms = ms if start else last_ms
        tags.append(sound(n, ms, start=start))
    return tags


def mixed(*tracks: Sequence[Tag], late_ms: int = 0) -> list[Tag]:
    """Interleave by time; the sound comes so much later than its time says."""
    frames = [tag for track in tracks for tag in track]
    return sorted(frames, key=lambda tag: tag.dts_us + late_ms * 1000 * (tag.kind == KIND_AUDIO))


def headers() -> list[Tag]:
    return [video_header(), audio_header()]


class Piece(NamedTuple):
    """A sample as the file has it. Times are ticks of the track."""

    kind: int
    dts: int
    duration: int
    data: bytes


class Part(NamedTuple):
    """A part and its chunks."""

    end: PartEnd
    chunks: list[Chunk]

    @property
    def ms(self) -> float:
        return self.end.duration_us / 1000


class Segment(NamedTuple):
    """A whole segment."""

    begin: SegmentBegin
    end: SegmentEnd
    parts: list[Part]
    chunks: list[Chunk]
    pieces: list[Piece]

    @property
    def s(self) -> float:
        return self.end.duration_us / SECOND_US

    @property
    def file(self) -> bytes:
        return b"".join(chunk.data for chunk in self.chunks)

    def data(self, kind: int) -> list[bytes]:
        return [piece.data for piece in self.pieces if piece.kind == kind]


class Folder:
    """Takes outputs in their order, as the packager would write them, and checks what must hold.

    files: whether there are init segments and fragments; without them it is a transport stream.
    """

    def __init__(
        self, *, next_msn: int = 0, next_init: int = 0, parts: bool = True, files: bool = True
    ) -> None:
        self.segments: list[Segment] = []
        self.inits: list[tuple[Init, InitMade]] = []
        self.ended = False
        self.next_msn, self.next_init = next_msn, next_init
        self.window = Window(
            PlaylistSettings(
                stamp="5f", variant="low_latency" if parts else "fmp4", part_target_s=0.588 if parts else 0.0
            )
        )
        self._parts_wanted, self._files = parts, files
        self._init: Init | None = None
        self._begin: SegmentBegin | None = None
        self._parts: list[Part] = []
        self._chunks: list[Chunk] = []
        self._open: list[Chunk] = []

    def take(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            assert not self.ended
            if not isinstance(output, Chunk | Init):
                self.window.apply(output)
            match output:
                case Init():
                    self._init = output
                case InitMade():
                    self._take_made(output)
                case SegmentBegin():
                    self._take_begin(output)
                case Chunk():
                    self._take_chunk(output)
                case PartEnd():
                    self._take_part(output)
                case SegmentEnd():
                    self._take_end(output)
                case StreamEnd():
                    self.ended = True

    @property
    def pieces(self) -> list[Piece]:
        return [piece for segment in self.segments for piece in segment.pieces]

    def data(self, kind: int) -> list[bytes]:
        return [piece.data for piece in self.pieces if piece.kind == kind]

    def _take_made(self, made: InitMade) -> None:
        assert self._begin is None
        assert made.number == self.next_init
        assert (self._init is not None and self._init.number == made.number) == self._files
        self.inits.append((self._init or Init(made.number, b""), made))
        self.next_init += 1

    def _take_begin(self, begin: SegmentBegin) -> None:
        assert self._begin is None
        assert begin.msn == self.next_msn
        if self.segments and not begin.discontinuity:
            before = self.segments[-1]
            assert begin.began_us == before.begin.began_us + before.end.duration_us
            assert begin.init == before.begin.init
        if self.inits or not self.segments:
            assert begin.init == self.inits[-1][1].number
        self._begin = begin

    def _take_chunk(self, chunk: Chunk) -> None:
        assert self._begin is not None
        assert chunk.data
        assert chunk.segment_start == (not self._chunks)
        assert chunk.part_start == (not self._open)
        if chunk.segment_start:
            assert chunk.independent == self._begin.independent
        self._chunks.append(chunk)
        self._open.append(chunk)

    def _take_part(self, end: PartEnd) -> None:
        assert self._parts_wanted
        assert self._begin is not None
        assert (end.msn, end.part) == (self._begin.msn, len(self._parts))
        assert end.duration_us > 0
        assert end.size_bytes == sum(len(chunk.data) for chunk in self._open) > 0
        assert end.independent == self._open[0].independent
        self._parts.append(Part(end, self._open))
        self._open = []

    def _take_end(self, end: SegmentEnd) -> None:
        assert self._begin is not None
        assert end.msn == self._begin.msn
        assert end.duration_us > 0
        assert end.size_bytes == sum(len(chunk.data) for chunk in self._chunks) > 0
        if self._parts_wanted:
            assert not self._open
            assert end.duration_us == sum(part.end.duration_us for part in self._parts)
        pieces = [piece for chunk in self._chunks for piece in self._read(chunk)]
        self.segments.append(Segment(self._begin, end, self._parts, self._chunks, pieces))
        self.next_msn += 1
        self._begin, self._parts, self._chunks, self._open = None, [], [], []

    def _read(self, chunk: Chunk) -> list[Piece]:
        if not self._files:
            return []
        _, made = self.inits[-1]
        kinds = [KIND_VIDEO] * made.has_video + [KIND_AUDIO] * made.has_audio
        return read_chunk(chunk.data, kinds)


def read_chunk(data: bytes, kinds: Sequence[int]) -> list[Piece]:
    """Read a chunk back; kinds are those of the tracks in the order of their ids."""
    pieces: list[Piece] = []
    for name, moof_at, body, end in boxes(data, 0, len(data)):
        assert name in (b"prft", b"moof", b"mdat")
        if name != b"moof":
            continue
        for child, _, at, stop in boxes(data, body, end):
            if child == b"traf":
                pieces += _read_traf(data, moof_at, at, stop, kinds)
    return pieces


def boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int, int]]:
    """Give each box's name, and where it, its content and its successor begin."""
    while at < end:
        size, name = _BOX.unpack_from(data, at)
        assert 8 <= size <= end - at
        yield name, at, at + 8, at + size
        at += size


def _read_traf(data: bytes, moof_at: int, at: int, end: int, kinds: Sequence[int]) -> list[Piece]:
    inner = {name: body for name, _, body, _ in boxes(data, at, end)}
    kind = kinds[_WORD.unpack_from(data, inner[b"tfhd"] + 4)[0] - 1]
    dts = _LONG.unpack_from(data, inner[b"tfdt"] + 4)[0]
    row = _VIDEO_ROW if kind == KIND_VIDEO else _AUDIO_ROW
    run = inner[b"trun"]
    count, offset = _WORD.unpack_from(data, run + 4)[0], _WORD.unpack_from(data, run + 8)[0]
    pieces, data_at = [], moof_at + offset
    for n in range(count):
        duration, size = row.unpack_from(data, run + 12 + n * row.size)[:2]
        pieces.append(Piece(kind, dts, duration, data[data_at : data_at + size]))
        dts, data_at = dts + duration, data_at + size
    return pieces


def feed(cutter: Cutter | TsCutter, folder: Folder, tags: Iterable[Tag]) -> None:
    """Let the cutter take tags that come when their time says."""
    for tag in tags:
        folder.take(cutter.take(*tag, WALL_US + tag.dts_us))


def cut(tags: Iterable[Tag], settings: CutSettings = LOW_LATENCY) -> tuple[Cutter, Folder]:
    """Cut a stream from its start to its end."""
    cutter, folder = Cutter(settings), Folder(parts=settings.part_s > 0)
    feed(cutter, folder, tags)
    folder.take(cutter.finish())
    return cutter, folder
