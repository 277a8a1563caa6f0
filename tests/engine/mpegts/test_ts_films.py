"""Films from ffmpeg's multiplexer: each frame is what PyAV sees, to the bit and to the millisecond."""

from pathlib import Path

import av
import pytest

from engine.media.classify import Role, classify
from engine.media.describe import describe
from engine.media.formats import AudioFormat, VideoFormat
from engine.media.tags import KIND_VIDEO
from engine.protocols.mpegts import Media, Programme, TsEvent, TsReader
from tests.engine.mpegts.films import FILMS, SOUND, make_film, our_frames, read_film, their_frames


@pytest.fixture(scope="module", params=FILMS)
def film(request: pytest.FixtureRequest, ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.ts"
    make_film(ffmpeg, path, FILMS[request.param])
    return path


@pytest.fixture(scope="module")
def events(film: Path) -> list[TsEvent]:
    return read_film(film.read_bytes())


def test_every_frame_is_what_pyav_sees(film: Path, events: list[TsEvent]) -> None:
    ours, theirs = our_frames(events), their_frames(film)
    assert len(ours) > 40
    assert ours == theirs


def test_the_headers_tell_what_pyav_tells(film: Path, events: list[TsEvent]) -> None:
    headers = [found for event in events if (found := header_of(event))]
    with av.open(str(film)) as container:
        for picture in container.streams.video:
            video = next(found for found in headers if isinstance(found, VideoFormat))
            assert (video.width, video.height) == (picture.width, picture.height)
        for sound in container.streams.audio:
            context = sound.codec_context
            for found in headers:
                if isinstance(found, AudioFormat):
                    assert (found.sample_rate, found.channels) == (context.sample_rate, context.channels)


def header_of(event: TsEvent) -> VideoFormat | AudioFormat | None:
    if not isinstance(event, Media):
        return None
    found = classify(event.kind, event.body)
    return describe(found.codec, event.body[found.payload_at :]) if found.role is Role.CONFIG else None


def test_each_header_comes_once_and_before_its_frames(events: list[TsEvent]) -> None:
    assert isinstance(events[0], Programme)
    media = [event for event in events if isinstance(event, Media)]
    for kind in {event.kind for event in media}:
        roles = [(found.role, found.codec) for event in media if event.kind == kind
                 if (found := classify(kind, event.body))]  # fmt: skip
        headers = [role for role, _ in roles].count(Role.CONFIG)
        assert headers == (0 if roles[0][1] in (".mp3", "ac-3") else 1)
        assert headers == 0 or roles[0][0] is Role.CONFIG


def test_nothing_is_missing_or_damaged(film: Path) -> None:
    reader = TsReader()
    reader.receive(film.read_bytes(), 0)
    stats = reader.stats()
    assert stats.packets * 188 == film.stat().st_size
    assert (stats.continuity_errors, stats.duplicate_packets, stats.discontinuities) == (0, 0, 0)
    assert (stats.bad_units, stats.bad_frames, stats.damaged_units, stats.stray_packets) == (0, 0, 0, 0)
    assert (stats.bad_tables, stats.skipped_bytes, stats.headless_frames) == (0, 0, 0)


def test_latm_and_adts_come_to_the_same(ffmpeg: Path, tmp_path: Path) -> None:
    master, adts, latm = tmp_path / "master.mka", tmp_path / "adts.ts", tmp_path / "latm.ts"
    make_film(ffmpeg, master, (*SOUND, "-c:a", "aac", "-ac", "2"))
    make_film(ffmpeg, adts, ("-i", str(master), "-c", "copy"))
    make_film(ffmpeg, latm, ("-i", str(master), "-c", "copy", "-mpegts_flags", "latm"))
    by_adts, by_latm = (
        [e for e in read_film(path.read_bytes()) if isinstance(e, Media)] for path in (adts, latm)
    )
    assert len(by_adts) > 90
    assert [event.body for event in by_latm] == [event.body for event in by_adts]
    assert [event.timestamp_ms for event in by_latm] == [event.timestamp_ms for event in by_adts]


def test_of_two_programmes_the_first_is_read(ffmpeg: Path, tmp_path: Path) -> None:
    both, alone = tmp_path / "both.ts", tmp_path / "alone.ts"
    make_film(ffmpeg, alone, FILMS["h264 and aac"])
    sources = ("-i", str(alone), "-i", str(alone), "-c", "copy", "-map", "0", "-map", "1")
    programmes = ("-program", "title=a:st=0:st=1", "-program", "title=b:st=2:st=3")
    two, one = read_film(make_film(ffmpeg, both, (*sources, *programmes))), read_film(alone.read_bytes())
    assert [event.number for event in two if isinstance(event, Programme)] == [1]
    frames = our_frames(two)
    assert frames == our_frames(one)
    assert sum(frame.kind == KIND_VIDEO for frame in frames) == 50
