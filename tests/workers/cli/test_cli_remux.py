"""`fanlight publish` without a server: packets, timestamps and refusals."""

import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.commands.errors import CommandError
from workers.commands.remux import Timeline
from workers.commands.sender import Pulse, send_file

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


class Enough(Exception):
    """The test has seen enough."""


class PlayedPulse(Pulse):
    """Time does not pass; after so many packets it is enough."""

    def __init__(self, packets: int = -1) -> None:
        super().__init__(-1)
        self.packets = packets
        self.due_s: list[float] = []

    def sleep_until(self, due_s: float) -> None:
        self.due_s.append(due_s)
        if len(self.due_s) == self.packets:
            raise Enough


@pytest.mark.parametrize("container", ["film.mp4", "film.ts", "film.mkv"])
def test_every_packet_of_a_film_is_sent_once(tmp_path: Path, container: str) -> None:
    film, sent = make_film(tmp_path / container), tmp_path / "sent.flv"
    send_file(str(film), str(sent), PlayedPulse(), loop=False, realtime=False)
    before, after = decoding_times(film), decoding_times(sent)
    assert {kind: len(times) for kind, times in after.items()} == {
        kind: len(times) for kind, times in before.items()
    }


def test_a_loop_goes_on_where_the_film_ended(tmp_path: Path) -> None:
    film, sent = make_film(tmp_path / "film.mp4"), tmp_path / "sent.flv"
    times = decoding_times(film)
    once, in_all = len(times["video"]), sum(map(len, times.values()))

    with pytest.raises(Enough):
        send_file(str(film), str(sent), PlayedPulse(packets=3 * in_all), loop=True, realtime=False)
    video = decoding_times(sent)["video"]
    assert len(video) > 2 * once
    steps = [later - earlier for earlier, later in pairwise(video)]
    assert min(steps) > 0
    assert max(steps) < 0.15  # a frame, and how far B-frames move decoding ahead of the sound


def test_real_time_waits_for_each_packets_moment(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4")
    pulse = PlayedPulse()
    began_s = time.monotonic()
    send_file(str(film), str(tmp_path / "sent.flv"), pulse, loop=False, realtime=True)
    assert 0.9 < pulse.due_s[-1] - pulse.due_s[0] < 1.2
    assert pulse.due_s[0] >= began_s


def test_a_codec_that_flv_cannot_carry_is_named(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.webm", codec="libvpx", audio_codec="libopus")
    with pytest.raises(CommandError, match="cannot carry vp8"):
        send_file(str(film), str(tmp_path / "sent.flv"), PlayedPulse(), loop=False, realtime=False)


def test_a_file_that_is_no_film_is_refused(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"no film at all" * 100)
    with pytest.raises(CommandError, match=r"film\.mp4"):
        send_file(str(film), str(tmp_path / "sent.flv"), PlayedPulse(), loop=False, realtime=False)


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
