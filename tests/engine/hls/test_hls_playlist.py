"""Media playlists as text."""

import pytest

from engine.protocols.hls import (
    Directives,
    LocalProtocolError,
    PlaylistSettings,
    Renderer,
    Report,
    StreamEnd,
    Window,
    media_playlist,
    report_of,
)
from tests.engine.hls.packager import LONG, LOW_LATENCY, PLAIN, STAMP, TS, Packager, Player, broadcast
from tests.engine.hls.reading import merged, read
from tests.engine.hls.rules import validate


def of_whole_segments(settings: PlaylistSettings, count: int) -> str:
    window, packager = Window(settings), Packager()
    window.apply(packager.new_init())
    for _ in range(count):
        for mark in packager.whole(2_002_000):
            window.apply(mark)
    return media_playlist(window)


def test_a_low_latency_playlist() -> None:
    player, packager = Player(), Packager()
    broadcast(player, 1, packager)
    player.hear([packager.begin(), packager.part()])
    assert player.fetch() == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:9\n"
        "#EXT-X-TARGETDURATION:2\n"
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.764000,CAN-SKIP-UNTIL=12.0\n"
        "#EXT-X-PART-INF:PART-TARGET=0.588000\n"
        "#EXT-X-MEDIA-SEQUENCE:0\n"
        "#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MAP:URI="18c0ffee-0.mp4"\n'
        "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.000Z\n"
        '#EXT-X-PART:DURATION=0.500000,URI="18c0ffee-0.0.m4s",INDEPENDENT=YES\n'
        '#EXT-X-PART:DURATION=0.500000,URI="18c0ffee-0.1.m4s"\n'
        '#EXT-X-PART:DURATION=0.500000,URI="18c0ffee-0.2.m4s"\n'
        '#EXT-X-PART:DURATION=0.500000,URI="18c0ffee-0.3.m4s"\n'
        "#EXTINF:2.000000,\n"
        "18c0ffee-0.m4s\n"
        "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:22.000Z\n"
        '#EXT-X-PART:DURATION=0.500000,URI="18c0ffee-1.0.m4s",INDEPENDENT=YES\n'
        '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="18c0ffee-1.1.m4s"\n'
    )


def test_a_plain_playlist() -> None:
    assert of_whole_segments(PLAIN, 2) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:6\n"
        "#EXT-X-TARGETDURATION:2\n"
        "#EXT-X-MEDIA-SEQUENCE:0\n"
        "#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MAP:URI="18c0ffee-0.mp4"\n'
        "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.000Z\n"
        "#EXTINF:2.002000,\n"
        "18c0ffee-0.m4s\n"
        "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:22.002Z\n"
        "#EXTINF:2.002000,\n"
        "18c0ffee-1.m4s\n"
    )


def test_a_playlist_for_old_devices() -> None:
    text = of_whole_segments(TS, 9)
    assert text.startswith("#EXTM3U\n#EXT-X-VERSION:3\n")
    assert text.endswith("#EXTINF:2.002000,\n18c0ffee-8.ts\n")
    assert "MAP" not in text
    assert "m4s" not in text


def test_the_first_segment_shows_the_map_although_it_is_not_the_first_that_uses_it() -> None:
    text = of_whole_segments(PLAIN, 9)
    assert text.count("#EXT-X-MAP") == 1
    assert [segment.map_uri for segment in read(text).segments] == [f"{STAMP}-0.mp4"] * 6


def test_a_new_encoder_is_a_discontinuity_with_its_own_map() -> None:
    player, packager = Player(), Packager()
    broadcast(player, 1, packager)
    player.hear([packager.new_init(), packager.begin(discontinuity=True), packager.part()])
    assert player.fetch().endswith(
        f"\n{STAMP}-0.m4s\n"
        "#EXT-X-DISCONTINUITY\n"
        f'#EXT-X-MAP:URI="{STAMP}-1.mp4"\n'
        "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:22.000Z\n"
        f'#EXT-X-PART:DURATION=0.500000,URI="{STAMP}-1.0.m4s",INDEPENDENT=YES\n'
        f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{STAMP}-1.1.m4s"\n'
    )


