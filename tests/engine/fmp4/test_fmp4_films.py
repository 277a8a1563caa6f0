"""Films from ffmpeg, published as FLV, in our MP4: PyAV must read the same packets in both."""

import io
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import av
import pytest

from engine.media.classify import classify
from engine.media.tags import KIND_AUDIO, KIND_VIDEO
from engine.protocols.flv import FlvReader, FlvTag
from engine.protocols.fmp4 import Sample, Tracks, init_segment
from tests.engine.fmp4.boxes import read_entry, read_file
from tests.engine.fmp4.material import cut

PICTURE: Final = ("-f", "lavfi", "-i", "testsrc2=size=322x182:rate=30:duration=1")
SOUND: Final = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=1")
X264: Final = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "12", "-pix_fmt", "yuv420p")
X265: Final = (
    "-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
    "log-level=none:keyint=12:min-keyint=12:bframes=2",
)  # fmt: skip
AV1: Final = ("-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "12", "-pix_fmt", "yuv420p")
VP9: Final = (
    "-c:v",
    "libvpx-vp9",
    "-deadline",
    "realtime",
    "-cpu-used",
    "8",
    "-g",
    "12",
    "-pix_fmt",
    "yuv420p",
)

FILMS: Final = {
    "h264 and aac": (*PICTURE, *SOUND, *X264, "-c:a", "aac", "-ac", "2", "-ar", "44100"),
    "hevc and aac": (*PICTURE, *SOUND, *X265, "-c:a", "aac"),
    "h264 of wide samples in colours of its own": (
        *PICTURE,
        *SOUND,
        *X264,
        "-vf",
        "setsar=16/11",
        "-c:a",
        "aac",
        "-x264-params",
        "colorprim=bt709:transfer=bt709:colormatrix=bt709",
    ),
    "hevc of narrow samples": (*PICTURE, *SOUND, *X265, "-vf", "setsar=10/11", "-c:a", "libopus"),
    "av1 and opus": (*PICTURE, *SOUND, *AV1, "-c:a", "libopus", "-ac", "2"),
    "vp9 and flac": (*PICTURE, *SOUND, *VP9, "-c:a", "flac", "-ac", "2"),
    "opus of six channels and 10 ms": (*SOUND, "-c:a", "libopus", "-ac", "6", "-frame_duration", "10"),
    "mp3": (*SOUND, "-c:a", "libmp3lame", "-ar", "44100"),
    "mp3 of 22 kHz": (*SOUND, "-c:a", "libmp3lame", "-ar", "22050", "-ac", "1"),
    "ac-3": (*SOUND, "-c:a", "ac3", "-ac", "6"),
    "e-ac-3": (*SOUND, "-c:a", "eac3", "-ac", "2"),
}
DELIMITER: Final = b"\x12\0"  # of AV1, which ffmpeg leaves in FLV and MP4 does without


class Film(NamedTuple):
    """A film both ways."""

    flv: bytes
    mp4: bytes
    tracks: Tracks
    samples: list[Sample]


class Packet(NamedTuple):
    """A packet as PyAV sees it; times in seconds."""

    dts_s: float
    pts_s: float
    key: bool
    data: bytes


def package(flv: bytes) -> Film:
    """Do what the packager does, seven frames to a chunk."""
    tracks, samples = Tracks(), list[Sample]()
    for tag in FlvReader().receive(flv):
        if isinstance(tag, FlvTag):
            dts_us = tag.timestamp_ms * 1000
            pts_us = dts_us + classify(tag.kind, tag.body).cts_ms * 1000
            sample = tracks.take(tag.kind, dts_us, pts_us, tag.body)
            samples += [sample] if sample else []
    mp4 = init_segment(tracks.tracks) + cut(tracks.tracks, samples, range(0, len(samples), 7))
    return Film(flv, mp4, tracks, samples)


@pytest.fixture(scope="module", params=FILMS)
def film(request: pytest.FixtureRequest, ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Film:
    path = tmp_path_factory.mktemp("film") / "film.flv"
    options = FILMS[request.param]
    subprocess.run([ffmpeg, "-v", "error", *options, path], check=True, capture_output=True, timeout=60)
    return package(path.read_bytes())


def packets_of(data: bytes) -> dict[str, list[Packet]]:
    """What PyAV reads, by type of stream."""
    found: dict[str, list[Packet]] = {}
    with av.open(io.BytesIO(data), "r") as container:
        for packet in container.demux():
            if (
                packet.size
                and packet.dts is not None
                and packet.pts is not None
                and packet.time_base is not None
            ):
                base = float(packet.time_base)
                read = Packet(packet.dts * base, packet.pts * base, packet.is_keyframe, bytes(packet))
                found.setdefault(packet.stream.type, []).append(read)
    return found


def test_every_frame_has_been_written(film: Film) -> None:
    assert (film.tracks.refused, film.tracks.left_out) == (0, 0)
    assert film.tracks.version == len(film.tracks.tracks)


def test_pyav_reads_the_same_packets(film: Film) -> None:
    theirs, ours = packets_of(film.flv), packets_of(film.mp4)
    assert theirs.keys() == ours.keys()
    for kind, packets in ours.items():
        assert len(packets) > 20
        assert [packet.data for packet in packets] == [
            packet.data.removeprefix(DELIMITER) for packet in theirs[kind]
        ]
        assert [packet.key for packet in packets] == [packet.key for packet in theirs[kind]]


def test_pictures_keep_their_times(film: Film) -> None:
    theirs, ours = (packets_of(data).get("video", []) for data in (film.flv, film.mp4))
    for one, other in zip(ours, theirs, strict=True):
        assert (one.dts_s, one.pts_s) == pytest.approx((other.dts_s, other.pts_s), abs=1 / 180_000)


def test_sound_keeps_its_times_but_for_less_than_half_a_frame(film: Film) -> None:
    theirs, ours = (packets_of(data).get("audio", []) for data in (film.flv, film.mp4))
    frame_s = theirs[1].dts_s - theirs[0].dts_s
    for one, other in zip(ours, theirs, strict=True):
        assert abs(one.dts_s - other.dts_s) < min(0.0011, frame_s / 2)
    steps = {round((after.dts_s - before.dts_s) * 1e6) for before, after in pairwise(ours)}
    assert max(steps) - min(steps) <= 2, "the grid has no holes"


def test_the_tracks_are_what_pyav_says_they_are(film: Film) -> None:
    with av.open(io.BytesIO(film.mp4), "r") as container, av.open(io.BytesIO(film.flv), "r") as original:
        assert [stream.type for stream in container.streams] == (
            ["video", "audio"] if film.tracks.tracks[0].kind == KIND_VIDEO else ["audio"]
        )
        for video, source in zip(container.streams.video, original.streams.video, strict=True):
            assert (video.width, video.height) == (322, 182)
            assert video.codec_context.codec.name == source.codec_context.codec.name
        for audio, heard in zip(container.streams.audio, original.streams.audio, strict=True):
            track = film.tracks.tracks[-1]
            assert (audio.sample_rate, audio.channels) == (track.sample_rate, track.channels)
            assert audio.codec_context.codec.name == heard.codec_context.codec.name


def test_the_container_says_how_pictures_are_shown(film: Film) -> None:
    with av.open(io.BytesIO(film.mp4), "r") as ours, av.open(io.BytesIO(film.flv), "r") as theirs:
        for video, source in zip(ours.streams.video, theirs.streams.video, strict=True):
            aspect = source.sample_aspect_ratio
            assert (video.sample_aspect_ratio or 1) == (aspect or 1)
            assert ("pasp" in boxes_of(film)) == ((aspect or 1) != 1)


def boxes_of(film: Film) -> list[str]:
    return [box.kind for box in read_entry(init_segment(film.tracks.tracks[:1])).children]


def test_what_is_not_to_be_heard_of_opus_is_cut_and_its_times_are_later_by_that(film: Film) -> None:
    track = film.tracks.tracks[-1]
    assert track.kind == KIND_AUDIO
    traks = read_file(init_segment(film.tracks.tracks)).all("moov/trak")
    cuts = [box.content for box in traks[-1].all("edts/elst")]
    if track.codec != "Opus":
        assert cuts == []
        assert track.lead_ticks == 0
        return
    assert track.lead_ticks == 312  # what libopus needs
    assert cuts == [bytes.fromhex("00000000 00000001 00000000 00000138 00010000")]


def test_everything_decodes(film: Film) -> None:
    with av.open(io.BytesIO(film.mp4), "r") as container:
        decoded = [type(frame) for packet in container.demux() for frame in packet.decode()]
    pictures = decoded.count(av.VideoFrame)
    assert pictures == (30 if film.tracks.tracks[0].kind == KIND_VIDEO else 0)
    assert len(decoded) - pictures > 20
