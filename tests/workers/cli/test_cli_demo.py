"""`fanlight demo` in its parts: the picture, the tone, ports that are taken, and what it tells to open."""

import os
import re
import signal
import socket
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import av
import httpx
import pytest

from engine.config import Config, Listen, load
from tests.certificates import write_pair
from workers import cli
from workers.commands import demo
from workers.commands.addresses import KINDS, Address, find_addresses, free_port
from workers.commands.children import start_module, stop
from workers.commands.errors import CommandError
from workers.commands.invitation import invitation
from workers.commands.live_source import (
    SAMPLE_RATE,
    SAMPLES,
    SECOND,
    encode_picture,
    open_encoders,
    padded,
    sound_blocks,
)
from workers.commands.testcard import FRAMES_PER_S, HEIGHT, WIDTH, paint


def test_every_picture_has_its_size_and_differs_from_the_last() -> None:
    pictures = [paint(number) for number in (0, 1, 29, 30, 59, 1799, 1800, 10**6)]
    for planes in pictures:
        assert (len(planes.y), len(planes.u), len(planes.v)) == (
            WIDTH * HEIGHT,
            WIDTH * HEIGHT // 4,
            WIDTH * HEIGHT // 4,
        )
    assert all(earlier != later for earlier, later in pairwise(pictures))


def test_rows_are_padded_to_what_the_frame_wants() -> None:
    assert padded(b"aabbcc", 2, 3) == b"aa\0bb\0cc\0"
    assert padded(b"aabbcc", 2, 2) == b"aabbcc"


def test_sound_keeps_pace_with_the_picture_for_ever() -> None:
    blocks = [block for number in range(90) for block in sound_blocks(number)]
    assert blocks == list(range(len(blocks)))
    assert len(blocks) == -(-3 * SAMPLE_RATE // SAMPLES)


def test_the_tone_repeats_without_a_click() -> None:
    steps = [abs(later - earlier) for earlier, later in pairwise(SECOND[:-1])]
    assert max(steps) < 0.03
    assert max(map(abs, SECOND)) < 0.11


def test_the_stream_is_what_players_expect(tmp_path: Path) -> None:
    path = tmp_path / "card.flv"
    with av.open(str(path), "w", format="flv") as target:
        encoders = open_encoders(target)
        for number in range(2 * FRAMES_PER_S + 1):
            target.mux(list(encode_picture(encoders, number)))
    with av.open(str(path)) as source:
        video, audio = source.streams.video[0], source.streams.audio[0]
        assert (video.codec_context.name, video.width, video.height) == ("h264", WIDTH, HEIGHT)
        assert (audio.codec_context.name, audio.rate) == ("aac", SAMPLE_RATE)
        packets = [packet for packet in source.demux(video) if packet.dts is not None]
    assert [packet.is_keyframe for packet in packets].index(True, 1) == 2 * FRAMES_PER_S
    assert all(packet.pts == packet.dts for packet in packets)


def config_on(host: str, port: int) -> Config:
    sections = ("rtmp", "http", "srt", "api", "metrics")
    text = "\n".join(f'[{kind}]\nlisten = "{host}:{port if kind == "http" else 0}"' for kind in sections)
    return load(text, {})


def test_a_port_that_is_taken_is_replaced_and_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        addresses = find_addresses(config_on("127.0.0.1", taken))
    assert addresses["http"].instead_of == Listen("127.0.0.1", taken)
    assert addresses["http"].listen.port not in (0, taken)
    assert addresses["api"].instead_of is None
    told = invitation("live/demo", addresses)
    assert f"HTTP is on port {addresses['http'].listen.port}: 127.0.0.1:{taken} is taken" in told
    assert f"http://{addresses['http'].listen}/live/demo.flv" in told
    assert f"fanlight top --api http://{addresses['api'].listen}" in told


def test_ports_with_tls_are_found_where_there_is_a_certificate(tmp_path: Path) -> None:
    ports = {"https": "127.0.0.1:0", "rtmps": "127.0.0.1:0"}
    tls = "".join(f"{key} = {value!r}\n" for key, value in (write_pair(tmp_path) | ports).items())
    addresses = find_addresses(load(f"[tls]\n{tls}", {"FANLIGHT_HTTP__LISTEN": "127.0.0.1:0"}))
    assert {"https", "rtmps"} <= addresses.keys()
    assert addresses["https"].listen.port not in (0, addresses["rtmps"].listen.port)
    assert not {"https", "rtmps"} & find_addresses(config_on("127.0.0.1", 0)).keys()


def test_links_over_tls_are_told_where_there_is_a_certificate() -> None:
    plain = {kind: Address(Listen("0.0.0.0", port)) for port, kind in enumerate(KINDS, 1)}
    assert "TLS" not in invitation("live/demo", plain)
    over_tls = {"https": Address(Listen("0.0.0.0", 8443)), "rtmps": Address(Listen("0.0.0.0", 1936))}
    told = invitation("live/demo", plain | over_tls).splitlines()
    assert "  a browser                  https://127.0.0.1:8443/play/live/demo" in told
    assert "  HLS                        https://127.0.0.1:8443/live/demo.m3u8" in told
    assert "  ffplay rtmps://127.0.0.1:1936/live/demo" in told


def test_a_port_that_is_free_is_kept() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    assert free_port("127.0.0.1", port) == port


def test_a_udp_port_is_taken_by_udp_alone() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        taken = other.getsockname()[1]
        assert free_port("127.0.0.1", taken, socket.SOCK_DGRAM) != taken
        assert free_port("127.0.0.1", taken) == taken


def test_a_host_that_is_not_ours_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FANLIGHT_HTTP__LISTEN", "192.0.2.1:8080")
    with pytest.raises(CommandError, match="cannot listen"):
        demo._addresses(load("", os.environ))


@pytest.mark.parametrize(
    ("listen", "reachable"),
    [
        (Listen("0.0.0.0", 80), "127.0.0.1:80"),
        (Listen("::", 80), "[::1]:80"),
        (Listen("10.0.0.1", 80), "10.0.0.1:80"),
    ],
)
def test_everywhere_is_shown_as_here(listen: Listen, reachable: str) -> None:
    assert Address(listen).reachable == reachable


def test_a_name_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["demo", "--name", "../x"]) == 2
    assert "--name ../x: " in capsys.readouterr().err