def hint(player: Player) -> str:
    return read(player.fetch()).hints[0]["URI"]


def test_the_hint_is_always_one_part_ahead() -> None:
    player, packager = Player(), Packager()
    player.hear([packager.new_init()])
    assert hint(player) == f"{STAMP}-0.0.m4s"
    player.hear([packager.begin(), packager.part()])
    assert hint(player) == f"{STAMP}-0.1.m4s"
    player.hear([packager.part(), packager.end()])
    assert hint(player) == f"{STAMP}-1.0.m4s"
    player.hear([packager.begin()])
    assert hint(player) == f"{STAMP}-1.0.m4s"


def test_a_segment_of_which_nothing_is_there_shows_nothing() -> None:
    player, packager = Player(), Packager()
    broadcast(player, 1, packager)
    before = player.fetch()
    player.hear([packager.begin(discontinuity=True)])
    assert player.fetch() == before


def test_a_segment_whose_file_could_not_be_written_is_a_gap() -> None:
    player, packager = Player(PLAIN), Packager()
    player.hear([packager.new_init(), packager.begin(), packager.end(2_000_000, gap=True)])
    assert f"#EXT-X-GAP\n#EXTINF:2.000000,\n{STAMP}-0.m4s\n" in player.fetch()


def test_a_segment_that_begins_without_a_keyframe_ends_the_claim_until_it_has_left() -> None:
    player, packager = Player(), Packager()
    broadcast(player, 1, packager)
    player.hear([packager.begin(independent=False), packager.part(independent=False)])
    assert "INDEPENDENT-SEGMENTS" not in player.fetch()
    player.hear([packager.end()])
    broadcast(player, 5, packager)
    assert "INDEPENDENT-SEGMENTS" not in player.fetch()
    broadcast(player, 1, packager)
    assert "INDEPENDENT-SEGMENTS" in player.fetch()


def test_the_end_of_a_stream_is_the_end_of_its_playlist() -> None:
    player, packager = Player(), Packager()
    broadcast(player, 2, packager)
    player.hear([StreamEnd()])
    assert player.fetch().endswith(f"\n{STAMP}-1.m4s\n#EXT-X-ENDLIST\n")


def test_a_stream_that_may_come_back_keeps_its_playlist_open() -> None:
    player = Player(PlaylistSettings(stamp=STAMP, part_target_s=0.588, end_list=False))
    broadcast(player, 2)
    before = player.fetch()
    player.hear([StreamEnd()])
    assert player.fetch() == before
    assert "PRELOAD-HINT" in before


# Delta updates


def test_a_delta_update_leaves_out_what_is_older_than_six_target_durations() -> None:
    player, packager = Player(LONG), Packager()
    broadcast(player, 12, packager)
    full, delta = read(player.fetch()), read(player.fetch(_HLS_skip="YES"))
    assert (delta.version, delta.skipped, len(delta.segments)) == (9, 6, 6)
    assert merged(full, delta) == full
    player.hear([packager.begin(), packager.part()])
    assert read(player.fetch(_HLS_skip="YES")).skipped == 6  # half a second more is not a segment more


def test_a_delta_update_of_version_2() -> None:
    player = Player(
        PlaylistSettings(stamp=STAMP, part_target_s=0.588, playlist_segments=12, skip_dateranges=True)
    )
    broadcast(player, 12)
    full, delta = player.fetch(), player.fetch(_HLS_skip="v2")
    assert "CAN-SKIP-UNTIL=12.0,CAN-SKIP-DATERANGES=YES\n" in full
    assert (read(full).version, read(delta).version, read(delta).skipped) == (9, 10, 6)


