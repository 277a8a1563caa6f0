"""A publisher that comes back whenever it is cut off, and players of each kind, in one loop."""

import contextlib
import select
import time

from bench.dialogue import PROTOCOLS, RTMP, Refused, dialogue
from bench.probe import Probe
from bench.publisher import Publisher, PublishRefused
from bench.servers import HOST, Server
from bench.stream import Bodies, shape_of

BITRATE_BPS = 1_000_000


class Scene:
    """One stream of a server. The publisher returns at once and begins with a keyframe, as encoders do."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._bodies = Bodies(shape_of(BITRATE_BPS))
        self._publisher: Publisher | None = None
        self._return()
        self._probes = [self._player(protocol) for protocol in PROTOCOLS]
        self.lost = 0

    def play(self, seconds: float) -> None:
        """Publish and watch for so long."""
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            self._turn()

    def wait_for_pictures(self, since_ns: int, patience_s: float) -> int:
        """Go on until every player has a keyframe that was sent after a moment; when the last one got it."""
        until_s = time.monotonic() + patience_s
        while min(probe.key_sent_ns for probe in self._probes) < since_ns and time.monotonic() < until_s:
            self._turn()
        return max(probe.key_received_ns for probe in self._probes)

    def close(self) -> None:
        """Everybody leaves."""
        for probe in self._probes:
            probe.close()
        if self._publisher is not None:
            self._publisher.close()

    def _player(self, protocol: str) -> Probe:
        port = self._server.ports[protocol]
        return Probe((HOST, port), protocol, dialogue(protocol, f"{HOST}:{port}", "live/bench"))

    def _turn(self) -> None:
        """Send what is due, and take what is there until more is."""
        try:
            wait_s = self._send_due()
        except (OSError, PublishRefused):
            self._return()
            return
        for probe in select.select([probe.socket for probe in self._probes], [], [], wait_s)[0]:
            self._serve(next(each for each in self._probes if each.socket is probe))

    def _send_due(self) -> float:
        """Seconds until there is more to send."""
        if self._publisher is None:
            raise PublishRefused
        self._publisher.drop_answers()
        while True:
            now_ns, due_ns = time.monotonic_ns(), self.returned_ns + self._publisher.next.due_ns
            if due_ns > now_ns:
                return (due_ns - now_ns) / 1e9
            self._publisher.send_next()

    def _return(self) -> None:
        """Publish anew; `returned_ns` is when the server has said yes."""
        if self._publisher is not None:
            self._publisher.close()
            self._publisher = None
        with contextlib.suppress(OSError, PublishRefused):
            self._publisher = Publisher(HOST, self._server.ports[RTMP], "live", "bench", self._bodies)
            self.returned_ns = time.monotonic_ns()

    def _serve(self, probe: Probe) -> None:
        try:
            probe.receive()
        except (OSError, Refused, ValueError):
            self.lost += 1
            probe.close()
            self._probes.remove(probe)
