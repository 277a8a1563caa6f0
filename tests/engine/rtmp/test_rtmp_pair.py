"""Client and server together: what each side decides, and what the other hears."""

from collections.abc import Callable

import pytest

from engine.protocols.rtmp import (
    ClientConnection,
    ClientState,
    LocalProtocolError,
    RemoteProtocolError,
    ServerConnection,
    State,
    encode_message,
    split_url,
)
from engine.protocols.rtmp.events import (
    Accepted,
    Connected,
    Event,
    Ignored,
    Media,
    PeerAcked,
    PlayRequested,
    PlayStarted,
    Pong,
    PublishRequested,
    PublishStarted,
    Status,
    StreamEnded,
    Unpublished,
)
from engine.protocols.rtmp.messages import Command, encode
from engine.protocols.rtmp.outbox import Outbox
from engine.protocols.rtmp.replies import failure
from tests.engine.rtmp.wire import (
    HANDSHAKE,
    TO_PLAY,
    TO_PUBLISH,
    ConnectionPair,
    message,
    noise,
    playing,
    publishing,
)

SCRIPT = b"\x02\x00\x0aonMetaData\x05"


def published() -> ConnectionPair:
    pair = ConnectionPair()
    pair.client.publish()
    pair.run()
    return pair


def played() -> ConnectionPair:
    pair = ConnectionPair()
    pair.client.play()
    pair.run()
    return pair


def without_noise(events: list[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, Ignored)]


def test_a_client_publishes() -> None:
    pair = published()
    assert pair.client.state is ClientState.PUBLISHING
    assert isinstance(pair.at_client[0], Accepted)
    assert pair.at_client[-1] == PublishStarted()
    connected, asked = without_noise(pair.at_server.events)
    assert isinstance(connected, Connected)
    assert asked == PublishRequested("live", "cam", "live/cam", "key=k", "live")


@pytest.mark.parametrize("chunk_size", [128, 4096, 65536])
def test_media_arrives_as_it_was_sent(chunk_size: int) -> None:
    pair = ConnectionPair(chunk_size=chunk_size)
    pair.client.publish()
    pair.run()
    media = [
        Media(9, 0, noise("v", 90_000)),
        Media(8, 0x1000000, b"a"),
        Media(8, 5, b""),
        Media(18, 9, SCRIPT),
    ]
    for tag in media:
        pair.client.send_media(tag.kind, tag.timestamp_ms, tag.body)
    pair.at_server.events.clear()
    pair.run()
    assert pair.at_server.events == media


def test_a_client_plays_frames_and_hears_the_end() -> None:
    pair = played()
    assert pair.at_client[-2] == PlayStarted()
    media = [Media(18, 0, SCRIPT), Media(9, 0x1000005, noise("v", 90_000)), Media(8, 7, b"a")]
    frames = b"".join(encode_message(tag.kind, tag.timestamp_ms, tag.body) for tag in media)
    assert pair.client.receive(frames, 0.0) == media
    pair.server.end_play(description="gone")
    pair.at_client.clear()
    pair.run()
    assert pair.at_client == [Status("status", "NetStream.Play.UnpublishNotify", "gone"), StreamEnded()]
    assert pair.server.state is State.CONNECTED


def test_a_publisher_ends_and_is_thanked() -> None:
    pair = published()
    pair.client.end()
    pair.run()
    assert Unpublished() in pair.at_server.events
    assert pair.at_client[-1] == Status("status", "NetStream.Unpublish.Success", "Unpublished.")


def test_a_publisher_is_told_of_its_successor() -> None:
    pair = published()
    pair.server.take_over()
    pair.run()
    told = pair.at_client[-1]
    assert isinstance(told, Status)
    assert (told.level, told.code) == ("error", "NetStream.Publish.BadName")
    assert "taken over" in told.description
    assert pair.client.state is ClientState.CONNECTED


def test_media_on_its_way_after_the_end_is_ignored() -> None:
    pair = published()
    pair.client.send_media(9, 0, noise("v", 100_000))
    pair.server.end_publish()
    pair.at_server.events.clear()
    pair.run()
    assert pair.at_server.events == [Ignored("media without a stream")]


def test_both_may_ping() -> None:
    pair = published()
    pair.server.ping(77)
    pair.client.ping(78)
    pair.run()
    assert Pong(77) in pair.at_server.events
    assert Pong(78) in pair.at_client