@pytest.mark.parametrize("skip", ["YES", "v2"])
def test_there_is_no_delta_update_where_nothing_can_be_left_out(skip: str) -> None:
    player = Player()
    broadcast(player, 9)  # six segments stay, twelve seconds
    assert player.fetch(_HLS_skip=skip) == player.fetch()


def test_a_plain_playlist_offers_no_delta_update_and_gives_none() -> None:
    player, packager = Player(PlaylistSettings(stamp=STAMP, variant="fmp4", playlist_segments=20)), Packager()
    player.hear([packager.new_init()])
    for _ in range(20):
        player.hear(packager.whole())
    assert player.fetch(_HLS_skip="YES") == player.fetch()


# Reports


def test_reports_of_the_other_renditions() -> None:
    player = Player()
    broadcast(player, 1)
    player.reports = [Report("../b/media.m3u8", 7, 2), Report("../c/media.m3u8", 6, None)]
    assert player.fetch().endswith(
        '#EXT-X-RENDITION-REPORT:URI="../b/media.m3u8",LAST-MSN=7,LAST-PART=2\n'
        '#EXT-X-RENDITION-REPORT:URI="../c/media.m3u8",LAST-MSN=6\n'
    )


def test_what_others_say_of_a_window() -> None:
    player, packager = Player(), Packager()
    assert report_of(player.window, "a") is None
    broadcast(player, 1, packager)
    assert report_of(player.window, "a") == Report("a", 0, 3)
    player.hear([packager.begin()])
    assert report_of(player.window, "a") == Report("a", 0, 3)
    player.hear([packager.part()])
    assert report_of(player.window, "a") == Report("a", 1, 0)


@pytest.mark.parametrize("uri", ["", 'a"b', "a\nb", "a\rb", "a\x00b", "a" * 1_025])
def test_a_uri_that_would_leave_its_quotes_is_refused(uri: str) -> None:
    with pytest.raises(LocalProtocolError):
        media_playlist(Window(LOW_LATENCY), reports=[Report(uri, 0, 0)])


def test_more_reports_than_renditions_are_refused() -> None:
    with pytest.raises(LocalProtocolError):
        media_playlist(Window(LOW_LATENCY), reports=[Report("a", 0, 0)] * 65)


# What is kept


def test_plain_playlists_come_from_a_window_with_parts_as_well() -> None:
    player = Player()
    broadcast(player, 3)
    text = Renderer(PLAIN).render(player.window)
    assert "PART" not in text
    assert len(read(text).segments) == 3
    assert "#EXT-X-VERSION:6\n" in text


def test_a_renderer_that_kept_everything_writes_what_a_new_one_does() -> None:
    player, packager = Player(LONG), Packager()
    player.hear([packager.new_init()])
    for _ in range(20):
        for batch in packager.segment():
            player.hear(batch)
            for directives in (Directives(), Directives(skip="YES")):
                kept = player.renderer.render(player.window, directives)
                assert kept == media_playlist(player.window, directives)
    assert len(player.renderer._texts) <= 13


def test_a_renderer_goes_back_with_its_window() -> None:
    player, packager = Player(), Packager()
    broadcast(player, 1, packager)
    snapshot = player.window.snapshot()
    player.watch([[packager.begin(), packager.part()], [packager.part()]])
    player.window = Window.restore(snapshot)
    assert player.fetch() == media_playlist(player.window)


def test_a_publisher_who_comes_and_goes_breaks_no_rule() -> None:
    player, packager = Player(), Packager()
    for life in range(6):
        player.hear([packager.new_init()])
        player.watch(
            [
                [packager.begin(discontinuity=life > 0), packager.part()],
                [packager.part(40_000), packager.end()],
            ]
        )
        player.watch([batch for _ in range(life) for batch in packager.segment()])
        packager.now_us += 7_000_000
    player.watch([[StreamEnd()]])
    assert validate(player.fetches) == []
