"""Whether a publisher keeps to its limits. Pure; what is measured and the time are arguments.

A limit that is broken is one *episode* however long that lasts: the judge says so once when it begins, and
who warns does so once; who ends the publisher does it then. Which of the two is not the judge's affair.

Each video track is judged by itself (`video_judge`): who sends several may not send in the second what it may
not send in the first.
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct, field

from engine.policy.excess import Excess
from engine.policy.publisher_limits import Breach, PublisherLimits, Reason
from engine.policy.video_judge import VideoJudge, VideoSample


class Sample(Struct, frozen=True, kw_only=True):
    """What a publisher's figures say now."""

    received_bytes: int = 0
    """What it has sent in this session: counted where it arrives, so that what makes no media counts too."""
    audio_tags: int = 0
    """Since its stream began."""
    audio_codec: str = ""
    video: Mapping[str, VideoSample] = field(default_factory=dict)
    """By the name of the stream that the track is."""


class PublisherJudge:
    """Judges one session.

    Args:
        limits: what it is held to.
        sample: the stream's figures before the session's first byte, or when other limits began to hold.
        now_s: a clock that never goes back, at that moment.
        began_s: when the session began.
    """

    def __init__(self, limits: PublisherLimits, sample: Sample, now_s: float, began_s: float) -> None:
        self.limits = limits
        self._first = self._last = sample
        self._began_s = began_s
        self._bits = Excess(limits.max_bitrate_bps or 1.0, limits.window_s, now_s)
        self._tracks: dict[str, VideoJudge] = {}
        self._broken: dict[Reason, Breach] = {}
        self._follow_tracks(sample, now_s)

    @property
    def broken(self) -> tuple[Reason, ...]:
        """The limits that are broken now."""
        return tuple(self._broken)

    def judge(self, sample: Sample, now_s: float) -> list[Breach]:
        """Take the figures as they are now; the limits that were kept until now and are not any more."""
        before, self._broken = self._broken, {}
        for breach in self._breaches(sample, now_s):
            self._broken.setdefault(breach.reason, breach)
        self._last = sample
        self._follow_tracks(sample, now_s)
        return [breach for reason, breach in self._broken.items() if reason not in before]

    def _follow_tracks(self, sample: Sample, now_s: float) -> None:
        """Of a track that is new here it is not known what it sent in this session, or another one before:
        it is judged by what comes from now on.
        """
        for name, video in sample.video.items():
            if name not in self._tracks:
                self._tracks[name] = VideoJudge(self.limits, video, now_s)

    def _breaches(self, sample: Sample, now_s: float) -> Iterator[Breach]:
        limits = self.limits
        bits = 8 * max(0, sample.received_bytes - self._last.received_bytes)
        if limits.max_bitrate_bps and self._bits.add(bits, now_s):
            yield Breach("bitrate", f"more than {limits.max_bitrate_bps} bit/s, sustained")
        for name, video in sample.video.items():
            if name in self._tracks:
                yield from self._tracks[name].breaches(video, now_s)
        yield from self._codecs(sample)
        if 0 < limits.max_session_s <= now_s - self._began_s:
            yield Breach("session_length", f"the session has lasted {limits.max_session_s:g} s")

    def _codecs(self, sample: Sample) -> Iterator[Breach]:
        allowed = self.limits.codecs
        if allowed is None:
            return
        wrong = [codec for codec in self._sent_codecs(sample) if codec and codec not in allowed]
        if wrong:
            only = ", ".join(sorted(allowed)) or "nothing"
            yield Breach("codec", f"{wrong[0]} is not allowed, only {only}")

    def _sent_codecs(self, sample: Sample) -> Iterator[str]:
        """Of tracks of which this session has sent something: streams show those of who came before, too."""
        for name, video in sample.video.items():
            if name in self._tracks and self._tracks[name].has_begun(video):
                yield video.codec
        if sample.audio_tags > self._first.audio_tags:
            yield sample.audio_codec