@pytest.mark.parametrize(
    ("asking", "refuse", "code"),
    [
        (TO_PUBLISH, ServerConnection.refuse_publish, b"NetStream.Publish.BadName"),
        (TO_PLAY, ServerConnection.refuse_play, b"NetStream.Play.StreamNotFound"),
    ],
    ids=["publish", "play"],
)
def test_a_refused_peer_is_told_and_may_ask_again(
    asking: bytes, refuse: Callable[[ServerConnection], None], code: bytes
) -> None:
    server = ServerConnection()
    server.receive(asking, 0.0)
    refuse(server)
    assert code in server.take_output()
    assert server.state is State.CONNECTED
    server.receive(message(3, *encode(Command("play", 0.0, (None, "other"))), stream=1), 0.0)
    assert server.target.path == "live/other"


def test_what_a_refused_publisher_sent_ahead_is_read_after_the_refusal() -> None:
    server = ServerConnection()
    server.receive(TO_PUBLISH + message(6, 9, b"frame", stream=1), 0.0)
    server.refuse_publish()
    assert server.receive(b"", 0.0) == [Ignored("media without a stream")]


ACTIONS: dict[str, Callable[[ServerConnection], None]] = {
    "accept_publish": ServerConnection.accept_publish,
    "refuse_publish": ServerConnection.refuse_publish,
    "end_publish": ServerConnection.end_publish,
    "take_over": ServerConnection.take_over,
    "accept_play": ServerConnection.accept_play,
    "refuse_play": ServerConnection.refuse_play,
    "end_play": ServerConnection.end_play,
}
ALLOWED = {
    State.PUBLISH_ASKED: {"accept_publish", "refuse_publish"},
    State.PUBLISHING: {"end_publish", "take_over"},
    State.PLAY_ASKED: {"accept_play", "refuse_play"},
    State.PLAYING: {"end_play"},
}


def asked(data: bytes) -> ServerConnection:
    server = ServerConnection()
    server.receive(data, 0.0)
    server.take_output()
    return server


SERVERS: dict[State, Callable[[], ServerConnection]] = {
    State.HANDSHAKE: ServerConnection,
    State.UNCONNECTED: lambda: asked(HANDSHAKE),
    State.PUBLISH_ASKED: lambda: asked(TO_PUBLISH),
    State.PUBLISHING: publishing,
    State.PLAY_ASKED: lambda: asked(TO_PLAY),
    State.PLAYING: playing,
}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("state", SERVERS)
def test_an_action_out_of_place_is_our_error_and_changes_nothing(state: State, action: str) -> None:
    server = SERVERS[state]()
    assert server.state is state
    if action in ALLOWED.get(state, set()):
        ACTIONS[action](server)
        assert server.take_output()
        return
    before = server.freeze()
    with pytest.raises(LocalProtocolError):
        ACTIONS[action](server)
    assert server.freeze() == before


@pytest.mark.parametrize("state", SERVERS)
def test_we_may_close_in_any_state_and_say_why_once_understood(state: State) -> None:
    server = SERVERS[state]()
    server.close("NetConnection.Connect.Rejected", "going away")
    assert (b"going away" in server.take_output()) == (state is not State.HANDSHAKE)
    server.close("NetConnection.Connect.Rejected", "twice")
    assert server.take_output() == b""
    assert server.state is State.CLOSED


def test_nobody_is_pinged_before_the_handshake() -> None:
    server = ServerConnection()
    server.ping(1)
    assert server.take_output() == b""


def test_counters_know_every_byte_of_the_dialogue() -> None:
    server = asked(TO_PUBLISH)
    assert server.bytes_in == len(TO_PUBLISH)
    sent = server.bytes_out
    server.accept_publish()
    assert server.bytes_out == sent
    assert server.bytes_out + len(server.take_output()) == server.bytes_out


def test_a_client_whose_connect_is_refused_is_closed() -> None:
    pair = ConnectionPair("rtmp://host/" + "a" * 600 + "/cam")
    pair.client.publish()
    pair.run()
    status = pair.at_client[-1]
    assert isinstance(status, Status)
    assert status.code == "NetConnection.Connect.Rejected"
    assert pair.client.state is ClientState.CLOSED
    assert pair.client.receive(b"more", 0.0) == []


def test_a_client_may_decide_after_it_is_connected() -> None:
    pair = ConnectionPair()
    pair.run()
    assert isinstance(pair.at_client[-1], Accepted)
    pair.client.play()
    pair.run()
    assert pair.client.state is ClientState.PLAYING


def test_a_client_has_one_stream() -> None:
    client = ClientConnection(split_url("rtmp://host/live/cam"))
    client.publish()
    with pytest.raises(LocalProtocolError):
        client.play()


