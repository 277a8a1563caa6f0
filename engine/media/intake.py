"""From a publisher's media messages to tags ready for the ring: the pure front of ingest.

One `Intake` lives as long as its stream, over all sessions of its publishers: `begin_session` when one comes
back or another takes over. Every message comes out as one tag, in order, whole; only "@clearDataFrame", a
word to the server, yields none.

Start points are the key frames of the main video track, which is the lowest track id seen: a player that
knows nothing of multitrack shows that one. Without video an audio frame about once a second is a start point;
should video arrive later, its key frames take over, and should it vanish for longer than any usual GOP, audio
again.
"""

from typing import NamedTuple

from engine.media.classify import Classified, Role, classify, without_set_data_frame
from engine.media.flags import HEADER, KEYFRAME, METADATA, NEW_EPOCH, REPAIRED, START
from engine.media.headers import HeaderSet
from engine.media.limits import AUDIO_START_MS, VIDEO_GONE_MS
from engine.media.survey import IntakeStats, Survey
from engine.media.tags import KIND_AUDIO, KIND_SCRIPT, KIND_VIDEO, Body, encode_tag
from engine.media.timeline import Timeline


class IntakeTag(NamedTuple):
    """A tag for the ring: the fields of shm's `Tag`, in its order, so that `Tag(*tag)` is all it takes.

    data is the whole FLV tag, flags are engine.media.flags, dts_us and pts_us count within the epoch,
    generation is that of the headers it belongs to.
    """

    data: bytes
    kind: int
    flags: int
    dts_us: int
    pts_us: int
    generation: int
    ingest_ns: int

    @property
    def new_epoch(self) -> bool:
        """Whether time restarts near 0 with this tag, so that it must be written in a new epoch."""
        return self.flags & NEW_EPOCH != 0


class Intake:
    """Media messages in, tags for the ring out. A new ingest process passes in a Timeline and a HeaderSet
    that continue what the dead one left in shared memory."""

    def __init__(self, *, timeline: Timeline | None = None, headers: HeaderSet | None = None) -> None:
        self.timeline = timeline or Timeline()
        self.headers = headers or HeaderSet()
        self._survey = Survey()
        self._settled = False
        self._main_track: int | None = None
        self._session_ms: int | None = None  # first media of the session
        self._video_ms: int | None = None  # newest video of the session
        self._audio_seen = False
        self._start_ms: int | None = None  # newest audio start

    def begin_session(self, gap_ms: int = 0) -> None:
        """A publisher returns or another one takes over: time goes on, tracks and headers are learnt anew."""
        self.timeline.resume(gap_ms)
        self.headers.begin_session()
        self._survey.begin_session()
        self._settled = self._audio_seen = False
        self._main_track = self._session_ms = self._video_ms = self._start_ms = None

    def take(self, kind: int, timestamp_ms: int, body: Body, now_ns: int) -> list[IntakeTag]:
        """Take one message: FLV kind, the publisher's 32-bit time, its body, and the monotonic clock.

        Raises OverlongBody for a body of 16 MiB and more; any other body passes.
        """
        found = classify(kind, body)
        if found.role is Role.FRAME:
            tag = self._take_frame(kind, timestamp_ms, body, now_ns, found)
        elif found.role is Role.CLEAR_METADATA:
            self.headers.take(kind, body, found)
            return []
        else:
            tag = self._take_aside(kind, timestamp_ms, body, now_ns, found)
        return [tag]

    def stats(self, now_ns: int) -> IntakeStats:
        """Return totals and the rates of the last seconds."""
        return self._survey.report(now_ns)

    def _take_frame(
        self, kind: int, timestamp_ms: int, body: Body, now_ns: int, found: Classified
    ) -> IntakeTag:
        if kind == KIND_VIDEO:
            start, main = self._video_start(found)
        else:
            start, main = self._audio_leads(), True
        fixed = self.timeline.fix(kind, timestamp_ms, start=start)
        if fixed.new_epoch:
            self._move_marks(self.timeline.shift_ms)
        ms = fixed.ms
        if self._session_ms is None:
            self._session_ms = ms
        if kind == KIND_VIDEO:
            self._video_ms = ms
        else:
            self._audio_seen = True
            start = start and self._space_out(ms)
        if start and not self._settled:
            self._settle()
        flags = (START * start) | (KEYFRAME * found.keyframe)
        if fixed.repaired is not None:
            flags |= REPAIRED
        if fixed.new_epoch:
            flags |= NEW_EPOCH
        data = encode_tag(kind, ms, body)
        self._survey.frame(kind, len(data), now_ns, found, fixed, body, main=main)
        dts_us = ms * 1000 + found.nanos // 1000
        pts_us = dts_us + found.cts_ms * 1000
        return IntakeTag(data, kind, flags, dts_us, pts_us, self.headers.generation, now_ns)

    def _take_aside(
        self, kind: int, timestamp_ms: int, body: Body, now_ns: int, found: Classified
    ) -> IntakeTag:
        """Take a message that is no coded media: it moves no clock and starts no player."""
        if kind == KIND_SCRIPT:
            body = without_set_data_frame(body)
        self.headers.take(kind, body, found)
        ms = self.timeline.fix(kind, timestamp_ms, anchors=False).ms
        data = encode_tag(kind, ms, body)
        self._survey.aside(kind, len(data), now_ns, found, body)
        flags = HEADER if found.header else METADATA if found.metadata else 0
        return IntakeTag(data, kind, flags, ms * 1000, ms * 1000, self.headers.generation, now_ns)

    def _video_start(self, found: Classified) -> tuple[bool, bool]:
        """Return (a player may begin here, the frame belongs to the main track)."""
        track = found.track
        if found.parts:
            track = min(part.track for part in found.parts)
        if self._main_track is None or track < self._main_track:
            self._main_track = track
        main = track == self._main_track
        return main and found.keyframe, main

    def _audio_leads(self) -> bool:
        """Whether there is no video to begin at, judged by the newest time there is."""
        if self._session_ms is None:
            return False
        newest_ms = self.timeline.newest_ms or 0
        if self._video_ms is not None:
            return newest_ms - self._video_ms > VIDEO_GONE_MS
        wait_ms = VIDEO_GONE_MS if self.headers.has(KIND_VIDEO) else AUDIO_START_MS
        return newest_ms - self._session_ms >= wait_ms

    def _space_out(self, ms: int) -> bool:
        """Let one audio frame a second through as a start point."""
        if self._start_ms is not None and ms - self._start_ms < AUDIO_START_MS:
            return False
        self._start_ms = ms
        return True

    def _settle(self) -> None:
        """At a session's first start point: forget the tracks it does not have."""
        self._settled = True
        self.headers.settle()
        for kind, seen in ((KIND_VIDEO, self._video_ms is not None), (KIND_AUDIO, self._audio_seen)):
            if not seen and not self.headers.has(kind):
                self._survey.forget(kind)

    def _move_marks(self, shift_ms: int) -> None:
        """A new epoch has begun: the marks move down with time, and its first tag may be a start point."""
        self._start_ms = None
        self._session_ms = (self._session_ms or 0) - shift_ms
        if self._video_ms is not None:
            self._video_ms -= shift_ms
