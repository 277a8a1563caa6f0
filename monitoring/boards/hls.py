"""HLS: what packagers make, what players ask for, and what goes wrong between them."""

from typing import Final

from monitoring.dashboard import Dashboard
from monitoring.panels import (
    BYTES,
    BYTES_PER_S,
    PER_S,
    REQUESTS_PER_S,
    SECONDS,
    SHARE,
    Row,
    above,
    below,
    panel,
    stat,
)
from monitoring.queries import Query, now, quantiles, rate, share

_LOOKUPS = rate("fanlight_hls_file_lookups_total")

MADE: Final = Row(
    "What packagers make",
    (
        stat("Packages", now("fanlight_hls_packages")),
        stat("Players", now("fanlight_players", protocol="hls")),
        stat("Waiting reloads", now("fanlight_hls_blocked_reloads")),
        stat("Files open", now("fanlight_hls_open_files")),
        stat("Folder", now("fanlight_hls_folder_bytes"), unit=BYTES),
        stat(
            "Files found open",
            share(rate("fanlight_hls_file_lookups_total", result="hit"), _LOOKUPS, ""),
            unit=SHARE,
            steps=below(0.8, 0.5),
        ),
        panel(
            "Segments",
            quantiles("fanlight_hls_segment_seconds"),
            unit=SECONDS,
            note="Segments end at keyframes: what is longer than hls.segment_s comes from the encoder.",
        ),
        panel("Parts", quantiles("fanlight_hls_part_seconds"), unit=SECONDS),
        panel("Jitter of parts", quantiles("fanlight_hls_part_jitter_seconds"), unit=SECONDS),
        panel("Lateness of reloads", quantiles("fanlight_hls_reload_lateness_seconds"), unit=SECONDS),
    ),
)

ASKED: Final = Row(
    "What players ask for",
    (
        panel("Requests", rate("fanlight_hls_requests_total", "resource"), unit=REQUESTS_PER_S, stacked=True),
        panel("Answers", rate("fanlight_hls_requests_total", "status"), unit=REQUESTS_PER_S, stacked=True),
        panel("Sent", rate("fanlight_sent_bytes_total", legend="out", protocol="hls"), unit=BYTES_PER_S),
        panel("Waiting reloads", now("fanlight_hls_blocked_reloads")),
        panel(
            "Files closed",
            rate("fanlight_hls_files_closed_total", "reason"),
            unit=PER_S,
            note="Closed to make room (full) again and again: more segments are asked for than may be open.",
        ),
        panel("Folder", now("fanlight_hls_folder_bytes", "instance"), unit=BYTES),
    ),
)


def _trouble(name: str, legend: str, *by: str) -> Query:
    return rate(name, *by, legend=legend)


TROUBLE: Final = Row(
    "Trouble",
    (
        panel(
            "Segments missing, forced or broken",
            _trouble("fanlight_hls_gaps_total", "missing: {{reason}}", "reason"),
            _trouble("fanlight_hls_forced_cuts_total", "cut without a keyframe"),
            _trouble("fanlight_hls_outgrown_rings_total", "ring too small"),
            _trouble("fanlight_hls_failures_total", "broken: {{reason}}", "reason"),
            _trouble("fanlight_hls_refused_frames_total", "frames refused"),
            unit=PER_S,
            width=12,
        ),
        panel(
            "Refused to wait",
            rate("fanlight_hls_refused_holds_total", "reason"),
            share(
                rate("fanlight_hls_requests_total", status="503"),
                rate("fanlight_hls_requests_total"),
                "share of 503",
            ),
            width=12,
            steps=above(0.01, 0.05),
        ),
    ),
)

HLS: Final = Dashboard("hls", "Fanlight HLS", (MADE, ASKED, TROUBLE))
