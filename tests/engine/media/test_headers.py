"""What players get before the first frame, and when it counts as changed."""

from engine.media.classify import classify
from engine.media.headers import HeaderSet, retime_blob
from engine.media.limits import MAX_BLOB_BYTES
from engine.media.tags import split_tags
from tests.engine.media.bodies import (
    AAC_HEADER,
    AVC_HEADER,
    CLEAR_DATA_FRAME,
    KIND_AUDIO,
    KIND_SCRIPT,
    KIND_VIDEO,
    ON_METADATA,
    avc_frame,
    ex_audio,
    ex_video,
    sized_track,
)

COLOUR = ex_video(4, b"hvc1\x02\x00\x09colorInfo", frame_type=5)
CHANNELS = ex_audio(4, b"Opus\x01\x02")


def take(headers: HeaderSet, kind: int, body: bytes) -> bool:
    return headers.take(kind, body, classify(kind, body))


def bodies(headers: HeaderSet) -> list[bytes]:
    return [tag.body for tag in split_tags(headers.blob())]


def test_they_are_sent_in_the_order_players_need() -> None:
    headers = HeaderSet()
    for kind, body in (
        (KIND_AUDIO, CHANNELS),
        (KIND_AUDIO, AAC_HEADER),
        (KIND_VIDEO, COLOUR),
        (KIND_VIDEO, AVC_HEADER),
        (KIND_SCRIPT, ON_METADATA),
    ):
        take(headers, kind, body)
    assert bodies(headers) == [ON_METADATA, AVC_HEADER, COLOUR, AAC_HEADER, CHANNELS]
    assert (headers.generation, headers.version) == (4, 5)


def test_nothing_has_an_empty_blob() -> None:
    assert HeaderSet().blob() == b""


def test_the_same_header_again_changes_nothing() -> None:
    headers = HeaderSet()
    assert take(headers, KIND_VIDEO, AVC_HEADER)
    assert not take(headers, KIND_VIDEO, AVC_HEADER)
    assert (headers.generation, headers.version) == (1, 1)


def test_another_header_replaces_the_old_one() -> None:
    headers = HeaderSet()
    take(headers, KIND_VIDEO, AVC_HEADER)
    assert take(headers, KIND_VIDEO, AVC_HEADER + b"\x00")
    assert bodies(headers) == [AVC_HEADER + b"\x00"]
    assert headers.generation == 2


def test_metadata_is_no_matter_for_decoders() -> None:
    headers = HeaderSet()
    assert not take(headers, KIND_SCRIPT, ON_METADATA)
    assert (headers.generation, headers.version) == (0, 1)
    take(headers, KIND_SCRIPT, CLEAR_DATA_FRAME)
    assert (headers.generation, headers.version, headers.blob()) == (0, 2, b"")
    take(headers, KIND_SCRIPT, CLEAR_DATA_FRAME)
    assert headers.version == 2


def test_frames_are_not_kept() -> None:
    headers = HeaderSet()
    assert not take(headers, KIND_VIDEO, avc_frame(key=True))
    assert headers.blob() == b""


def test_each_track_has_its_own_headers() -> None:
    headers = HeaderSet()
    one, two = ex_video(6, b"\x00hvc1\x01one", frame_type=1), ex_video(6, b"\x00av01\x02two", frame_type=1)
    take(headers, KIND_VIDEO, two)
    take(headers, KIND_VIDEO, one)
    take(headers, KIND_VIDEO, AVC_HEADER)
    assert bodies(headers) == [AVC_HEADER, one, two]


def test_a_message_for_many_tracks_is_kept_track_by_track() -> None:
    headers = HeaderSet()
    tracks = sized_track(0, b"avc config", b"avc1") + sized_track(1, b"hevc config", b"hvc1")
    take(headers, KIND_VIDEO, ex_video(6, b"\x20" + tracks, frame_type=1))
    kept = [classify(KIND_VIDEO, body) for body in bodies(headers)]
    assert [(found.track, found.codec, found.header) for found in kept] == [
        (0, "avc1", True),
        (1, "hvc1", True),
    ]
    alone = ex_video(6, b"\x00hvc1\x01another", frame_type=1)
    assert take(headers, KIND_VIDEO, alone)
    assert bodies(headers)[1] == alone


