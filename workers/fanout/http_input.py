"""What players of the media port say while they play: hardly anything, and not for ever."""

import trio

from engine.protocols import websocket
from engine.protocols.http.limits import MAX_UNASKED_BYTES
from workers.fanout.player import Player
from workers.fanout.report import Report


class HttpInput:
    """HTTP-FLV players have nothing to say after their request; who goes on and on is sent away."""

    __slots__ = ("_player", "_report", "_unasked_bytes")

    def __init__(self, player: Player, report: Report) -> None:
        self._player = player
        self._report = report
        self._unasked_bytes = 0

    def __call__(self, data: bytes) -> None:
        self._unasked_bytes += len(data)
        if self._unasked_bytes > MAX_UNASKED_BYTES and self._player.pump and not self._player.parting:
            self._report.protocol_error("http-flv")
            self._player.pump.part(self._player, b"", "protocol_error")


class WebSocketInput:
    """What a WebSocket player says: pings are answered, a close is returned, the rest means nothing here."""

    __slots__ = ("_frames", "_player", "_report")

    def __init__(self, frames: websocket.ClientFrames, player: Player, report: Report) -> None:
        self._frames = frames
        self._player = player
        self._report = report

    def __call__(self, data: bytes) -> None:
        try:
            for event in self._frames.receive(data, trio.current_time()):
                self._act(event)
        except websocket.RemoteProtocolError as error:
            self._report.protocol_error("ws-flv")
            self._part(websocket.close(error.reply, str(error)), "protocol_error")

    def _act(self, event: websocket.Event) -> None:
        report = self._report
        if isinstance(event, websocket.Message):
            report.websocket_message_heard(event.length_bytes)
        elif isinstance(event, websocket.Ping):
            report.websocket_heard("ping")
            self._divert(websocket.pong(event.payload))
        elif isinstance(event, websocket.Close):
            report.websocket_heard("close")
            self._part(websocket.close(1000, ""), "closed")
        else:
            report.websocket_heard("pong")

    def _divert(self, frame: bytes) -> None:
        if self._player.pump:
            self._report.websocket_sent("pong")
            self._player.pump.divert(self._player, frame)

    def _part(self, frame: bytes, reason: str) -> None:
        if self._player.pump:
            self._report.websocket_sent("close")
            self._player.pump.part(self._player, frame, reason)
