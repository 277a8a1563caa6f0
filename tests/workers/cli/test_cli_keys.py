"""`fanlight key new` and `fanlight sign`: what they print is what the engine takes."""

import os
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from engine.access.shown import shown_in_query
from engine.config import for_path, load
from engine.protocols.srt.streamid import parse_stream_id
from tests.engine.access.guarded import SIGNING, config_of, judged
from workers import cli

CONFIG = f'[access]\nsigning_keys = {{now = "{SIGNING}"}}\n[play]\nplay_access = ["signature"]\n'


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("FANLIGHT_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "fanlight.toml"
    path.write_text(CONFIG)
    return path


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(list(arguments)) == 0
    return capsys.readouterr().out


def printed(output: str, what: str) -> str:
    return next(line.removeprefix(what).strip() for line in output.splitlines() if line.startswith(what))


def test_a_new_key_opens_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    output = said(capsys, "key", "new", "studio", "--until", "2999-12-31")
    key, line = printed(output, "key"), printed(output, "line")
    config = load(f'[paths."live/*".publish_keys]\n{line}', {})
    found = for_path(config, "live/cam").publish_keys.find([key])
    assert found is not None
    assert found.id == "studio"
    assert key not in line
    assert line.endswith('until 2999-12-31T00:00:00Z"')
    assert judged(config, "publish", f"key={key}").reason == "key"


def test_no_two_keys_are_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    keys = {printed(said(capsys, "key", "new", "studio"), "key") for _ in range(5)}
    assert len(keys) == 5
    assert all(key.isalnum() and len(key) == 32 for key in keys)


def test_a_new_signing_key_signs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    line = printed(said(capsys, "key", "new", "autumn", "--signing"), "line")
    path = tmp_path / "signing.toml"
    path.write_text(f'[access.signing_keys]\n{line}\n[play]\nplay_access = ["signature"]')
    url = said(capsys, "sign", "http://host/live/cam.flv", "--config", str(path)).strip()
    assert "kid=autumn" in url
    assert judged(load(path.read_text(), {}), "play", urlsplit(url).query, now_s=time.time()).allowed


@pytest.mark.parametrize(
    "url",
    [
        "rtmp://host/live/cam",
        "rtmps://host:1936/live/cam",
        "rtmp://host/cam",
        "http://host:8080/live/cam.flv",
        "http://host:8080/live/cam.flv?start=burst",
        "https://host/live/cam.m3u8",
        "https://host/live/cam/index.m3u8",
        "https://host/live/cam/media.m3u8",
        "https://host/play/live/cam",
        "ws://host/live/cam.mp4",
        "srt://host:10080?streamid=read:live/cam",
        "srt://host:10080?streamid=#!::r=live/cam,m=request&latency=120000",
    ],
)
def test_links_of_every_protocol_open_what_they_are_for(
    url: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = "2001:db8::1"
    signed = said(capsys, "sign", url, "--config", str(config), "--for", "15m", "--address", address).strip()
    query = urlsplit(signed).query
    if url.startswith("srt"):
        asked = parse_stream_id(parse_qs(query)["streamid"][0], "publish")
        assert asked.path == "live/cam"
        query = asked.shown
        assert ("latency=120000" in signed) == ("latency" in url)
    assert ("start=burst" in signed) == ("start" in url)
    judge = config_of('[play]\nplay_access = ["signature"]')
    assert judged(judge, "play", query, address=address, now_s=time.time()).allowed
    assert not judged(judge, "play", query, address="192.0.2.1", now_s=time.time()).allowed
    assert not judged(judge, "play", query, address=address, now_s=time.time() + 901).allowed
    assert shown_in_query(query).signature


@pytest.mark.parametrize(
    ("arguments", "code", "wanted"),
    [
        (["sign", "ftp://host/live/cam"], 2, "not an address of a stream"),
        (["sign", "rtmp://host/live/../cam"], 2, "segment"),
        (["sign", "http://host/nothing"], 2, "not found"),
        (["sign", "http://host/"], 2, ""),
        (["sign", "srt://host:1"], 2, ""),
        (["sign", "rtmp://host/live/cam", "--for", "forever"], 2, "--for forever"),
        (["sign", "rtmp://host/live/cam", "--until", "2020-01-01"], 1, "that is past"),
        (["sign", "rtmp://host/live/cam", "--until", "soon"], 2, "--until soon"),
        (["sign", "rtmp://host/live/cam", "--address", "host"], 2, "--address host"),
        (["sign", "rtmp://host/live/cam", "--key-id", "other"], 1, "no other"),
        (["key", "new", "a name"], 2, "the id of a key"),
        (["key", "new", "name", "--until", "soon"], 2, "--until soon"),
        (["key", "new", "name", "--until", "2030-01-01", "--signing"], 2, "--until"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    arguments: list[str], code: int, wanted: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["--config", str(config)] if arguments[0] == "sign" else []
    assert cli.main([*arguments, *more]) == code
    told = capsys.readouterr().err
    assert wanted in told
    assert len(told.splitlines()) == 1


def test_without_a_signing_key_there_is_nothing_to_sign_with(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sign", "rtmp://host/live/cam"]) == 1
    assert "fanlight key new ID --signing" in capsys.readouterr().err


def test_a_public_key_that_is_none_is_found_by_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "keys.toml"
    pem = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"
    path.write_text(f"[access]\njwt_algorithm = 'RS256'\njwt_public_keys = {{issuer = '''{pem}'''}}")
    assert cli.main(["check", str(path)]) == 1
    assert "access.jwt_public_keys.issuer: not a public key in PEM" in capsys.readouterr().err
