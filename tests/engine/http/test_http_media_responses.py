"""What HLS players and pages get before the bytes they asked for."""

from collections.abc import Callable

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.http import (
    CHUNK_END,
    LAST_CHUNK,
    ByteRange,
    Head,
    LocalProtocolError,
    chunk,
    chunk_opening,
    document_head,
    growing_head,
    http1_head,
    media_head,
    not_modified_head,
    playlist_head,
    redirect_head,
)
from engine.protocols.http import media_responses as media

TAG = '"0123456789abcdef"'
ORIGIN = "https://page.example"


class Player:
    """h11's client side, on one connection."""

    def __init__(self) -> None:
        self._h11 = h11.Connection(h11.CLIENT)

    def ask(self, method: str = "GET") -> None:
        self._h11.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
        self._h11.send(h11.EndOfMessage())

    def hear(self, data: bytes, *, end: bool = False) -> tuple[int, dict[str, str], bytes]:
        """Status, fields (several of one name joined) and body of one whole answer."""
        self._h11.receive_data(data)
        if end:
            self._h11.receive_data(b"")
        response = self._h11.next_event()
        assert isinstance(response, h11.Response)
        fields: dict[str, str] = {}
        for name, value in response.headers:
            known = fields.get(name.decode())
            fields[name.decode()] = value.decode() if known is None else f"{known}, {value.decode()}"
        body = b""
        while isinstance(event := self._h11.next_event(), h11.Data):
            body += event.data
        assert isinstance(event, h11.EndOfMessage)
        return response.status_code, fields, body

    def next(self) -> None:
        """Go on with the next request; h11 refuses unless both sides keep the connection."""
        self._h11.start_next_cycle()


