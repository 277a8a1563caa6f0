"""Keys that are right each by itself, but not together."""

import pytest

from engine.config import Config, ConfigError, check_rules, for_path, load

MIB = 1024 * 1024


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(text, {})
    return caught.value.problems


def test_the_defaults_keep_every_rule() -> None:
    assert check_rules(Config()) == ()


def test_a_ring_holds_twice_the_lag() -> None:
    (problem,) = problems("[ring]\nbytes = 15728640\n[gop]\nmax_bytes = 1")
    assert problem == (
        "ring.bytes: 15728640 is less than twice fanout.max_lag_bytes (8388608);"
        " use at least 16777216, or a smaller lag"
    )


def test_a_ring_holds_a_start_and_the_lag_together() -> None:
    (problem,) = problems(f"[ring]\nbytes = {16 * MIB}")
    assert "use at least 18388608, or smaller limits" in problem


def test_the_rules_hold_for_tables_too() -> None:
    (problem,) = problems(f'[paths."live/*"]\nmax_lag_bytes = {17 * MIB}')
    assert problem.startswith('paths."live/*": ring.bytes: ')


def test_and_for_tables_that_meet() -> None:
    tables = f'[paths."live/*"]\nmax_lag_bytes = {16 * MIB}\n[paths."*/cam".gop]\nmax_bytes = {20 * MIB}'
    (problem,) = problems(tables)
    assert problem.startswith('paths."*/cam" with paths."live/*": ring.bytes: ')


def test_but_not_for_tables_that_never_meet() -> None:
    tables = f'[paths."live/*"]\nmax_lag_bytes = {16 * MIB}\n[paths."vod/*".gop]\nmax_bytes = {20 * MIB}'
    config = load(tables, {})
    assert for_path(config, "live/cam").max_lag_bytes == 16 * MIB
    assert for_path(config, "vod/cam").gop.max_bytes == 20 * MIB


def test_what_is_wrong_in_general_is_said_once() -> None:
    assert len(problems(f'[ring]\nbytes = {MIB}\n[paths."live/*"]\ngrace_s = 1')) == 1


def test_the_shortest_tick_is_not_longer_than_the_longest() -> None:
    (problem,) = problems("[fanout]\nmin_coalesce_ms = 200")
    assert problem.startswith("fanout.min_coalesce_ms: 200 is more than fanout.max_coalesce_ms (100)")


def test_an_equal_shortest_and_longest_fix_the_tick() -> None:
    fanout = load("[fanout]\nmin_coalesce_ms = 350\nmax_coalesce_ms = 350", {}).fanout
    assert (fanout.min_coalesce_ms, fanout.max_coalesce_ms) == (350, 350)


def test_an_index_has_a_power_of_two_entries() -> None:
    assert problems("[ring]\nindex_entries = 5000") == (
        "ring.index_entries: 5000 is not a power of two; use 4096 or 8192",
    )


def test_a_ring_is_whole_mebibytes() -> None:
    assert "a multiple of 1048576" in problems("[ring]\nbytes = 33554433")[0]


def test_a_frame_fits_twice_into_the_ring_of_parts() -> None:
    (problem,) = problems(f"[hls]\nring_bytes = {8 * MIB}")
    assert problem == (
        "hls.ring_bytes: 8388608 is less than twice rtmp.max_message_bytes (8388608), the largest frame;"
        " use at least 16777216, or a smaller message"
    )
    load(f"[hls]\nring_bytes = {8 * MIB}\n[rtmp]\nmax_message_bytes = {4 * MIB}", {})
    load(f"[hls]\nring_bytes = {8 * MIB}\nenabled = false", {})


def test_each_ingest_worker_has_a_stream_to_take() -> None:
    (problem,) = problems("[publish]\nmax_streams = 3\n[workers]\ningest = 4")
    assert "use at least one stream per ingest worker" in problem


@pytest.mark.parametrize("address", ["0.0.0.0:1985", "[::]:1985", "192.0.2.1:1985", "[::ffff:7f00:1]:1985"])
def test_the_api_stays_at_home_while_it_asks_nobody_who_he_is(address: str) -> None:
    (problem,) = problems(f'[api]\nlisten = "{address}"')
    assert "nobody is asked who he is" in problem


@pytest.mark.parametrize("address", ["127.0.0.1:1985", "127.8.8.8:0", "[::1]:1985", "localhost:1985"])
def test_the_api_may_stand_on_any_loopback_address(address: str) -> None:
    port = address.rpartition(":")[2]
    assert str(load(f'[api]\nlisten = "{address}"', {}).api.listen.port) == port


def test_a_udp_port_is_not_a_tcp_port() -> None:
    config = load('[srt]\nlisten = "0.0.0.0:8080"', {})
    assert config.srt.listen == config.http.listen


def test_a_mapped_port_is_not_the_one_for_all() -> None:
    (problem,) = problems('[srt.ports]\n10080 = "live/cam"')
    assert problem == (
        "srt.listen and srt.ports.10080: 0.0.0.0:10080 and 0.0.0.0:10080 collide; use distinct ports"
    )
    load('[srt]\nenabled = false\n[srt.ports]\n10080 = "live/cam"', {})


@pytest.mark.parametrize(
    ("rtmp", "http"),
    [
        ("0.0.0.0:80", "0.0.0.0:80"),
        ("0.0.0.0:80", "192.0.2.1:80"),
        ("[::]:80", "192.0.2.1:80"),
        ("[::1]:80", "[0:0::1]:80"),
    ],
)
def test_two_listeners_cannot_have_one_address(rtmp: str, http: str) -> None:
    (problem,) = problems(f'[rtmp]\nlisten = "{rtmp}"\n[http]\nlisten = "{http}"')
    assert problem.startswith("rtmp.listen and http.listen: ")


@pytest.mark.parametrize(
    ("rtmp", "http"), [("0.0.0.0:0", "0.0.0.0:0"), ("192.0.2.1:80", "192.0.2.2:80"), ("[::]:80", "[::]:81")]
)
def test_listeners_that_do_not_meet(rtmp: str, http: str) -> None:
    config = load(f'[rtmp]\nlisten = "{rtmp}"\n[http]\nlisten = "{http}"', {})
    assert (str(config.rtmp.listen), str(config.http.listen)) == (rtmp, http)


def test_a_certificate_and_its_key_come_together() -> None:
    (problem,) = problems('[tls]\ncertificate = "/etc/tls/chain.pem"')
    assert problem.startswith("tls.certificate: it is given without tls.key")
    (problem,) = problems('[tls]\nkey = "/etc/tls/key.pem"')
    assert problem.startswith("tls.key: it is given without tls.certificate")


def test_the_ports_for_tls_are_ports_like_others_once_there_is_a_certificate() -> None:
    collision = '[tls]\nhttps = "0.0.0.0:8080"\n'
    load(collision, {})
    (problem,) = problems(collision + 'certificate = "chain.pem"\nkey = "key.pem"')
    assert problem.startswith("http.listen and tls.https: ")
