"""What goes back: heads, short answers, preflights."""

import h11
import pytest

from engine.protocols.http import (
    Answer,
    Head,
    LocalProtocolError,
    RemoteProtocolError,
    error_answer,
    flv_head,
    http1_head,
    plain_answer,
    preflight_head,
)
from engine.protocols.http.heads import Shared


def parse(
    answer: Answer | Head, body: bytes = b"", *, method: str = "GET", keep_alive: bool = False
) -> tuple[int, dict[str, str], bytes]:
    """Status, fields and body as h11's client side reads them."""
    head, sent = answer if isinstance(answer, Answer) else (answer, body)
    data = http1_head(head, keep_alive=keep_alive) + (b"" if method == "HEAD" else sent)
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    client.receive_data(data)
    client.receive_data(b"")
    response = client.next_event()
    assert isinstance(response, h11.Response)
    heard = b""
    while isinstance(event := client.next_event(), h11.Data):
        heard += event.data
    fields = {name.decode(): value.decode() for name, value in response.headers}
    return response.status_code, fields, heard


def test_an_flv_head_opens_an_endless_body() -> None:
    status, fields, body = parse(flv_head(None, "id1"), b"FLV\x01")
    assert (status, body) == (200, b"FLV\x01")
    assert fields["content-type"] == "video/x-flv"
    assert fields["connection"] == "close"
    assert fields["cache-control"] == "no-cache, no-store"
    assert fields["access-control-allow-origin"] == "*"
    assert fields["x-content-type-options"] == "nosniff"
    assert fields["x-request-id"] == "id1"
    assert "content-length" not in fields
    assert "transfer-encoding" not in fields


def test_the_page_that_asked_is_named() -> None:
    _, fields, _ = parse(flv_head("https://page.example", "id1"))
    assert fields["access-control-allow-origin"] == "https://page.example"
    assert fields["vary"] == "Origin"


def test_a_refusal_is_short_and_complete() -> None:
    status, fields, body = parse(plain_answer(404, "no such stream\n", request_id="r"))
    assert (status, body) == (404, b"no such stream\n")
    assert fields["content-length"] == str(len(body))


def test_head_is_told_the_length_all_the_same() -> None:
    answer = plain_answer(404, "no such stream\n", request_id="r")
    assert parse(answer, method="HEAD")[1]["content-length"] == "15"


def test_extra_fields_are_sent() -> None:
    _, fields, _ = parse(plain_answer(503, "full\n", request_id="r", extra=[("Retry-After", "5")]))
    assert fields["retry-after"] == "5"


@pytest.mark.parametrize(("status", "field"), [(405, "allow"), (426, "sec-websocket-version")])
def test_refusals_carry_the_fields_they_must(status: int, field: str) -> None:
    answer = error_answer(RemoteProtocolError("no", reply=status), request_id="r")
    assert field in parse(answer)[1]


def test_a_refusal_says_all_that_its_error_knows() -> None:
    error = RemoteProtocolError("no such range", reply=416, fields=(("Content-Range", "bytes */7"),))
    status, fields, _ = parse(error_answer(error, request_id="r"))
    assert (status, fields["content-range"]) == (416, "bytes */7")
    assert "content-range" in fields["access-control-expose-headers"].lower()


@pytest.mark.parametrize(("keep_alive", "word"), [(True, "keep-alive"), (False, "close")])
def test_small_answers_may_keep_the_connection(keep_alive: bool, word: str) -> None:
    refused = error_answer(RemoteProtocolError("no", reply=404), request_id="r")
    for answer in (refused, preflight_head("*", "r")):
        assert parse(answer, keep_alive=keep_alive)[1]["connection"] == word


def test_a_preflight_is_allowed() -> None:
    status, fields, body = parse(preflight_head("https://page.example", "r"), method="OPTIONS")
    assert (status, body) == (204, b"")
    assert fields["access-control-allow-methods"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    ("name", "value"), [("X", "a\r\nB: c"), ("X", "a\nb"), ("X Y", "a"), ("", "a"), ("X", "\u20ac")]
)
def test_a_field_cannot_be_smuggled(name: str, value: str) -> None:
    with pytest.raises(LocalProtocolError):
        Shared(200, ((name, value),), ())


def test_an_unknown_status_is_ours_to_fix() -> None:
    with pytest.raises(LocalProtocolError):
        plain_answer(299, "", request_id="r")