def test_the_publish_key_goes_with_the_test_stream() -> None:
    config = load('[publish]\npublish_key = "a&b"', {})
    addresses = {"rtmp": Address(Listen("127.0.0.1", 1935))}
    assert demo._publish_url("live/demo", config, addresses) == "rtmp://127.0.0.1:1935/live/demo?key=a%26b"


def test_a_child_that_ended_ends_the_demo_with_its_name() -> None:
    child = start_module("workers.cli", ["check", "/nowhere"], {"PATH": os.environ["PATH"]})
    child.wait()
    with pytest.raises(CommandError, match=r"the engine has ended \(exit code 2\)"):
        demo._refuse_dead({"the engine": child})


def test_a_child_that_will_not_end_is_made_to() -> None:
    deaf = "import signal, sys; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    child = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE)
    assert child.stdout is not None
    with child.stdout as said:
        said.readline()
        stop(child, patience_s=0.01)
    assert child.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_the_demo_runs_tells_what_to_open_and_takes_everything_with_it(tmp_path: Path) -> None:
    anywhere = {f"FANLIGHT_{kind}__LISTEN": "127.0.0.1:0" for kind in ("RTMP", "HTTP", "API", "METRICS")}
    tls = write_pair(tmp_path) | {"https": "127.0.0.1:0", "rtmps": "127.0.0.1:0"}
    environ = {
        **os.environ,
        **anywhere,
        **{f"FANLIGHT_TLS__{key.upper()}": str(value) for key, value in tls.items()},
        "FANLIGHT_WORKERS__FANOUT": "1",
        "FANLIGHT_PUBLISH__PUBLISH_KEY": "k&k",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "workers.cli", "demo", "--name", "cam"],
        stdout=subprocess.PIPE,
        text=True,
        env=environ,
    )
    assert process.stdout is not None
    with process.stdout as said:
        told = "".join(iter(said.readline, "Ctrl-C stops everything.\n"))
        page = re.search("https://[^ ]+/play/live/cam$", told, re.MULTILINE)
        assert page is not None
        assert httpx.get(page[0], verify=False).status_code == 200
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.terminate()
        assert process.wait(20) == 0
    assert "live as live/cam" in told
    assert len(children) == 2
    assert not any(Path(f"/proc/{child}").exists() for child in children)
