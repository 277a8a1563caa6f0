"""The multivariant playlist (RFC 8216bis §4.4.6): all renditions of a programme, the first is to play
first.

Each is a variant of its own, which carries its sound with it; none refers to another one's by EXT-X-MEDIA,
since the streams of an encoder are whole. One without video is a variant as well, without RESOLUTION: that is
what a player falls back to when nothing else fits (Apple's authoring specification asks for one). Players
begin with the first, so those without video stand last, wherever they were named.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from engine.protocols.hls.errors import LocalProtocolError
from engine.protocols.hls.limits import MAX_RENDITIONS
from engine.protocols.hls.measure import rate_bps
from engine.protocols.hls.playlist import INDEPENDENT_LINE, MAP_VERSION, TS_VERSION
from engine.protocols.hls.quoted import checked
from engine.protocols.hls.window import Window


class Rendition(Struct, frozen=True, kw_only=True):
    """One media playlist as a choice. Numbers that are not known are 0."""

    uri: str
    bandwidth_bps: int
    average_bandwidth_bps: int
    codecs: str = ""
    width: int = 0
    height: int = 0
    frame_rate_milli: int = 0
    has_video: bool = True
    independent: bool = True
    version: int = MAP_VERSION


def rendition_of(window: Window, uri: str) -> Rendition:
    """The stream of `window` as a rendition whose media playlist is at `uri`."""
    init, measured, growing = window.init, window.measured, window.growing
    average_bps = rate_bps(measured.size_bytes, measured.duration_us)
    if not average_bps and growing is not None:
        average_bps = rate_bps(growing.size_bytes, growing.duration_us)
    return Rendition(
        uri=uri,
        bandwidth_bps=max(measured.peak_bps, average_bps),
        average_bandwidth_bps=average_bps,
        codecs=init.codecs if init else "",
        width=init.width if init else 0,
        height=init.height if init else 0,
        frame_rate_milli=init.frame_rate_milli if init else 0,
        has_video=init is None or init.has_video,
        independent=window.independent,
        version=TS_VERSION if window.settings.variant == "ts" else MAP_VERSION,
    )


def multivariant(renditions: Sequence[Rendition]) -> str:
    """The playlist of these renditions, in their order but for those without video, which are last."""
    if not 1 <= len(renditions) <= MAX_RENDITIONS:
        raise LocalProtocolError(f"a programme of {len(renditions)} renditions")
    version = max(rendition.version for rendition in renditions)
    independent = INDEPENDENT_LINE if all(rendition.independent for rendition in renditions) else ""
    choices = "".join(map(_choice, sorted(renditions, key=_is_sound_alone)))
    return f"#EXTM3U\n#EXT-X-VERSION:{version}\n{independent}{choices}"


def _is_sound_alone(rendition: Rendition) -> bool:
    return not rendition.has_video


def _choice(rendition: Rendition) -> str:
    attributes = [f"BANDWIDTH={max(rendition.bandwidth_bps, _LEAST_BPS)}"]
    if rendition.average_bandwidth_bps:
        attributes.append(f"AVERAGE-BANDWIDTH={rendition.average_bandwidth_bps}")
    if rendition.codecs:
        attributes.append(f'CODECS="{checked(rendition.codecs)}"')
    if rendition.width and rendition.height:
        attributes.append(f"RESOLUTION={rendition.width}x{rendition.height}")
    if rendition.frame_rate_milli:
        attributes.append(
            f"FRAME-RATE={rendition.frame_rate_milli // 1_000}.{rendition.frame_rate_milli % 1_000:03d}"
        )
    return f"#EXT-X-STREAM-INF:{','.join(attributes)}\n{_line(rendition.uri)}\n"


def _line(uri: str) -> str:
    if checked(uri).startswith("#"):  # it would be a comment
        raise LocalProtocolError(f"no URI: {uri!r}")
    return uri


_LEAST_BPS: Final = 1
"""BANDWIDTH has to be there; before the first segment nothing is known of it."""