def test_many_audio_tracks_are_kept_track_by_track() -> None:
    headers = HeaderSet()
    body = ex_audio(5, b"\x14Opus" + sized_track(0, b"left") + sized_track(3, b"right"))
    take(headers, KIND_AUDIO, body)
    assert [classify(KIND_AUDIO, kept).track for kept in bodies(headers)] == [0, 3]


def test_a_header_too_large_for_the_directory_is_refused() -> None:
    headers = HeaderSet()
    take(headers, KIND_VIDEO, AVC_HEADER)
    assert not take(headers, KIND_SCRIPT, ON_METADATA + bytes(MAX_BLOB_BYTES))
    assert headers.refused == 1
    assert bodies(headers) == [AVC_HEADER]


def test_blobs_stay_within_the_directory_to_the_byte() -> None:
    headers = HeaderSet()
    take(headers, KIND_SCRIPT, ON_METADATA.ljust(MAX_BLOB_BYTES - 15, b"\x00"))
    assert (len(headers.blob()), headers.refused) == (MAX_BLOB_BYTES, 0)


def test_a_returning_publisher_with_the_same_headers_changes_nothing() -> None:
    headers = HeaderSet()
    take(headers, KIND_VIDEO, AVC_HEADER)
    headers.begin_session()
    assert not headers.has(KIND_VIDEO)
    take(headers, KIND_VIDEO, AVC_HEADER)
    assert headers.has(KIND_VIDEO)
    assert not headers.settle()
    assert headers.generation == 1


def test_what_a_returning_publisher_no_longer_has_is_dropped() -> None:
    headers = HeaderSet()
    take(headers, KIND_VIDEO, AVC_HEADER)
    take(headers, KIND_AUDIO, AAC_HEADER)
    headers.begin_session()
    take(headers, KIND_AUDIO, AAC_HEADER)
    assert bodies(headers) == [AVC_HEADER, AAC_HEADER]
    assert headers.settle()
    assert bodies(headers) == [AAC_HEADER]
    assert headers.generation == 3
    assert not headers.settle()


def test_left_over_metadata_goes_without_a_new_generation() -> None:
    headers = HeaderSet()
    take(headers, KIND_SCRIPT, ON_METADATA)
    headers.begin_session()
    assert not headers.settle()
    assert headers.blob() == b""


def test_a_new_process_goes_on_from_the_directory() -> None:
    headers = HeaderSet()
    take(headers, KIND_SCRIPT, ON_METADATA)
    take(headers, KIND_VIDEO, AVC_HEADER)
    restored = HeaderSet.restore(7, retime_blob(headers.blob(), 5_000))
    assert restored.blob() == headers.blob()
    assert not take(restored, KIND_VIDEO, AVC_HEADER)
    assert restored.generation == 7


def test_a_late_player_gets_them_with_the_present_time() -> None:
    headers = HeaderSet()
    take(headers, KIND_VIDEO, AVC_HEADER)
    take(headers, KIND_AUDIO, AAC_HEADER)
    late = retime_blob(headers.blob(), 123_456_789)
    assert [tag.timestamp_ms for tag in split_tags(late)] == [123_456_789] * 2
    assert retime_blob(late, 0) == headers.blob()
    assert retime_blob(b"", 5) == b""


def test_metadata_has_no_time_of_its_own() -> None:
    headers = HeaderSet()
    take(headers, KIND_SCRIPT, ON_METADATA)
    take(headers, KIND_VIDEO, AVC_HEADER)
    late = retime_blob(headers.blob(), 123_456_789)
    assert [tag.timestamp_ms for tag in split_tags(late)] == [0, 123_456_789]
