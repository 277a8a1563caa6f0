"""One track on its way into chunks: its newest sample waits for the next one, which says how long it is."""

from engine.media.tags import KIND_VIDEO
from engine.protocols.fmp4 import Sample
from engine.protocols.hls.cut_settings import DEFAULT_STEPS_US, MAX_STEPS_US


class TrackQueue:
    """The one sample held back, and what is known of the track's pace.

    newest_us is the decoding time of the newest sample, None before the first; end_us the end of the last
    sample that was let go.
    """

    __slots__ = ("_kind", "_step_us", "end_us", "held", "newest_us")

    def __init__(self, kind: int) -> None:
        self._kind = kind
        self._step_us = DEFAULT_STEPS_US[kind]
        self.held: Sample | None = None
        self.newest_us: int | None = None
        self.end_us = 0

    def in_order(self, sample: Sample) -> Sample:
        """Return the sample, at the newest sample's time if it is earlier: durations are not negative."""
        if self.newest_us is None or sample.dts_us >= self.newest_us:
            return sample
        return sample._replace(dts_us=self.newest_us)

    def hold(self, sample: Sample) -> None:
        """Hold back a sample; the one before has been let go."""
        self.held, self.newest_us = sample, sample.dts_us

    def let_go(self, end_us: int) -> Sample | None:
        """Let go of the held sample, whose end is known."""
        sample, self.held = self.held, None
        if sample is not None:
            self.end_us = end_us
            if 0 < end_us - sample.dts_us <= MAX_STEPS_US[self._kind]:
                self._step_us = end_us - sample.dts_us
        return sample

    def let_go_blind(self, now_us: int = 0) -> Sample | None:
        """Let go of the held sample without a next one: it lasts as long as the one before it.

        A picture is there until the next one, so it lasts until `now_us` at least; sound is not.
        """
        sample, self.held = self.held, None
        if sample is not None:
            self.end_us = sample.dts_us + self._step_us
            if self._kind == KIND_VIDEO:
                self.end_us = max(self.end_us, now_us)
        return sample

    def forget(self) -> None:
        """Time begins anew; the pace stays."""
        self.held = self.newest_us = None
