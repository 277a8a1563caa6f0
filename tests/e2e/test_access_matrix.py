"""The whole matrix of who may do what: every door, every state of what is shown there, by real clients on
real sockets; and ffmpeg once for each protocol that it speaks.

A case looks at both ends: what the client hears, and what the engine counts.
"""

import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final
from urllib.parse import quote

import av
import pytest
import trio

from engine.access.reasons import SENTENCES, Action, Refusal
from tests.certificates import write_pair
from tests.e2e.access_doors import DOORS, FILM, IN, REFUSALS, Lodge, of_requests
from tests.e2e.access_states import FOLDER, HOME, State, key, link, matrix_settings, states_of, token
from tests.e2e.children import kept, start
from tests.e2e.engine_log import LogLine
from tests.e2e.engine_process import RunningEngine
from tests.e2e.figures import scrape, wait_for_figures
from tests.e2e.media import Media, command
from tests.e2e.srt_tools import Films

pytestmark = pytest.mark.slow

FRAMES: Final = 20
PATIENCE_S: Final = 40.0
UNVERIFIED: Final = ("-tls_verify", "0")
FILMS: Final = {"rtmp": FILM, "rtmps": f"{FOLDER}/film-over-tls", "srt": f"{FOLDER}/film-over-srt"}
WAYS: Final = {"rtmp": "key", "rtmps": "signature", "srt": "jwt"}
"""What ffmpeg publishes, and shows, over each protocol."""


@pytest.fixture(scope="module")
def lodge(
    tmp_path_factory: pytest.TempPathFactory, ffmpeg: Path, media: Media, films: Films
) -> Iterator[Lodge]:
    """One engine for all, to which ffmpeg publishes the whole time."""
    folder = tmp_path_factory.mktemp("engine")
    ports = {"https": "127.0.0.1:0", "rtmps": "127.0.0.1:0"}
    settings = matrix_settings() | {"tls": write_pair(folder) | ports}
    with RunningEngine(folder, settings) as engine, ExitStack() as stack:
        for arguments in publishers(engine, media, films):
            stack.enter_context(kept(start(command(ffmpeg, "-re", "-stream_loop", "-1", *arguments))))
        made = Lodge(engine)
        stack.callback(made.close)
        for name in FILMS.values():
            engine.log.wait_for("publishing", timeout_s=PATIENCE_S, where=of_stream(name))
        yield made


def publishers(engine: RunningEngine, media: Media, films: Films) -> list[list[str | Path]]:
    """ffmpeg's command lines, one for each way in."""
    as_it_is: tuple[str | Path, ...] = ("-c", "copy")
    rtmp = f"{engine.rtmp_url(FILMS['rtmp'])}?{key('publish')}"
    rtmps = f"rtmps://{engine.addresses['rtmps']}/{FILMS['rtmps']}?{link('publish', FILMS['rtmps'])}"
    stream_id = quote(f"publish:{FILMS['srt']}?{token('publish', FILMS['srt'])}")
    srt = f"srt://{engine.addresses['srt']}?streamid={stream_id}"
    return [
        ["-i", media.h264, *as_it_is, "-f", "flv", rtmp],
        ["-i", media.h264, *as_it_is, *UNVERIFIED, "-f", "flv", rtmps],
        ["-i", films.h264, *as_it_is, "-f", "mpegts", srt],
    ]


def of_stream(name: str) -> Callable[[LogLine], bool]:
    return lambda line: line.get("stream") == name


@pytest.mark.parametrize("protocol", FILMS)
def test_ffmpeg_publishes_with_what_opens(protocol: str, lodge: Lodge) -> None:
    granted = lodge.engine.log.wait_for("access_granted", where=of_stream(FILMS[protocol]))
    assert (granted["action"], granted["by"]) == ("publish", WAYS[protocol])
    assert trio.run(DOORS["HTTP-FLV"].knock, lodge, FILMS[protocol], key("play"), HOME) == IN


@pytest.mark.parametrize("door", DOORS)
async def test_what_opens_lets_in_and_is_counted(door: str, lodge: Lodge) -> None:
    action, _, knock, _, figure, labels = DOORS[door]
    name, before = name_at(door), scrape(lodge.engine).sum(figure, **labels)
    opens = [state for state in states_of(action) if state.refusal is None]
    heard = {state.name: await knock(lodge, name, state.show(action, name), state.source) for state in opens}
    refused = lodge.newly_refused()
    assert heard == dict.fromkeys(heard, IN)
    assert refused == {}
    let_in = before + len(opens)
    now = await trio.to_thread.run_sync(
        wait_for_figures, lodge.engine, lambda now: now.sum(figure, **labels) >= let_in
    )
    assert now.sum(figure, **labels) == let_in


def name_at(door: str) -> str:
    """The stream that is asked for there: publishers have one of their own."""
    is_for_publishers = DOORS[door].action == "publish"
    return f"{FOLDER}/{door.replace(' ', '-')}" if is_for_publishers else FILM


def refused_cases() -> Iterator[object]:
    for name, door in DOORS.items():
        for state in states_of(door.action):
            if state.refusal is not None:
                yield pytest.param(name, state, id=f"{name}: {state.name}")


