"""What a stream's settings mean to the cutter and to the playlist."""

from engine.config import PathSettings
from engine.protocols.hls import PlaylistSettings, Window
from engine.protocols.hls.cut_settings import MIN_PART_SHARE, CutSettings
from engine.protocols.hls.cutter import Cutter
from engine.protocols.hls.dates import ProgrammeClock, SegmentDates
from engine.protocols.hls.ts_cutter import TsCutter


def new_cutter(
    settings: PathSettings, window: Window, programme: ProgrammeClock | None = None
) -> Cutter | TsCutter:
    """What cuts the stream. Numbers go on from `window`; dates are the programme's, but never go back before
    what is in it."""
    cutter = TsCutter if settings.hls_variant == "ts" else Cutter
    dates = SegmentDates(programme, window.dated_until_us)
    return cutter(cut_settings(settings), next_msn=window.next_msn, next_init=window.next_init, dates=dates)


def cut_settings(settings: PathSettings) -> CutSettings:
    """The cutter's share of a stream's settings."""
    return CutSettings(
        segment_s=settings.hls_segment_s,
        max_segment_s=settings.hls_max_segment_s,
        part_s=settings.hls_part_s if settings.hls_variant == "low_latency" else 0.0,
    )


def playlist_settings(settings: PathSettings, stamp: str) -> PlaylistSettings:
    """The playlist's share; `stamp` begins the names of its files."""
    return PlaylistSettings(
        stamp=stamp,
        variant=settings.hls_variant,
        segment_s=settings.hls_segment_s,
        max_segment_s=settings.hls_max_segment_s,
        playlist_segments=settings.hls_playlist_segments,
        part_target_s=round(settings.hls_part_s / MIN_PART_SHARE, 3),
        end_list=settings.hls_end_list,
    )
