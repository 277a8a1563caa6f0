"""What services get: SRS's names, no secrets, and a signature that holds."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.hooks.events import Stamp, encode, end_of, segment_of, start_of
from engine.hooks.masking import SECRET_PARAMETERS, masked
from engine.hooks.notices import Ended, SegmentFinished
from engine.hooks.sessions import Holder, Session
from engine.hooks.signature import REPLAY_WINDOW_S, is_signed, sign

STAMP = Stamp(sequence=7, time_ms=1_700_000_000_123, server_id="edge1")
SESSION = Session(
    id="0a1b.22",
    kind="publish",
    stream="live/cam",
    holder=Holder(0, 1, 2),
    began_ms=1_700_000_000_000,
    client_id="ingest0-0a1b",
    connection_id="fanout1-0a1b",
    ip="192.0.2.7",
    protocol="rtmp",
    param="token=***&a=1",
)


def test_a_publisher_is_told_of_in_the_words_of_srs_and_ours() -> None:
    assert json.loads(encode(start_of(SESSION, STAMP))) == {
        "action": "on_publish",
        "event_id": "0a1b.22.start",
        "sequence": 7,
        "time_ms": 1_700_000_000_123,
        "server_id": "edge1",
        "client_id": "ingest0-0a1b",
        "ip": "192.0.2.7",
        "vhost": "__defaultVhost__",
        "app": "live",
        "stream": "cam",
        "param": "?token=***&a=1",
        "name": "live/cam",
        "connection_id": "fanout1-0a1b",
        "protocol": "rtmp",
    }


def test_an_end_has_the_same_client_and_says_why() -> None:
    body = json.loads(encode(end_of(SESSION, Ended(SESSION.id, "finished", 12.34567, 1000), STAMP)))
    assert (body["action"], body["event_id"], body["client_id"]) == (
        "on_unpublish",
        "0a1b.22.end",
        "ingest0-0a1b",
    )
    assert (body["reason"], body["seconds"], body["bytes"]) == ("finished", 12.346, 1000)


def test_a_segment_is_told_of_with_its_number_and_its_place() -> None:
    segment = SegmentFinished("live/cam/ab-3.m4s", "live/cam", 3, 2.0000001, "ab-3.m4s", "/live/cam/ab-3.m4s")
    body = json.loads(encode(segment_of(segment, STAMP)))
    assert (body["action"], body["seq_no"], body["duration"]) == ("on_hls", 3, 2.0)
    assert (body["url"], body["m3u8_url"]) == ("/live/cam/ab-3.m4s", "/live/cam.m3u8")


def test_a_name_of_many_segments_has_its_last_one_as_the_stream() -> None:
    deep = Session(id="s", kind="stream", stream="a/b/c", holder=Holder(-1, 1, 2), began_ms=0)
    body = json.loads(encode(start_of(deep, STAMP)))
    assert (body["app"], body["stream"], body["action"]) == ("a/b", "c", "on_stream_live")


@pytest.mark.parametrize("name", sorted(SECRET_PARAMETERS))
def test_secrets_are_masked_however_they_are_written(name: str) -> None:
    assert masked(f"a=1&{name.upper()}=s3cret&b=2") == f"a=1&{name.upper()}=***&b=2"


def test_a_parameter_without_a_name_may_be_the_key() -> None:
    assert masked("s3cret") == "***"
    assert masked("") == ""
    assert masked("a=1&&b=") == "a=1&&b="


@given(st.text(max_size=30), st.integers(0, 10**10), st.binary(max_size=60))
def test_a_signature_holds_for_its_body_alone(secret: str, now_s: int, body: bytes) -> None:
    value = sign(secret, now_s, body)
    assert is_signed(secret, value, body, now_s)
    assert is_signed(secret, value, body, now_s + REPLAY_WINDOW_S)
    assert not is_signed(secret, value, body + b".", now_s)
    assert not is_signed(secret + "x", value, body, now_s)


def test_an_old_signature_is_a_replay() -> None:
    assert not is_signed("k", sign("k", 1000, b"{}"), b"{}", 1001 + REPLAY_WINDOW_S)


@given(st.text(max_size=80))
def test_no_header_is_taken_for_a_signature(value: str) -> None:
    assert not is_signed("k", value, b"{}", 1000)
