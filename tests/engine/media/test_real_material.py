"""Films from ffmpeg's encoders and its FLV muxer, with PyAV as the second opinion on every packet."""

import subprocess
from pathlib import Path
from typing import NamedTuple

import av
import pytest

from engine.media import flags
from engine.media.classify import Role, classify
from engine.media.intake import Intake, IntakeTag
from engine.media.tags import FLV_HEADER_BYTES, KIND_AUDIO, KIND_VIDEO
from engine.protocols.flv import FlvHeader, FlvReader, FlvTag

MS = 1_000_000
PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=322x182:rate=25:duration=2")
SOUND = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=2")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25", "-pix_fmt", "yuv420p")
X265 = (
    "-c:v",
    "libx265",
    "-preset",
    "ultrafast",
    "-x265-params",
    "log-level=none:keyint=25:min-keyint=25:open-gop=0",
)
AV1 = ("-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "25", "-pix_fmt", "yuv420p")
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "25", "-pix_fmt", "yuv420p")
STEREO = ("-ac", "2")

FILMS = {
    "h264 and aac": (*PICTURE, *SOUND, *X264, "-c:a", "aac", *STEREO),
    "hevc and opus": (*PICTURE, *SOUND, *X265, "-c:a", "libopus", *STEREO),
    "av1 and opus": (*PICTURE, *SOUND, *AV1, "-c:a", "libopus", *STEREO),
    "vp9 and flac": (*PICTURE, *SOUND, *VP9, "-c:a", "flac", *STEREO),
    "mp3 alone": (*SOUND, "-c:a", "libmp3lame", "-ar", "44100"),
    "ac-3 alone": (*SOUND, "-c:a", "ac3"),
}
FOURCCS = {
    "h264": "avc1",
    "hevc": "hvc1",
    "av1": "av01",
    "vp9": "vp09",
    "aac": "mp4a",
    "opus": "Opus",
    "flac": "fLaC",
    "mp3": ".mp3",
    "ac3": "ac-3",
}


class Frame(NamedTuple):
    """A packet as either side sees it."""

    kind: int
    codec: str
    dts_ms: int
    pts_ms: int
    keyframe: bool


class Film(NamedTuple):
    """A file, the tags in it and what Intake made of them."""

    path: Path
    header: FlvHeader
    messages: list[FlvTag]
    intake: Intake
    tags: list[IntakeTag]


def make_film(ffmpeg: Path, path: Path, options: tuple[str, ...]) -> Film:
    """Generate a film; some tenths of a second each."""
    subprocess.run([ffmpeg, "-v", "error", *options, path], check=True, capture_output=True, timeout=60)
    reader, intake = FlvReader(), Intake()
    header, *messages = reader.receive(path.read_bytes())
    reader.finish()
    assert isinstance(header, FlvHeader)
    found = [message for message in messages if isinstance(message, FlvTag)]
    tags: list[IntakeTag] = []
    for message in found:
        ms = message.timestamp_ms
        tags += intake.take(message.kind, ms, message.body, ms * MS)
    return Film(path, header, found, intake, tags)


