"""Media: FLV files, and bodies on their way from a publisher into the ring."""

from engine.media.flags import NEW_EPOCH
from engine.media.headers import retime_blob
from engine.media.intake import Intake, IntakeTag
from engine.media.tags import flv_header
from engine.media.track_split import TrackSplit
from engine.protocols.flv import FlvEvent, FlvReader, RemoteProtocolError
from shm.ring_entry import ENTRY
from tests.fuzz.target import Pieces, Target

FLV_WORDS = (b"FLV\x01\x05\x00\x00\x00\x09", b"\x09\x00\x00\x05", b"\x00\x00\x00\x10", b"\x12", b"\x08")
MEDIA_WORDS = (
    b"\x17\x00\x00\x00\x00\x01d\x00\x1f",
    b"\x90hvc1",
    b"\x95Opus",
    b"\x96\x01avc1",
    b"\xaf\x00\x12\x10",
    b"onMetaData",
    b"@setDataFrame",
)
PIECE_HEADER_BYTES = 7


def read_flv(pieces: Pieces) -> tuple[list[FlvEvent], str]:
    """What came before an error in the same read is lost: a file that is wrong is wrong as a whole."""
    reader, events = FlvReader(), list[FlvEvent]()
    try:
        for piece in pieces:
            events += reader.receive(piece)
        reader.finish()
    except RemoteProtocolError as error:
        return [], str(error)
    return events, ""


def take_in(pieces: Pieces) -> list[IntakeTag]:
    """A publisher's session: kind, time and length, then a body, and again. All of it is fit for the ring.

    So is what goes to further tracks.
    """
    intake, tags = Intake(), list[IntakeTag]()
    split, further = TrackSplit(), dict[int, Intake]()
    data = b"".join(pieces)
    while len(data) > PIECE_HEADER_BYTES:
        kind, at_ms, length = (8, 9, 18)[data[0] % 3], int.from_bytes(data[1:5]), int.from_bytes(data[5:7])
        end = PIECE_HEADER_BYTES + length
        body = data[PIECE_HEADER_BYTES:end]
        tags += intake.take(kind, at_ms, body, now_ns=len(tags))
        for track, track_kind, alone in split.take(kind, body):
            for tag in further.setdefault(track, Intake()).take(track_kind, at_ms, alone, now_ns=len(tags)):
                _check_entry(tag)
        data = data[end:]
    for tag in tags:
        _check_entry(tag)
    reader = FlvReader()
    reader.receive(flv_header(video=True, audio=True))
    reader.receive(retime_blob(intake.headers.blob(), 7) + b"".join(tag.data for tag in tags))
    reader.finish()
    intake.stats(now_ns=1)
    return tags


def _check_entry(tag: IntakeTag) -> None:
    """The ring's index can say it, and time does not run backwards below zero."""
    assert tag.dts_us >= 0
    assert tag.flags & ~NEW_EPOCH < 1 << 16
    ENTRY.pack(0, 0, len(tag.data), tag.dts_us, tag.pts_us, tag.generation, tag.ingest_ns, 0)


MEDIA_TARGETS = (
    Target(name="flv", run=read_flv, words=FLV_WORDS, lines_per_byte=4),
    Target(name="media", run=take_in, words=MEDIA_WORDS, cuts=False, lines_per_byte=40, bytes_per_byte=200),
)
