"""An RTMP publisher whose every media message carries its number, and who comes back when it is cut off."""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import trio

from bench.stream import AAC_HEADER, AVC_HEADER, KIND_AUDIO, KIND_SCRIPT, KIND_VIDEO, Bodies, Due, Shape
from engine.protocols import amf0
from engine.protocols.rtmp import ClientConnection, ClientState
from engine.protocols.rtmp.events import PublishStarted, Status
from tests.e2e.rtmp_talk import Gone, Talk, talking
from tests.e2e.tls import rtmp_address

FRAME_MS: Final = 40
SOUND_AFTER_MS: Final = 20
SHAPE: Final = Shape(key_bytes=6_000, inter_bytes=1_500, audio_bytes=300)
METADATA: Final = amf0.encode("onMetaData", {"width": 1280.0, "height": 720.0, "encoder": "numbered"})
HEADERS: Final = ((KIND_SCRIPT, METADATA), (KIND_VIDEO, AVC_HEADER), (KIND_AUDIO, AAC_HEADER))

# Ahead of real time, so that stories of seconds take less: 40 ms of media every 8 ms.
PACE_S: Final = 0.008
RETRY_S: Final = 0.01
PATIENCE_S: Final = 30.0  # for what must come; a loaded machine of two cores needs a tenth


class Session:
    """One connection's worth: the numbers sent, those of keyframes among them, and what the server said.

    `local` is the publisher's end, "host:port".
    """

    def __init__(self, local: str) -> None:
        self.local = local
        self.numbers: list[int] = []
        self.keyframes: list[int] = []
        self.statuses: list[str] = []
        self.lost = False


class NumberedPublisher:
    """Publishes one stream: codec headers, then a video frame and a sound frame per step.

    Numbers go on over all sessions; each session begins at time 0 with a keyframe, as encoders do. The test
    says when to stop for a while (`hold`), to end (`finish`) and to go without a word (`vanish`).
    """

    def __init__(self, url: str, *, first: int = 0, gop: int = 10, shape: Shape = SHAPE) -> None:
        self.url = url
        self.sessions: list[Session] = []
        self.next_number = first
        self._gop = gop
        self._bodies = Bodies(shape)
        self._news = trio.Event()
        self._held = self.finishing = self._vanishing = False
        self._resting = False
        self.over = trio.Event()
        self.returns = True

    @property
    def session(self) -> Session:
        """The newest one."""
        return self.sessions[-1]

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Publish until told to end; a connection that is lost is made again as long as `returns` says so."""
        while not (self.finishing or self._vanishing):
            with suppress(OSError):
                await self._connect(task_status)
            if not self.returns:
                break
            await trio.sleep(RETRY_S)
        self.over.set()

    async def until(self, number: int) -> int:
        """Wait until all before `number` has been sent; gives the number that comes next."""
        await self._wait(lambda: self.next_number >= number)
        return self.next_number

    async def more(self, count: int) -> int:
        """Wait until so many messages more have been sent; gives the number that comes next."""
        return await self.until(self.next_number + count)

    async def until_session(self, count: int) -> None:
        """Wait until the `count`-th session has begun to send."""
        await self._wait(lambda: len(self.sessions) >= count and bool(self.session.numbers))

    async def hold(self) -> int:
        """Send nothing until `go_on`, but stay; gives the number that comes next."""
        self._held, self._resting = True, False
        await self._wait(lambda: self._resting)
        return self.next_number

    def go_on(self) -> None:
        self._held = False

    def finish(self) -> None:
        """Say good-bye after the step at hand."""
        self.finishing = True

    def vanish(self) -> None:
        """Close the connection without a word, and stay away."""
        self._vanishing = True

    async def ended(self) -> None:
        """Wait until this publisher has gone for good."""
        with trio.fail_after(PATIENCE_S):
            await self.over.wait()

    async def _wait(self, condition: Callable[[], bool]) -> None:
        with trio.fail_after(PATIENCE_S):
            while not condition():
                await self._news.wait()

    def _tell(self) -> None:
        self._news.set()
        self._news = trio.Event()

    async def _connect(self, task_status: trio.TaskStatus[None]) -> None:
        client = ClientConnection(rtmp_address(self.url))
        client.publish()
        async with talking(client, self.url) as talk:
            with suppress(Gone):
                await talk.flush()
                await talk.until(lambda talk: talk.hear_of(PublishStarted))
                self.sessions.append(Session(talk.local))
                if len(self.sessions) == 1:
                    task_status.started()
                await self._publish(talk, self.session)

    async def _publish(self, talk: Talk, session: Session) -> None:
        try:
            await self._send_all(talk, session)
        except Gone:
            session.lost = True
        session.statuses = [event.code for event in talk.heard if isinstance(event, Status)]
        self._tell()

    async def _send_all(self, talk: Talk, session: Session) -> None:
        for kind, body in HEADERS:
            talk.client.send_media(kind, 0, body)
        step = 0
        while not self.finishing:
            if self._vanishing or talk.over or talk.client.state is not ClientState.PUBLISHING:
                raise Gone
            if not self._held:
                self._send_step(talk.client, session, step)
                step += 1
            await talk.flush()
            self._resting = self._held
            self._tell()
            await trio.sleep(PACE_S)
        talk.client.end()
        await talk.flush()
        await talk.until(lambda talk: talk.over)

    def _send_step(self, client: ClientConnection, session: Session, step: int) -> None:
        key = step % self._gop == 0
        if key:
            session.keyframes.append(self.next_number)
        self._send(client, session, KIND_VIDEO, step * FRAME_MS, key=key)
        self._send(client, session, KIND_AUDIO, step * FRAME_MS + SOUND_AFTER_MS, key=False)

    def _send(self, client: ClientConnection, session: Session, kind: int, ms: int, *, key: bool) -> None:
        body = self._bodies.body(Due(self.next_number, ms * 1_000_000, kind, key), 0)
        client.send_media(kind, ms, body)
        session.numbers.append(self.next_number)
        self.next_number += 1
