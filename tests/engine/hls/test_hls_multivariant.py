"""The multivariant playlist, and the bit rates it promises."""

import pytest

from engine.protocols.hls import (
    InitMade,
    LocalProtocolError,
    PlaylistSettings,
    Rendition,
    SegmentBegin,
    SegmentEnd,
    Window,
    multivariant,
    rendition_of,
)
from tests.engine.hls.packager import LOW_LATENCY, PLAIN, TS, Packager, Player, broadcast


def test_one_rendition() -> None:
    player = Player()
    broadcast(player, 2)
    assert multivariant([rendition_of(player.window, "name/media.m3u8")]) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:6\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-STREAM-INF:BANDWIDTH=1000000,AVERAGE-BANDWIDTH=1000000,CODECS="avc1.64001f,mp4a.40.2",'
        "RESOLUTION=1280x720,FRAME-RATE=30.000\n"
        "name/media.m3u8\n"
    )


def test_several_renditions_and_one_of_sound_alone() -> None:
    video = Rendition(
        uri="a.m3u8",
        bandwidth_bps=2_000_000,
        average_bandwidth_bps=1_500_000,
        codecs="hvc1.1.6.L93.B0",
        width=1920,
        height=1080,
        frame_rate_milli=59_940,
        independent=False,
    )
    audio = Rendition(
        uri="b.m3u8", bandwidth_bps=64_000, average_bandwidth_bps=64_000, codecs="opus", version=3
    )
    assert multivariant([video, audio]) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:6\n"
        '#EXT-X-STREAM-INF:BANDWIDTH=2000000,AVERAGE-BANDWIDTH=1500000,CODECS="hvc1.1.6.L93.B0",'
        "RESOLUTION=1920x1080,FRAME-RATE=59.940\n"
        "a.m3u8\n"
        '#EXT-X-STREAM-INF:BANDWIDTH=64000,AVERAGE-BANDWIDTH=64000,CODECS="opus"\n'
        "b.m3u8\n"
    )


def test_sound_alone_is_never_what_players_begin_with() -> None:
    names = {"sound": False, "large": True, "sound.2": False, "small": True}
    renditions = [
        Rendition(uri=uri, bandwidth_bps=1_000, average_bandwidth_bps=0, has_video=has_video)
        for uri, has_video in names.items()
    ]
    lines = multivariant(renditions).splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["large", "small", "sound", "sound.2"]


def test_a_stream_without_pictures_is_one_of_sound_alone() -> None:
    window = Window(PLAIN)
    assert rendition_of(window, "a").has_video  # nothing is known yet
    window.apply(InitMade(0, "opus", has_audio=True))
    assert not rendition_of(window, "a").has_video


def test_before_the_first_segment_little_is_known() -> None:
    assert multivariant([rendition_of(Window(TS), "media.m3u8")]) == (
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-STREAM-INF:BANDWIDTH=1\nmedia.m3u8\n"
    )


def test_the_first_parts_are_measured_too() -> None:
    player, packager = Player(), Packager()
    player.hear([packager.new_init(), packager.begin(), packager.part()])
    rendition = rendition_of(player.window, "a")
    assert (rendition.bandwidth_bps, rendition.average_bandwidth_bps) == (1_000_000, 1_000_000)


def measured(*segments: tuple[int, int], settings: PlaylistSettings = PLAIN) -> tuple[int, int]:
    """Peak and average of segments given as duration in ms and size."""
    window = Window(settings)
    window.apply(InitMade(0, "opus"))
    for msn, (duration_ms, size_bytes) in enumerate(segments):
        window.apply(SegmentBegin(msn, 0, 0, False, True))
        window.apply(SegmentEnd(msn, duration_ms * 1_000, size_bytes))
    rendition = rendition_of(window, "a")
    return rendition.bandwidth_bps, rendition.average_bandwidth_bps


def test_the_peak_is_that_of_the_heaviest_segment_even_when_it_has_left() -> None:
    assert measured((2_000, 250_000), (2_000, 500_000), *[(2_000, 250_000)] * 8) == (2_000_000, 1_100_000)


def test_a_tiny_segment_counts_only_with_its_neighbours() -> None:
    # 0.1 s at 8 Mbit/s is less than half a target duration; with the 2 s before it, 2.1 s
    assert measured((2_000, 250_000), (100, 100_000)) == (1_333_334, 1_333_334)


def test_two_halves_are_a_segment() -> None:
    peak, _ = measured((2_000, 250_000), (600, 150_000), (600, 150_000), (2_000, 250_000))
    assert peak == 2_000_000


def test_a_segment_far_longer_than_the_target_is_measured_alone() -> None:
    assert measured((9_000, 9_000_000)) == (8_000_000, 8_000_000)


def test_a_new_encoder_is_measured_anew() -> None:
    player, packager = Player(), Packager()
    broadcast(player, 2, packager)
    player.hear([packager.new_init("opus"), packager.begin(discontinuity=True)])
    player.hear([SegmentEnd(2, 2_000_000, 16_000)])
    rendition = rendition_of(player.window, "a")
    assert (rendition.bandwidth_bps, rendition.average_bandwidth_bps) == (64_000, 64_000)
    assert rendition.codecs == "opus"


@pytest.mark.parametrize("uri", ["", "#a", "a\nb", 'a"b'])
def test_a_uri_that_is_no_line_is_refused(uri: str) -> None:
    with pytest.raises(LocalProtocolError):
        multivariant([rendition_of(Window(LOW_LATENCY), uri)])


@pytest.mark.parametrize("count", [0, 65])
def test_a_programme_has_renditions_but_not_any_number(count: int) -> None:
    with pytest.raises(LocalProtocolError):
        multivariant([rendition_of(Window(LOW_LATENCY), "a")] * count)
