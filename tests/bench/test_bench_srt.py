"""What stands between and around SRT peers in benchmarks: the relay's weather, and the stamped film."""

import random
import socket
from itertools import groupby, islice

import pytest

from bench.relay import Chance, Weather, kind_of, route_of
from bench.srt import overflow
from bench.srt.film import DigitBodies, Film, read_digits
from bench.srt.tools import PAYLOAD_BYTES
from bench.stream import schedule, shape_of
from engine.protocols.mpegts import Media, TsReader
from engine.protocols.srt.control import KeepAlive, encode_control
from engine.protocols.srt.packets import HEADER, RETRANSMITTED_BIT

MANY = 20_000


def fates(weather: Weather, count: int = MANY, direction: int = 0) -> list[list[float]]:
    chance = Chance(weather, direction)
    return [chance.fates() for _ in range(count)]


def test_the_same_seed_does_the_same_and_directions_differ() -> None:
    weather = Weather(loss=0.1, jitter=10, reorder=0.1, duplicate=0.1, seed=5)
    assert fates(weather) == fates(weather)
    assert fates(weather) != fates(weather, direction=1)


@pytest.mark.parametrize("burst", [1.0, 4.0])
@pytest.mark.parametrize("loss", [0.01, 0.05, 0.2])
def test_losses_have_their_share_and_their_length(loss: float, burst: float) -> None:
    lost = [not delays for delays in fates(Weather(loss=loss, burst=burst, seed=3), 10 * MANY)]
    assert sum(lost) / len(lost) == pytest.approx(loss, rel=0.1)
    lengths = [len(list(run)) for state, run in groupby(lost) if state]
    expected = burst if burst > 1 else 1 / (1 - loss)
    assert sum(lengths) / len(lengths) == pytest.approx(expected, rel=0.1)


def test_delay_jitter_duplicates_and_overtaking() -> None:
    found = fates(Weather(delay=30, jitter=10, reorder=0.25, duplicate=0.01, seed=8))
    assert all(0.030 <= delay_s <= 0.048 for delays in found for delay_s in delays)
    assert sum(len(delays) == 2 for delays in found) / MANY == pytest.approx(0.01, rel=0.2)
    assert sum(delays[0] > 0.040 for delays in found) / MANY == pytest.approx(0.2, rel=0.1)


def test_in_calm_weather_there_is_only_the_delay() -> None:
    chance = Chance(Weather(loss=0.5, delay=30, jitter=10, duplicate=0.5), 0)
    chance.calm = True
    assert [chance.fates() for _ in range(10)] == [[0.030]] * 10


def test_the_relay_tells_packets_apart() -> None:
    assert kind_of(HEADER.pack(7, 1, 0, 1) + b"media") == "data"
    assert kind_of(HEADER.pack(7, 1 | RETRANSMITTED_BIT, 0, 1) + b"media") == "resent"
    assert kind_of(encode_control(KeepAlive(), 0, 1)) == "control"
    assert kind_of(b"no srt") == "other"


def test_what_the_kernel_threw_away_is_read_from_its_table() -> None:
    ours, theirs = "0100007F:2760", "0100007F:9C40"
    queues = "00000000:00000000 00:00000000 00000000     0        0"
    table = (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when ... ref pointer drops\n"
        f" 1234: {ours} 00000000:0000 07 {queues} 777 2 0000000000000000 0\n"
        f" 1235: {ours} {theirs} 01 {queues} 778 2 0000000000000000 41\n"
    )
    assert list(overflow.read(table)) == [(10080, 777, 0), (10080, 778, 41)]


def test_what_a_socket_could_not_hold_is_counted() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as full, socket.socket(type=socket.SOCK_DGRAM) as sender:
        full.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        full.bind(("127.0.0.1", 0))
        for _ in range(50):
            sender.sendto(bytes(1000), full.getsockname())
        assert 0 < overflow.at_sockets([full]) < 50
        assert overflow.at_port(full.getsockname()[1]) == overflow.at_sockets([full, sender])


def test_a_route_is_read_from_the_command_line() -> None:
    route = route_of("0:10080:loss=0.02,delay=30,seed=4")
    with route.listener:
        assert route._chances[0]._weather == Weather(loss=0.02, delay=30, seed=4)


def test_a_film_comes_out_of_a_transport_stream_with_its_stamps() -> None:
    film = Film(shape_of(2_000_000))
    payloads = [payload for _ in range(300) for payload in film.advance()]
    assert max(map(len, payloads)) == PAYLOAD_BYTES
    reader = TsReader()
    events = reader.receive(b"".join(payloads), 0) + reader.finish()
    media = [event for event in events if isinstance(event, Media)]
    stamps = [stamp for each in media if (stamp := read_digits(each.kind, each.body))]
    assert sorted(stamp.number for stamp in stamps) == list(range(300))
    expected = {due.number: (due.kind, due.key) for due in islice(schedule(), 300)}
    assert {stamp.number: (stamp.kind, stamp.key) for stamp in stamps} == expected
    assert reader.stats().continuity_errors == 0


def test_stamps_are_not_seen_where_there_are_none() -> None:
    bodies, chance = DigitBodies(shape_of(1_000_000)), random.Random(1)
    for due in islice(schedule(), 50):
        body = bodies.body(due, 12345)
        stamp = read_digits(due.kind, body)
        assert stamp is not None
        assert (stamp.number, stamp.sent_ns) == (due.number, 12345)
        assert read_digits(due.kind, body[: chance.randrange(38)]) is None
    assert read_digits(9, b"\x17\x00\0\0\0config") is None
