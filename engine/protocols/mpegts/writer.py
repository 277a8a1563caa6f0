"""The multiplexer: FLV messages in, groups of seven transport packets out.

What comes out is a function of the messages that went in, nothing else: the log that a worker keeps for all
players of a stream. Each frame is one PES packet, whose length stands in it wherever it fits, so that a
player need not wait for the next one to know that it has all of it.

Tables come at every start point, and as soon as 60 ms have gone without them, which with frames or clock
every 40 ms keeps to DVB's 100 ms. The clock stands at least every 40 ms of the stream's time: with the
pictures, or in packets of its own where nothing else is due. A start point begins a group of its own, tables
first, so that a player can be started at the group's first byte.

Times of messages are the times in the stream, modulo 2^33 ticks; nothing is added, and so what was read from
a transport stream goes out with the times it had. The clock runs a fifth of a second behind decoding times:
room for audio that comes a little after the video it belongs to.
"""

from typing import Final, NamedTuple

from engine.media.classify import Classified, Role, classify
from engine.media.tags import KIND_AUDIO, KIND_VIDEO, Body, split_tags
from engine.protocols.mpegts.audio_writer import AudioWriter
from engine.protocols.mpegts.clock import PCR_PER_TICK, TICKS_PER_MS, TICKS_PER_S, ticks_of_us
from engine.protocols.mpegts.forms import StreamForm
from engine.protocols.mpegts.packetizer import Packetizer
from engine.protocols.mpegts.packets import DISCONTINUITY, GROUP_BYTES, PAT_PID, RANDOM_ACCESS
from engine.protocols.mpegts.pes import PRIVATE_ID, encode_pes_header
from engine.protocols.mpegts.statistics import WriterStats
from engine.protocols.mpegts.tables import encode_pat, encode_pmt
from engine.protocols.mpegts.video_writer import VideoWriter

PROGRAMME: Final = 1
PMT_PID: Final = 0x1000
VIDEO_PID: Final = 0x100
AUDIO_PID: Final = 0x101
_PIDS: Final = {KIND_VIDEO: VIDEO_PID, KIND_AUDIO: AUDIO_PID}
_WRITTEN: Final = frozenset({Role.CONFIG, Role.FRAME})

_TABLE_TICKS: Final = TICKS_PER_S * 60 // 1000
_CLOCK_TICKS: Final = TICKS_PER_S * 40 // 1000  # ETSI TR 101 290 §5.2.2; ISO 13818-1 §2.7.2 has 100 ms
_CLOCK_LEAD_TICKS: Final = TICKS_PER_S // 5  # ffmpeg: 0.7 s
_MAX_FILL_TICKS: Final = TICKS_PER_S  # a longer silence is a gap, in the clock too
_MAX_BACKWARDS_TICKS: Final = TICKS_PER_S  # as far as `engine.media.timeline` lets a stream go back


class Group(NamedTuple):
    """At most seven packets, the payload of one datagram. start: a player may begin with it."""

    data: bytes
    start: bool


