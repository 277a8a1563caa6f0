"""What a player receives from its first keyframe on is what was published, packet for packet."""

from pathlib import Path

import pytest

from tests.e2e.engine_process import RunningEngine
from tests.e2e.media import GOP_FRAMES, Media, Packet, Received, finish, hash_file, publish
from tests.e2e.players import start_players, what_it_received

# Audio is written between video frames: where one begins, the other is at most so far away.
INTERLEAVE_MS = 60


def since_first(packets: list[Packet]) -> list[tuple[int, int, int, str]]:
    """Give packets with their times counted from the first one's."""
    start = packets[0].dts
    return [(packet.dts - start, packet.pts - start, packet.size_bytes, packet.sha256) for packet in packets]


def assert_is_all(received: Received, published: Received) -> None:
    assert received.headers == published.headers
    assert received.packets.keys() == published.packets.keys()
    for kind, packets in published.packets.items():
        assert since_first(received.packets[kind]) == since_first(packets), kind


def assert_is_tail(received: Received, published: Received) -> None:
    """Everything from some keyframe on, to the last packet, and nothing from before."""
    counts = {kind: len(packets) for kind, packets in received.packets.items()}
    assert all(0 < counts[kind] < len(packets) for kind, packets in published.packets.items()), counts
    tail = {kind: packets[-counts[kind] :] for kind, packets in published.packets.items()}
    assert_is_all(received, Received(published.headers, tail))
    if "video" in tail:
        assert (len(published.packets["video"]) - counts["video"]) % GOP_FRAMES == 0
        assert abs(tail["video"][0].dts - tail["audio"][0].dts) <= INTERLEAVE_MS


@pytest.mark.slow
@pytest.mark.parametrize("film", Media._fields)
def test_players_of_all_protocols_receive_what_ffmpeg_published(
    film: str, engine: RunningEngine, ffmpeg: Path, media: Media, tmp_path: Path
) -> None:
    source: Path = getattr(media, film)
    published = hash_file(ffmpeg, source)

    early = start_players(engine, ffmpeg, "live/film", tmp_path / "early")
    publisher = publish(ffmpeg, source, engine.rtmp_url("live/film"))
    engine.wait_for_stream("live/film", tags=sum(map(len, published.packets.values())) // 2)
    late = start_players(engine, ffmpeg, "live/film", tmp_path / "late")
    finish(publisher)

    for player in early:
        assert_is_all(what_it_received(player, ffmpeg), published)
    for player in late:
        assert_is_tail(what_it_received(player, ffmpeg), published)