@pytest.mark.parametrize(("door", "state"), list(refused_cases()))
async def test_what_does_not_open_is_refused_and_counted(door: str, state: State, lodge: Lodge) -> None:
    action, counted_under, knock, refused, *_ = DOORS[door]
    assert state.refusal is not None
    name = name_at(door)
    heard = await knock(lodge, name, state.show(action, name), state.source)
    counted = lodge.newly_refused()
    assert heard == refused(state.refusal)
    assert counted == {counter_of(action, counted_under, state.refusal): 1}


def counter_of(action: Action, counted_under: str, refusal: Refusal | None) -> str:
    """The name of /metrics for a refusal."""
    label = "port" if action == "api" else "protocol"
    return f'{REFUSALS[action]}{{{label}="{counted_under}",reason="{refusal}"}}'


@pytest.fixture
def _libav_remembers() -> Iterator[None]:
    """Errors then say what the server has said; nothing is printed."""
    av.logging.set_level(av.logging.PANIC)
    yield
    av.logging.set_level(None)


LIBAV: Final = {
    "RTMP publish": "rtmp://{rtmp}/{name}",
    "RTMPS publish": "rtmps://{rtmps}/{name}",
    "RTMP play": "rtmp://{rtmp}/{name}",
    "RTMPS play": "rtmps://{rtmps}/{name}",
    "HTTP-FLV": "http://{http}/{name}.flv",
    "HTTP-FLV over TLS": "https://{https}/{name}.flv",
    "HLS playlist": "http://{http}/{name}.m3u8",
}


SHOWN_BY_LIBAV: Final = {"an expired key", "a link for another stream", "a tampered token"}


@pytest.mark.usefixtures("_libav_remembers")
@pytest.mark.parametrize("door", LIBAV)
def test_libav_hears_why_not(door: str, lodge: Lodge) -> None:
    action, counted_under, *_ = DOORS[door]
    name = name_at(door)
    base = LIBAV[door].format(**lodge.engine.addresses, name=name)
    refused = [one for one in states_of(action) if one.name in SHOWN_BY_LIBAV]
    heard = {one.name: told_by_libav(f"{base}?{one.show(action, name)}", action) for one in refused}
    counted = lodge.newly_refused()
    word = SENTENCES.__getitem__ if base.startswith("rtmp") else of_requests
    assert heard == {one.name: word(one.refusal) for one in refused if one.refusal is not None}
    assert counted == Counter(counter_of(action, counted_under, one.refusal) for one in refused)


def told_by_libav(url: str, action: Action) -> str:
    """`IN`, the status of HTTP, or the words of RTMP."""
    options = {"tls_verify": "0"} if url.startswith(("rtmps", "https")) else {}
    try:
        if action == "play":
            av.open(url, options=options, timeout=PATIENCE_S).close()
        else:
            with av.open(url, "w", format="flv", options=options, timeout=PATIENCE_S) as encoder:
                encoder.add_stream("aac", rate=44_100)
                encoder.start_encoding()
    except av.error.HTTPClientError as refusal:
        return "401" if isinstance(refusal, av.error.HTTPUnauthorizedError) else "403"
    except av.error.PermissionError as refusal:
        return str(refusal).rpartition("Server error: ")[2]
    return IN


def test_ffmpeg_plays_with_what_opens_over_every_protocol_it_speaks(lodge: Lodge, ffmpeg: Path) -> None:
    few = ("-map", "0:v", "-c", "copy", "-frames:v", str(FRAMES), "-f", "framehash", "-")
    players = {
        protocol: start(command(ffmpeg, *options, "-i", url, *few), stdout=subprocess.PIPE)
        for protocol, (options, url) in addresses(lodge.engine).items()
    }
    heard = {protocol: player.communicate(timeout=PATIENCE_S) for protocol, player in players.items()}
    frames = {protocol: frames_in(said) for protocol, (said, _) in heard.items()}
    assert frames == dict.fromkeys(players, FRAMES), heard


def addresses(engine: RunningEngine) -> dict[str, tuple[tuple[str, ...], str]]:
    """Where ffmpeg plays the film, with what options: each way in is shown over two protocols."""
    rtmp, http, https, srt = (engine.addresses[kind] for kind in ("rtmp", "http", "https", "srt"))
    by_key, by_link, by_token = key("play"), link("play", FILM), token("play", FILM)
    stream_id = quote(f"read:{FILM}?{by_link}")
    return {
        "rtmp": ((), f"rtmp://{rtmp}/{FILM}?{by_link}"),
        "rtmps": (UNVERIFIED, f"rtmps://{engine.addresses['rtmps']}/{FILM}?{by_token}"),
        "http-flv": ((), f"http://{http}/{FILM}.flv?{by_token}"),
        "https-flv": (UNVERIFIED, f"https://{https}/{FILM}.flv?{by_key}"),
        "hls": ((), f"http://{http}/{FILM}.m3u8?{by_key}"),
        "srt": ((), f"srt://{srt}?streamid={stream_id}"),
    }


def frames_in(framehash: bytes) -> int:
    return sum(not line.startswith(b"#") for line in framehash.splitlines())