class TsWriter:
    """Messages in, groups out. `stats` are its totals."""

    def __init__(self) -> None:
        self.stats = WriterStats()
        self._video, self._audio = VideoWriter(), AudioWriter()
        self._tracks: dict[int, int] = {}  # the track that is written, by kind
        self._forms: tuple[StreamForm | None, StreamForm | None] = (None, None)
        self._version = -1
        self._sections = (b"", b"")
        self._cutters = {pid: Packetizer(pid) for pid in (PAT_PID, PMT_PID, VIDEO_PID, AUDIO_PID)}
        self._clock_pid = VIDEO_PID
        self._now: int | None = None  # newest decoding time
        self._clock_at = self._tables_at = 0  # decoding times at the newest clock reference and tables
        self._broken: set[int] = set()  # PIDs whose next packet says that something is missing before it
        self._pending = b""
        self._begins = False  # whether what is pending begins with a start point

    def write(
        self, kind: int, dts_us: int, pts_us: int, body: Body, *, start: bool | None = None
    ) -> list[Group]:
        """Write one message: a codec header or a frame, anything else is passed over. Return full groups.

        start: whether a player may begin here, if known; otherwise key frames of video are taken for that.
        """
        found = classify(kind, body)
        return self._write(kind, ticks_of_us(dts_us), ticks_of_us(pts_us), body, found, start)

    def write_tags(self, tags: Body) -> list[Group]:
        """Write a run of whole FLV tags; their times are in milliseconds."""
        groups: list[Group] = []
        for kind, dts_ms, body in split_tags(tags):
            found = classify(kind, body)
            dts = dts_ms * TICKS_PER_MS
            groups += self._write(kind, dts, dts + found.cts_ms * TICKS_PER_MS, body, found, None)
        return groups

    def flush(self) -> list[Group]:
        """Return what is left: a shorter group, or nothing."""
        if not self._pending:
            return []
        group = Group(self._pending, self._begins)
        self._pending, self._begins = b"", False
        return [group]

    def restart(self) -> None:
        """What comes next does not continue what was: say so on every PID, and let time begin anew."""
        self._now = None
        self._tracks.clear()
        self._broken = set(self._cutters)

    def _write(
        self, kind: int, dts: int, pts: int, body: Body, found: Classified, start: bool | None
    ) -> list[Group]:
        if found.role not in _WRITTEN or kind not in _PIDS or not self._is_ours(kind, found.track):
            return []
        payload = bytes(body[found.payload_at : found.parts[0].end if found.parts else len(body)])
        if found.role is Role.CONFIG:
            self._configure(kind, found.codec, payload)
            return []
        key = found.keyframe if start is None else start
        if kind == KIND_VIDEO:
            pieces = self._video.unit(found.codec, payload, key=found.keyframe or key)
        else:
            pieces = self._audio.unit(found.codec, payload)
        if pieces is None:
            self.stats.left_out += 1
            return []
        self.stats.frames += 1
        return self._add(kind, dts, pts, pieces, key)

    def _is_ours(self, kind: int, track: int) -> bool:
        """Of several tracks the lowest is written, as `engine.media.intake` starts players by."""
        ours = self._tracks[kind] = min(track, self._tracks.get(kind, track))
        return track == ours

    def _configure(self, kind: int, codec: str, config: bytes) -> None:
        writer = self._video if kind == KIND_VIDEO else self._audio
        self.stats.left_out += not writer.configure(codec, config)

    def _add(self, kind: int, dts: int, pts: int, pieces: list[bytes], start: bool) -> list[Group]:
        """Put a frame behind what is due before it."""
        if self._now is not None and dts < self._now - _MAX_BACKWARDS_TICKS:
            self.restart()
        changed = self._announce()
        silent = self._now is None or dts - self._now > _MAX_FILL_TICKS
        now = self._now = dts if self._now is None else max(dts, self._now)
        packets = [] if silent else self._fill_silence(now)
        groups: list[Group] = []
        if start:
            groups = self._take(packets) + self.flush()
            packets, self._begins = [], True
        if start or changed or silent or now - self._tables_at >= _TABLE_TICKS:
            packets += self._cut_tables(now)
        pid = _PIDS[kind]
        if silent and pid != self._clock_pid:
            packets.append(self._clock_packet(now))
        ticks = pid == self._clock_pid and (start or silent or now > self._clock_at)
        pes = self._pes(pid, dts, pts, pieces)
        packets += self._cut_frame(pid, pes, start, self._clock(now) if ticks else None)
        return groups + self._take(packets)

    def _announce(self) -> bool:
        """Make new tables if there are other streams than they say."""
        forms = (self._video.form, self._audio.form)
        if forms == self._forms:
            return False
        self._forms, self._version = forms, self._version + 1
        self._clock_pid = VIDEO_PID if forms[0] else AUDIO_PID
        streams = [
            (pid, form.stream_type, form.descriptors)
            for pid, form in zip((VIDEO_PID, AUDIO_PID), forms, strict=True)
            if form
        ]
        pmt = encode_pmt(PROGRAMME, self._clock_pid, streams, version=self._version)
        self._sections = (encode_pat({PROGRAMME: PMT_PID}), pmt)
        return True

    def _fill_silence(self, now: int) -> list[bytes]:
        """Make the clock references and tables that were due since the last ones."""
        pieces: list[bytes] = []
        for at in range(self._clock_at + _CLOCK_TICKS, now, _CLOCK_TICKS):
            if at - self._tables_at >= _TABLE_TICKS:
                pieces += self._cut_tables(at)
            pieces.append(self._clock_packet(at))
        return pieces

    def _clock_packet(self, at: int) -> bytes:
        return self._cutters[self._clock_pid].clock_only(self._clock(at), self._flags(self._clock_pid))

    def _clock(self, at: int) -> int:
        self._clock_at = at
        return max(0, at - _CLOCK_LEAD_TICKS) * PCR_PER_TICK

    def _cut_tables(self, now: int) -> list[bytes]:
        self._tables_at = now
        pat, pmt = self._sections
        pieces = self._cutters[PAT_PID].cut_table(pat, self._flags(PAT_PID))
        return pieces + self._cutters[PMT_PID].cut_table(pmt, self._flags(PMT_PID))

    def _pes(self, pid: int, dts: int, pts: int, pieces: list[bytes]) -> bytes:
        form = self._forms[pid != VIDEO_PID]
        stream_id = form.stream_id if form else PRIVATE_ID
        return b"".join((encode_pes_header(stream_id, pts, dts, sum(map(len, pieces))), *pieces))

    def _cut_frame(self, pid: int, pes: bytes, start: bool, pcr: int | None) -> list[bytes]:
        flags = self._flags(pid) | (RANDOM_ACCESS if start else 0)
        return self._cutters[pid].cut(pes, flags, pcr)

    def _flags(self, pid: int) -> int:
        """Return the discontinuity flag if it is due on this PID."""
        if pid not in self._broken:
            return 0
        self._broken.remove(pid)
        return DISCONTINUITY

    def _take(self, packets: list[bytes]) -> list[Group]:
        """Put packets behind what is pending, and cut off full groups."""
        data = b"".join((self._pending, *packets))
        full = len(data) - len(data) % GROUP_BYTES
        groups = [Group(data[at : at + GROUP_BYTES], False) for at in range(0, full, GROUP_BYTES)]
        if groups and self._begins:
            groups[0] = Group(groups[0].data, True)
            self._begins = False
        self._pending = data[full:]
        return groups
