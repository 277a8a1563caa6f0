"""A head that is like the one before is read without being parsed, and nobody can tell."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.http import RemoteProtocolError, Request, RequestReader
from engine.protocols.http.head_parser import HeadParser
from tests.engine.http.feeds import BROWSER, OFFER, OLD, PLAIN, with_field

TARGET = BROWSER.split(b" ")[1]
KEPT = (BROWSER, PLAIN, OLD, OFFER, with_field(b"X-Request-Id: mine"), BROWSER.replace(b"GET", b"HEAD", 1))

VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40).map(str.encode)
ANYTHING = st.binary(max_size=20).filter(lambda raw: b"\n" not in raw)
TARGETS = st.one_of(
    VISIBLE.map(lambda raw: b"/" + raw),
    VISIBLE,
    ANYTHING,
    ANYTHING.map(lambda raw: b"/" + raw),
    st.sampled_from(
        [b"*", b"/", b"", b"/a b", b"http://h/p", b"/%2f", b"/a?x=1&x=2", b"/\xff", b"//", b"/#"]
    ),
)


def with_target(head: bytes, target: bytes) -> bytes:
    method, _, rest = head.partition(b" ")
    return method + b" " + target + rest[rest.index(b" ") :]


def heard(reader: RequestReader, head: bytes) -> Request | int | None:
    """What a reader makes of a head: a request, or a refusal."""
    try:
        return reader.receive(head)
    except RemoteProtocolError as error:
        return error.reply


@given(st.sampled_from(KEPT), TARGETS)
def test_another_target_means_what_it_would_mean_first(head: bytes, target: bytes) -> None:
    reader, again = RequestReader(), with_target(head, target)
    assert isinstance(heard(reader, head), Request)
    assert heard(reader, again) == heard(RequestReader(), again)


@given(st.lists(st.sampled_from(KEPT), max_size=6))
def test_heads_in_any_order_mean_what_each_means_by_itself(heads: Sequence[bytes]) -> None:
    reader = RequestReader()
    for head in heads:
        assert heard(reader, head) == heard(RequestReader(), head)


def test_what_is_alike_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = RequestReader()
    assert reader.receive(BROWSER) is not None
    monkeypatch.delattr(HeadParser, "parse")
    request = reader.receive(with_target(BROWSER, b"/live/show/1a-2.3.m4s"))
    assert request is not None
    assert (request.path, request.query) == ("/live/show/1a-2.3.m4s", {})
    assert request.headers["if-none-match"] == '"0123456789abcdef"'


def test_another_field_is_another_head() -> None:
    reader = RequestReader()
    for value in (b"a", b"b"):
        request = reader.receive(with_field(b"N: " + value))
        assert request is not None
        assert request.headers["n"] == value.decode()


def test_what_requests_share_nobody_can_change() -> None:
    reader = RequestReader()
    first = reader.receive(BROWSER)
    assert first is not None
    with pytest.raises(TypeError):
        first.query["_HLS_msn"] = "1"  # type: ignore[index]
