"""What a player receives from its first keyframe on is what was published, packet for packet."""

from pathlib import Path

import pytest

from tests.e2e.engine_process import RunningEngine
from tests.e2e.figures import wait_for_figures
from tests.e2e.media import GOP_FRAMES, Media, Packet, Received, finish, hash_file, publish
from tests.e2e.players import start_players, what_it_received

# Audio is written between video frames: where one begins, the other is at most so far away.
INTERLEAVE_MS = 60

# Only after about a second without a picture is it certain that sound alone is what there is.
FIRST_AUDIO_START_MS = 1_500


def since_first(packets: list[Packet]) -> list[tuple[int, int, int, str]]:
    """Give packets with their times counted from the first one's."""
    start = packets[0].dts
    return [(packet.dts - start, packet.pts - start, packet.size_bytes, packet.sha256) for packet in packets]


def assert_is_tail(received: Received, published: Received) -> dict[str, int]:
    """Everything from one moment on to the last packet, and nothing else; gives what is missing before it."""
    assert received.headers == published.headers
    assert received.packets.keys() == published.packets.keys()
    missing = {}
    for kind, packets in published.packets.items():
        missing[kind] = len(packets) - len(received.packets[kind])
        assert since_first(received.packets[kind]) == since_first(packets[missing[kind] :]), kind
    return missing


def assert_begins_with_keyframe(missing: dict[str, int], published: Received) -> None:
    """The first picture is a keyframe, and sound begins beside it."""
    video, audio = (published.packets[kind][missing[kind]] for kind in ("video", "audio"))
    assert missing["video"] % GOP_FRAMES == 0
    assert abs(video.dts - audio.dts) <= INTERLEAVE_MS


@pytest.mark.slow
@pytest.mark.parametrize("film", ["h264", "hevc"])
def test_players_of_all_protocols_receive_the_film_that_was_published(
    film: str, engine: RunningEngine, ffmpeg: Path, media: Media, tmp_path: Path
) -> None:
    source: Path = getattr(media, film)
    published = hash_file(ffmpeg, source)
    early, late = play_while_published(engine, ffmpeg, source, tmp_path)
    for received in early:
        assert assert_is_tail(received, published) == {"video": 0, "audio": 0}
    for received in late:
        missing = assert_is_tail(received, published)
        assert missing["video"] > 0
        assert_begins_with_keyframe(missing, published)


@pytest.mark.slow
def test_players_of_all_protocols_receive_the_sound_that_was_published(
    engine: RunningEngine, ffmpeg: Path, media: Media, tmp_path: Path
) -> None:
    published = hash_file(ffmpeg, media.audio)
    early, late = play_while_published(engine, ffmpeg, media.audio, tmp_path)
    for received in early:
        missing = assert_is_tail(received, published)
        assert published.packets["audio"][missing["audio"]].dts <= FIRST_AUDIO_START_MS
    for received in late:
        assert assert_is_tail(received, published)["audio"] > 0


def play_while_published(
    engine: RunningEngine, ffmpeg: Path, source: Path, folder: Path
) -> tuple[list[Received], list[Received]]:
    """Publish a film in real time to players who waited for it, and to others who come halfway through."""
    packets = hash_file(ffmpeg, source).packets.values()
    waiting = start_players(engine, ffmpeg, "live/film", folder / "waiting")
    here = wait_for_figures(engine, lambda figures: figures.sum("fanlight_connections") >= len(waiting))
    assert here.sum("fanlight_connections") >= len(waiting)
    publisher = publish(ffmpeg, source, engine.rtmp_url("live/film"))
    engine.wait_for_stream("live/film", tags=sum(map(len, packets)) // 2)
    joining = start_players(engine, ffmpeg, "live/film", folder / "joining")
    finish(publisher)
    early, late = ([what_it_received(player, ffmpeg) for player in players] for players in (waiting, joining))
    return early, late