def hear(head: Head, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
    player = Player()
    player.ask()
    return player.hear(written(head) + body)


def written(head: Head, *, keep_alive: bool = True) -> bytes:
    """A whole answer, if it has no body."""
    return http1_head(head, keep_alive=keep_alive) + (LAST_CHUNK if head.growing else b"")


HEADS: list[Callable[..., Head]] = [
    lambda **terms: playlist_head(0, etag=TAG, cache_control="max-age=1", **terms),
    lambda **terms: media_head(0, content_type=media.MP4_TYPE, **terms),
    lambda **terms: document_head(0, content_type=media.JSON_TYPE, **terms),
    lambda **terms: not_modified_head(etag=TAG, cache_control="max-age=1", **terms),
    lambda **terms: redirect_head("/play/live/show", **terms),
    lambda **terms: growing_head(content_type=media.MP4_TYPE, **terms),
]
every_head = pytest.mark.parametrize("head", HEADS)


@every_head
def test_a_connection_is_kept_for_the_next_request(head: Callable[..., Head]) -> None:
    player = Player()
    for _ in range(2):
        player.ask()
        assert player.hear(written(head(request_id="r")))[1]["connection"] == "keep-alive"
        player.next()


@every_head
def test_a_connection_is_closed_where_that_is_meant(head: Callable[..., Head]) -> None:
    player = Player()
    player.ask()
    assert player.hear(written(head(request_id="r"), keep_alive=False))[1]["connection"] == "close"
    with pytest.raises(h11.LocalProtocolError):
        player.next()


@every_head
def test_every_answer_says_what_pages_and_logs_need(head: Callable[..., Head]) -> None:
    _, fields, _ = hear(head(request_id="r-1"))
    assert fields["x-request-id"] == "r-1"
    assert fields["x-content-type-options"] == "nosniff"
    assert fields["access-control-allow-origin"] == "*"
    assert fields["access-control-expose-headers"] == "Content-Range, ETag, X-Request-Id"


@every_head
def test_the_page_that_may_read_it_is_named(head: Callable[..., Head]) -> None:
    _, fields, _ = hear(head(request_id="r", origin=ORIGIN))
    assert fields["access-control-allow-origin"] == ORIGIN
    assert "Origin" in fields["vary"]
    assert "access-control-allow-origin" not in hear(head(request_id="r", origin=""))[1]


@every_head
def test_the_second_head_of_a_kind_has_its_own_request_id(head: Callable[..., Head]) -> None:
    first, second = written(head(request_id="one")), written(head(request_id="two"))
    assert first.replace(b"one", b"two") == second


@every_head
@pytest.mark.parametrize("request_id", ["a\r\nX: y", "a\nb", "a\x00", "é"])
def test_a_request_id_cannot_carry_a_field(head: Callable[..., Head], request_id: str) -> None:
    with pytest.raises(LocalProtocolError):
        head(request_id=request_id)


@every_head
def test_an_origin_cannot_carry_a_field(head: Callable[..., Head]) -> None:
    with pytest.raises(LocalProtocolError):
        head(request_id="r", origin="a\r\nX: y")


def test_what_varies_by_request_is_not_kept() -> None:
    playlist_head(1, etag=TAG, cache_control="max-age=1", request_id="r")
    before = media._shared.cache_info().currsize
    for number in range(500):
        etag, name = f'"{number}"', f"r{number}"
        playlist_head(number, etag=etag, cache_control="max-age=1", request_id=name)
        media_head(
            9, content_type=media.MP4_TYPE, etag=etag, request_id=name, piece=ByteRange(0, 1 + number % 9)
        )
        redirect_head(f"/{number}", request_id=name)
        not_modified_head(etag=etag, cache_control="max-age=1", request_id=name)
    assert media._shared.cache_info().currsize <= before + 4


def test_a_playlist_comes_as_it_is_or_compressed() -> None:
    plain = playlist_head(7, etag=TAG, cache_control="max-age=2", request_id="r")
    status, fields, body = hear(plain, b"#EXTM3U")
    assert (status, body) == (200, b"#EXTM3U")
    assert fields["content-type"] == "application/vnd.apple.mpegurl"
    assert (fields["etag"], fields["cache-control"]) == (TAG, "max-age=2")
    assert fields["vary"] == "Accept-Encoding"
    assert "content-encoding" not in fields
    squeezed = playlist_head(2, etag=TAG, cache_control="max-age=2", request_id="r", gzip=True, origin=ORIGIN)
    _, fields, _ = hear(squeezed, b"xx")
    assert fields["content-encoding"] == "gzip"
    assert set(fields["vary"].split(", ")) == {"Accept-Encoding", "Origin"}


@pytest.mark.parametrize("content_type", [media.MP4_TYPE, media.TS_TYPE])
def test_media_is_cached_for_ever(content_type: str) -> None:
    head = media_head(4, content_type=content_type, etag=TAG, request_id="r")
    status, fields, body = hear(head, b"moof")
    assert (status, body) == (200, b"moof")
    assert fields["content-type"] == content_type
    assert "immutable" in fields["cache-control"]
    assert (fields["accept-ranges"], fields["etag"]) == ("bytes", TAG)
    assert "content-range" not in fields
    assert "etag" not in hear(media_head(0, content_type=content_type, request_id="r"))[1]


def test_a_piece_of_media_says_where_it_lies() -> None:
    head = media_head(1000, content_type=media.MP4_TYPE, request_id="r", piece=ByteRange(10, 14))
    status, fields, body = hear(head, b"moof")
    assert (status, body) == (206, b"moof")
    assert fields["content-range"] == "bytes 10-13/1000"


def test_who_has_it_gets_a_head_alone() -> None:
    head = not_modified_head(etag=TAG, cache_control="max-age=1", request_id="r", varies=True)
    status, fields, body = hear(head)
    assert (status, body) == (304, b"")
    assert (fields["etag"], fields["cache-control"], fields["vary"]) == (TAG, "max-age=1", "Accept-Encoding")
    assert not {"content-length", "content-type", "transfer-encoding"} & fields.keys()
    assert "vary" not in hear(not_modified_head(etag=TAG, cache_control="no-cache", request_id="r"))[1]


def test_a_redirect_leads_somewhere() -> None:
    status, fields, body = hear(redirect_head("/play/live/show?a=b", request_id="r"))
    assert (status, body) == (302, b"")
    assert (fields["location"], fields["content-length"]) == ("/play/live/show?a=b", "0")


@pytest.mark.parametrize("location", ["", "/a\r\nSet-Cookie: x", "/\u20ac", "/a\x7f"])
def test_a_redirect_leads_nowhere_else(location: str) -> None:
    with pytest.raises(LocalProtocolError):
        redirect_head(location, request_id="r")


def test_a_tag_cannot_carry_a_field() -> None:
    with pytest.raises(LocalProtocolError):
        media_head(1, content_type=media.MP4_TYPE, etag='"a"\r\nX: y', request_id="r")


def test_a_page_has_its_type_and_its_rules() -> None:
    rules = (("Content-Security-Policy", "default-src 'self'"),)
    head = document_head(3, content_type=media.HTML_TYPE, etag=TAG, request_id="r", extra=rules)
    status, fields, body = hear(head, b"<p>")
    assert (status, body) == (200, b"<p>")
    assert (fields["content-type"], fields["etag"]) == ("text/html; charset=utf-8", TAG)
    assert fields["content-security-policy"] == "default-src 'self'"
    assert fields["cache-control"] == "no-cache"


@given(st.lists(st.binary(max_size=70_000), max_size=4))
def test_a_growing_part_arrives_as_it_was_made(pieces: list[bytes]) -> None:
    player = Player()
    player.ask()
    head = http1_head(growing_head(content_type=media.MP4_TYPE, request_id="r"), keep_alive=True)
    status, fields, body = player.hear(head + b"".join(map(chunk, pieces)) + LAST_CHUNK)
    assert (status, body) == (200, b"".join(pieces))
    assert fields["transfer-encoding"] == "chunked"
    assert "content-length" not in fields


def test_an_old_client_gets_a_growing_part_until_the_close() -> None:
    player = Player()
    player.ask()
    head = growing_head(content_type=media.MP4_TYPE, request_id="r")
    _, fields, body = player.hear(http1_head(head, keep_alive=True, http_version="1.0") + b"moof", end=True)
    assert body == b"moof"
    assert fields["connection"] == "close"
    assert "transfer-encoding" not in fields


def test_a_chunk_may_be_sent_from_where_it_lies() -> None:
    assert chunk_opening(4) + b"moof" + CHUNK_END == chunk(b"moof")


def test_an_empty_chunk_would_be_the_last() -> None:
    assert chunk(b"") == b""
    with pytest.raises(LocalProtocolError):
        chunk_opening(0)
