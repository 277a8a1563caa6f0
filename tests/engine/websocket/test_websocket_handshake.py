"""The opening handshake, checked with the example of RFC 6455 and with wsproto's client."""

import contextlib
from types import MappingProxyType

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType, WSConnection
from wsproto import events as ws
from wsproto.extensions import PerMessageDeflate

from engine.protocols.http import RequestReader
from engine.protocols.websocket import LocalProtocolError, RemoteProtocolError, accept_response


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request as the handshake sees it."""

    method: str = "GET"
    http_version: str = "1.1"
    is_websocket: bool = True
    headers: dict[str, str]


FIELDS = MappingProxyType({"sec-websocket-version": "13", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="})


def asked(**changes: str) -> Asked:
    return Asked(headers={**FIELDS, **{name.replace("_", "-"): value for name, value in changes.items()}})


def refusal(request: Asked) -> int:
    with pytest.raises(RemoteProtocolError) as caught:
        accept_response(request, "r")
    return caught.value.reply


def test_the_example_of_the_rfc() -> None:
    answer = accept_response(asked(), "r")  # RFC 6455 section 1.3
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer


def test_a_client_that_offers_everything_gets_plain_websocket() -> None:
    client = WSConnection(ConnectionType.CLIENT)
    head = client.send(ws.Request(host="a", target="/s.flv", extensions=[PerMessageDeflate()]))
    request = RequestReader().receive(head)
    assert request is not None
    client.receive_data(accept_response(request, "r"))
    (accepted,) = client.events()
    assert isinstance(accepted, ws.AcceptConnection)
    assert accepted.extensions == []
    assert accepted.subprotocol is None


@pytest.mark.parametrize("version", ["", "8", "12", "13, 8"])
def test_another_version_is_asked_to_upgrade(version: str) -> None:
    assert refusal(asked(sec_websocket_version=version)) == 426


@pytest.mark.parametrize("key", ["", "short", "dGhlIHNhbXBsZSBub25j", "dGhlIHNhbXBsZSBub25jZQ", "é" * 24])
def test_a_bad_key_is_refused(key: str) -> None:
    assert refusal(asked(sec_websocket_key=key)) == 400


def test_only_get_over_http_1_1_upgrades() -> None:
    for request in (
        Asked(headers=dict(FIELDS), method="HEAD"),
        Asked(headers=dict(FIELDS), http_version="1.0"),
        Asked(headers=dict(FIELDS), is_websocket=False),
    ):
        assert refusal(request) == 400


def test_a_request_id_cannot_smuggle_a_field() -> None:
    with pytest.raises(LocalProtocolError):
        accept_response(asked(), "a\r\nSet-Cookie: b")


@given(st.dictionaries(st.sampled_from([*FIELDS, "host"]), st.text(max_size=40)))
def test_any_fields_raise_only_our_error(fields: dict[str, str]) -> None:
    with contextlib.suppress(RemoteProtocolError):
        answer = accept_response(Asked(headers={**FIELDS, **fields}), "r")
        assert answer.startswith(b"HTTP/1.1 101 ")
