"""However the bytes are cut, the same happens; and wherever a connection is frozen, it goes on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.rtmp import (
    LocalProtocolError,
    ServerConnection,
    State,
    decode_frozen,
    encode_frozen,
)
from engine.protocols.rtmp.events import Media, PublishRequested
from tests.engine.rtmp import dialogues
from tests.engine.rtmp.dialogues import Dialogue
from tests.engine.rtmp.wire import (
    TO_PUBLISH,
    Outcome,
    byte_by_byte,
    cuts_of,
    feed,
    message,
    noise,
    publishing,
    serve,
    take,
)

each_dialogue = pytest.mark.parametrize("spoken", dialogues.ALL, ids=lambda spoken: spoken.name)
dialogue = st.sampled_from(dialogues.ALL)


def moved(server: ServerConnection) -> ServerConnection:
    """The same connection in another process."""
    return ServerConnection.thaw(decode_frozen(encode_frozen(server.freeze())), 0.0)


@each_dialogue
def test_whole_and_byte_by_byte_are_the_same(spoken: Dialogue) -> None:
    data = b"".join(spoken.turns)
    assert feed(ServerConnection(), byte_by_byte(data)) == serve(data)


@given(st.data(), dialogue)
def test_random_cuts_are_the_same(data: st.DataObject, spoken: Dialogue) -> None:
    whole = b"".join(spoken.turns)
    assert feed(ServerConnection(), data.draw(cuts_of(whole))) == serve(whole)


@each_dialogue
def test_a_connection_frozen_after_every_byte_tells_the_same(spoken: Dialogue) -> None:
    data = b"".join(spoken.turns)
    server = ServerConnection()
    outcome = Outcome()
    for piece in byte_by_byte(data):
        take(server, piece, outcome)
        server = moved(server)
    assert outcome == serve(data)
    assert server.bytes_in == len(data)


@given(st.data(), dialogue)
def test_a_connection_frozen_between_any_two_reads_tells_the_same(
    data: st.DataObject, spoken: Dialogue
) -> None:
    whole = b"".join(spoken.turns)
    server = ServerConnection()
    outcome = Outcome()
    for piece in data.draw(cuts_of(whole)):
        take(server, piece, outcome)
        server = moved(server)
    assert outcome == serve(whole)


@given(st.integers(0, 700), st.integers(0, 700))
def test_a_publisher_in_a_hurry_is_handed_over_with_what_it_sent_ahead(first: int, second: int) -> None:
    body = noise("ahead", 600)
    ahead = message(6, 9, body, time=7, stream=1)
    server = ServerConnection()
    *_, asked = server.receive(TO_PUBLISH + ahead[:first], 0.0)
    assert isinstance(asked, PublishRequested)
    assert server.receive(ahead[first : first + second], 0.0) == []
    there = moved(server)
    assert there.state is State.PUBLISH_ASKED
    assert there.target.query == "key=k"
    assert there.take_output() == server.take_output()
    there.accept_publish()
    told = there.receive(b"", 0.0) + there.receive(ahead[first + second :], 0.0)
    assert told == [Media(9, 7, body)]


def test_untaken_output_travels_too() -> None:
    server = ServerConnection()
    server.receive(TO_PUBLISH, 0.0)
    assert moved(server).take_output() == server.take_output() != b""


def test_a_frozen_publisher_at_work_is_small() -> None:
    server = publishing()
    server.receive(message(6, 9, noise("frame", 5000), stream=1)[:900], 0.0)
    assert len(encode_frozen(server.freeze())) < 1600


def test_a_publishers_wide_limits_travel() -> None:
    server = moved(publishing())
    (event,) = server.receive(message(6, 9, bytes(100_000), stream=1), 0.0)
    assert isinstance(event, Media)
    assert len(event.body) == 100_000


@pytest.mark.parametrize("data", [b"", b"\x80", b"hello"])
def test_what_is_not_a_frozen_connection_is_our_error(data: bytes) -> None:
    with pytest.raises(LocalProtocolError):
        decode_frozen(data)
