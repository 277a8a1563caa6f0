"""The types and the rules of who may do what."""

import ipaddress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import ConfigError, decode, encode, for_path, load
from engine.config.instants import instant_text, parse_instant
from engine.config.key_table import KeyTable, hash_line
from engine.config.networks import Networks, address_of
from engine.config.public_keys import PublicKeys
from engine.config.secret import digest
from engine.config.shared_secrets import SharedSecrets
from engine.config.word_sets import ProxiedPorts, Ways

LINE = hash_line(digest("a key"), None)
SECRET = "a secret of thirty-two characters"
PEM = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----"


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(text, {})
    return caught.value.problems


# -- moments


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31, 23, 59, 59)))
def test_a_moment_is_what_the_calendar_says(moment: datetime) -> None:
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    assert parse_instant(f"{moment:%Y-%m-%dT%H:%M:%S}Z".rjust(20, "0")) == int(moment.timestamp())
    assert parse_instant(instant_text(int(moment.timestamp()))) == int(moment.timestamp())


def test_a_day_is_its_beginning() -> None:
    assert parse_instant("2026-12-31") == parse_instant("2026-12-31T00:00Z") == 1_798_675_200


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026",
        "2026-13-01",
        "2026-02-29",
        "2026-00-10",
        "1969-12-31",
        "2026-12-31T24:00Z",
        "2026-12-31T18:60Z",
        "2026-12-31T18:00:00+01:00",
        "31.12.2026",
        "٢٠٢٦-12-31",
    ],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"moment|day|time"):
        parse_instant(text)


# -- keys


def test_a_key_is_known_by_its_hash_alone() -> None:
    table = KeyTable.parse({"studio": LINE})
    found = table.find(["another", "a key"])
    assert found is not None
    assert (found.id, found.until_s) == ("studio", None)
    assert table.find(["another", LINE, digest("a key").hex()]) is None
    assert "a key" not in repr(table)


@given(st.integers(0, 2**35))
def test_a_line_is_read_as_it_was_written(until_s: int) -> None:
    table = KeyTable.parse({"guest": hash_line(digest("k"), until_s)})
    assert KeyTable.parse(table.as_table()) == table
    assert [key.until_s for key in table] == [until_s]


@pytest.mark.parametrize(
    "table",
    [
        {"studio": "a key"},
        {"studio": "sha256:1234"},
        {"studio": LINE.upper()},
        {"studio": LINE + " until tomorrow"},
        {"studio": LINE + " until 2026-02-30"},
        {"studio": 5},
        {"a name": LINE},
        {"one": LINE, "two": LINE},
        {f"key{number}": hash_line(digest(str(number)), None) for number in range(65)},
        [],
        "studio",
    ],
)
def test_a_table_of_keys_that_is_none_is_refused(table: object) -> None:
    with pytest.raises(ValueError, match=r"entry|key|table"):
        KeyTable.parse(table)


def test_a_key_in_the_wrong_place_is_not_repeated() -> None:
    (problem,) = problems('[publish.publish_keys]\nstudio = "my-secret-key"')
    assert "my-secret-key" not in problem
    (problem,) = problems(f'[publish.publish_keys]\n"my secret key" = "{LINE}"')
    assert "my secret key" not in problem
    (problem,) = problems('[access.signing_keys]\nnow = "too short"')
    assert "too short" not in problem
    assert "at least 32" in problem


