"""What `fanlight top` shows, as rows of text: from two looks at the API to cells. Draws nothing."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from workers.control.models import Stream, Video, Worker

STREAM_COLUMNS: Final = (
    *("stream", "state", "video", "audio", "in", "out"),
    *("http-flv", "ws-flv", "rtmp", "ws-mp4", "srt", "hls", "players", "sent", "lag", "jumps"),
)
WORKER_COLUMNS: Final = ("worker", "state", "pid", "restarts", "heartbeat", "loop lag", "memory")
UNKNOWN: Final = "-"

Row = tuple[str, ...]


class Look(NamedTuple):
    """What the API said at one moment (seconds, monotonic)."""

    at_s: float
    streams: Sequence[Stream]
    workers: Sequence[Worker]


class Overview(NamedTuple):
    """Everything on the screen."""

    headline: str
    streams: list[Row]
    workers: list[Row]


def overview(now: Look, before: Look | None) -> Overview:
    """Rows for `now`; rates of what goes out come from the difference to the look before."""
    rates = _rates_out(now, before)
    return Overview(
        headline=_headline(now, rates),
        streams=[_stream_row(stream, rates.get(_key(stream))) for stream in now.streams],
        workers=[_worker_row(worker) for worker in now.workers],
    )


def plain(columns: Row, rows: Sequence[Row]) -> str:
    """A table of text, columns two blanks apart: for scripts."""
    table = [columns, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(columns))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table)
    return "\n".join(line.rstrip() for line in lines)


def bit_rate(bits_per_second: float | None) -> str:
    """For example `2.50 Mbit/s`."""
    return UNKNOWN if bits_per_second is None else f"{_scaled(bits_per_second)}bit/s"


def byte_count(count: float) -> str:
    """For example `1.20 GB` (powers of a thousand, as network people count)."""
    return f"{_scaled(count)}B"


def _scaled(value: float) -> str:
    for unit in ("", "k", "M", "G"):
        if value < 1000:
            return f"{value:.3g} {unit}" if value < 100 or not unit else f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.3g} T"


def _key(stream: Stream) -> tuple[str, str]:
    return stream.name, stream.started_at.isoformat()


def _rates_out(now: Look, before: Look | None) -> dict[tuple[str, str], float]:
    if before is None or now.at_s <= before.at_s:
        return {}
    earlier = {_key(stream): stream.bytes_out for stream in before.streams}
    seconds = now.at_s - before.at_s
    return {
        _key(stream): max(0, stream.bytes_out - earlier[_key(stream)]) * 8 / seconds
        for stream in now.streams
        if _key(stream) in earlier
    }


def _headline(now: Look, rates: dict[tuple[str, str], float]) -> str:
    live = sum(stream.state == "live" for stream in now.streams)
    players = sum(stream.players.total for stream in now.streams)
    ready = sum(worker.state == "ready" for worker in now.workers)
    rate_in = sum(stream.bitrate_bps for stream in now.streams)
    rate_out = sum(rates.values()) if rates else None
    return (
        f"{live} live, {players} {'player' if players == 1 else 'players'},"
        f" in {bit_rate(rate_in)}, out {bit_rate(rate_out)}, {ready} of {len(now.workers)} workers ready"
    )


def _stream_row(stream: Stream, rate_out: float | None) -> Row:
    return (
        stream.name,
        stream.state,
        _video(stream.video),
        _printable(stream.audio.codec) if stream.audio else UNKNOWN,
        bit_rate(stream.bitrate_bps),
        bit_rate(rate_out),
        str(stream.players.http_flv),
        str(stream.players.ws_flv),
        str(stream.players.rtmp),
        str(stream.players.ws_mp4),
        str(stream.players.srt),
        str(stream.players.hls),
        str(stream.players.total),
        byte_count(stream.bytes_out),
        f"{stream.lag_ms_max} ms",
        str(stream.jumps),
    )


def _video(video: Video | None) -> str:
    if video is None:
        return UNKNOWN
    size = f"{video.width}x{video.height}" if video.width and video.height else ""
    return " ".join(part for part in (_printable(video.codec), size, f"{video.fps:.3g} fps") if part)


def _printable(text: str) -> str:
    """Codecs are four bytes of a publisher's choice; a terminal obeys some bytes."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _worker_row(worker: Worker) -> Row:
    beat = UNKNOWN if worker.heartbeat_age_s is None else f"{worker.heartbeat_age_s:.1f} s"
    return (
        worker.name,
        worker.state,
        str(worker.pid or UNKNOWN),
        str(max(0, worker.generation - 1)),
        beat,
        f"{worker.loop_lag_ms:.1f} ms",
        byte_count(worker.rss_bytes),
    )
