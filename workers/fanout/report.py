"""What this worker tells the metrics: events as they happen, figures once a second, nothing per tag and
player.

Metric names stand here and in the catalogue, nowhere else in this role.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from engine.metrics import METHODS, OTHER
from workers.fanout.feed import Feed
from workers.fanout.player import Player
from workers.fanout.pumps import AnyPump
from workers.runtime.metrics import Children, Metrics
from workers.runtime.srt_readings import Measured, Packets
from workers.runtime.worker import HTTPS, RTMPS

NS: float = 1e-9
HLS: str = "hls"
WEBSOCKETS: frozenset[str] = frozenset({"ws-flv", "ws-mp4"})
FROM_NOUGHT: tuple[str, ...] = (
    "fanlight_publish_refusals_total",
    "fanlight_players_started_total",
    "fanlight_players_ended_total",
    "fanlight_play_refusals_total",
    "fanlight_dropped_tags_total",
    "fanlight_srt_handshake_seconds",
)
"""Metrics that objectives watch: what they count is to be seen from the first time on."""


class Report:
    """Counts for one fanout worker."""

    def __init__(self, metrics: Metrics, worker_name: str) -> None:
        self._metrics = metrics
        self._srt_handshakes: Counter[str] = Counter()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._hls_requests: Counter[tuple[str, int]] = Counter()
        self._lateness_s: list[float] = []
        self._durations = Children(metrics.gather, "fanlight_http_request_seconds", "method", "route")
        self._websocket: Counter[tuple[str, str]] = Counter()
        self._said_bytes = metrics.gather("fanlight_websocket_message_bytes", type="message")
        self._made_bytes = metrics.gather("fanlight_websocket_message_bytes", type="media")
        self._in_flight = metrics.bind("fanlight_http_requests_in_flight")
        self.in_flight = 0
        """HTTP requests that are being answered, but for those that play a stream."""
        self.srt_inductions = 0  # since the last flush: a flood of them must not cost a metric each
        self._tick = metrics.bind("fanlight_tick_seconds", worker=worker_name)
        self._pass = metrics.bind("fanlight_pump_pass_seconds")

    # -- connections

    def accepted(self, protocol: str) -> None:
        self._count("fanlight_connections_accepted_total", protocol=protocol)
        self._metrics.bind("fanlight_connections", protocol=protocol).inc()

    def closed(self, protocol: str) -> None:
        self._metrics.bind("fanlight_connections", protocol=protocol).dec()

    @contextmanager
    def connection(self, protocol: str) -> Iterator[None]:
        """It is accepted where the block begins, and closed where it ends."""
        self.accepted(protocol)
        try:
            yield
        finally:
            self.closed(protocol)

    def handshake_failed(self, protocol: str, reason: str) -> None:
        self._count("fanlight_handshake_failures_total", protocol=protocol, reason=reason)

    def turned_away(self, port: str) -> None:
        """A connection to this kind of port found no room in this worker."""
        if port in (HTTPS, RTMPS):
            self.tls_handshake(port, "too_many_connections")
        else:
            self.handshake_failed(port, "too_many_connections")

    def protocol_error(self, protocol: str) -> None:
        self._count("fanlight_protocol_errors_total", protocol=protocol)

    def request(self, method: str, route: str, status: int) -> None:
        self._requests[method, route, status] += 1  # handed on at the flush, as all that players ask for

    def request_took(self, method: str, route: str, seconds: float) -> None:
        """A request that was counted took so long; not said of those that play a stream."""
        self._durations.of(method if method in METHODS else OTHER, route).add(seconds)

    def play_refused(self, protocol: str, reason: str) -> None:
        self._count("fanlight_play_refusals_total", protocol=protocol, reason=reason)

    def publish_refused(self, protocol: str, reason: str) -> None:
        self._count("fanlight_publish_refusals_total", protocol=protocol, reason=reason)

    def handed_over(self, result: str) -> None:
        self._count("fanlight_handovers_total", result=result)

    def srt_handshake(self, result: str) -> None:
        self._srt_handshakes[result] += 1  # handed on at the flush: strangers send as many as they like

    def srt_accepted(self, role: str, seconds: float) -> None:
        """A handshake of a publisher or player has succeeded, after so long."""
        self.srt_handshake("accepted")
        self._metrics.bind("fanlight_srt_handshake_seconds", role=role).observe(seconds)

    # -- WebSocket

    def websocket_sent(self, kind: str) -> None:
        """A control frame: "ping", "pong" or "close"."""
        self._websocket[kind, "out"] += 1

    def websocket_heard(self, kind: str) -> None:
        """The same from a player."""
        self._websocket[kind, "in"] += 1

    def websocket_message_heard(self, size_bytes: int) -> None:
        self.websocket_heard("message")
        self._said_bytes.add(size_bytes)

    # -- HTTP/2

    def http2_request(self) -> None:
        self._count("fanlight_http2_requests_total")

    def http2_flood(self, reason: str) -> None:
        """A connection was ended for what its client sent too much of."""
        self._count("fanlight_http2_floods_total", reason=reason)

    # -- TLS

    def tls_handshake(self, port: str, result: str) -> None:
        self._count("fanlight_tls_handshakes_total", port=port, result=result)

    def tls_opened(self, port: str, seconds: float) -> None:
        """A handshake has succeeded, after so long."""
        self.tls_handshake(port, "ok")
        self._metrics.bind("fanlight_tls_handshake_seconds", port=port).observe(seconds)
        self._metrics.bind("fanlight_tls_connections", port=port).inc()

    def tls_closed(self, port: str) -> None:
        self._metrics.bind("fanlight_tls_connections", port=port).dec()

    def certificate_reloaded(self, result: str) -> None:
        self._count("fanlight_tls_certificate_reloads_total", result=result)

    def certificate_in_use(self, not_after_s: float) -> None:
        self._metrics.bind("fanlight_tls_certificate_not_after_timestamp_seconds").set(not_after_s)

    # -- players

    def player_started(self, player: Player) -> None:
        self._count("fanlight_players_started_total", protocol=player.protocol)
        self._metrics.bind("fanlight_players", protocol=player.protocol).inc()

    def player_ended(self, player: Player) -> None:
        self._metrics.bind("fanlight_players", protocol=player.protocol).dec()
        self._ended(player.protocol, player.reason, (time.monotonic_ns() - player.joined_ns) * NS)

    def _ended(self, protocol: str, reason: str, seconds: float) -> None:
        self._count("fanlight_players_ended_total", protocol=protocol, reason=reason)
        self._metrics.bind("fanlight_session_seconds", protocol=protocol, role="player").observe(seconds)

    def died_with_predecessor(self, protocol: str, players: int) -> None:
        """Players of the worker that had this slot before and was killed."""
        name = "fanlight_players_ended_total"
        self._metrics.bind(name, protocol=protocol, reason="worker_death").inc(players)

    # -- HLS

    def hls_request(self, resource: str, status: int) -> None:
        self._hls_requests[resource, status] += 1

    def reload_held(self, lateness_s: float) -> None:
        """A request that waited for a part is answered, so long after the part was there."""
        self._lateness_s.append(lateness_s)

    def hold_refused(self, reason: str) -> None:
        """A request would have had to wait, and too many do."""
        self._count("fanlight_hls_refused_holds_total", reason=reason)

    def file_looked_up(self, result: str) -> None:
        """A segment file was open already ("hit"), or had to be opened ("miss")."""
        self._count("fanlight_hls_file_lookups_total", result=result)

    def file_closed(self, reason: str) -> None:
        self._count("fanlight_hls_files_closed_total", reason=reason)

    def open_files(self, count: int) -> None:
        self._metrics.bind("fanlight_hls_open_files").set(count)

    def hls_players(self, count: int, held: int) -> None:
        """So many players asked for playlists lately, and so many of their requests wait."""
        self._metrics.bind("fanlight_players", protocol=HLS).set(count)
        self._metrics.bind("fanlight_hls_blocked_reloads").set(held)

    def hls_player_started(self) -> None:
        self._count("fanlight_players_started_total", protocol=HLS)

    def hls_player_ended(self, reason: str, seconds: float) -> None:
        """After so long between its first playlist and its last."""
        self._ended(HLS, reason, seconds)

    def hls_sent(self, size_bytes: int) -> None:
        """So much was sent since this was last said."""
        self._metrics.bind("fanlight_sent_bytes_total", protocol=HLS).inc(size_bytes)

    # -- figures

    def srt_packets(self, packets: Packets) -> None:
        """What SRT connections have done since they were last asked."""
        for (direction, kind), count in packets.items():
            self._metrics.bind("fanlight_srt_packets_total", direction=direction, kind=kind).inc(count)

    def srt_measured(self, measured: Measured) -> None:
        """What one SRT connection says of its link, once a second."""
        for name, value in measured.items():
            self._metrics.bind(name, direction="out").observe(value)

    def flush(self, feeds: Iterable[Feed]) -> None:
        """Hand on what has gathered since the last time."""
        longest_tick_s = 0.0
        self._metrics.bind("fanlight_srt_inductions_total").inc(self.srt_inductions)
        self.srt_inductions = 0
        for result, count in self._srt_handshakes.items():
            self._metrics.bind("fanlight_srt_handshakes_total", result=result).inc(count)
        self._srt_handshakes.clear()
        self._flush_requests()
        for feed in feeds:
            longest_tick_s = max(longest_tick_s, feed.pacer.tick_s)
            self.flush_feed(feed)
        self._flush_websocket()
        self._tick.set(longest_tick_s)

    def _flush_requests(self) -> None:
        for (method, route, status), count in self._requests.items():
            labels = {"method": method, "route": route, "status": str(status)}
            self._metrics.bind("fanlight_http_requests_total", **labels).inc(count)
        for (resource, status), count in self._hls_requests.items():
            labels = {"resource": resource, "status": str(status)}
            self._metrics.bind("fanlight_hls_requests_total", **labels).inc(count)
        child = self._metrics.bind("fanlight_hls_reload_lateness_seconds")
        for lateness_s in self._lateness_s:
            child.observe(lateness_s)
        self._requests.clear()
        self._hls_requests.clear()
        self._lateness_s.clear()
        self._in_flight.set(self.in_flight)

    def _flush_websocket(self) -> None:
        for (kind, direction), count in self._websocket.items():
            labels = {"type": kind, "direction": direction}
            self._metrics.bind("fanlight_websocket_messages_total", **labels).inc(count)
        self._websocket.clear()

    def flush_feed(self, feed: Feed) -> None:
        """The same for one stream: also its last word."""
        for seconds in feed.take_passes_s():
            self._pass.observe(seconds)
        lags_s = [self._flush_pump(pump, feed) for pump in feed.pumps.values()]
        if feed.has_row:
            feed.row.lag_ms_max = int(1000 * max(lags_s, default=0))
        self._flush_websocket()

    def _flush_pump(self, pump: AnyPump, feed: Feed) -> float:
        """Returns the longest lag of the pump's players, seconds."""
        protocol, figures, lags_s = pump.wire.name, pump.take_figures(), pump.sample_lags_s()
        bind = self._metrics.bind
        bind("fanlight_sent_bytes_total", protocol=protocol).inc(figures.bytes_sent)
        bind("fanlight_sent_tags_total", protocol=protocol).inc(figures.tags_sent)
        for reason, count in figures.tags_dropped.items():
            bind("fanlight_dropped_tags_total", protocol=protocol, reason=reason).inc(count)
        for reason, count in figures.jumps.items():
            bind("fanlight_jumps_total", protocol=protocol, reason=reason).inc(count)
        if protocol in WEBSOCKETS:
            self._websocket["media", "out"] += figures.tags_sent
        for size_bytes in figures.message_bytes:
            self._made_bytes.add(size_bytes)
        self._observe(protocol, "fanlight_delivery_latency_seconds", figures.latencies_s)
        self._observe(protocol, "fanlight_join_seconds", figures.joins_s)
        self._observe(protocol, "fanlight_player_lag_seconds", lags_s)
        if feed.has_row:
            feed.row.bytes_out += figures.bytes_sent
            feed.row.jumps += figures.jumps.total()
        return max(lags_s, default=0.0)

    def _observe(self, protocol: str, name: str, seconds: Iterable[float]) -> None:
        child = self._metrics.bind(name, protocol=protocol)
        for value in seconds:
            child.observe(value)

    def _count(self, name: str, **labels: str) -> None:
        self._metrics.bind(name, **labels).inc()
