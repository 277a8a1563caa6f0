"""Stream ids in their three grammars."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.srt.errors import RemoteProtocolError
from engine.protocols.srt.rejections import Rejection
from engine.protocols.srt.streamid import StreamMode, StreamRequest, parse_stream_id
from tests.engine.srt.handshakes import code_of_refusal

PUBLISH: StreamMode = "publish"
REQUEST: StreamMode = "request"


@pytest.mark.parametrize(
    ("stream_id", "expected"),
    [
        ("live/cam", StreamRequest(REQUEST, "live/cam")),
        ("", StreamRequest(REQUEST, "")),
        ("/live/cam", StreamRequest(REQUEST, "live/cam")),
        ("live/cam?key=k&x=y", StreamRequest(REQUEST, "live/cam", "key=k&x=y")),
        ("publish:live/cam", StreamRequest(PUBLISH, "live/cam")),
        ("publish:live/cam?key=k", StreamRequest(PUBLISH, "live/cam", "key=k")),
        ("publish:cam:ann:a:b", StreamRequest(PUBLISH, "cam", "", "ann", "a:b")),
        ("read:cam:ann:secret", StreamRequest(REQUEST, "cam", "", "ann", "secret")),
        ("play:cam", StreamRequest(REQUEST, "cam")),
        ("request:cam", StreamRequest(REQUEST, "cam")),
        ("other:cam", StreamRequest(REQUEST, "other:cam")),  # the door refuses such a path
        ("#!::", StreamRequest(REQUEST, "")),
        ("#!::r=live/cam", StreamRequest(REQUEST, "live/cam")),
        ("#!::r=live/cam,m=publish", StreamRequest(PUBLISH, "live/cam")),
        ("#!::m=publish,r=/live/cam", StreamRequest(PUBLISH, "live/cam")),
        (
            "#!::u=ann,s=secret,h=example.org,t=stream,r=cam,m=request",
            StreamRequest(REQUEST, "cam", "", "ann", "secret", "example.org"),
        ),
        (
            "#!::r=live/cam?a=1,m=publish,token=x&y=z,latency=200",
            StreamRequest(PUBLISH, "live/cam", "a=1&token=x%26y%3Dz&latency=200"),
        ),
        ("#!::r=a=b,m=publish", StreamRequest(PUBLISH, "a=b")),
    ],
)
def test_a_stream_id_says_what_is_wanted(stream_id: str, expected: StreamRequest) -> None:
    assert parse_stream_id(stream_id, REQUEST) == expected


@pytest.mark.parametrize(
    ("stream_id", "shown"),
    [
        ("publish:cam", ""),
        ("publish:cam?key=k", "key=k"),
        ("publish:cam?key=k:ann:secret", "key=k&key=secret"),
        ("#!::r=cam,m=publish,s=a&b,token=t", "token=t&key=a%26b"),
        ("#!::r=cam,s=a?b=c", "key=a?b=c"),
    ],
)
def test_passwords_are_shown_as_keys(stream_id: str, shown: str) -> None:
    assert parse_stream_id(stream_id, PUBLISH).shown == shown


def test_only_bare_paths_take_the_default_mode() -> None:
    assert parse_stream_id("cam", PUBLISH).mode == "publish"
    assert parse_stream_id("", PUBLISH).mode == "publish"
    assert parse_stream_id("#!::r=cam", PUBLISH).mode == "request"
    assert parse_stream_id("read:cam", PUBLISH).mode == "request"


@pytest.mark.parametrize(
    ("stream_id", "code"),
    [
        ("#!::r=cam,m=bidirectional", Rejection.BAD_MODE),
        ("#!::r=cam,m=", Rejection.BAD_MODE),
        ("#!::r=cam,t=file", Rejection.MEDIA_NOT_SUPPORTED),
        ("#!::r=cam,t=auth", Rejection.MEDIA_NOT_SUPPORTED),
        ("#!::r=cam,,m=publish", Rejection.BAD_REQUEST),
        ("#!::r=cam,publish", Rejection.BAD_REQUEST),
        ("#!::r=cam,=x", Rejection.BAD_REQUEST),
        ("#!::r=cam,r=dog", Rejection.BAD_REQUEST),
        ("#!:{r=cam}", Rejection.BAD_REQUEST),
        ("#!r=cam", Rejection.BAD_REQUEST),
        ("publish:cam:ann", Rejection.BAD_REQUEST),
        ("a" * 513, Rejection.BAD_REQUEST),
        ("ü" * 257, Rejection.BAD_REQUEST),
    ],
)
def test_a_stream_id_that_makes_no_sense_gets_the_guidelines_rejection(
    stream_id: str, code: Rejection
) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_stream_id(stream_id, REQUEST)
    assert caught.value.reply == code
    assert stream_id not in str(caught.value)


def test_secrets_do_not_show() -> None:
    request = parse_stream_id("publish:cam?key=private:ann:private", REQUEST)
    assert "private" not in repr(request)


@given(
    st.sampled_from(["", "#!::", "#!", "publish:", "read:", "#!::r="]),
    st.text("abmrust=,:#!?/%é\0 ", max_size=40),
    st.sampled_from([PUBLISH, REQUEST]),
)
def test_any_text_is_a_request_or_refused(beginning: str, rest: str, mode: StreamMode) -> None:
    code = code_of_refusal(lambda: parse_stream_id(beginning + rest, mode))
    assert code is None or code >= Rejection.BAD_REQUEST
    if code is None:
        request = parse_stream_id(beginning + rest, mode)
        assert request.mode in ("publish", "request")
        assert "?" not in request.path
