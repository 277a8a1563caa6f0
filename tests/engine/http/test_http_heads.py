"""One head, and the two ways it goes over the wire."""

import pytest

from engine.protocols.http import (
    ByteRange,
    Head,
    flv_head,
    growing_head,
    http1_head,
    http2_fields,
    media_head,
    plain_answer,
    playlist_head,
)
from engine.protocols.http.media_responses import MP4_TYPE

PAGE = (
    "Access-Control-Allow-Origin: https://page.example\r\nVary: Origin\r\n"
    "Access-Control-Expose-Headers: Content-Range, ETag, X-Request-Id\r\n"
    "X-Content-Type-Options: nosniff\r\n"
)
ORIGIN = "https://page.example"
FOR_EVER = "Cache-Control: public, max-age=31536000, immutable\r\n"

GROWING = growing_head(content_type=MP4_TYPE, request_id="r", origin=ORIGIN)
PIECE = media_head(9, content_type=MP4_TYPE, request_id="r", etag='"x"', piece=ByteRange(2, 5), origin=ORIGIN)
PLAYLIST = playlist_head(
    7, etag='"x"', cache_control="public, max-age=1", request_id="r", origin=ORIGIN, gzip=True
)


def test_lengths_and_names_come_behind_what_all_answers_share() -> None:
    assert http1_head(PLAYLIST, keep_alive=True).decode() == (
        "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.apple.mpegurl\r\n"
        f"Cache-Control: public, max-age=1\r\nConnection: keep-alive\r\n{PAGE}"
        "Vary: Accept-Encoding\r\nContent-Encoding: gzip\r\n"
        'Content-Length: 7\r\nETag: "x"\r\nX-Request-Id: r\r\n\r\n'
    )
    assert http1_head(PIECE, keep_alive=False).decode() == (
        f"HTTP/1.1 206 Partial Content\r\nContent-Type: video/mp4\r\n{FOR_EVER}Connection: close\r\n{PAGE}"
        "Accept-Ranges: bytes\r\n"
        'Content-Length: 3\r\nContent-Range: bytes 2-4/9\r\nETag: "x"\r\nX-Request-Id: r\r\n\r\n'
    )


def test_a_growing_body_is_chunked_or_ends_with_the_connection() -> None:
    chunked = (
        f"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n{FOR_EVER}Connection: keep-alive\r\n{PAGE}"
        "Transfer-Encoding: chunked\r\nX-Request-Id: r\r\n\r\n"
    )
    assert http1_head(GROWING, keep_alive=True).decode() == chunked
    old = chunked.replace("keep-alive", "close").replace("Transfer-Encoding: chunked\r\n", "")
    assert http1_head(GROWING, keep_alive=True, http_version="1.0").decode() == old


def test_a_refusal_has_its_length_before_the_connection_and_extras_at_the_end() -> None:
    answer = plain_answer(503, "no\n", request_id="r", origin=ORIGIN, extra=[("Retry-After", "1")])
    assert http1_head(answer.head, keep_alive=False).decode() == (
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\n"
        f"Cache-Control: no-store\r\nConnection: close\r\n{PAGE}X-Request-Id: r\r\nRetry-After: 1\r\n\r\n"
    )


@pytest.mark.parametrize(
    "head",
    [PLAYLIST, PIECE, GROWING, flv_head(None, "r"), plain_answer(405, "no\n", request_id="r").head],
    ids=["playlist", "piece", "growing", "flv", "refusal"],
)
def test_http2_says_the_same_without_what_is_about_the_connection(head: Head) -> None:
    status_line, *lines = http1_head(head, keep_alive=True).decode().removesuffix("\r\n\r\n").split("\r\n")
    fields = [(b":status", status_line.split()[1].encode())]
    for line in lines:
        name, _, value = line.partition(": ")
        if name not in ("Connection", "Transfer-Encoding"):
            fields.append((name.lower().encode(), value.encode()))
    assert sorted(http2_fields(head)) == sorted(fields)
    assert http2_fields(head)[0][0] == b":status"
