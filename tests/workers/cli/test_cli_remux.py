"""`fanlight publish` without a server: packets, timestamps and refusals."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.commands import watched
from workers.commands.errors import CommandError
from workers.commands.publish import send_file
from workers.commands.remux import Timeline
from workers.commands.watched import Stopped, Watch, run_watched

RATE = 25


def make_film(path: Path, codec: str = "libx264", audio_codec: str = "aac") -> Path:
    """Write one second of film with B-frames and sound."""
    with av.open(str(path), "w") as target:
        video, audio = target.add_stream(codec, rate=RATE), target.add_stream(audio_codec, rate=48_000)
        assert isinstance(video, av.VideoStream)
        assert isinstance(audio, av.AudioStream)
        video.options = {"g": "10", "bf": "2"}
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        for number in range(RATE):
            target.mux(video.encode(grey_picture(number)))
        target.mux(video.encode(None))
        for number in range(47):
            target.mux(audio.encode(silence(number, 1024 if audio_codec == "aac" else 960)))
        target.mux(audio.encode(None))
    return path


def grey_picture(number: int) -> av.VideoFrame:
    frame = av.VideoFrame(64, 64, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes([128]) * plane.buffer_size)
    frame.pts, frame.time_base = number, Fraction(1, RATE)
    return frame


def silence(number: int, samples: int) -> av.AudioFrame:
    frame = av.AudioFrame(format="fltp", layout="stereo", samples=samples)
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    frame.pts, frame.rate, frame.time_base = number * samples, 48_000, Fraction(1, 48_000)
    return frame


def decoding_times(path: Path) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {}
    with av.open(str(path)) as source:
        for packet in source.demux():
            if packet.dts is not None and packet.time_base is not None:
                times.setdefault(packet.stream.type, []).append(float(packet.dts * packet.time_base))
    return times


class Impatient(Watch):
    """Stops the work once it has slept, or sent, so often; time does not pass."""

    def __init__(self, *, sleeps: int = -1, packets: int = -1) -> None:
        super().__init__()
        self.sleeps, self.packets = sleeps, packets
        self.slept: list[float] = []

    @contextmanager
    def waiting(self, *, even_if_stopped: bool = False) -> Iterator[None]:
        self.packets -= 1
        if self.packets == 0:
            raise Stopped
        yield

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.sleeps -= 1
        if self.sleeps == 0:
            raise Stopped


@pytest.mark.parametrize("container", ["film.mp4", "film.ts", "film.mkv"])
def test_every_packet_of_a_film_is_sent_once(tmp_path: Path, container: str) -> None:
    film, sent = make_film(tmp_path / container), tmp_path / "sent.flv"
    send_file(str(film), str(sent), Watch(), loop=False, realtime=False)
    before, after = decoding_times(film), decoding_times(sent)
    assert {kind: len(times) for kind, times in after.items()} == {
        kind: len(times) for kind, times in before.items()
    }


def test_a_loop_goes_on_where_the_film_ended(tmp_path: Path) -> None:
    film, sent = make_film(tmp_path / "film.mp4"), tmp_path / "sent.flv"
    times = decoding_times(film)
    once, in_all = len(times["video"]), sum(map(len, times.values()))

    with pytest.raises(Stopped):
        send_file(str(film), str(sent), Impatient(packets=3 * in_all), loop=True, realtime=False)
    video = decoding_times(sent)["video"]
    assert len(video) > 2 * once
    steps = [later - earlier for earlier, later in pairwise(video)]
    assert min(steps) > 0
    assert max(steps) < 0.15  # a frame, and how far B-frames move decoding ahead of the sound


def test_real_time_waits_for_each_packets_moment(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4")
    watch = Impatient(sleeps=10)
    with pytest.raises(Stopped):
        send_file(str(film), str(tmp_path / "sent.flv"), watch, loop=False, realtime=True)
    assert 0.05 < watch.slept[-1] < 1


def test_a_codec_that_flv_cannot_carry_is_named(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.webm", codec="libvpx", audio_codec="libopus")
    with pytest.raises(CommandError, match="cannot carry vp8"):
        send_file(str(film), str(tmp_path / "sent.flv"), Watch(), loop=False, realtime=False)


def test_a_file_that_is_no_film_is_refused(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"no film at all" * 100)
    with pytest.raises(CommandError, match=r"film\.mp4"):
        send_file(str(film), str(tmp_path / "sent.flv"), Watch(), loop=False, realtime=False)


class FakePacket:
    """As much of a packet as a timeline touches."""

    def __init__(self, stream_index: int, dts: int, pts: int, duration: int) -> None:
        self.stream_index, self.dts, self.pts, self.duration = stream_index, dts, pts, duration
        self.time_base = Fraction(1, 1000)


@given(
    st.lists(
        st.lists(
            st.tuples(
                st.integers(0, 1), st.integers(-5_000, 5_000), st.integers(-200, 200), st.integers(0, 100)
            ),
            min_size=1,
        ),
        min_size=1,
    )
)
def test_whatever_a_file_says_decoding_times_rise_and_never_begin_below_zero(
    passes: list[list[tuple[int, int, int, int]]],
) -> None:
    timeline = Timeline()
    last = {0: -1, 1: -1}
    for number, one_pass in enumerate(passes):
        if number:
            timeline.repeat()
        for index, dts, offset, duration in one_pass:
            packet = FakePacket(index, dts, dts + offset, duration)
            timeline.place(packet)  # type: ignore[arg-type]
            assert packet.dts > last[index]
            assert packet.pts >= packet.dts
            last[index] = packet.dts


def test_what_the_work_raises_comes_out() -> None:
    def work(_watch: Watch) -> None:
        raise CommandError("broken")

    with pytest.raises(CommandError, match="broken"):
        run_watched(work, "stalled")


def test_work_that_hangs_on_the_other_side_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "STALL_S", 0.0)
    monkeypatch.setattr(watched, "LOOK_S", 0.001)
    release = threading.Event()

    def work(watch: Watch) -> None:
        with watch.waiting():
            release.wait()

    with pytest.raises(CommandError, match="stalled"):
        run_watched(work, "stalled")
    release.set()


def test_ctrl_c_lets_the_work_say_goodbye() -> None:
    said: list[str] = []

    def work(watch: Watch) -> None:
        signal.raise_signal(signal.SIGINT)  # whichever thread it meets, Python hands it to the main one
        try:
            watch.sleep(60)
        finally:
            said.append("goodbye")

    with pytest.raises(KeyboardInterrupt):
        run_watched(work, "stalled")
    assert said == ["goodbye"]
