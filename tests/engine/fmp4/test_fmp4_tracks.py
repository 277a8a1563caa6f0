"""From tags to tracks and samples: what is taken, what is left out, and that nothing is too odd for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.fmp4 import Sample, Tracks, init_segment
from tests.engine.fmp4.material import (
    AAC_CONFIG,
    AAC_HEADER,
    AC3_FRAME,
    AV1_CONFIG,
    AVC_CONFIG,
    AVC_HEADER,
    EAC3_FRAME,
    FLAC_CONFIG,
    KIND_AUDIO,
    KIND_VIDEO,
    MP3_FRAME,
    MP3_MONO,
    OPUS_STEREO,
    OPUS_SURROUND,
    VP9_CONFIG,
    ex_config,
    ex_frame,
    hevc_config,
    learn,
    nals,
    vp9_key,
)
from tests.engine.media.bodies import KIND_SCRIPT, ON_METADATA, avc_frame, ex_audio, ex_video, sized_track

PICTURE = nals(b"\x65key", b"\x06more")
OPUS_PACKET = b"\xfc" + bytes(40)
MULTITRACK_VIDEO, MULTITRACK_AUDIO = 6, 5
MANY_TRACKS, MANY_CODECS = 0x10, 0x20


def test_pictures_and_sound_become_samples() -> None:
    tracks = learn((KIND_VIDEO, AVC_HEADER), (KIND_AUDIO, AAC_HEADER))
    assert tracks.version == 2
    key = avc_frame(key=True, cts_ms=40, payload=PICTURE)
    assert tracks.take(KIND_VIDEO, 1_000, 41_000, key) == Sample(9, 1_000, 41_000, True, PICTURE, 2)
    other = avc_frame(payload=nals(b"\x41"))
    assert tracks.take(KIND_VIDEO, 2_000, 1_500, other) == Sample(9, 2_000, 1_500, False, nals(b"\x41"), 2)
    assert tracks.take(KIND_AUDIO, 3_000, 3_000, b"\xaf\x01snd") == Sample(8, 3_000, 3_000, True, b"snd", 2)


def test_bodies_may_be_views() -> None:
    tracks = Tracks()
    for body in (AVC_HEADER, avc_frame(payload=PICTURE)):
        sample = tracks.take(KIND_VIDEO, 0, 0, memoryview(body))
    assert sample is not None
    assert type(sample.data) is bytes


def test_what_is_no_media_passes_by() -> None:
    tracks = learn((KIND_SCRIPT, ON_METADATA), (KIND_VIDEO, b"\x17\x02\0\0\0"), (KIND_VIDEO, b""), (77, b"x"))
    assert (tracks.tracks, tracks.version, tracks.refused, tracks.left_out) == ((), 0, 0, 0)


def test_frames_before_their_header_are_left_out() -> None:
    tracks = learn((KIND_VIDEO, avc_frame(payload=PICTURE)), (KIND_AUDIO, b"\xaf\x01snd"))
    assert (tracks.tracks, tracks.left_out) == ((), 2)


def test_the_same_header_again_changes_nothing_another_one_does() -> None:
    tracks = learn((KIND_VIDEO, AVC_HEADER), (KIND_VIDEO, AVC_HEADER))
    assert tracks.version == 1
    tracks.take(KIND_VIDEO, 0, 0, ex_config(KIND_VIDEO, "avc1", AVC_CONFIG))
    assert tracks.version == 1
    tracks.take(KIND_VIDEO, 0, 0, ex_config(KIND_VIDEO, "hvc1", hevc_config()))
    assert tracks.version == 2
    assert [track.codec for track in tracks.tracks] == ["hvc1"]
    assert tracks.take(KIND_VIDEO, 0, 0, avc_frame(payload=PICTURE)) is None


@pytest.mark.parametrize(
    ("kind", "codec", "config"),
    [
        (KIND_VIDEO, "avc1", AVC_CONFIG[:20]),
        (KIND_VIDEO, "avc1", AVC_CONFIG[:34]),
        (KIND_VIDEO, "avc1", AVC_CONFIG[:36]),
        (KIND_VIDEO, "hvc1", hevc_config()[:-1]),
        (KIND_VIDEO, "hvc1", hevc_config()[:22] + b"\2" + hevc_config()[23:] + b"\xa2\0\1\0\7short"),
        (KIND_VIDEO, "av01", b"\x82" + AV1_CONFIG[1:]),
        (KIND_VIDEO, "vp09", VP9_CONFIG[:11]),
        (KIND_VIDEO, "vvc1", b"config"),
        (KIND_VIDEO, "mp4a", AAC_CONFIG),
        (KIND_AUDIO, "mp4a", b"\x17\x90"),
        (KIND_AUDIO, "mp4a", b"\x01\x90"),
        (KIND_AUDIO, "mp4a", b"\x17\x80\0\0\0\0"),
        (KIND_AUDIO, "Opus", OPUS_STEREO[:18]),
        (KIND_AUDIO, "Opus", OPUS_SURROUND[:-1]),
        (KIND_AUDIO, "Opus", OPUS_STEREO[:9] + b"\3" + OPUS_STEREO[10:]),
        (KIND_AUDIO, "Opus", OPUS_STEREO[:9] + b"\0" + OPUS_STEREO[10:]),
        (KIND_AUDIO, "fLaC", FLAC_CONFIG[:33]),
        (KIND_AUDIO, "fLaC", bytes(34)),
        (KIND_AUDIO, "mp4a", AAC_CONFIG + bytes(64 * 1024)),
    ],
)
def test_a_header_that_cannot_be_written_is_counted_and_changes_nothing(
    kind: int, codec: str, config: bytes
) -> None:
    tracks = learn((KIND_VIDEO, AVC_HEADER), (KIND_AUDIO, AAC_HEADER))
    before = tracks.tracks
    tracks.take(kind, 0, 0, ex_config(kind, codec, config))
    assert (tracks.refused, tracks.version, tracks.tracks) == (1, 2, before)
    assert tracks.take(KIND_VIDEO, 0, 0, avc_frame(payload=PICTURE)) is not None


def test_empty_headers_only_announce_a_codec() -> None:
    tracks = learn(*((KIND_AUDIO, ex_config(KIND_AUDIO, codec, b"")) for codec in ("ac-3", ".mp3", "Opus")))
    assert (tracks.refused, tracks.version) == (0, 0)


@pytest.mark.parametrize(
    ("payload", "kept"),
    [
        (b"\0\0\0\1\x65key", None),
        (b"\0\0\0\x09short", None),
        (b"\0\0\0", None),
        (nals(*[b""] * 5), None),
        (nals(*[b"\x41"] * 4097), None),
        (nals(*[b"\x41"] * 4096), nals(*[b"\x41"] * 4096)),
        (nals(b"", b"\x65key", b"", b"\x06"), nals(b"\x65key", b"\x06")),
    ],
)
def test_pictures_whose_lengths_do_not_add_up_are_left_out(payload: bytes, kept: bytes | None) -> None:
    tracks = learn((KIND_VIDEO, AVC_HEADER))
    sample = tracks.take(KIND_VIDEO, 0, 0, avc_frame(payload=payload))
    assert (sample and sample.data) == kept
    assert tracks.left_out == (kept is None)


def test_lengths_of_two_bytes() -> None:
    short = AVC_CONFIG[:4] + b"\xfd" + AVC_CONFIG[5:]
    tracks = learn((KIND_VIDEO, b"\x17\0\0\0\0" + short))
    assert tracks.take(KIND_VIDEO, 0, 0, avc_frame(payload=b"\0\3key")) is not None
    assert tracks.take(KIND_VIDEO, 0, 0, avc_frame(payload=b"\0\4key")) is None


def test_a_picture_cannot_be_shown_ten_seconds_off() -> None:
    tracks = learn((KIND_VIDEO, AVC_HEADER))
    shown = [
        sample.pts_us
        for pts_us in (60_000_000, 60_000_001, 40_000_000, 39_999_999)
        if (sample := tracks.take(KIND_VIDEO, 50_000_000, pts_us, avc_frame(payload=PICTURE)))
    ]
    assert shown == [60_000_000, 50_000_000, 40_000_000, 50_000_000]


def test_temporal_delimiters_stay_out_of_av1() -> None:
    tracks = learn((KIND_VIDEO, ex_config(KIND_VIDEO, "av01", AV1_CONFIG)))
    sample = tracks.take(KIND_VIDEO, 0, 0, ex_frame(KIND_VIDEO, "av01", b"\x12\0\x32\1x"))
    assert sample == Sample(KIND_VIDEO, 0, 0, True, b"\x32\1x", 1)
    assert tracks.take(KIND_VIDEO, 0, 0, ex_frame(KIND_VIDEO, "av01", b"\x12\0")) is None


def test_av1_without_a_sequence_header_is_known_with_a_key_frame() -> None:
    tracks = learn((KIND_VIDEO, ex_config(KIND_VIDEO, "av01", AV1_CONFIG[:4])))
    frames = [
        ex_frame(KIND_VIDEO, "av01", AV1_CONFIG[4:] + b"\x32\1x", key=False),
        ex_frame(KIND_VIDEO, "av01", b"\x12\0\x32\x7fx"),
        ex_frame(KIND_VIDEO, "av01", b"\x12\0" + AV1_CONFIG[4:] + b"\x32\1x"),
        ex_frame(KIND_VIDEO, "av01", b"\x32\1x", key=False),
    ]
    assert [tracks.take(KIND_VIDEO, 0, 0, frame) is not None for frame in frames] == [
        False,
        False,
        True,
        True,
    ]
    full = learn((KIND_VIDEO, ex_config(KIND_VIDEO, "av01", AV1_CONFIG))).tracks[0]
    assert (tracks.tracks[0].width, tracks.tracks[0].height) == (full.width, full.height)


def test_vp9_changes_its_size_with_a_key_frame() -> None:
    tracks = learn((KIND_VIDEO, ex_config(KIND_VIDEO, "vp09", VP9_CONFIG)))
    frames = [(vp9_key(64, 48), True), (b"\x86\0", False), (vp9_key(64, 48), True), (vp9_key(128, 96), True)]
    versions = []
    for payload, key in frames:
        sample = tracks.take(KIND_VIDEO, 0, 0, ex_frame(KIND_VIDEO, "vp09", payload, key=key))
        assert sample is not None
        versions.append(sample.track_key)
    assert versions == [1, 1, 1, 2]
    assert (tracks.tracks[0].width, tracks.tracks[0].height) == (128, 96)


@pytest.mark.parametrize(
    "payload",
    [b"\x86" + bytes(16), b"\x82\x49\x83\x41" + bytes(16), b"\x8a" + bytes(16), b"\x42", b"\x82\x49"],
)
def test_vp9_waits_for_a_key_frame_that_is_one(payload: bytes) -> None:
    tracks = learn((KIND_VIDEO, ex_config(KIND_VIDEO, "vp09", VP9_CONFIG)))
    assert tracks.take(KIND_VIDEO, 0, 0, ex_frame(KIND_VIDEO, "vp09", payload)) is None
    assert tracks.tracks == ()


@pytest.mark.parametrize("profile", [0, 1, 2, 3])
def test_vp9_of_every_profile_tells_its_size(profile: int) -> None:
    config = VP9_CONFIG[:4] + bytes((profile,)) + VP9_CONFIG[5:]
    key = ex_frame(KIND_VIDEO, "vp09", vp9_key(4096, 2160, profile=profile))
    (track,) = learn((KIND_VIDEO, ex_config(KIND_VIDEO, "vp09", config)), (KIND_VIDEO, key)).tracks
    assert (track.width, track.height) == (4096, 2160)


def test_opus_packets_must_say_how_long_they_are() -> None:
    tracks = learn((KIND_AUDIO, ex_config(KIND_AUDIO, "Opus", OPUS_STEREO)))
    taken = [
        tracks.take(KIND_AUDIO, 0, 0, ex_frame(KIND_AUDIO, "Opus", packet)) is not None
        for packet in (OPUS_PACKET, b"\xff", b"\xff\0", b"\xff\6", b"\xff\7", b"\x1b\x30")
    ]
    assert taken == [True, False, False, True, False, False]


def test_mp3_is_read_anew_where_its_frames_change() -> None:
    tracks = Tracks()
    stereo = MP3_FRAME[:3] + b"\x04" + MP3_FRAME[4:]
    broken = [
        b"\x2fjunk",
        b"\x2f\xff",
        b"\x2f" + bytes.fromhex("ffeb9064"),
        b"\x2f" + bytes.fromhex("fffd9064"),
    ]
    bodies = [b"\x2f" + MP3_FRAME, b"\x2f" + stereo, *broken, b"\x2e" + MP3_MONO, b"\x2f" + MP3_FRAME]
    taken = [tracks.take(KIND_AUDIO, 0, 0, body) for body in bodies]
    assert [sample.track_key if sample else 0 for sample in taken] == [1, 1, 0, 0, 0, 0, 2, 3]


def test_ac3_is_read_anew_where_its_frames_change() -> None:
    tracks = Tracks()
    stereo = AC3_FRAME[:6] + b"\x40" + AC3_FRAME[7:]
    slower = AC3_FRAME[:4] + b"\x08" + AC3_FRAME[5:]
    broken = [b"\x0b\x77", AC3_FRAME[:4] + b"\xd4" + AC3_FRAME[5:], AC3_FRAME[:5] + b"\x80" + AC3_FRAME[6:]]
    taken = [
        tracks.take(KIND_AUDIO, 0, 0, ex_frame(KIND_AUDIO, "ac-3", frame))
        for frame in (AC3_FRAME, slower, *broken, stereo)
    ]
    assert [sample.track_key if sample else 0 for sample in taken] == [1, 1, 0, 0, 0, 2]


@pytest.mark.parametrize("frame", [EAC3_FRAME[:-1], EAC3_FRAME + b"\x0b\x77", EAC3_FRAME * 25, AC3_FRAME])
def test_eac3_whose_frames_do_not_add_up(frame: bytes) -> None:
    tracks = learn((KIND_AUDIO, ex_frame(KIND_AUDIO, "ec-3", frame)))
    assert (tracks.tracks, tracks.left_out) == ((), 1)


def test_a_frame_of_another_codec_that_does_not_read_ends_nothing() -> None:
    tracks = learn((KIND_AUDIO, AAC_HEADER))
    assert tracks.take(KIND_AUDIO, 0, 0, ex_frame(KIND_AUDIO, "ac-3", b"junk")) is None
    assert tracks.take(KIND_AUDIO, 0, 0, b"\xaf\x01snd") is not None
    assert tracks.take(KIND_AUDIO, 0, 0, ex_frame(KIND_AUDIO, "ac-3", AC3_FRAME)) is not None
    assert tracks.take(KIND_AUDIO, 0, 0, b"\xaf\x01snd") is None


def one_track(kind: int, packet_type: int, track: int, codec: bytes, payload: bytes) -> bytes:
    body = bytes((packet_type,)) + codec + bytes((track,)) + payload
    return (
        ex_video(MULTITRACK_VIDEO, body, frame_type=1)
        if kind == KIND_VIDEO
        else ex_audio(MULTITRACK_AUDIO, body)
    )


def test_of_several_tracks_the_lowest_is_read() -> None:
    tracks = learn(
        (KIND_VIDEO, one_track(KIND_VIDEO, 0, 2, b"hvc1", hevc_config())),
        (KIND_VIDEO, one_track(KIND_VIDEO, 0, 1, b"avc1", AVC_CONFIG)),
        (KIND_VIDEO, one_track(KIND_VIDEO, 0, 2, b"hvc1", hevc_config())),
    )
    assert [track.codec for track in tracks.tracks] == ["avc1"]
    assert tracks.take(KIND_VIDEO, 0, 0, one_track(KIND_VIDEO, 3, 2, b"hvc1", PICTURE)) is None
    sample = tracks.take(KIND_VIDEO, 0, 0, one_track(KIND_VIDEO, 3, 1, b"avc1", PICTURE))
    assert sample is not None
    assert sample.data == PICTURE


def test_several_tracks_in_one_message() -> None:
    configs = sized_track(1, hevc_config(), b"hvc1") + sized_track(0, AV1_CONFIG, b"av01")
    frames = sized_track(1, b"\0\0\x63" + PICTURE, b"hvc1") + sized_track(0, b"\x32\1x", b"av01")
    nano = b"\x02\0\0\0"  # a prefix with nanoseconds
    tracks = learn((KIND_VIDEO, ex_video(MULTITRACK_VIDEO, bytes((MANY_CODECS,)) + configs, frame_type=1)))
    body = ex_video(7, nano + bytes((MULTITRACK_VIDEO, MANY_CODECS | 1)) + frames, frame_type=1)
    sample = tracks.take(KIND_VIDEO, 7_000, 106_000, body)
    assert sample == Sample(KIND_VIDEO, 7_000, 7_000, True, b"\x32\1x", 1)
    sounds = sized_track(3, OPUS_STEREO) + sized_track(2, OPUS_SURROUND)
    tracks.take(KIND_AUDIO, 0, 0, ex_audio(MULTITRACK_AUDIO, bytes((MANY_TRACKS,)) + b"Opus" + sounds))
    assert tracks.tracks[1].channels == 6


CONFIGS = {
    (KIND_VIDEO, "avc1"): AVC_CONFIG,
    (KIND_VIDEO, "hvc1"): hevc_config(),
    (KIND_VIDEO, "av01"): AV1_CONFIG,
    (KIND_VIDEO, "vp09"): VP9_CONFIG,
    (KIND_AUDIO, "mp4a"): AAC_CONFIG,
    (KIND_AUDIO, "Opus"): OPUS_SURROUND,
    (KIND_AUDIO, "fLaC"): FLAC_CONFIG,
    (KIND_AUDIO, ".mp3"): MP3_FRAME[:20],
    (KIND_AUDIO, "ac-3"): AC3_FRAME[:20],
    (KIND_AUDIO, "ec-3"): EAC3_FRAME[:20],
}


@st.composite
def bodies(draw: st.DrawFn) -> tuple[int, bytes]:
    """Anything, and headers and frames that were right before some of their bytes were changed."""
    kind, codec = draw(st.sampled_from(sorted(CONFIGS)))
    if draw(st.booleans()):
        payload = draw(st.binary(max_size=40))
    else:
        changed = bytearray(CONFIGS[kind, codec] + draw(st.binary(max_size=4)))
        for at, value in draw(st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=4)):
            changed[at % len(changed)] = value
        payload = bytes(changed[: draw(st.integers(1, len(changed)))])
    form = draw(st.integers(0, 3))
    if form == 0:
        return draw(st.sampled_from([kind, KIND_SCRIPT, 0])), payload
    if form == 1:
        return kind, one_track(
            kind, draw(st.integers(0, 15)), draw(st.integers(0, 255)), codec.encode(), payload
        )
    body = ex_config(kind, codec, payload) if form == 2 else ex_frame(kind, codec, payload)
    return kind, body


@given(st.lists(st.tuples(bodies(), st.integers(-(2**40), 2**70), st.integers(-(2**40), 2**70)), max_size=6))
def test_nothing_that_comes_in_is_too_odd(tags: list[tuple[tuple[int, bytes], int, int]]) -> None:
    tracks, version = Tracks(), 0
    for (kind, body), dts_us, pts_us in tags:
        sample = tracks.take(kind, dts_us, pts_us, body)
        assert tracks.version >= version
        version = tracks.version
        if sample is not None:
            assert sample.data
            assert sample.track_key == version
            assert sample.kind in {track.kind for track in tracks.tracks}
    assert [track.kind for track in tracks.tracks] in ([], [9], [8], [9, 8])
    if tracks.tracks:
        init_segment(tracks.tracks)