def test_a_client_cannot_send_before_it_may() -> None:
    with pytest.raises(LocalProtocolError):
        ClientConnection(split_url("rtmp://host/live/cam")).send_media(9, 0, b"")


def test_a_client_refuses_a_stream_without_an_id() -> None:
    pair = ConnectionPair()
    pair.run()
    pair.client.play()
    outbox = Outbox(greeted=True)
    outbox.command(Command("_result", 2.0, (None, "one")))
    with pytest.raises(RemoteProtocolError):
        pair.client.receive(outbox.take(), 0.0)
    assert pair.client.state is ClientState.CLOSED


def test_a_client_pauses() -> None:
    pair = played()
    pair.client.pause(True, 40)
    pair.run()
    assert pair.at_client[-1] == Status("status", "NetStream.Pause.Notify", "")


def test_the_wish_to_play_has_the_query() -> None:
    (asked_for,) = [event for event in played().at_server.events if isinstance(event, PlayRequested)]
    assert asked_for.query == "key=k"
    assert asked_for.start == -2000.0


@pytest.mark.parametrize(
    ("url", "host", "port", "app", "name"),
    [
        ("rtmp://host/live/cam", "host", 1935, "live", "cam"),
        ("rtmp://host:19350/live/cam?k=a/b", "host", 19350, "live", "cam?k=a/b"),
        ("rtmp://[::1]:5/a/b/c", "::1", 5, "a/b", "c"),
        ("rtmp://[::1]/live/cam", "::1", 1935, "live", "cam"),
        ("rtmp://host/cam", "host", 1935, "", "cam"),
    ],
)
def test_urls_are_split_as_ffmpeg_splits_them(url: str, host: str, port: int, app: str, name: str) -> None:
    parts = split_url(url)
    assert (parts.host, parts.port, parts.app, parts.name) == (host, port, app, name)


@pytest.mark.parametrize("url", ["http://host/live/cam", "rtmp:///live/cam", "rtmp://host:x/cam", "cam"])
def test_other_urls_are_our_error(url: str) -> None:
    with pytest.raises(LocalProtocolError):
        split_url(url)


def test_a_client_reads_whatever_a_server_may_send() -> None:
    client = played().client
    audio = b"\x08\x00\x00\x01" + bytes(7) + b"a" + bytes(4)
    sent = (
        message(6, 8, b"audio", stream=1, chunk=65536)
        + message(6, 22, audio, time=3, stream=1, chunk=65536)
        + message(2, 3, (99).to_bytes(4), chunk=65536)
        + message(5, 18, b"\x00", stream=1, chunk=65536)
        + message(2, 19, b"shared", chunk=65536)
    )
    assert client.receive(sent, 0.0) == [
        Media(8, 0, b"audio"),
        Media(8, 3, b"a"),
        PeerAcked(99),
        Ignored("script message that is not media"),
        Ignored("Unknown"),
    ]


def test_a_client_hears_why_it_has_no_stream() -> None:
    pair = ConnectionPair()
    pair.run()
    pair.client.play()
    outbox = Outbox(greeted=True)
    outbox.command(failure(2.0, "NetConnection.Call.Failed", "full"))
    told = pair.client.receive(outbox.take(), 0.0)
    assert told == [Status("error", "NetConnection.Call.Failed", "full")]
    assert pair.client.state is ClientState.CONNECTED


def test_a_client_acknowledges_once_a_window() -> None:
    pair = played()
    pair.client.receive(message(2, 5, (20_000).to_bytes(4), chunk=65536), 0.0)
    frame = encode_message(9, 0, bytes(9000))
    for _ in range(6):
        pair.client.receive(frame, 0.0)
    pair.at_server.events.clear()
    pair.run()
    assert 2 <= len([event for event in pair.at_server.events if isinstance(event, PeerAcked)]) <= 3
    assert pair.server.peer_acked <= pair.client.bytes_in


def test_what_a_server_knows_can_be_asked() -> None:
    server = publishing()
    assert (server.app, server.target.name, server.peer_acked) == ("live", "cam", 0)


def test_user_controls_of_no_consequence_pass_by_both_ends() -> None:
    pair = played()
    strange = message(2, 4, b"\x00\x1a\x00\x00\x00\x01", chunk=65536)
    assert pair.client.receive(strange, 0.0) == [Ignored("user control 26")]
    assert pair.server.receive(strange, 0.0) == [Ignored("user control 26")]
