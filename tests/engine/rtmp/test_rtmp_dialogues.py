"""The clients of this world are answered as they expect, in their own words."""

import pytest

from engine.protocols.rtmp import ServerConnection, State, events
from engine.protocols.rtmp.events import (
    BufferLength,
    Connected,
    Ignored,
    Media,
    Paused,
    PlayRequested,
    PlayStopped,
    PublishRequested,
    Unpublished,
    Wanted,
)
from engine.protocols.rtmp.messages import Command, Message, SetPeerBandwidth, WindowAckSize
from tests.engine.rtmp import dialogues
from tests.engine.rtmp.dialogues import Dialogue
from tests.engine.rtmp.wire import (
    CONNECT,
    CREATE_STREAM,
    HANDSHAKE,
    Outcome,
    command,
    feed,
    message,
    messages_of,
    publishing,
    said,
    serve,
    take,
)

each_dialogue = pytest.mark.parametrize("spoken", dialogues.ALL, ids=lambda spoken: spoken.name)


def told(outcome: Outcome, kind: type[events.Event]) -> list[events.Event]:
    return [event for event in outcome.events if isinstance(event, kind)]


def name_or_code(reply: Command) -> str:
    match reply.arguments:
        case [_, {"code": str() as code}] if reply.name == "onStatus":
            return code
    return reply.name


def replies_in(messages: list[Message]) -> list[str]:
    return [name_or_code(reply) for reply in messages if isinstance(reply, Command)]


@each_dialogue
def test_each_is_answered_in_order(spoken: Dialogue) -> None:
    outcome = feed(ServerConnection(), spoken.turns)
    assert outcome.error == ""
    assert replies_in(said(outcome.output)) == list(spoken.replies)


@each_dialogue
def test_what_each_publishes_arrives_whole(spoken: Dialogue) -> None:
    outcome = feed(ServerConnection(), spoken.turns)
    assert told(outcome, Media) == [Media(*media) for media in spoken.media]


@each_dialogue
def test_each_asks_for_the_same_stream_and_ends_in_its_own_way(spoken: Dialogue) -> None:
    outcome = feed(ServerConnection(), spoken.turns)
    (asked,) = told(outcome, PublishRequested) + told(outcome, PlayRequested)
    assert isinstance(asked, PublishRequested | PlayRequested)
    assert (asked.app, asked.name, asked.path) == ("live", "cam", "live/cam")
    assert len(told(outcome, Unpublished)) == ("NetStream.Unpublish.Success" in spoken.replies)


def test_the_chunk_size_is_announced_before_the_answer_to_connect() -> None:
    output = serve(HANDSHAKE + CONNECT).output
    greeting = said(output)  # the reader that reads it acts upon the chunk size itself
    assert greeting[:2] == [WindowAckSize(2_500_000), SetPeerBandwidth(2_500_000, 2)]
    assert isinstance(greeting[2], Command)
    size = b"\0\0\4\1\0\0\0\0" + (65536).to_bytes(4)
    assert 0 < output.index(size) < output.index(b"_result")


def test_an_enhanced_client_hears_that_everything_is_passed_on() -> None:
    outcome = feed(ServerConnection(), dialogues.OBS_PUBLISH.turns)
    (connected,) = told(outcome, Connected)
    assert isinstance(connected, Connected)
    assert connected.fourccs == ("av01", "hvc1")
    answer = said(outcome.output)[2]
    assert isinstance(answer, Command)
    information = answer.arguments[1]
    assert isinstance(information, dict)
    assert information["fourCcList"] == ["*"]
    assert information["videoFourCcInfoMap"] == {"*": 4.0}


def test_a_classic_client_hears_nothing_of_it() -> None:
    answer = said(serve(HANDSHAKE + CONNECT).output)[2]
    assert isinstance(answer, Command)
    assert "fourCcList" not in str(answer.arguments)