def test_the_way_to_the_workers_keeps_everything() -> None:
    config = load(
        f"""
        [access]
        signing_keys = {{now = "{SECRET}"}}
        jwt_algorithm = "EdDSA"
        jwt_public_keys = {{issuer = '''{PEM}'''}}
        trusted_proxies = ["10.0.0.0/8"]
        proxy_protocol = ["rtmp"]
        [play]
        play_access = ["jwt", "key"]
        play_keys = {{studio = "{LINE}"}}
        [paths."live/*"]
        publish_deny = ["192.0.2.1"]
        """,
        {},
    )
    assert decode(encode(config)) == config
    assert for_path(config, "live/cam").publish_deny.as_table() == ["192.0.2.1/32"]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (SharedSecrets, {"now": "short"}),
        (SharedSecrets, {"no w": SECRET}),
        (SharedSecrets, {"now": SECRET + "\n"}),
        (SharedSecrets, {f"k{number}": SECRET for number in range(17)}),
        (PublicKeys, {"issuer": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"}),
        (PublicKeys, {"issuer": 5}),
        (Networks, ["10.0.0.1/8"]),
        (Networks, ["example.org"]),
        (Networks, [5]),
        (Networks, ["10.0.0.1"] * 257),
        (Ways, ["open", "key"]),
        (Ways, ["password"]),
        (ProxiedPorts, ["srt"]),
    ],
)
def test_what_a_type_does_not_take_is_refused(kind: type[Ways], value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        kind.parse(value)


def test_secrets_are_in_no_repr() -> None:
    assert SECRET not in repr(SharedSecrets.parse({"now": SECRET}))


# -- networks


@given(
    st.lists(st.ip_addresses(), max_size=6),
    st.lists(st.integers(0, 32), min_size=6, max_size=6),
    st.ip_addresses(),
)
def test_a_list_has_what_one_of_its_networks_has(
    heads: list[ipaddress.IPv4Address | ipaddress.IPv6Address],
    prefixes: list[int],
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    pairs = zip([*heads, address], [*prefixes, 8], strict=False)
    all_networks = [ipaddress.ip_network(f"{head}/{prefix}", strict=False) for head, prefix in pairs]
    for networks in (all_networks, all_networks[:-1]):
        wanted = any(address in network for network in networks if network.version == address.version)
        assert Networks(networks).has(address) == wanted


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("", "None"),
        ("example.org", "None"),
        ("0x7f.1", "None"),
        ("127.1", "None"),
    ],
)
def test_addresses_as_sockets_and_proxies_write_them(text: str, address: str) -> None:
    assert str(address_of(text)) == address


# -- rules


def test_ways_that_lead_nowhere_are_told() -> None:
    assert 'play.play_access: "signature" needs a key' in problems('[play]\nplay_access = ["signature"]')[0]
    (problem,) = problems('[paths."live/*"]\npublish_access = ["jwt"]')
    assert problem.startswith('paths."live/*": publish.publish_access: "jwt" needs an algorithm')
    assert 'api.access: "signature" cannot be had here' in " ".join(problems('[api]\naccess = ["signature"]'))


def test_an_algorithm_has_its_keys_and_no_others() -> None:
    assert "set access.jwt_secrets" in problems('[access]\njwt_algorithm = "HS256"')[0]
    assert "set access.jwt_public_keys" in problems('[access]\njwt_algorithm = "ES256"')[0]
    pems = f"jwt_public_keys = {{a = '''{PEM}'''}}"
    mixed = f'[access]\njwt_algorithm = "HS256"\njwt_secrets = {{a = "{SECRET}"}}\n{pems}'
    assert "these are not for HS256" in problems(mixed)[0]
    assert "https://" in problems('[access]\njwt_algorithm = "ES256"\njwt_keys_url = "http://example.org"')[0]


def test_whom_to_believe_is_said_with_what_to_believe() -> None:
    assert "trusted_proxies" in problems('[access]\nproxy_protocol = ["http"]')[0]


@pytest.mark.parametrize("section", ["api", "metrics"])
@pytest.mark.parametrize("address", ["0.0.0.0:1986", "[::]:1986", "192.0.2.1:1986"])
def test_a_port_that_others_reach_asks_who_they_are(section: str, address: str) -> None:
    listen = f'[{section}]\nlisten = "{address}"'
    for openly in (listen, f'{listen}\naccess = ["open"]'):
        (problem,) = problems(openly)
        assert problem.startswith(f"{section}.listen: {address} can be reached from outside")
    load(f'{listen}\nkeys = {{a = "{LINE}"}}', {})
    load(
        f'{listen}\naccess = ["jwt"]\n[access]\njwt_algorithm = "HS256"\njwt_secrets = {{a = "{SECRET}"}}', {}
    )


def test_an_address_list_is_no_authentication() -> None:
    (problem,) = problems('[metrics]\nlisten = "0.0.0.0:9972"\nallow = ["10.0.0.0/8"]')
    assert problem.startswith("metrics.listen: 0.0.0.0:9972 can be reached from outside")
