"""Any bytes: the same whatever the cuts, and no error but the protocol's own."""

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.rtmp import ClientConnection, RemoteProtocolError, ServerConnection, split_url
from tests.engine.rtmp import dialogues
from tests.engine.rtmp.wire import (
    HANDSHAKE,
    TO_PLAY,
    TO_PUBLISH,
    ConnectionPair,
    Outcome,
    byte_by_byte,
    command,
    cuts_of,
    feed,
    head,
    message,
    serve,
    set_chunk_size,
)

small_ints = st.integers(0, 300)
fragments = st.one_of(
    st.binary(max_size=20),
    st.builds(head, st.integers(0, 3), st.integers(2, 8), small_ints, small_ints, st.integers(0, 24)),
    st.builds(message, st.integers(2, 8), st.integers(0, 24), st.binary(max_size=60), stream=st.just(1)),
    st.builds(set_chunk_size, st.one_of(st.integers(0, 300), st.just(65536))),
    st.builds(
        command,
        st.sampled_from(
            ["connect", "createStream", "publish", "play", "pause", "seek", "deleteStream", "FCUnpublish"]
        ),
        st.sampled_from([0, 1, 5]),
        st.one_of(st.none(), st.booleans(), st.floats(), st.just({"app": "live"})),
        st.one_of(st.none(), st.booleans(), st.floats(), st.text(max_size=8)),
        st.one_of(st.none(), st.booleans(), st.floats(), st.text(max_size=8)),
    ),
)
beginnings = st.sampled_from([b"", HANDSHAKE, TO_PUBLISH, TO_PLAY])


@given(beginnings, st.lists(fragments, max_size=25).map(b"".join), st.data())
def test_any_pieces_of_protocol_are_answered_or_refused_however_cut(
    beginning: bytes, rest: bytes, data: st.DataObject
) -> None:
    whole = serve(beginning + rest)
    assert feed(ServerConnection(), [beginning, *byte_by_byte(rest)]) == whole
    assert feed(ServerConnection(), data.draw(cuts_of(beginning + rest))) == whole


@st.composite
def damaged_dialogues(draw: st.DrawFn) -> bytes:
    """What a real program says, with some bytes changed, lost or doubled behind the handshake."""
    spoken = bytearray(b"".join(draw(st.sampled_from(dialogues.ALL)).turns))
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(len(HANDSHAKE), len(spoken) - 1))
        spoken[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return bytes(spoken)


@given(damaged_dialogues(), st.data())
def test_damaged_dialogues_are_answered_or_refused_however_cut(damaged: bytes, data: st.DataObject) -> None:
    assert feed(ServerConnection(), data.draw(cuts_of(damaged))) == serve(damaged)


def playing_client() -> ClientConnection:
    pair = ConnectionPair()
    pair.client.play()
    pair.run()
    return pair.client


def new_client() -> ClientConnection:
    return ClientConnection(split_url("rtmp://host/live/cam"))


def heard_by(client: ClientConnection, pieces: Iterable[bytes]) -> Outcome:
    """What a client makes of what a server says, until the first error."""
    outcome = Outcome()
    for piece in pieces:
        try:
            outcome.events += client.receive(piece, 0.0)
        except RemoteProtocolError as error:
            outcome.events += error.events
            outcome.error = str(error)
        outcome.output += client.take_output()
        if outcome.error:
            break
    return outcome


@pytest.mark.parametrize(("client", "beginning"), [(new_client, HANDSHAKE), (playing_client, b"")])
@given(st.lists(fragments, max_size=25).map(b"".join))
def test_a_client_hears_out_or_refuses_any_server_however_cut(
    client: Callable[[], ClientConnection], beginning: bytes, rest: bytes
) -> None:
    said = beginning + rest
    assert heard_by(client(), byte_by_byte(said)) == heard_by(client(), [said])