def test_the_info_maps_of_enhanced_rtmp_2_name_codecs_too() -> None:
    outcome = serve(
        HANDSHAKE
        + dialogues.connect(
            fourCcList=["*", 5.0, "toolong"],
            videoFourCcInfoMap={"hvc1": 4.0},
            audioFourCcInfoMap={"Opus": 4.0},
        )
    )
    (connected,) = told(outcome, Connected)
    assert isinstance(connected, Connected)
    assert connected.fourccs == ("*", "hvc1", "Opus")


def test_a_player_says_how_it_plays() -> None:
    outcome = feed(ServerConnection(), dialogues.RTMPDUMP_PLAY.turns)
    assert told(outcome, Paused) == [Paused(True, 1000), Paused(False, 1000)]
    assert told(outcome, BufferLength) == [BufferLength(300), BufferLength(36_000_000)]
    assert told(outcome, PlayStopped) == [PlayStopped()]
    outcome = feed(ServerConnection(), dialogues.VLC_PLAY.turns)
    assert told(outcome, Wanted) == [Wanted(9, False)]


def test_create_stream_answers_one_each_time() -> None:
    outcome = serve(HANDSHAKE + CONNECT + CREATE_STREAM + CREATE_STREAM)
    answers = [reply for reply in said(outcome.output) if isinstance(reply, Command)][1:]
    assert [answer.arguments for answer in answers] == [(None, 1.0), (None, 1.0)]


def test_an_unknown_call_is_refused_and_an_unknown_notice_passes_by() -> None:
    outcome = serve(HANDSHAKE + CONNECT + command("teleport", 9, None) + command("wave", 0, None))
    assert told(outcome, Ignored) == [Ignored("unknown command"), Ignored("unknown command")]
    assert replies_in(said(outcome.output)) == ["_result", "_error"]


def test_a_ping_is_answered_with_its_own_time() -> None:
    outcome = serve(HANDSHAKE + CONNECT + message(2, 4, b"\x00\x06\x01\x02\x03\x04"))
    assert outcome.output.endswith(b"\x00\x07\x01\x02\x03\x04")


def test_seek_is_refused_on_a_live_stream() -> None:
    server = ServerConnection()
    outcome = feed(server, [*dialogues.FFMPEG_PLAY.turns, command("seek", 9, None, 5000.0, stream=1)])
    assert replies_in(said(outcome.output))[-1] == "NetStream.Seek.Failed"
    assert server.state is State.PLAYING


def test_scripts_without_a_name_and_cleared_metadata_are_not_media() -> None:
    server = publishing()
    outcome = feed(
        server,
        [
            message(5, 18, b"\x02\x00\x0f@clearDataFrame\x02\x00\x0aonMetaData", stream=1),
            message(5, 18, b"\x00\x40", stream=1),
            message(5, 18, b"", stream=1),
        ],
    )
    assert outcome.events == [Ignored("script message without a name")] * 3
    assert outcome.error == ""


def test_metadata_that_no_amf_reader_likes_passes_whole() -> None:
    body = b"\x02\x00\x0aonMetaData\x08\x00\x00\x00\x01\x00\x05width\x00\x40"
    outcome = feed(publishing(), [message(5, 18, b"\x02\x00\x0d@setDataFrame" + body, stream=1)])
    assert outcome.events == [Media(18, 0, body)]


def test_acknowledgements_are_sent_once_a_window() -> None:
    server = publishing()
    assert feed(server, [message(2, 5, (20_000).to_bytes(4))]).output == b""
    frame = message(6, 9, bytes(9000), stream=1)
    outputs = [feed(server, [frame]).output for _ in range(6)]
    acks = [messages_of(output)[0] for output in outputs if output]
    assert {ack.type_id for ack in acks} == {3}
    assert 2 <= len(acks) <= 3
    assert int.from_bytes(acks[-1].body) <= server.bytes_in


def test_a_stranger_may_publish_again_after_the_end() -> None:
    server = publishing()
    outcome = Outcome()
    take(server, command("deleteStream", 4, None, 1.0), outcome)
    take(server, command("publish", 5, None, "two", stream=1), outcome)
    assert server.state is State.PUBLISHING
    assert server.target.path == "live/two"
