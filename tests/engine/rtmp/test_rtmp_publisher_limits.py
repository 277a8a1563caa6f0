"""What a publisher may send is the operator's choice; what a stranger may send is not."""

import pytest

from engine.protocols.rtmp import Media, ServerConnection, decode_frozen, encode_frozen
from engine.protocols.rtmp.limits import AFTER_PUBLISH, BEFORE_PUBLISH, KIB, MIB, publisher_limits
from tests.engine.rtmp.wire import HANDSHAKE, TO_PUBLISH, Outcome, feed, message, take

SMALL = publisher_limits(100 * KIB)


def frame(size: int) -> bytes:
    return message(6, 9, bytes(size), stream=1)


def publishing() -> ServerConnection:
    server = ServerConnection(as_publisher=SMALL)
    take(server, TO_PUBLISH, Outcome())
    return server


def moved(server: ServerConnection) -> ServerConnection:
    """The same connection in another process, which has its own word on limits."""
    return ServerConnection.thaw(decode_frozen(encode_frozen(server.freeze())), 0.0, as_publisher=SMALL)


def test_the_default_is_the_default() -> None:
    assert publisher_limits(8 * MIB) == AFTER_PUBLISH


def test_small_messages_do_not_make_a_publisher_poorer_than_a_stranger() -> None:
    assert publisher_limits(64 * KIB).in_flight_bytes == BEFORE_PUBLISH.in_flight_bytes


@pytest.mark.parametrize("server", [publishing(), moved(publishing())], ids=["here", "moved"])
def test_a_publishers_largest_message_is_what_was_configured(server: ServerConnection) -> None:
    (event,) = feed(server, [frame(100 * KIB)]).events
    assert isinstance(event, Media)
    assert "a message of" in feed(server, [frame(100 * KIB + 1)]).error


def test_the_choice_holds_from_the_moment_of_publishing_on() -> None:
    server = ServerConnection()
    server.receive(TO_PUBLISH, 0.0)
    there = moved(server)
    there.accept_publish()
    assert "a message of" in feed(there, [frame(100 * KIB + 1)]).error


def test_a_stranger_gets_no_more_for_it() -> None:
    server = ServerConnection(as_publisher=publisher_limits(64 * MIB))
    assert "a message of" in feed(server, [HANDSHAKE, frame(65 * KIB)]).error
