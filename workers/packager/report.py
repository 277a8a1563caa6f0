"""What a packager tells the metrics. Names stand here and in the catalogue."""

from workers.runtime.metrics import Metrics


class Report:
    """Counts for one packager."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._jitter = metrics.gather("fanlight_hls_part_jitter_seconds")

    def packages(self, count: int) -> None:
        """So many streams are being packaged."""
        self._metrics.bind("fanlight_hls_packages").set(count)

    def part(self, duration_us: int) -> None:
        self._metrics.bind("fanlight_hls_part_seconds").observe(duration_us * 1e-6)

    def part_jitter(self, seconds: float) -> None:
        """A part has ended so much sooner or later after the one before it than its media is long."""
        self._jitter.add(seconds)

    def segment(self, duration_us: int, kept: bool) -> None:
        """A segment has ended; `kept` unless there was no room for its file."""
        self._metrics.bind("fanlight_hls_segment_seconds").observe(duration_us * 1e-6)
        if not kept:
            self._count("fanlight_hls_gaps_total", reason="no_room")

    def lapped(self) -> None:
        """The stream's ring was faster than this worker."""
        self._count("fanlight_hls_gaps_total", reason="lapped")

    def outgrew_ring(self) -> None:
        """A segment has ended, and parts are listed that the package's ring does not have any more."""
        self._metrics.bind("fanlight_hls_outgrown_rings_total").inc()

    def forced_cuts(self, count: int) -> None:
        """Segments that had to end without a keyframe."""
        self._metrics.bind("fanlight_hls_forced_cuts_total").inc(count)

    def refused_frames(self, count: int) -> None:
        """Frames left out because their stream's codecs change too often."""
        self._metrics.bind("fanlight_hls_refused_frames_total").inc(count)

    def failed(self, reason: str) -> None:
        """A package could not be begun, or broke."""
        self._count("fanlight_hls_failures_total", reason=reason)

    def folder_bytes(self, used: int) -> None:
        self._metrics.bind("fanlight_hls_folder_bytes").set(used)

    def _count(self, name: str, **labels: str) -> None:
        self._metrics.bind(name, **labels).inc()