@pytest.fixture(scope="module", params=FILMS)
def film(request: pytest.FixtureRequest, ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Film:
    return make_film(ffmpeg, tmp_path_factory.mktemp("film") / "film.flv", FILMS[request.param])


def our_frames(film: Film) -> list[Frame]:
    frames = []
    for message in film.messages:
        found = classify(message.kind, message.body)
        if found.role is Role.FRAME and len(message.body) > found.payload_at:  # FLAC ends with an empty one
            ms = message.timestamp_ms
            frames.append(Frame(message.kind, found.codec, ms, ms + found.cts_ms, found.keyframe))
    return frames


def their_frames(film: Film) -> list[Frame]:
    """PyAV calls every audio packet a key frame, which we do not, and AC-3's empty header a packet."""
    frames = []
    with av.open(str(film.path)) as container:
        for packet in container.demux():
            if packet.size and packet.dts is not None and packet.pts is not None:
                video = packet.stream.type == "video"
                codec = FOURCCS[packet.stream.codec_context.codec.canonical_name]
                kind = KIND_VIDEO if video else KIND_AUDIO
                frames.append(Frame(kind, codec, packet.dts, packet.pts, video and packet.is_keyframe))
    return frames


def test_every_packet_is_what_pyav_says_it_is(film: Film) -> None:
    ours, theirs = our_frames(film), their_frames(film)
    assert len(ours) > 40
    for kind in (KIND_VIDEO, KIND_AUDIO):
        assert [frame for frame in ours if frame.kind == kind] == [
            frame for frame in theirs if frame.kind == kind
        ]


def test_the_headers_tell_what_pyav_tells(film: Film) -> None:
    figures = film.intake.stats(2_000 * MS)
    with av.open(str(film.path)) as container:
        assert film.header.video == bool(container.streams.video)
        assert film.header.audio == bool(container.streams.audio)
        for video in container.streams.video:
            assert (figures.video.width, figures.video.height) == (video.width, video.height)
            assert figures.keyframe_interval_ms == 1_000
            assert figures.video_fps_milli in range(24_000, 26_500)
        if figures.audio.sample_rate:
            context = container.streams.audio[0].codec_context
            assert figures.audio.sample_rate == context.sample_rate
            assert figures.audio.channels == context.channels


def test_everything_passes_whole(film: Film) -> None:
    assert b"".join(tag.data for tag in film.tags) == film.path.read_bytes()[FLV_HEADER_BYTES:]


def test_players_start_at_key_frames_or_once_a_second(film: Film) -> None:
    starts = [tag for tag in film.tags if tag.flags & flags.START]
    if film.header.video:
        assert [tag.pts_us - starts[0].pts_us for tag in starts] == [0, 1_000_000]
        assert all(tag.flags & flags.KEYFRAME for tag in starts)
    else:
        assert len(starts) == 1
        assert starts[0].dts_us in range(1_000_000, 1_100_000)


def test_headers_and_a_start_are_enough_to_decode(film: Film, tmp_path: Path) -> None:
    """What a player that joins at the last start point receives, decoded."""
    last = max(at for at, tag in enumerate(film.tags) if tag.flags & flags.START)
    joined = tmp_path / "joined.flv"
    head = film.path.read_bytes()[:FLV_HEADER_BYTES]
    joined.write_bytes(head + film.intake.headers.blob() + b"".join(tag.data for tag in film.tags[last:]))
    with av.open(str(joined)) as container:
        decoded = [frame for packet in container.demux() if packet.size for frame in packet.decode()]
    assert len(decoded) > 20


def test_a_film_of_two_tracks_of_each_kind(ffmpeg: Path, tmp_path: Path) -> None:
    mapping = [word for track in range(4) for word in ("-map", str(track))]
    coders = ("-c:v:0", "libx264", "-c:v:1", "libx265", "-x265-params", "log-level=none", "-g", "25")
    sound = ("-pix_fmt", "yuv420p", "-c:a:0", "aac", "-c:a:1", "libopus")
    film = make_film(
        ffmpeg, tmp_path / "film.flv", (*PICTURE, *PICTURE, *SOUND, *SOUND, *mapping, *coders, *sound)
    )
    headers = [(tag.kind, classify(tag.kind, tag.body)) for tag in film.messages]
    tracks = {(kind, found.track, found.codec) for kind, found in headers if found.role is Role.CONFIG}
    assert tracks == {
        (KIND_VIDEO, 0, "avc1"),
        (KIND_VIDEO, 1, "hvc1"),
        (KIND_AUDIO, 0, "mp4a"),
        (KIND_AUDIO, 1, "Opus"),
    }
    figures = film.intake.stats(0)
    assert (figures.video.codec, figures.audio.codec) == ("avc1", "mp4a")
    starts = [tag for tag in film.tags if tag.flags & flags.START]
    assert {classify(KIND_VIDEO, tag.data[11:]).codec for tag in starts} == {"avc1"}
