"""What end-to-end tests share: engines, each with its own ports, and media to publish."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.children import end_all
from tests.e2e.engine_process import RunningEngine, Settings
from tests.e2e.media import Media, make_media
from tests.e2e.srt_tools import Films, make_films

StartEngine = Callable[[Settings], RunningEngine]


@pytest.fixture(autouse=True)
def _nothing_runs_on() -> Iterator[None]:
    yield
    end_all()


@pytest.fixture
def start_engine(tmp_path: Path) -> Iterator[StartEngine]:
    """Start engines with settings of the test's own; each must leave cleanly at the end."""
    with ExitStack() as engines:

        def start(settings: Settings) -> RunningEngine:
            return engines.enter_context(RunningEngine(tmp_path, settings))

        yield start


@pytest.fixture
def engine(start_engine: StartEngine) -> RunningEngine:
    """A running engine with the settings that fit most tests."""
    return start_engine({})


@pytest.fixture(scope="session")
def media(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Media:
    """Short generated films, made once: H.264 with AAC, HEVC with AAC, and sound alone."""
    return make_media(ffmpeg, tmp_path_factory.mktemp("media"))


@pytest.fixture(scope="session")
def films(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Films:
    """The same as transport streams, for SRT."""
    return make_films(ffmpeg, tmp_path_factory.mktemp("films"))


@pytest.fixture(scope="session")
def film(films: Films) -> bytes:
    """The one with H.264 and AAC, to be sent by a caller of our own."""
    return films.h264.read_bytes()
