"""What a service's answer means: as SRS's services have it, as a plain status, and as we have it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.hooks.reply import Limits, NotUnderstood, Verdict, combined, is_final, understand

YES = Verdict(allowed=True)
NO = Verdict(allowed=False)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"0"),
        (200, b" 0\n"),
        (200, b'{"code": 0}'),
        (200, b'{"code":0,"data":{"urls":[]},"server":"x"}'),
        (200, b'{"code":"0"}'),
        (200, b"{}"),
        (204, b""),
        (201, b"OK"),
    ],
)
def test_lets_in(status: int, body: bytes) -> None:
    assert understand(status, body) == YES


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"1"),
        (200, b"-1"),
        (200, b'{"code": 1}'),
        (200, b'{"code":"403"}'),
        (400, b""),
        (401, b"no"),
        (403, b"<html>"),
        (404, b"0"),
        (403, b'{"code": 0'),
    ],
)
def test_refuses(status: int, body: bytes) -> None:
    assert understand(status, body) == NO


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"0"),
        (503, b""),
        (301, b"0"),
        (100, b"0"),
        (408, b""),
        (425, b""),
        (429, b""),
        (200, b'{"code": 0'),
        (200, b'{"code": "yes"}'),
        (200, b'{"code": null}'),
        (200, b'{"code":0,"stream":"../../etc/passwd"}'),
        (200, b'{"code":0,"lifetime_s":-1}'),
        (200, b'{"code":0,"lifetime_s":1e300}'),
        (200, b'{"code":0,"limits":{"max_bitrate_bps":-5}}'),
        (200, b"{" * 5000),
        (200, b'{"code":0,"reason":"\xff"}'),
    ],
)
def test_is_no_answer(status: int, body: bytes) -> None:
    with pytest.raises(NotUnderstood):
        understand(status, body)


def test_a_refusal_says_why_in_one_printable_line() -> None:
    assert understand(200, b'{"code":7,"reason":"not\\nyour\\u0007 slot"}').reason == "not your  slot"
    assert understand(403, b'{"msg":"go away"}').reason == "go away"
    assert len(understand(403, b'{"msg":"' + b"x" * 5000 + b'"}').reason) == 200


def test_a_service_renames_and_limits() -> None:
    body = b'{"code":0,"stream":"vip/one","lifetime_s":3600,"limits":{"max_bitrate_bps":6000000}}'
    assert understand(200, body) == Verdict(
        allowed=True, stream="vip/one", lifetime_s=3600.0, limits=Limits(6_000_000)
    )


def test_a_single_name_means_live_as_everywhere() -> None:
    assert understand(200, b'{"stream":"one"}').stream == "live/one"


@given(st.integers(100, 599), st.binary(max_size=200))
def test_anything_else_is_an_answer_or_none_and_never_a_crash(status: int, body: bytes) -> None:
    try:
        verdict = understand(status, body)
    except NotUnderstood:
        return
    assert verdict.answered
    assert status < 500


def test_of_several_services_one_no_is_enough() -> None:
    assert not combined([YES, NO, YES]).allowed


def test_of_several_services_the_first_name_counts_and_one_silence_is_remembered() -> None:
    first = Verdict(allowed=True, stream="live/one", lifetime_s=5)
    second = Verdict(allowed=True, answered=False, stream="live/two", limits=Limits(7))
    both = combined([first, second])
    assert (both.stream, both.lifetime_s, both.limits, both.answered) == ("live/one", 5, Limits(7), False)


def test_events_are_not_repeated_to_who_will_never_take_them() -> None:
    assert [status for status in (200, 204, 400, 404, 410) if not is_final(status)] == []
    assert [status for status in (302, 408, 425, 429, 500, 503) if is_final(status)] == []
